//! The body of a message: `{"array": [...]}`, or a JSON string that contains it, as the original producer sends it.
//! The array is (N, 28, 28, 1), (N, 28, 28) or (28, 28).

use std::slice;

use serde_json::Value;

use crate::centroids::PIXELS;
use crate::image_stream::classifier::types::Error;
use crate::reject;

const SIDE: usize = 28;

/// All pixels, image after image.
pub fn decode(body: &[u8]) -> Result<Vec<f32>, Error> {
    let not_json = |error: serde_json::Error| reject("not-json", error.to_string());
    let mut message: Value = serde_json::from_slice(body).map_err(not_json)?;
    if let Value::String(inner) = &message {
        message = serde_json::from_str(inner).map_err(not_json)?;
    }
    let Some(array) = message.get("array") else {
        return Err(reject("bad-array", "there is no member 'array'"));
    };
    let images = match depth(array) {
        1 if items(array, Some(0)).is_ok() => &[],
        2 => slice::from_ref(array),
        3 | 4 => items(array, None)?,
        depth => return Err(bad_shape(format!("{depth} levels of lists"))),
    };
    let mut pixels = Vec::with_capacity(images.len() * PIXELS);
    for image in images {
        for row in items(image, Some(SIDE))? {
            for pixel in items(row, Some(SIDE))? {
                pixels.push(number(pixel)?);
            }
        }
    }
    Ok(pixels)
}

/// A list of integers, as Python's `json.dumps` writes it.
pub fn encode(classes: &[usize]) -> Vec<u8> {
    let classes: Vec<String> = classes.iter().map(usize::to_string).collect();
    format!("[{}]", classes.join(", ")).into_bytes()
}

/// Levels of lists, along their first items.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.first().map_or(0, depth),
        _ => 0,
    }
}

/// A pixel: a number, or a list of the one channel.
fn number(pixel: &Value) -> Result<f32, Error> {
    let value = match pixel {
        Value::Array(channels) => match channels.as_slice() {
            [channel] => channel,
            other => return Err(bad_shape(format!("{} channels", other.len()))),
        },
        value => value,
    };
    match value.as_f64() {
        Some(number) if (0.0..=255.0).contains(&number) => Ok(number as f32),
        Some(number) => Err(reject("out-of-range", format!("a pixel is {number}: send 0 to 255"))),
        None => Err(reject("bad-array", "the array holds something other than numbers")),
    }
}

fn items(value: &Value, expected: Option<usize>) -> Result<&[Value], Error> {
    match value {
        Value::Array(items) if expected.is_none_or(|expected| items.len() == expected) => Ok(items),
        Value::Array(items) => Err(bad_shape(format!("a list of {}", items.len()))),
        _ => Err(bad_shape("a number where a list should be".to_owned())),
    }
}

fn bad_shape(found: String) -> Error {
    reject(
        "bad-shape",
        format!("{found}: send (N, 28, 28, 1), (N, 28, 28) or (28, 28)"),
    )
}
