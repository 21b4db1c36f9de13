//! A position in JSON text.

use serde::de::DeserializeOwned;

use crate::reject::{Code, Reject, quote};

/// Reads JSON from left to right; every refusal names the byte.
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

    /// Goes `bytes` ahead: no more than were seen.
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

    /// Reads one whole JSON value away from the hot path.
    pub fn value<T: DeserializeOwned>(&mut self) -> Result<T, Reject> {
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

    /// The refusal of what is ahead where `wanted` should be.
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
