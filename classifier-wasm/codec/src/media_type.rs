//! Media types, as content types and in `accept`: `application/json; profile="scores"; top-k=3`.
//!
//! Names are compared ignoring case, spaces around `;` and `=` do not count, values may be quoted. A comma is part of
//! a value (`shape=40,28,28,1`), so lists of media types are not supported.

use crate::reject::{Code, Reject, quote};

/// The longest text that is read, in bytes: every parameter is compared with all before it.
const MAX_LENGTH: usize = 1024;

/// A parsed media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType {
    /// `type/subtype` in lower case.
    pub essence: String,
    /// Names in lower case, values as given.
    parameters: Vec<(String, String)>,
}

impl MediaType {
    /// Reads `text`; `code` is the cause of a refusal.
    pub fn parse(text: &str, code: Code) -> Result<MediaType, Reject> {
        let malformed = || {
            let detail = format!(
                "{} is not a media type: write it like `application/json;name=value`",
                quote(text)
            );
            Reject::new(code, detail)
        };
        if text.len() > MAX_LENGTH {
            let detail = format!("a media type of {} bytes: write at most {MAX_LENGTH}", text.len());
            return Err(Reject::new(code, detail));
        }
        let (essence, rest) = text.split_once(';').unwrap_or((text, ""));
        let essence = essence.trim().to_ascii_lowercase();
        let (kind, subtype) = essence.split_once('/').ok_or_else(malformed)?;
        if !is_token(kind) || !is_token(subtype) {
            return Err(malformed());
        }
        let parameters = parameters(rest).ok_or_else(malformed)?;
        Ok(MediaType { essence, parameters })
    }

    /// The value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The names of all parameters.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parameters.iter().map(|(name, _)| name.as_str())
    }
}

/// The parameters of `name=value;name=value`, each name once and in lower case. None: it is something else.
pub fn parameters(mut text: &str) -> Option<Vec<(String, String)>> {
    let mut parameters = Vec::new();
    while !text.trim().is_empty() && text.len() <= MAX_LENGTH {
        let (name, value) = text.split_once('=')?;
        let name = name.trim().to_ascii_lowercase();
        let (value, after) = parameter_value(value.trim_start())?;
        if !is_token(&name) || parameters.iter().any(|(known, _)| *known == name) {
            return None;
        }
        parameters.push((name, value));
        text = after;
    }
    text.trim().is_empty().then_some(parameters)
}

/// The value at the start of `text`, and what follows its `;`.
fn parameter_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_once(';').unwrap_or((text, ""));
        let value = value.trim_end();
        let plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
        return plain.then(|| (value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => break,
            '\\' => value.push(characters.next()?),
            character => value.push(character),
        }
    }
    let rest = characters.as_str().trim_start();
    if rest.is_empty() {
        Some((value, rest))
    } else {
        Some((value, rest.strip_prefix(';')?))
    }
}

/// A token of RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<MediaType, Reject> {
        MediaType::parse(text, Code::NotAcceptable)
    }

    #[test]
    fn case_spaces_and_quotes_do_not_count() {
        for text in [
            "application/json;profile=scores;top-k=3",
            " Application/JSON ; Profile = \"scores\" ; TOP-K=3",
            "application/json;profile=\"sc\\ores\";top-k=\"3\";",
        ] {
            let parsed = parse(text).unwrap();
            assert_eq!(parsed.essence, "application/json", "{text}");
            assert_eq!(parsed.parameter("profile"), Some("scores"), "{text}");
            assert_eq!(parsed.parameter("top-k"), Some("3"), "{text}");
            assert_eq!(parsed.parameter("shape"), None);
        }
    }

    #[test]
    fn a_shape_keeps_its_commas() {
        let parsed = parse("application/octet-stream; shape=40,28,28,1").unwrap();
        assert_eq!(parsed.parameter("shape"), Some("40,28,28,1"));
        assert_eq!(parse("a/b;x=\"1;2\"").unwrap().parameter("x"), Some("1;2"));
    }

    #[test]
    fn what_is_no_media_type_is_refused_with_the_callers_code() {
        for text in [
            "",
            "json",
            "/",
            "a/",
            "/b",
            "a b/c",
            "a/b;x",
            "a/b;=1",
            "a/b;x=",
            "a/b;x=\"1",
            "a/b;x=1;x=2",
            "a/b;x=\"1\"2",
            "é/b",
        ] {
            let reject = parse(text).unwrap_err();
            assert_eq!(reject.code, Code::NotAcceptable, "{text}");
        }
    }
}
