//! Pixels as JSON, byte for byte as Python writes them: `{"array": [...]}`, an array of the shape (N, H, W, C).

use std::array;

use super::pixels::Batch;

/// The message of the Python program, which encodes twice, `json.dumps(json.dumps({"array": array.tolist()}))`: a JSON string
/// that holds an object. Written straight through: nothing in it but the two key quotes needs escaping.
pub fn python_message(batch: &Batch) -> Vec<u8> {
    written(batch, br#""{\"array\": ["#, br#"]}""#)
}

/// The object alone.
pub fn object(batch: &Batch) -> Vec<u8> {
    written(batch, br#"{"array": ["#, b"]}")
}

fn written(batch: &Batch, begin: &[u8], end: &[u8]) -> Vec<u8> {
    let [image, row, pixel] = widths(batch);
    let numbers: [String; 256] = array::from_fn(|value| value.to_string());
    // A pixel takes at most `[255], `.
    let mut body = Vec::with_capacity(batch.pixels.len() * 7 + 64);
    body.extend(begin);
    separated(&mut body, batch.pixels.chunks(image), |body, image| {
        body.push(b'[');
        separated(body, image.chunks(row), |body, row| {
            body.push(b'[');
            separated(body, row.chunks(pixel), |body, pixel| {
                body.push(b'[');
                separated(body, pixel.iter(), |body, value| {
                    if let Some(number) = numbers.get(usize::from(*value)) {
                        body.extend(number.as_bytes());
                    }
                });
                body.push(b']');
            });
            body.push(b']');
        });
        body.push(b']');
    });
    body.extend(end);
    body
}

/// Values of an image, a row and a pixel; at least 1 each, as `chunks` needs it.
fn widths(batch: &Batch) -> [usize; 3] {
    let shape = batch.shape;
    let row = shape.width.saturating_mul(shape.channels);
    let widths = [row.saturating_mul(shape.height), row, shape.channels];
    widths.map(|width| usize::try_from(width).unwrap_or(usize::MAX).max(1))
}

fn separated<T>(body: &mut Vec<u8>, items: impl Iterator<Item = T>, write: impl Fn(&mut Vec<u8>, T)) {
    for (index, item) in items.enumerate() {
        if index > 0 {
            body.extend(b", ");
        }
        write(body, item);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::images::{Shape, test_images};

    #[test]
    fn a_batch_is_written_as_python_writes_it() {
        let shape = Shape {
            height: 2,
            width: 1,
            channels: 1,
        };
        let pixels = vec![0, 13, 255, 7];
        // python3 -c 'import json; print(json.dumps(json.dumps({"array": [[[[0]], [[13]]], [[[255]], [[7]]]]})))'
        let expected = r#""{\"array\": [[[[0]], [[13]]], [[[255]], [[7]]]]}""#;
        assert_eq!(python_message(&Batch { shape, pixels }), expected.as_bytes());
    }

    #[test]
    fn channels_stand_within_their_pixel() {
        let shape = Shape {
            height: 1,
            width: 2,
            channels: 3,
        };
        let pixels = vec![1, 2, 3, 4, 5, 6];
        let expected = r#""{\"array\": [[[[1, 2, 3], [4, 5, 6]]]]}""#;
        assert_eq!(python_message(&Batch { shape, pixels }), expected.as_bytes());
    }

    #[test]
    fn the_test_images_read_back_as_nested_lists_of_their_pixels() {
        let batch = test_images().unwrap().read(3).unwrap().unwrap();
        let inner: String = serde_json::from_slice(&python_message(&batch)).unwrap();
        let value: serde_json::Value = serde_json::from_str(&inner).unwrap();
        let array: Vec<Vec<Vec<[u8; 1]>>> = serde_json::from_value(value["array"].clone()).unwrap();
        assert_eq!((array.len(), array[0].len(), array[0][0].len()), (3, 28, 28));
        let pixels: Vec<u8> = array.into_iter().flatten().flatten().flatten().collect();
        assert_eq!(pixels, batch.pixels);
    }
}
