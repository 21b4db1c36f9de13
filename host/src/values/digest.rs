//! The digest of a file.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// What stands before the digits: the algorithm, as container registries and cosign write it.
const PREFIX: &str = "sha256:";

/// A SHA-256, written `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// That of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Its 64 lower-case hexadecimal digits alone.
    pub fn hex(self) -> String {
        hex::encode(self.0)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let digits = text.strip_prefix(PREFIX).ok_or(DigestError::Algorithm)?;
        let mut digest = [0; 32];
        match hex::decode_to_slice(digits, &mut digest) {
            Ok(()) => Ok(Self(digest)),
            Err(_) => Err(DigestError::Digits(digits.chars().count())),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.hex())
    }
}

/// Not a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// Of another algorithm, or of none.
    #[error("a digest begins with 'sha256:'")]
    Algorithm,
    /// Too few, too many, or others than hexadecimal digits.
    #[error("a SHA-256 has 64 hexadecimal digits, and this has {0} characters")]
    Digits(usize),
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_as_it_is_read_in_either_case() {
        // Of no bytes, by FIPS 180-4's own examples.
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(empty.parse(), Ok(Digest::of(b"")));
        assert_eq!(Digest::of(b"").to_string(), empty);
        let upper = format!("sha256:{}", Digest::of(b"").hex().to_uppercase());
        assert_eq!(upper.parse(), Ok(Digest::of(b"")));
    }

    #[test]
    fn another_algorithm_another_length_and_other_digits_are_refused() {
        let digits = Digest::of(b"").hex();
        let read = |text: &str| text.parse::<Digest>().unwrap_err();
        for other in [&digits, "", "sha512:00", "SHA256:00", "md5:00"] {
            assert_eq!(read(other), DigestError::Algorithm, "{other}");
        }
        assert_eq!(read("sha256:"), DigestError::Digits(0));
        assert_eq!(read(&format!("sha256:{digits}0")), DigestError::Digits(65));
        assert_eq!(read(&format!("sha256:{digits}00")), DigestError::Digits(66));
        assert_eq!(read(&format!("sha256:{}", &digits[1..])), DigestError::Digits(63));
        assert_eq!(read(&format!("sha256:{}g", &digits[1..])), DigestError::Digits(64));
    }
}
