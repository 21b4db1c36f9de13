//! How a component is to read pixels and prepare pictures: what may be typed.

use clap::{Args, ValueEnum};

use super::heading::PREPROCESSING;

/// What a component is asked to make of pixels.
#[derive(Args, Debug, Default)]
pub struct PrepareArgs {
    /// Where the scale of numbers ends that are sent as pixels [default: 255, with a warning where it looks like 1].
    #[arg(long, value_enum, value_name = "END", help_heading = PREPROCESSING)]
    pub scale: Option<ScaleName>,
    /// Take for raw pixels what has no content type and shows no format; --raw=float32 and the like for other than bytes.
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
    /// How pictures are prepared.
    #[command(flatten)]
    pub picture: PictureArgs,
}

/// What is to be made of pictures.
#[derive(Args, Debug, Default)]
pub struct PictureArgs {
    /// How pictures get the shape of the model's image [default: stretch].
    #[arg(long, value_enum, value_name = "HOW", help_heading = PREPROCESSING)]
    pub fit: Option<FitName>,
    /// Whether light and dark of pictures change places [default: never, with a warning where the border is light].
    #[arg(long, value_enum, value_name = "WHEN", help_heading = PREPROCESSING)]
    pub invert: Option<InvertName>,
}

/// Where the scale of pixels ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScaleName {
    /// At 255: pixels are taken as they are.
    #[value(name = "255")]
    Byte,
    /// At 1: pixels are multiplied by 255.
    #[value(name = "1")]
    One,
    /// At 1 where all of a message lie between 0 and 1 and not only on them, else at 255.
    Auto,
}

/// How a picture gets the shape of the model's image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FitName {
    /// It is stretched.
    Stretch,
    /// All of it is there, with black margins.
    Contain,
    /// Its middle is.
    Crop,
}

/// Whether light and dark of a picture change places: models are often taught light things on black.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum InvertName {
    /// They do where the border is light.
    Auto,
    /// They do.
    Always,
    /// They do not.
    Never,
}

impl PrepareArgs {
    /// As the contract has it in `prepare`; None: nothing is asked for.
    pub fn parameters(&self) -> Option<String> {
        let scale = parameter("scale", self.scale);
        let raw = self.raw.as_ref().map(|dtype| format!("raw={dtype}"));
        joined([scale, raw, self.picture.parameters()])
    }
}

impl PictureArgs {
    /// As the contract has it in `prepare`; None: nothing is asked for.
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
