//! Images as messages: chooses the fastest of a component's formats that keeps every pixel.

use std::path::Path;

use bytes::Bytes;

use crate::classifier::ComponentError;
use crate::images::{Batch, json, media_type_of, media_type_of_name};
use crate::message::{CONTENT_TYPE, Message};

const RAW: &str = "application/octet-stream";
/// NumPy's file.
pub const NPY: &str = "application/x-npy";
const JSON: &str = "application/json";

/// How pixels are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// As bytes, with their shape in the content type.
    Raw,
    /// As a NumPy file.
    Npy,
    /// As a JSON object.
    Json,
}

impl Wire {
    /// The best format that a component accepts.
    pub fn choose(accepts: &[String]) -> Result<Self, ComponentError> {
        let takes = |wanted: &str| {
            let mut essences = accepts.iter().filter_map(|media| media.split(';').next());
            essences.any(|essence| essence.trim().eq_ignore_ascii_case(wanted))
        };
        let formats = [(RAW, Self::Raw), (NPY, Self::Npy), (JSON, Self::Json)];
        let chosen = formats.into_iter().find(|(media, _)| takes(media));
        chosen.map(|(_, wire)| wire).ok_or_else(|| {
            ComponentError::Unfit(format!(
                "for pixels it has to take {RAW}, {NPY} or {JSON}, and it takes {}",
                accepts.join(", ")
            ))
        })
    }

    /// The message of a batch.
    pub fn message(self, batch: &Batch) -> Message {
        let shape = batch.shape;
        let [n, h, w, c] = [batch.count(), shape.height, shape.width, shape.channels];
        let (payload, content_type) = match self {
            Self::Raw => (batch.pixels.clone(), format!("{RAW};shape={n},{h},{w},{c}")),
            Self::Npy => (npy([n, h, w, c], &batch.pixels), NPY.to_owned()),
            Self::Json => (json::object(batch), JSON.to_owned()),
        };
        let mut message = Message::new(payload);
        message.set_header(CONTENT_TYPE, content_type);
        message
    }
}

/// A file of version 1, padded like NumPy's.
fn npy([n, h, w, c]: [u64; 4], pixels: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({n}, {h}, {w}, {c}), }}");
    let start = 10;
    while !(start + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    // Four numbers of 20 digits at most.
    let length = u16::try_from(header.len()).unwrap_or(u16::MAX);
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(length.to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(pixels);
    file
}

/// The message of a picture file, unchanged. Its media type follows from its first bytes, else from its name.
pub fn file(bytes: &Bytes, path: &Path) -> Message {
    let mut message = Message::new(bytes.clone());
    if let Some(media_type) = media_type_of(bytes).or_else(|| media_type_of_name(path)) {
        message.set_header(CONTENT_TYPE, media_type);
    }
    message
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::images::{Layout, Shape, npy};

    fn accepts(media: &[&str]) -> Vec<String> {
        media.iter().map(|media| (*media).to_owned()).collect()
    }

    fn batch() -> Batch {
        let shape = Shape {
            height: 2,
            width: 1,
            channels: 3,
        };
        let pixels = (1..=12).collect();
        Batch { shape, pixels }
    }

    #[test]
    fn the_quickest_format_that_is_taken_is_chosen() {
        let all = accepts(&[JSON, NPY, "Application/Octet-Stream; shape=1,2,2,1"]);
        assert_eq!(Wire::choose(&all).unwrap(), Wire::Raw);
        assert_eq!(Wire::choose(&accepts(&[JSON, NPY])).unwrap(), Wire::Npy);
        assert_eq!(Wire::choose(&accepts(&["image/png", JSON])).unwrap(), Wire::Json);
        let said = Wire::choose(&accepts(&["image/png"])).unwrap_err().to_string();
        assert!(said.contains("it takes image/png"), "{said}");
    }

    #[test]
    fn every_format_holds_the_pixels_and_their_shape() {
        let raw = Wire::Raw.message(&batch());
        assert_eq!(raw.content_type(), Some("application/octet-stream;shape=2,2,1,3"));
        assert_eq!(raw.body(), batch().pixels);
        let json = Wire::Json.message(&batch());
        assert_eq!(json.content_type(), Some(JSON));
        assert_eq!(
            json.body(),
            br#"{"array": [[[[1, 2, 3]], [[4, 5, 6]]], [[[7, 8, 9]], [[10, 11, 12]]]]}"#
        );
        let file = Wire::Npy.message(&batch());
        assert_eq!(file.content_type(), Some(NPY));
        let mut reader = file.body();
        let expected = Layout {
            images: 2,
            shape: batch().shape,
        };
        assert_eq!(npy::layout(&mut reader), Ok(expected));
        assert_eq!(reader, batch().pixels);
        assert!((file.body().len() - 12).is_multiple_of(64));
    }

    #[test]
    fn a_file_has_the_type_that_it_begins_like_or_else_that_it_is_called() {
        let content_type = |bytes: &'static [u8], name: &str| {
            let message = super::file(&Bytes::from_static(bytes), Path::new(name));
            message.content_type().map(str::to_owned)
        };
        assert_eq!(
            content_type(b"\xff\xd8\xff\xe0", "a.png").as_deref(),
            Some("image/jpeg")
        );
        assert_eq!(content_type(b"nothing", "a.PNG").as_deref(), Some("image/png"));
        assert_eq!(content_type(b"", "a.jpg").as_deref(), Some("image/jpeg"));
    }
}
