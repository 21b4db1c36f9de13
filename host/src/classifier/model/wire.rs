//! Protobuf on the wire: finds fields in a file and replaces them, and keeps every other byte.
//!
//! Separate from what the fields mean. Fields that nobody here knows stay as they are, also those of later versions of ONNX;
//! libraries that decode a whole file drop them. Source of the format: protobuf.dev, "Encoding".

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

/// The bytes are not a protobuf message.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

/// One field of a message. Ranges are positions in the file.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// Its number.
    pub number: u64,
    /// All its bytes, with number and length.
    pub whole: Range<usize>,
    /// Its value.
    pub value: Value,
}

/// The value of a field.
#[derive(Debug, PartialEq, Eq)]
pub enum Value {
    /// An integer, a flag or an enumerated value.
    Number(u64),
    /// The position of a message, text, bytes or packed numbers.
    Bytes(Range<usize>),
    /// Four or eight bytes.
    Fixed,
}

/// The fields of the message in `range` of `file`, in order. After an error there are no more.
pub fn fields(file: &[u8], range: Range<usize>) -> impl Iterator<Item = Result<Field, Malformed>> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        (at < range.end).then(|| {
            let field = field(file, at..range.end);
            at = field.as_ref().map_or(range.end, |field| field.whole.end);
            field
        })
    })
}

/// The field that begins where `range` does, and ends within it.
fn field(file: &[u8], range: Range<usize>) -> Result<Field, Malformed> {
    let mut at = range.start;
    let mut varint = || {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = *file.get(at).filter(|_| at < range.end).ok_or(Malformed)?;
            at += 1;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Malformed)
    };
    let tag = varint()?;
    let (length, value) = match tag & 7 {
        0 => (0, Value::Number(varint()?)),
        1 => (8, Value::Fixed),
        2 => (varint()?, Value::Bytes(0..0)),
        5 => (4, Value::Fixed),
        _ => return Err(Malformed),
    };
    let end = usize::try_from(length).ok().and_then(|length| at.checked_add(length));
    let end = end.filter(|end| *end <= range.end).ok_or(Malformed)?;
    Ok(Field {
        number: tag >> 3,
        whole: range.start..end,
        value: match value {
            Value::Bytes(_) => Value::Bytes(at..end),
            value => value,
        },
    })
}

/// A message put together from parts of its file, new parts, and parts of other files.
#[derive(Debug, Default)]
pub struct Message {
    pieces: Vec<Piece>,
    length: u64,
}

#[derive(Debug)]
enum Piece {
    Kept(Range<usize>),
    Made(Vec<u8>),
    Other(Stretch),
}

/// A part of another file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The index of the file, for [`Message::bytes`].
    pub file: usize,
    /// The offset in bytes.
    pub offset: u64,
    /// The length in bytes.
    pub length: u64,
}

impl Message {
    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Whether it is `range` of the file, unchanged.
    pub fn is(&self, range: &Range<usize>) -> bool {
        match self.pieces.as_slice() {
            [] => range.is_empty(),
            [Piece::Kept(kept)] => kept == range,
            _ => false,
        }
    }

    /// Appends `range` of the file.
    pub fn keep(&mut self, range: Range<usize>) {
        self.length += range.len() as u64;
        match self.pieces.last_mut() {
            Some(Piece::Kept(kept)) if kept.end == range.start => kept.end = range.end,
            _ => self.pieces.push(Piece::Kept(range)),
        }
    }

    /// Appends a field with a message.
    pub fn nest(&mut self, number: u64, message: Self) {
        self.begin(number, message.length);
        self.length += message.length;
        self.pieces.extend(message.pieces);
    }

    /// Appends a field with a part of another file.
    pub fn insert(&mut self, number: u64, stretch: Stretch) {
        self.begin(number, stretch.length);
        self.length += stretch.length;
        self.pieces.push(Piece::Other(stretch));
    }

    /// Appends the number and length of a field.
    fn begin(&mut self, number: u64, length: u64) {
        let mut made = Vec::new();
        for mut rest in [number << 3 | 2, length] {
            while rest > 0x7f {
                made.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            made.push(rest as u8);
        }
        self.length += made.len() as u64;
        self.pieces.push(Piece::Made(made));
    }

    /// All its bytes, read from `file` and from the `others`.
    pub fn bytes(&self, file: &[u8], others: &[&File]) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.length).unwrap_or_default());
        for piece in &self.pieces {
            match piece {
                Piece::Kept(range) => bytes.extend_from_slice(file.get(range.clone()).unwrap_or_default()),
                Piece::Made(made) => bytes.extend_from_slice(made),
                Piece::Other(stretch) => {
                    let Some(mut other) = others.get(stretch.file).copied() else {
                        continue;
                    };
                    other.seek(SeekFrom::Start(stretch.offset))?;
                    let read = other.take(stretch.length).read_to_end(&mut bytes)?;
                    // Its length was checked, but may have changed since.
                    if read as u64 != stretch.length {
                        return Err(std::io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
        }
        Ok(bytes)
    }
}
