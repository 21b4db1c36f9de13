//! Options for reading pixels and preparing pictures.

use clap::{Args, ValueEnum};

use super::heading::PREPROCESSING;

/// How a component should read pixels.
#[derive(Args, Debug, Default)]
pub struct PrepareArgs {
    /// The highest value of numbers that are sent as pixels [default: 255, with a warning if it seems to be 1].
    #[arg(long, value_enum, value_name = "END", help_heading = PREPROCESSING)]
    pub scale: Option<ScaleName>,
    /// Read messages without content type and of no known format as raw pixels; --raw=float32 and the like for other
    /// types than bytes.
    #[arg(
        long,
        value_name = "DTYPE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "uint8",
        value_parser = dtype,
        help_heading = PREPROCESSING
    )]
    pub raw: Option<String>,
    /// How to prepare pictures.
    #[command(flatten)]
    pub picture: PictureArgs,
}

/// How to prepare pictures.
#[derive(Args, Debug, Default)]
pub struct PictureArgs {
    /// How to fit pictures to the model's image size [default: stretch; classify: contain].
    #[arg(long, value_enum, value_name = "HOW", help_heading = PREPROCESSING)]
    pub fit: Option<FitName>,
    /// Whether to invert pictures [default: never, with a warning if the border is light; classify: auto for models of
    /// grey images].
    #[arg(long, value_enum, value_name = "WHEN", help_heading = PREPROCESSING)]
    pub invert: Option<InvertName>,
}

/// The highest value of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScaleName {
    /// Pixels are 0 to 255.
    #[value(name = "255")]
    Byte,
    /// Pixels are 0 to 1: they are multiplied by 255.
    #[value(name = "1")]
    One,
    /// For each message: 0 to 1 if all its pixels are, and not only 0 and 1; otherwise 0 to 255.
    Auto,
}

/// How to fit a picture to the model's image size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FitName {
    /// Stretch it; the aspect ratio changes.
    Stretch,
    /// Keep the aspect ratio, with margins in the border's colour.
    Contain,
    /// Show its middle.
    Crop,
}

/// Whether to invert a picture: many models are trained on light objects on black.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum InvertName {
    /// If the border is light.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl PrepareArgs {
    /// In the syntax of the contract's `prepare`. None: nothing is requested.
    pub fn parameters(&self) -> Option<String> {
        let scale = parameter("scale", self.scale);
        let raw = self.raw.as_ref().map(|dtype| format!("raw={dtype}"));
        joined([scale, raw, self.picture.parameters()])
    }
}

impl PictureArgs {
    /// In the syntax of the contract's `prepare`. None: nothing is requested.
    pub fn parameters(&self) -> Option<String> {
        joined([parameter("fit", self.fit), parameter("invert", self.invert)])
    }
}

fn joined<const N: usize>(parameters: [Option<String>; N]) -> Option<String> {
    let parameters: Vec<_> = parameters.into_iter().flatten().collect();
    (!parameters.is_empty()).then(|| parameters.join(";"))
}

fn parameter(name: &str, value: Option<impl ValueEnum>) -> Option<String> {
    let value = value?.to_possible_value()?;
    Some(format!("{name}={}", value.get_name()))
}

/// One word, so that it stays one parameter; which of them are types the component knows.
fn dtype(text: &str) -> Result<String, String> {
    let name = text.strip_prefix(['<', '>', '|']).unwrap_or(text);
    match !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        true => Ok(text.to_owned()),
        false => Err("a type of NumPy's is one word, such as uint8, float32 or <f4".to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        prepare: PrepareArgs,
        files: Vec<String>,
    }

    fn parameters(typed: &[&str]) -> Option<String> {
        let typed = Typed::try_parse_from([&["host"], typed].concat()).unwrap();
        assert_eq!(typed.files, ["a.raw"]);
        typed.prepare.parameters()
    }

    #[test]
    fn what_was_typed_becomes_the_contract_s_parameters() {
        assert_eq!(parameters(&["a.raw"]), None);
        assert_eq!(parameters(&["--raw", "a.raw"]).as_deref(), Some("raw=uint8"));
        assert_eq!(
            parameters(&["--raw=<f4", "--scale", "1", "a.raw"]).as_deref(),
            Some("scale=1;raw=<f4")
        );
        assert_eq!(parameters(&["--scale=auto", "a.raw"]).as_deref(), Some("scale=auto"));
        let fitted = parameters(&["--invert", "auto", "--fit", "contain", "a.raw"]);
        assert_eq!(fitted.as_deref(), Some("fit=contain;invert=auto"));
    }

    #[test]
    fn what_is_no_word_is_refused() {
        for typed in [
            "--raw=",
            "--raw=a;b=1",
            "--raw=<",
            "--scale=2",
            "--scale=",
            "--fit=whole",
            "--invert",
        ] {
            assert!(Typed::try_parse_from(["host", typed]).is_err(), "{typed}");
        }
    }
}
