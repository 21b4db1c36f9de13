//! How pixels are to be read and pictures prepared, as a request asks for it: `scale=auto;raw=uint8;fit=contain`.
//!
//! What is not known is refused rather than passed over: pixels that are read otherwise than was asked for get an answer
//! that looks like any other.

use crate::dtype::Dtype;
use crate::media_type;
use crate::reject::{Code, Reject, quote};

/// What a request asks for. By default pixels run to 255, raw ones are taken only where their content type says so, and
/// pictures are stretched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prepare {
    /// Where the scale of numbers ends that are sent as pixels.
    pub scale: Scale,
    /// What a body without a content type is whose bytes show no format.
    pub raw: Option<Dtype>,
    /// How a picture gets the shape of the model's image.
    pub fit: Fit,
    /// Whether light and dark of a picture change places.
    pub invert: Invert,
}

/// Where the scale of numbers ends that are sent as pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scale {
    /// At 255, and a message is warned of that looks as if it ended at 1.
    #[default]
    Unsaid,
    /// At 255.
    Byte,
    /// At 1.
    One,
    /// At 1 in a message that looks so, else at 255.
    Auto,
}

/// How a picture gets the shape of the model's image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fit {
    /// It is stretched.
    #[default]
    Stretch,
    /// All of it is there, with black margins.
    Contain,
    /// Its middle is.
    Crop,
}

/// Whether light and dark of a picture change places: models of this kind are taught light things on black.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Invert {
    /// They do not, and a picture is warned of whose border is light.
    #[default]
    Unsaid,
    /// They do where the border is light.
    Auto,
    /// They do.
    Always,
    /// They do not.
    Never,
}

impl Prepare {
    /// Reads the parameters of a request.
    pub fn requested(parameters: Option<&str>) -> Result<Prepare, Reject> {
        let mut prepare = Prepare::default();
        let text = parameters.unwrap_or_default();
        let parameters = media_type::parameters(text).ok_or_else(|| {
            unsupported(format!(
                "{} is no list of parameters: write it like `scale=auto;raw=uint8`",
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
                _ => {
                    let detail = format!("{}: write scale, raw, fit or invert", quote(&name));
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
            ("scale", "`scale` is no list"),
            ("scale=1;scale=1", "is no list"),
            ("=", "is no list"),
        ] {
            let reject = Prepare::requested(Some(text)).unwrap_err();
            assert_eq!(reject.code, Code::UnsupportedPreparation, "{text}");
            assert!(reject.detail.contains(named), "{text}: {reject}");
        }
    }
}
