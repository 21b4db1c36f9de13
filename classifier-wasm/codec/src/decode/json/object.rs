//! Objects around images, and which of their members these are.
//!
//! | object | who sends it |
//! | --- | --- |
//! | `{"array": ...}` | Python producers; it wins over all others |
//! | `{"instances": [...]}` | clients of TensorFlow Serving: arrays, `{"b64": "..."}`, or inputs by name |
//! | `{"inputs": ...}` | the same by columns; clients of KServe's version 2, see [`super::tensor`] |
//! | `{"specversion": "1.0", "data": ...}` | CloudEvents in structured mode; `data_base64`, `datacontenttype` |
//! | `{"b64": "..."}` | one encoded picture or array |

use super::super::packed::base64;
use super::Reader;
use super::cursor::Cursor;
use crate::decode::array::Array;
use crate::decode::signature::packing;
use crate::reject::{Code, Reject, quote};

/// Members with a meaning, in any order.
const KNOWN: [&str; 10] = [
    "instances",
    "inputs",
    "b64",
    "specversion",
    "datacontenttype",
    "data",
    "data_base64",
    "name",
    "shape",
    "datatype",
];
/// How many other members are remembered.
const MAX_OTHERS: usize = 16;

/// The members of an object, with the positions of their values.
#[derive(Default)]
pub struct Members<'a> {
    known: Vec<(&'static str, Cursor<'a>)>,
    /// Others that hold a list, an object or a string.
    others: Vec<(String, Cursor<'a>)>,
}

impl<'a> Members<'a> {
    /// Reads the object at `cursor`.
    pub fn read(cursor: &mut Cursor<'a>) -> Result<Members<'a>, Reject> {
        let mut members = Members::default();
        cursor.expect(b'{')?;
        let mut is_first = true;
        while let Some(name) = cursor.next_member(is_first)? {
            is_first = false;
            members.add(&name, *cursor)?;
            cursor.skip_value()?;
        }
        Ok(members)
    }

    fn add(&mut self, name: &[u8], mut value: Cursor<'a>) -> Result<(), Reject> {
        let token = value.peek_token();
        if let Some(known) = KNOWN.iter().find(|known| known.as_bytes() == name) {
            if self.get(known).is_some() {
                return Err(twice(known));
            }
            self.known.push((known, value));
        } else if matches!(token, Some(b'[' | b'{' | b'"')) && self.others.len() < MAX_OTHERS {
            self.others.push((String::from_utf8_lossy(name).into_owned(), value));
        }
        Ok(())
    }

    /// The position of a known member's value.
    pub fn get(&self, name: &str) -> Option<Cursor<'a>> {
        let mut known = self.known.iter();
        known.find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// A known member that is a string.
    pub fn text(&self, name: &str) -> Result<Option<String>, Reject> {
        let Some(mut value) = self.get(name).filter(|value| value.peek() == Some(b'"')) else {
            return Ok(None);
        };
        Ok(Some(String::from_utf8_lossy(&value.string()?).into_owned()))
    }
}

impl Reader<'_> {
    /// The object at `cursor`, the message itself.
    pub(super) fn object(&mut self, cursor: &mut Cursor) -> Result<Array, Reject> {
        let mut members = Members::default();
        let mut array = None;
        cursor.expect(b'{')?;
        let mut is_first = true;
        while let Some(name) = cursor.next_member(is_first)? {
            is_first = false;
            if name != b"array" {
                members.add(&name, *cursor)?;
                cursor.skip_value()?;
            } else if array.is_some() {
                return Err(twice("array"));
            } else {
                // Errors of the whole object come first.
                let before = *cursor;
                let read = match cursor.peek_token() {
                    Some(b'[') => self.list(cursor),
                    Some(b'"') => self.encoded(cursor),
                    _ => Err(bad(format!(
                        "`array` is {}: send nested lists of numbers",
                        quote(cursor.rest())
                    ))),
                };
                if read.is_err() {
                    *cursor = before;
                    if cursor.skip_value().is_err() {
                        return read;
                    }
                }
                array = Some(read);
            }
        }
        if let Some(array) = array {
            return array;
        }
        if members.get("specversion").is_some() {
            return self.nested(|reader| reader.event(&members));
        }
        if let Some(mut b64) = members.get("b64") {
            return self.encoded(&mut b64);
        }
        match (members.get("instances"), members.get("inputs")) {
            (Some(_), Some(_)) => Err(bad("both `instances` and `inputs`: send one of them")),
            (Some(mut instances), None) => self.value(&mut instances),
            (None, Some(mut inputs)) => self.inputs(&mut inputs),
            (None, None) => Err(bad(
                "an object without a member `array`, `instances` or `inputs`: send {\"array\": [...]}",
            )),
        }
    }

    /// A member's value: a list, an object with one input, or a string.
    pub(super) fn value(&mut self, cursor: &mut Cursor) -> Result<Array, Reject> {
        match cursor.peek_token() {
            Some(b'[') => self.list(cursor),
            Some(b'{') => self.item(cursor),
            Some(b'"') => self.encoded(cursor),
            _ => Err(bad(format!(
                "{} where images should be: send a list",
                quote(cursor.rest())
            ))),
        }
    }

    /// An object within a list: `{"b64": "..."}`, or one input by its name.
    pub(super) fn item(&mut self, cursor: &mut Cursor) -> Result<Array, Reject> {
        let members = Members::read(cursor)?;
        if members.get("specversion").is_some() {
            return Err(bad("a batch of CloudEvents: send each as a message of its own"));
        }
        if let Some(mut b64) = members.get("b64") {
            return self.encoded(&mut b64);
        }
        let known = members.known.iter().map(|(name, value)| (*name, *value));
        let others = members.others.iter().map(|(name, value)| (&**name, *value));
        let all: Vec<_> = known.chain(others).collect();
        let arrays = all.iter().filter(|(_, value)| may_be_images(*value));
        let mut candidates: Vec<_> = arrays.collect();
        if candidates.is_empty() {
            candidates = all.iter().filter(|(_, value)| may_be_encoded(*value)).collect();
        }
        match candidates[..] {
            [(_, value)] => {
                let mut value = *value;
                self.nested(|reader| reader.value(&mut value))
            }
            [] => Err(bad(
                "an object in which nothing is a list of numbers, or {\"b64\": \"...\"}",
            )),
            _ => {
                let names: Vec<_> = candidates.iter().map(|(name, _)| quote(name)).collect();
                Err(bad(format!(
                    "inputs {}: send the one with the images",
                    names.join(", ")
                )))
            }
        }
    }

    /// CloudEvents 1.0, JSON format, structured mode.
    fn event(&mut self, members: &Members) -> Result<Array, Reject> {
        let content_type = members.text("datacontenttype")?;
        if let Some(mut data) = members.get("data_base64") {
            let bytes = base64(&data.string()?)?;
            return self.read(content_type.as_deref(), &bytes);
        }
        let Some(mut data) = members.get("data") else {
            return Err(bad("a CloudEvent without `data` or `data_base64`"));
        };
        match data.peek_token() {
            Some(b'"') => {
                let text = data.string()?;
                match content_type.as_deref() {
                    // A JSON string, or otherwise the text itself.
                    Some(content_type) if !content_type.contains("json") => self.read(Some(content_type), &text),
                    _ => match packing(&text) {
                        Some(packing) => self.unpacked(packing, None, &text),
                        None => self.document(&text),
                    },
                }
            }
            Some(b'{') => self.object(&mut data),
            _ => self.value(&mut data),
        }
    }
}

/// Whether a list of numbers starts here, or an encoded picture.
fn may_be_images(mut value: Cursor) -> bool {
    match (value.peek_token(), value.peek_inside()) {
        (Some(b'['), Some(b'[' | b'-' | b'0'..=b'9')) => true,
        (Some(b'['), Some(b'"')) => {
            value.advance(1);
            may_be_encoded(value)
        }
        (Some(b'{'), _) => Members::read(&mut value).is_ok_and(|members| members.get("b64").is_some()),
        _ => false,
    }
}

fn may_be_encoded(mut value: Cursor) -> bool {
    value.peek_token() == Some(b'"') && value.string().is_ok_and(|text| packing(&text).is_some())
}

fn twice(name: &str) -> Reject {
    bad(format!("two members `{name}`: send one"))
}

pub(super) fn bad(detail: impl Into<String>) -> Reject {
    Reject::new(Code::BadArray, detail)
}
