//! `application/octet-stream`: numbers, row-major N, H, W, C, and nothing around them.
//!
//! `;shape=40,28,28,1` says how they are laid out; without it they are as many whole images as fill the body. `;dtype=float32`
//! says what they are; without it unsigned bytes.

use super::array::{Array, Kind};
use crate::dtype::Dtype;
use crate::images::ImageShape;
use crate::reject::{Code, Reject, quote};

/// Reads `body`; `shape` is the parameter of the content type.
pub fn decode(body: &[u8], dtype: Dtype, shape: Option<&str>, image: ImageShape) -> Result<Array, Reject> {
    let bytes = image.values() * dtype.width();
    let shape = match shape {
        Some(text) => declared(body, bytes, text, image)?,
        None if body.len().is_multiple_of(bytes) => {
            vec![body.len() / bytes, image.height, image.width, image.channels]
        }
        None => {
            let detail = format!("{} bytes are no whole number of images of {bytes} bytes", body.len());
            return Err(Reject::new(Code::BadShape, detail));
        }
    };
    image.count(&shape)?;
    Array::of_tensor(&shape, dtype.pixels(body), Kind::of(dtype), image)
}

fn declared(body: &[u8], bytes: usize, text: &str, image: ImageShape) -> Result<Vec<usize>, Reject> {
    let shape = text
        .split(',')
        .map(|length| crate::images::length(length.trim()))
        .collect::<Option<Vec<usize>>>();
    let Some(shape) = shape else {
        let detail = format!(
            "shape {} is not a list of lengths: write it like shape=40,28,28,1",
            quote(text)
        );
        return Err(Reject::new(Code::BadShape, detail));
    };
    let (count, _) = image.count(&shape)?;
    if count * bytes != body.len() {
        let detail = format!(
            "shape {} takes {} bytes, not {}",
            quote(text),
            count * bytes,
            body.len()
        );
        return Err(Reject::new(Code::BadShape, detail));
    }
    Ok(shape)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    const TINY: ImageShape = ImageShape {
        height: 2,
        width: 2,
        channels: 1,
    };

    fn code(body: &[u8], dtype: Dtype, shape: Option<&str>) -> Code {
        decode(body, dtype, shape, TINY).unwrap_err().code
    }

    #[test]
    fn bytes_are_pixels() {
        for shape in [None, Some("2,2,2,1"), Some(" 2, 2,2 ")] {
            let array = decode(&[0, 1, 2, 255, 3, 4, 5, 6], Dtype::BYTE, shape, TINY).unwrap();
            assert_eq!(array.count, 2);
            assert_eq!(array.pixels, vec![0, 1, 2, 255, 3, 4, 5, 6].into());
        }
    }

    #[test]
    fn numbers_of_several_bytes_are_one_pixel_each() {
        let floats = Dtype::parse("float32", Code::UnsupportedContentType).unwrap();
        let body = [0.0f32, 0.5, 12.25, 255.0].map(f32::to_le_bytes).concat();
        for shape in [None, Some("2,2")] {
            let array = decode(&body, floats, shape, TINY).unwrap();
            assert_eq!((array.count, array.pixels), (1, vec![0.0, 0.5, 12.25, 255.0].into()));
        }
        assert_eq!(code(&body[..12], floats, None), Code::BadShape);
        assert_eq!(code(&body, floats, Some("4,2,2")), Code::BadShape);
    }

    #[test]
    fn bytes_that_do_not_fill_the_shape_are_refused() {
        for shape in [
            None,
            Some("2,2,2,1"),
            Some("2,2"),
            Some("-1,2,2"),
            Some("2x2"),
            Some(""),
            Some("2,2,"),
        ] {
            assert_eq!(code(&[0; 7], Dtype::BYTE, shape), Code::BadShape, "{shape:?}");
        }
        let huge = "99999999999999999999999,2,2,1";
        assert_eq!(code(&[0; 4], Dtype::BYTE, Some(huge)), Code::BadShape);
    }
}
