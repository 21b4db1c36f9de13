//! A position in JSON text.

use serde::de::{DeserializeOwned, IgnoredAny};

use super::number::number_length;
use super::string::{Text, plain};
use crate::reject::{Code, Reject, quote};

/// Reads JSON from left to right; every refusal names the byte.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    json: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of `json`.
    pub fn new(json: &'a [u8]) -> Cursor<'a> {
        Cursor { json, at: 0 }
    }

    /// How many bytes are behind.
    pub fn position(&self) -> usize {
        self.at
    }

    /// What is ahead.
    pub fn rest(&self) -> &'a [u8] {
        self.json.get(self.at..).unwrap_or_default()
    }

    /// The next byte, spaces included.
    pub fn peek(&self) -> Option<u8> {
        self.json.get(self.at).copied()
    }

    /// The next byte after JSON's white space, which is skipped.
    pub fn peek_token(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
        self.peek()
    }

    /// Skips `bytes`, no more than were seen.
    pub fn advance(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Skips white space and `token`, or refuses.
    pub fn expect(&mut self, token: u8) -> Result<(), Reject> {
        if self.peek_token() != Some(token) {
            return Err(self.unexpected(&quote([token])));
        }
        self.advance(1);
        Ok(())
    }

    /// Refuses anything but white space ahead.
    pub fn expect_end(&mut self) -> Result<(), Reject> {
        match self.peek_token() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("the end")),
        }
    }

    /// The first token within the list or object ahead.
    pub fn peek_inside(mut self) -> Option<u8> {
        self.peek_token()?;
        self.advance(1);
        self.peek_token()
    }

    /// Goes to the value of the next member of an object, `{` of which is behind where it `is_first`; its name, or None and
    /// the end of the object.
    pub fn next_member(&mut self, is_first: bool) -> Result<Option<Vec<u8>>, Reject> {
        match self.peek_token() {
            Some(b'}') => {
                self.advance(1);
                return Ok(None);
            }
            Some(b',') if !is_first => self.advance(1),
            _ if is_first => {}
            _ => return Err(self.unexpected("`,` or `}`")),
        }
        if self.peek_token() != Some(b'"') {
            return Err(self.unexpected("a member's name"));
        }
        let name = self.string()?;
        self.expect(b':')?;
        Ok(Some(name))
    }

    /// Goes to the next item of a list, `[` of which is behind where it `is_first`; false: to its end.
    pub fn next_item(&mut self, is_first: bool) -> Result<bool, Reject> {
        match self.peek_token() {
            Some(b']') => {
                self.advance(1);
                Ok(false)
            }
            Some(b',') if !is_first => {
                self.advance(1);
                // One more has to follow.
                match self.peek_token() {
                    Some(b']') | None => Err(self.unexpected("a value")),
                    Some(_) => Ok(true),
                }
            }
            _ if is_first => Ok(true),
            _ => Err(self.unexpected("`,` or `]`")),
        }
    }

    /// Reads the string ahead. It need not be UTF-8: Python's json writes halves of surrogate pairs, and a string
    /// within a string contains them unescaped.
    pub fn string(&mut self) -> Result<Vec<u8>, Reject> {
        let ahead = self.rest();
        if let Some((text, length)) = plain(ahead) {
            self.advance(length);
            return Ok(text);
        }
        let start = self.at;
        let Text(text) = self.value()?;
        let raw = ahead.iter().take(self.at - start);
        match raw.copied().position(|byte| byte < b' ') {
            None => Ok(text),
            Some(place) => {
                let detail = format!("a control character within a string, at byte {}", start + place);
                Err(Reject::new(Code::NotJson, detail))
            }
        }
    }

    /// Skips one value, however deep, and also NaN and Infinity, which Python's json writes and JSON does not have.
    pub fn skip_value(&mut self) -> Result<(), Reject> {
        // The ends of the lists and objects around this position.
        let mut ends = Vec::new();
        loop {
            match self.peek_token() {
                Some(start @ (b'[' | b'{')) => {
                    self.advance(1);
                    let end = if start == b'[' { b']' } else { b'}' };
                    if self.peek_token() != Some(end) {
                        ends.push(end);
                        self.skip_name(end)?;
                        continue;
                    }
                    self.advance(1);
                }
                _ => self.skip_scalar()?,
            }
            // A value ended here, and with it perhaps those around it.
            loop {
                let Some(&end) = ends.last() else { return Ok(()) };
                match self.peek_token() {
                    Some(b',') => {
                        self.advance(1);
                        self.skip_name(end)?;
                        break;
                    }
                    Some(byte) if byte == end => {
                        self.advance(1);
                        ends.pop();
                    }
                    _ => return Err(self.unexpected(&format!("`,` or {}", quote([end])))),
                }
            }
        }
    }

    /// The name of a member, where an object's is ahead: what `end` ends.
    fn skip_name(&mut self, end: u8) -> Result<(), Reject> {
        if end != b'}' {
            return Ok(());
        }
        if self.peek_token() != Some(b'"') {
            return Err(self.unexpected("a member's name"));
        }
        self.value::<IgnoredAny>()?;
        self.expect(b':')
    }

    fn skip_scalar(&mut self) -> Result<(), Reject> {
        let words = [&b"NaN"[..], b"Infinity", b"-Infinity"];
        match words.into_iter().find(|word| self.rest().starts_with(word)) {
            Some(word) => self.advance(word.len()),
            None if matches!(self.peek(), Some(b'-' | b'0'..=b'9')) => match number_length(self.rest()) {
                Some(length) => self.advance(length),
                None => return Err(self.unexpected("a number")),
            },
            None => {
                self.value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    /// Reads one whole JSON value away from the hot path.
    fn value<T: DeserializeOwned>(&mut self) -> Result<T, Reject> {
        let mut values = serde_json::Deserializer::from_slice(self.rest()).into_iter::<T>();
        match values.next() {
            Some(Ok(value)) => {
                self.at += values.byte_offset();
                Ok(value)
            }
            Some(Err(error)) if !error.is_eof() => {
                let detail = format!("in the value at byte {}: {error}", self.at);
                Err(Reject::new(Code::NotJson, detail))
            }
            _ => Err(self.truncated("the rest of a value")),
        }
    }

    /// Refuses what is ahead, where `wanted` should be.
    pub fn unexpected(&self, wanted: &str) -> Reject {
        let Some(byte) = self.peek() else {
            return self.truncated(wanted);
        };
        let detail = format!("byte {} is {} where {wanted} should be", self.at, quote([byte]));
        Reject::new(Code::NotJson, detail)
    }

    fn truncated(&self, wanted: &str) -> Reject {
        let detail = format!(
            "the JSON ends after {} bytes where {wanted} should be: send all of it",
            self.json.len()
        );
        Reject::new(Code::NotJson, detail)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    fn skipped(json: &str) -> Result<usize, Reject> {
        let mut cursor = Cursor::new(json.as_bytes());
        cursor.skip_value().map(|()| cursor.position())
    }

    #[test]
    fn a_value_is_skipped_to_its_end_and_no_further() {
        for (value, after) in [
            ("1.5e3", ","),
            ("\"a\\\"b\\ud83d\"", "}"),
            ("null", "]"),
            ("[]", "]"),
            ("{ }", "]"),
            ("[1, [true, {}], {\"a\" : [ ] , \"b\":{\"c\":\"}\"}} ]", ", 2"),
            ("NaN", "}"),
            ("-Infinity", ","),
            ("{\"loss\": [NaN, Infinity, -1]}", "}"),
        ] {
            assert_eq!(skipped(&format!("{value}{after}")).unwrap(), value.len(), "{value}");
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for json in [
            "",
            "]",
            "[1",
            "[1,]",
            "[,1]",
            "{1: 2}",
            "{\"a\"}",
            "{\"a\": }",
            "{\"a\": 1,}",
            "[1}",
            "nul",
            "nan",
            "[\"\n\"]",
        ] {
            assert_eq!(skipped(json).unwrap_err().code, Code::NotJson, "{json}");
        }
    }

    #[test]
    fn a_string_is_read_with_its_escapes_and_halves_of_surrogate_pairs() {
        let string = |json: &[u8]| Cursor::new(json).string();
        assert_eq!(string(br#""\u0061\n\ud83d\ude00""#).unwrap(), "a\n\u{1f600}".as_bytes());
        assert_eq!(string(br#""\ud83d.""#).unwrap(), b"\xed\xa0\xbd.");
        for json in [&b"\"a\nb\""[..], b"\"a", br#""\x""#, br#""\u12""#] {
            assert_eq!(string(json).unwrap_err().code, Code::NotJson, "{}", json.escape_ascii());
        }
    }
}
