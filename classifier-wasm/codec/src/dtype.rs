//! Types of numbers by NumPy's names, in its files and in `;dtype=` for raw pixels.

use half::f16;

use crate::images::Pixels;
use crate::reject::{Code, Reject, quote};

/// How bytes encode a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dtype {
    element: Element,
    big_endian: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F16,
    F32,
    F64,
}

impl Dtype {
    /// The type of raw pixels with a shape and no `dtype`.
    pub const BYTE: Dtype = Dtype {
        element: Element::U8,
        big_endian: false,
    };

    /// Reads `uint8`, `float32`, `<f4` or `>f4`; `code` is the cause of a refusal. Without a sign it is little-endian.
    pub fn parse(text: &str, code: Code) -> Result<Dtype, Reject> {
        let (order, name) = match text.split_at_checked(1) {
            Some((order @ ("<" | ">" | "|"), name)) => (order, name),
            _ => ("", text),
        };
        let element = match name {
            "b1" | "bool" => Element::Bool,
            "u1" | "uint8" => Element::U8,
            "i1" | "int8" => Element::I8,
            "u2" | "uint16" => Element::U16,
            "i2" | "int16" => Element::I16,
            "u4" | "uint32" => Element::U32,
            "i4" | "int32" => Element::I32,
            "u8" | "uint64" => Element::U64,
            "i8" | "int64" => Element::I64,
            "f2" | "float16" => Element::F16,
            "f4" | "float32" => Element::F32,
            "f8" | "float64" => Element::F64,
            _ => {
                let detail = format!("dtype {}: send array.astype('uint8') or 'float32'", quote(text));
                return Err(Reject::new(code, detail));
            }
        };
        let big_endian = order == ">";
        Ok(Dtype { element, big_endian })
    }

    /// Bytes to a number.
    pub const fn width(self) -> usize {
        match self.element {
            Element::Bool | Element::U8 | Element::I8 => 1,
            Element::U16 | Element::I16 | Element::F16 => 2,
            Element::U32 | Element::I32 | Element::F32 => 4,
            Element::U64 | Element::I64 | Element::F64 => 8,
        }
    }

    /// Whether these are bools, not numbers.
    pub fn is_bool(self) -> bool {
        self.element == Element::Bool
    }

    /// The numbers in `bytes`, each as the nearest f32, in range or not; those of bytes as they are.
    pub fn pixels(self, bytes: &[u8]) -> Pixels {
        Pixels::F32(match self.element {
            Element::Bool => return Pixels::U8(bytes.iter().map(|byte| u8::from(*byte != 0)).collect()),
            Element::U8 => return Pixels::U8(bytes.to_vec()),
            Element::I8 => self.each(bytes, |bytes| f32::from(i8::from_le_bytes(bytes))),
            Element::U16 => self.each(bytes, |bytes| f32::from(u16::from_le_bytes(bytes))),
            Element::I16 => self.each(bytes, |bytes| f32::from(i16::from_le_bytes(bytes))),
            Element::U32 => self.each(bytes, |bytes| u32::from_le_bytes(bytes) as f32),
            Element::I32 => self.each(bytes, |bytes| i32::from_le_bytes(bytes) as f32),
            Element::U64 => self.each(bytes, |bytes| u64::from_le_bytes(bytes) as f32),
            Element::I64 => self.each(bytes, |bytes| i64::from_le_bytes(bytes) as f32),
            Element::F16 => self.each(bytes, |bytes| f16::from_le_bytes(bytes).to_f32()),
            Element::F32 => self.each(bytes, f32::from_le_bytes),
            Element::F64 => self.each(bytes, |bytes| f64::from_le_bytes(bytes) as f32),
        })
    }

    fn each<const WIDTH: usize>(self, bytes: &[u8], read: impl Fn([u8; WIDTH]) -> f32) -> Vec<f32> {
        let little_endian = |mut chunk: [u8; WIDTH]| {
            if self.big_endian {
                chunk.reverse();
            }
            chunk
        };
        let chunks = bytes.as_chunks().0.iter().copied();
        chunks.map(little_endian).map(read).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    fn values(name: &str, bytes: &[u8]) -> Vec<f32> {
        Dtype::parse(name, Code::BadNpy).unwrap().pixels(bytes).into_floats()
    }

    #[test]
    fn every_type_is_read_in_both_orders() {
        assert_eq!(values("|u1", &[0, 255]), [0.0, 255.0]);
        assert_eq!(values("i1", &[0x80, 127]), [-128.0, 127.0]);
        assert_eq!(values("uint16", &[1, 2]), [513.0]);
        assert_eq!(values(">u2", &[1, 2]), [258.0]);
        assert_eq!(values("<i2", &(-3i16).to_le_bytes()), [-3.0]);
        assert_eq!(values("uint32", &254u32.to_le_bytes()), [254.0]);
        assert_eq!(values(">i4", &254i32.to_be_bytes()), [254.0]);
        assert_eq!(values("u8", &254u64.to_le_bytes()), [254.0]);
        assert_eq!(
            values("int64", &[254i64, 7].map(i64::to_le_bytes).concat()),
            [254.0, 7.0]
        );
        assert_eq!(
            values("float32", &[0.5f32, 255.0].map(f32::to_le_bytes).concat()),
            [0.5, 255.0]
        );
        assert_eq!(values(">f8", &0.25f64.to_be_bytes()), [0.25]);
        assert_eq!(values("<f2", &[0x00, 0x38, 0xf8, 0x5b]), [0.5, 255.0]);
        assert_eq!(values(">f2", &[0x7c, 0x00]), [f32::INFINITY]);
        assert_eq!(values("|b1", &[0, 1, 255]), [0.0, 1.0, 1.0]);
    }

    #[test]
    fn a_type_has_as_many_bytes_as_it_says() {
        for (name, width) in [
            ("uint8", 1),
            ("bool", 1),
            ("int16", 2),
            ("float16", 2),
            ("<f4", 4),
            ("float64", 8),
        ] {
            assert_eq!(Dtype::parse(name, Code::BadNpy).unwrap().width(), width, "{name}");
        }
    }

    #[test]
    fn other_types_are_refused_with_the_callers_code_and_the_remedy() {
        for name in [
            "", "<", "f1", "<f16", "float128", "<c8", "|S1", "O", "Float32", "é", "<<f4",
        ] {
            let reject = Dtype::parse(name, Code::UnsupportedContentType).unwrap_err();
            assert_eq!(reject.code, Code::UnsupportedContentType, "{name}");
            assert!(reject.detail.contains("astype('uint8')"), "{reject}");
        }
    }
}
