//! Warnings of answers. A stream that is read wrongly is wrong at every message, so each code is logged once, and
//! counted from then on.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::Cause;

/// Codes that are counted by name. If a component makes up more, the others are counted as one.
const CODES: usize = 64;
const OTHER: &str = "other";

/// The number of warnings of each code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Warnings(BTreeMap<String, u64>);

impl Warnings {
    /// Counts the warnings of one answer, and logs new codes; `position` is for people.
    pub fn note(&mut self, warnings: &[Cause], position: &str) {
        for Cause { code, detail } in warnings {
            let by_name = self.0.len() < CODES || self.0.contains_key(code);
            let code = if by_name { code } else { OTHER };
            let count = self.0.entry(code.to_owned()).or_default();
            if *count == 0 {
                tracing::warn!(
                    position,
                    code,
                    detail,
                    "an answer may be wrong; further warnings of this code are only counted"
                );
            }
            *count += 1;
        }
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// `2 of one-code, 1 of another`.
impl fmt::Display for Warnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (code, count)) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            write!(f, "{separator}{count} of {code}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warning(code: &str) -> Cause {
        Cause {
            code: code.to_owned(),
            detail: String::new(),
        }
    }

    #[test]
    fn each_code_is_counted() {
        let mut warnings = Warnings::default();
        warnings.note(&[warning("dark"), warning("light")], "in/0/0");
        warnings.note(&[warning("dark")], "in/0/1");
        assert_eq!(warnings.to_string(), "2 of dark, 1 of light");
    }

    #[test]
    fn a_component_that_makes_up_codes_without_end_takes_no_memory_without_end() {
        let mut warnings = Warnings::default();
        for number in 0..1000 {
            warnings.note(&[warning(&format!("code-{number}"))], "in/0/0");
        }
        warnings.note(&[warning("code-0")], "in/0/0");
        assert_eq!(warnings.0.len(), CODES + 1);
        assert_eq!(warnings.0.get(OTHER), Some(&(1000 - CODES as u64)));
        assert_eq!(warnings.0.get("code-0"), Some(&2));
    }
}
