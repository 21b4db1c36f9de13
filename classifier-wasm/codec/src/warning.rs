//! Why an answer may be wrong.

use std::fmt;

/// A warning about an answer. Its code is stable, like that of a [`Reject`](crate::reject::Reject).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    /// All pixels are within 0 to 1, some are fractions, and they were read as 0 to 255.
    PixelsOf0To1,
    /// The border of a picture is light, and it was not inverted.
    LightBorder,
    /// The picture has several frames or pages, and the first was read.
    FirstFrameOnly,
    /// The bytes contradict the content type, and were read as what they are.
    ContentTypeMismatch,
}

impl Warning {
    /// The kebab-case name.
    pub const fn code(self) -> &'static str {
        match self {
            Warning::PixelsOf0To1 => "pixels-of-0-to-1",
            Warning::LightBorder => "light-border",
            Warning::FirstFrameOnly => "first-frame-only",
            Warning::ContentTypeMismatch => "content-type-mismatch",
        }
    }
}

/// For people: the observation and the remedy.
impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Warning::PixelsOf0To1 => {
                "every pixel is between 0 and 1, and was read as nearly black: send 0 to 255, or request scale=1 or scale=auto \
                 (--scale)"
            }
            Warning::LightBorder => {
                "the border of the picture is light, and many models are trained on light objects on black: request \
                 invert=auto, or invert=never to keep it (--invert)"
            }
            Warning::FirstFrameOnly => {
                "the picture has several frames or pages, and only the first was classified: send each as a picture of its own"
            }
            Warning::ContentTypeMismatch => {
                "the bytes are of another format than the content type says, and were read as what they are: send them with \
                 their own content type, or with none"
            }
        })
    }
}
