//! Why an input was not answered.
//!
//! There is no "retry" here: a component that only computes fails the same way again. Failures that may pass (a trap,
//! a time-out) are handled by the host.

use std::fmt;

/// The longest detail in bytes: it goes into dead letters and logs, and must not carry a hostile message into them.
const MAX_DETAIL: usize = 400;
/// The same for a refused model: it is reported once, at the start, and names everything that is wrong. A host cuts
/// it at 1,024 characters.
const MAX_MODEL_DETAIL: usize = 1000;
/// Most bytes of input that a detail quotes.
const MAX_QUOTE: usize = 60;

/// A refusal: the same input will be refused again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Reject {
    /// For programs.
    pub code: Code,
    /// For people: names the value and the remedy, in at most 400 bytes, or 1,000 for a refused model.
    pub detail: String,
}

impl Reject {
    /// A refusal for `code`; a longer `detail` is cut.
    pub fn new(code: Code, detail: impl Into<String>) -> Reject {
        let mut detail = detail.into();
        let most = match code {
            Code::BadModel | Code::UnsupportedModel | Code::LacksOperators => MAX_MODEL_DETAIL,
            _ => MAX_DETAIL,
        };
        if detail.len() > most {
            detail.truncate(detail.floor_char_boundary(most - 3));
            detail.push_str("...");
        }
        Reject { code, detail }
    }
}

/// The first bytes of an input, made printable, in backticks.
pub fn quote(input: impl AsRef<[u8]>) -> String {
    let input = input.as_ref();
    match input.get(..MAX_QUOTE) {
        Some(start) if input.len() > MAX_QUOTE => format!("`{}...`", start.escape_ascii()),
        _ => format!("`{}`", input.escape_ascii()),
    }
}

/// The stable names of causes: metrics and dead letters contain them, so a name never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The body has no bytes, or holds no images.
    Empty,
    /// The body, or a decoded picture, is over the size limit.
    TooLarge,
    /// More images in one request than `describe` allows.
    TooManyImages,
    /// There is no content type, and the bytes are of no supported format.
    UnknownFormat,
    /// The content type names an unsupported format, or is not a media type.
    UnsupportedContentType,
    /// The bytes contradict the content type, and are of an unsupported format.
    ContentTypeMismatch,
    /// The request wants an unsupported answer format.
    NotAcceptable,
    /// The request wants pixels to be read in an unknown way.
    UnsupportedPreparation,
    /// Not JSON: truncated, followed by more, or against its grammar.
    NotJson,
    /// JSON without images: no member contains them, two do, or it contains something else.
    BadArray,
    /// Lists nested deeper than images, rows, columns and channels.
    TooDeep,
    /// Ragged, or not of the model's height, width and channels.
    BadShape,
    /// A pixel below 0 or above 255.
    OutOfRange,
    /// A pixel that is NaN or infinite.
    NotFinite,
    /// Not a supported NumPy file: truncated, damaged, of another type, or with several arrays that may be meant.
    BadNpy,
    /// A picture that cannot be decoded.
    BadImage,
    /// Damaged gzip, zlib or Base64, or a damaged data URL.
    BadEncoding,
    /// Not an ONNX model.
    BadModel,
    /// An ONNX model that this component cannot run.
    UnsupportedModel,
    /// An ONNX model that this build of the component lacks operators for, and another build may have them.
    LacksOperators,
    /// The model answered with something other than probabilities.
    BadOutput,
}

impl Code {
    /// The kebab-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Code::Empty => "empty",
            Code::TooLarge => "too-large",
            Code::TooManyImages => "too-many-images",
            Code::UnknownFormat => "unknown-format",
            Code::UnsupportedContentType => "unsupported-content-type",
            Code::ContentTypeMismatch => "content-type-mismatch",
            Code::NotAcceptable => "not-acceptable",
            Code::UnsupportedPreparation => "unsupported-preparation",
            Code::NotJson => "not-json",
            Code::BadArray => "bad-array",
            Code::TooDeep => "too-deep",
            Code::BadShape => "bad-shape",
            Code::OutOfRange => "out-of-range",
            Code::NotFinite => "not-finite",
            Code::BadNpy => "bad-npy",
            Code::BadImage => "bad-image",
            Code::BadEncoding => "bad-encoding",
            Code::BadModel => "bad-model",
            Code::UnsupportedModel => "unsupported-model",
            Code::LacksOperators => "lacks-operators",
            Code::BadOutput => "bad-output",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_long_detail_is_cut_between_characters() {
        let reject = Reject::new(Code::BadShape, "é".repeat(10_000));
        assert!(reject.detail.len() <= MAX_DETAIL, "{} bytes", reject.detail.len());
        assert!(reject.detail.ends_with("é..."));
        let reject = Reject::new(Code::UnsupportedModel, "é".repeat(10_000));
        assert!(reject.detail.len() <= 1000 && reject.detail.len() > 990);
    }

    #[test]
    fn a_quote_is_short_and_printable() {
        assert_eq!(quote(b"\x00\xffab"), "`\\x00\\xffab`");
        assert_eq!(quote([b'a'; 100]), format!("`{}...`", "a".repeat(60)));
    }
}
