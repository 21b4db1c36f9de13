//! A size in bytes.

use std::fmt;
use std::str::FromStr;

/// A size in usual notation: `512`, `64KiB`, `16MiB`, `1GiB`, and `kB`, `MB`, `GB` by the thousand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// As much of it as this machine can address: all, except on 32-bit machines.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

const UNITS: [(&str, u64); 8] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, ByteSizeError> {
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let unit = match unit.trim() {
            "" => "B",
            unit => unit,
        };
        let factor = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
        let bytes = number.parse::<u64>().ok().zip(factor);
        bytes
            .and_then(|(number, (_, factor))| number.checked_mul(*factor))
            .filter(|bytes| *bytes > 0)
            .map(Self)
            .ok_or(ByteSizeError)
    }
}

impl fmt::Display for ByteSize {
    /// The largest binary unit that divides it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let binary = UNITS.iter().filter(|(name, _)| name.contains('i') || *name == "B");
        let (unit, factor) = binary
            .rev()
            .find(|(_, factor)| self.0.is_multiple_of(*factor))
            .unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

/// Not a size.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a size is a whole number of bytes above 0, or one with a unit, such as 512, 64MiB or 1GiB")]
pub struct ByteSizeError;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_read_with_binary_and_decimal_units() {
        let bytes = |text: &str| text.parse::<ByteSize>().map(|size| size.0);
        assert_eq!(bytes("512"), Ok(512));
        assert_eq!(bytes("16MiB"), Ok(16 << 20));
        assert_eq!(bytes("1 GiB"), Ok(1 << 30));
        assert_eq!(bytes("3mb"), Ok(3_000_000));
    }

    #[test]
    fn what_is_not_a_size_is_refused() {
        for text in ["", "MiB", "0", "-1", "1.5GiB", "12 parsecs", "99999999999TiB", "1GiBs"] {
            assert_eq!(text.parse::<ByteSize>(), Err(ByteSizeError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_size_reads_back_as_it_was_written(bytes in 1u64..) {
            prop_assert_eq!(ByteSize(bytes).to_string().parse(), Ok(ByteSize(bytes)));
        }
    }
}
