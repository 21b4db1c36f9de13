//! A number of something.

use std::str::FromStr;

/// A number of a type that has none below 1.
pub fn count<T: FromStr>(text: &str) -> Result<T, CountError> {
    text.parse().map_err(|_| CountError)
}

/// Not such a number.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a whole number, 1 or more")]
pub struct CountError;

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn a_count_begins_at_one() {
        assert_eq!(count::<NonZeroU32>("1").map(NonZeroU32::get), Ok(1));
        for text in ["0", "-1", "1.5", "", "many", "99999999999"] {
            assert_eq!(count::<NonZeroU32>(text), Err(CountError), "{text}");
        }
    }
}
