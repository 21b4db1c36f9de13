//! `application/octet-stream`: unsigned bytes, row-major N, H, W, C, and nothing around them.
//!
//! `;shape=40,28,28,1` says how they are laid out; without it they are as many whole images as fill the body.

use crate::images::{ImageShape, Images};
use crate::reject::{Code, Reject, quote};

/// Reads `body`; `shape` is the parameter of the content type.
pub fn decode(body: &[u8], shape: Option<&str>, image: ImageShape) -> Result<Images, Reject> {
    let count = match shape {
        Some(text) => declared(body, text, image)?,
        None if body.len().is_multiple_of(image.values()) => {
            image.count(&[body.len() / image.values(), image.height, image.width, image.channels])?
        }
        None => {
            let detail = format!(
                "{} bytes are no whole number of images of {} bytes",
                body.len(),
                image.values()
            );
            return Err(Reject::new(Code::BadShape, detail));
        }
    };
    Images::new(image, count, body.iter().copied().map(f32::from).collect())
}

fn declared(body: &[u8], text: &str, image: ImageShape) -> Result<usize, Reject> {
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
    let count = image.count(&shape)?;
    if count * image.values() != body.len() {
        let detail = format!(
            "shape {} takes {} bytes, not {}",
            quote(text),
            count * image.values(),
            body.len()
        );
        return Err(Reject::new(Code::BadShape, detail));
    }
    Ok(count)
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

    #[test]
    fn bytes_are_pixels() {
        for shape in [None, Some("2,2,2,1"), Some(" 2, 2,2 ")] {
            let images = decode(&[0, 1, 2, 255, 3, 4, 5, 6], shape, TINY).unwrap();
            assert_eq!(images.count(), 2);
            assert_eq!(images.values(), [0.0, 1.0, 2.0, 255.0, 3.0, 4.0, 5.0, 6.0]);
        }
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
            assert_eq!(
                decode(&[0; 7], shape, TINY).unwrap_err().code,
                Code::BadShape,
                "{shape:?}"
            );
        }
        let huge = "99999999999999999999999,2,2,1";
        assert_eq!(decode(&[0; 4], Some(huge), TINY).unwrap_err().code, Code::BadShape);
    }
}
