//! `application/json`: the message of Python producers, plainer ones, and what servers of models are sent.
//!
//! Python producers encode twice: `json.dumps(json.dumps({"array": array.tolist()}))`, a string literal whose content is
//! the object. The object by itself and the bare nested lists are taken too. So are Base64 of a picture or of an array, as a
//! string wherever a list could stand, and the objects of [`object`]. Other members are skipped, with whatever Python's json
//! writes into them: NaN, and halves of surrogate pairs.

mod cursor;
mod levels;
mod nested_list;
mod number;
mod object;
mod run;
mod string;
mod tensor;

use self::cursor::Cursor;
use super::Reader;
use super::array::{Array, Kind};
use super::signature::packing;
use super::text::without_mark;
use crate::reject::{Code, Reject, quote};

impl Reader<'_> {
    /// Reads `body`. Positions in a refusal count from behind a byte order mark, and from the start of the string's content
    /// when that was encoded twice.
    pub(super) fn json(&mut self, body: &[u8]) -> Result<Array, Reject> {
        let body = without_mark(body);
        let mut outer = Cursor::new(body);
        if outer.peek_token() != Some(b'"') {
            return self.document(body);
        }
        let inner = outer.string()?;
        outer.expect_end()?;
        match packing(&inner) {
            Some(packing) => self.unpacked(packing, None, &inner),
            None => self.document(without_mark(&inner)),
        }
    }

    fn document(&mut self, json: &[u8]) -> Result<Array, Reject> {
        let mut cursor = Cursor::new(json);
        let array = match cursor.peek_token() {
            Some(b'[') => self.list(&mut cursor)?,
            Some(b'{') => self.object(&mut cursor)?,
            None => {
                return Err(Reject::new(
                    Code::Empty,
                    "nothing but white space: send at least one image",
                ));
            }
            Some(_) => return Err(cursor.unexpected("`{\"array\": ...}` or a list")),
        };
        cursor.expect_end()?;
        Ok(array)
    }

    /// Nested lists of numbers, or a list of pictures and arrays.
    fn list(&mut self, cursor: &mut Cursor) -> Result<Array, Reject> {
        if let Some(b'"' | b'{') = cursor.peek_inside() {
            return self.items(cursor);
        }
        self.numbers(cursor)
    }

    fn numbers(&mut self, cursor: &mut Cursor) -> Result<Array, Reject> {
        let limit = self.image.max_images() * self.image.values();
        let list = nested_list::parse(cursor, limit)?;
        Array::of_tensor(&list.shape, list.pixels, Kind::Numbers, self.image)
    }

    /// A list whose items are strings or objects, each one or more images.
    fn items(&mut self, cursor: &mut Cursor) -> Result<Array, Reject> {
        cursor.expect(b'[')?;
        let mut all: Option<Array> = None;
        while cursor.next_item(all.is_none())? {
            let item = match cursor.peek_token() {
                Some(b'"') => self.encoded(cursor)?,
                Some(b'{') => self.item(cursor)?,
                Some(b'[') => self.numbers(cursor)?,
                _ => {
                    let detail = format!("{} beside pictures or arrays in a list", quote(cursor.rest()));
                    return Err(Reject::new(Code::BadArray, detail));
                }
            };
            match &mut all {
                Some(all) => all.append(item, self.image)?,
                None => all = Some(item),
            }
        }
        all.ok_or_else(|| Reject::new(Code::Empty, "an empty list: send at least one image"))
    }

    /// A string that must be Base64 or a data URL.
    fn encoded(&mut self, cursor: &mut Cursor) -> Result<Array, Reject> {
        let text = cursor.string()?;
        let packing = packing(&text).ok_or_else(|| {
            let detail = format!(
                "{} is neither a list of numbers nor Base64 of a picture or a NumPy file",
                quote(&text)
            );
            Reject::new(Code::BadArray, detail)
        })?;
        self.unpacked(packing, None, &text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
