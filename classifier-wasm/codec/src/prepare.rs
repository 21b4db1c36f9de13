//! How a request wants pixels to be read and pictures to be prepared: `scale=auto;raw=uint8;fit=contain`.
//!
//! An unknown parameter is refused, not ignored: an answer to pixels that were read otherwise looks like any other.

use crate::dtype::Dtype;
use crate::media_type;
use crate::reject::{Code, Reject, quote};

/// A request's preparation. By default pixels are 0 to 255, raw ones are accepted only if their content type says so,
/// and pictures are stretched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prepare {
    /// The scale of numbers that are sent as pixels.
    pub scale: Scale,
    /// The type of a body without a content type, if its bytes show no format.
    pub raw: Option<Dtype>,
    /// How a picture gets the shape of the model's image.
    pub fit: Fit,
    /// Whether a picture is inverted.
    pub invert: Invert,
    /// Whether the body is compressed with deflate, which its bytes do not tell. With gzip they do.
    pub is_deflated: bool,
}

/// The scale of numbers that are sent as pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scale {
    /// 0 to 255, with a warning for a message that looks like 0 to 1.
    #[default]
    Unsaid,
    /// 0 to 255.
    Byte,
    /// 0 to 1.
    One,
    /// 0 to 1 for a message that looks like it, otherwise 0 to 255.
    Auto,
}

/// How a picture gets the shape of the model's image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fit {
    /// Stretch it; the aspect ratio changes.
    #[default]
    Stretch,
    /// Keep all of it, with margins in the mean colour of its border.
    Contain,
    /// Keep its middle.
    Crop,
}

/// Whether a picture is inverted: these models are trained on light objects on black.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Invert {
    /// Never, with a warning for a picture with a light border.
    #[default]
    Unsaid,
    /// If its border is light.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Prepare {
    /// Reads the parameters of a request.
    pub fn requested(parameters: Option<&str>) -> Result<Prepare, Reject> {
        let mut prepare = Prepare::default();
        let text = parameters.unwrap_or_default();
        let parameters = media_type::parameters(text).ok_or_else(|| {
            unsupported(format!(
                "{} is not a list of parameters: write it like `scale=auto;raw=uint8`",
                quote(text)
            ))
        })?;
        for (name, value) in parameters {
            match (name.as_str(), value.as_str()) {
                ("scale", "255") => prepare.scale = Scale::Byte,
                ("scale", "1") => prepare.scale = Scale::One,
                ("scale", "auto") => prepare.scale = Scale::Auto,
                ("scale", _) => return Err(unsupported(format!("scale {}: write 255, 1 or auto", quote(&value)))),
                ("raw", dtype) => prepare.raw = Some(Dtype::parse(dtype, Code::UnsupportedPreparation)?),
                ("fit", "stretch") => prepare.fit = Fit::Stretch,
                ("fit", "contain") => prepare.fit = Fit::Contain,
                ("fit", "crop") => prepare.fit = Fit::Crop,
                ("fit", _) => {
                    let detail = format!("fit {}: write stretch, contain or crop", quote(&value));
                    return Err(unsupported(detail));
                }
                ("invert", "auto") => prepare.invert = Invert::Auto,
                ("invert", "always") => prepare.invert = Invert::Always,
                ("invert", "never") => prepare.invert = Invert::Never,
                ("invert", _) => {
                    let detail = format!("invert {}: write auto, always or never", quote(&value));
                    return Err(unsupported(detail));
                }
                ("encoding", names) => {
                    for name in names.split(',').map(str::trim) {
                        match &*name.to_ascii_lowercase() {
                            "gzip" | "x-gzip" | "identity" | "" => {}
                            "deflate" | "zlib" => prepare.is_deflated = true,
                            _ => {
                                let detail =
                                    format!("content encoding {}: compress with gzip, or not at all", quote(name));
                                return Err(unsupported(detail));
                            }
                        }
                    }
                }
                _ => {
                    let detail = format!("{}: write scale, raw, fit, invert or encoding", quote(&name));
                    return Err(unsupported(detail));
                }
            }
        }
        Ok(prepare)
    }
}

fn unsupported(detail: String) -> Reject {
    Reject::new(Code::UnsupportedPreparation, detail)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_asked_for_is_as_the_default_has_it() {
        for text in [None, Some(""), Some(" ")] {
            assert_eq!(Prepare::requested(text).unwrap(), Prepare::default());
        }
        let prepare = Prepare::requested(Some(" Scale=auto; raw=\"uint8\";fit=crop;invert=auto")).unwrap();
        assert_eq!((prepare.fit, prepare.invert), (Fit::Crop, Invert::Auto));
        assert_eq!(prepare.scale, Scale::Auto);
        assert_eq!(prepare.raw, Some(Dtype::BYTE));
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        for (text, named) in [
            ("scale=256", "`256`"),
            ("scale=AUTO", "`AUTO`"),
            ("raw=pixels", "`pixels`"),
            ("colour=blue", "`colour`"),
            ("fit=whole", "`whole`"),
            ("invert=no", "`no`"),
            ("scale", "`scale` is not a list"),
            ("scale=1;scale=1", "is not a list"),
            ("=", "is not a list"),
        ] {
            let reject = Prepare::requested(Some(text)).unwrap_err();
            assert_eq!(reject.code, Code::UnsupportedPreparation, "{text}");
            assert!(reject.detail.contains(named), "{text}: {reject}");
        }
    }
}
