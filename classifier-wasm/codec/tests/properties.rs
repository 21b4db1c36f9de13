//! What holds for every message: tensors survive every format, and no bytes do harm.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../../../wit/corpus/cases.rs"]
#[allow(dead_code)]
mod cases;
mod files;

use std::sync::LazyLock;

use classifier_codec::answer::Answer;
use classifier_codec::decode::{self, Decoded};
use classifier_codec::images::{ImageShape, Images};
use classifier_codec::prepare::Prepare;
use classifier_codec::reject::Reject;
use proptest::collection::vec;
use proptest::prelude::*;

const GREY: ImageShape = ImageShape {
    height: 4,
    width: 3,
    channels: 1,
};
const COLOUR: ImageShape = ImageShape {
    height: 2,
    width: 3,
    channels: 3,
};
const TYPES: [Option<&str>; 14] = [
    None,
    Some("application/json"),
    Some("application/x-npy"),
    Some("application/octet-stream"),
    Some("application/octet-stream;dtype=uint8"),
    Some("application/octet-stream;dtype=>f4"),
    Some("application/octet-stream;shape=2,4,3,1"),
    Some("image/png"),
    Some("image/jpeg"),
    Some("image/webp"),
    Some("image/gif"),
    Some("image/bmp"),
    Some("image/tiff"),
    Some("application/x-npz"),
];

/// The model's of the corpus.
const MODEL: ImageShape = ImageShape {
    height: 28,
    width: 28,
    channels: 1,
};

/// Each message with its content type, but those that take long by their size alone.
static CORPUS: LazyLock<Vec<(Option<String>, Vec<u8>)>> = LazyLock::new(|| {
    let takes_long = |name: &str| name.contains("bomb") || name.contains("megapixels") || name.contains("hundred");
    let cases = cases::cases().into_iter().filter(|case| !takes_long(&case.name));
    let messages = cases.map(|case| (case.content_type.clone(), case.body()));
    messages.filter(|(_, body)| !body.is_empty()).collect()
});

/// What is asked for about pixels.
const PREPARE: [Option<&str>; 4] = [None, Some("scale=1"), Some("scale=auto;raw=uint8"), Some("raw=float64")];

fn decode(content_type: Option<&str>, body: &[u8], image: ImageShape) -> Result<Images, Reject> {
    let Decoded { images, .. } = decode::decode(content_type, body, &Prepare::default(), image)?;
    Ok(images)
}

fn shape() -> impl Strategy<Value = ImageShape> {
    prop_oneof![Just(GREY), Just(COLOUR)]
}

/// A model's image and the bytes of 1 to 5 of them.
fn pixels() -> impl Strategy<Value = (ImageShape, usize, Vec<u8>)> {
    (shape(), 1..6usize)
        .prop_flat_map(|(image, count)| (Just(image), Just(count), vec(any::<u8>(), count * image.values())))
}

/// Values as nested lists, written by Python's json with `comma` between.
fn lists(values: &[String], shape: &[usize], comma: &str) -> String {
    match shape {
        [] => values[0].clone(),
        [length, inner @ ..] => {
            let size = values.len() / length;
            let parts = values.chunks(size).map(|part| lists(part, inner, comma));
            format!("[{}]", parts.collect::<Vec<_>>().join(comma))
        }
    }
}

fn npy(descr: &str, shape: &[usize], values: &[u8]) -> Vec<u8> {
    let shape = shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}\n");
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), values].concat()
}

/// Every format that keeps pixels as they are, with its content type or none.
fn encodings(image: ImageShape, count: usize, bytes: &[u8]) -> Vec<(Option<&'static str>, Vec<u8>)> {
    let shape = [count, image.height, image.width, image.channels];
    let integers = bytes.iter().map(u8::to_string).collect::<Vec<_>>();
    let floats = bytes
        .iter()
        .map(|&byte| format!("{:?}", f64::from(byte)))
        .collect::<Vec<_>>();
    let object = format!("{{\"array\": {}}}", lists(&integers, &shape, ", "));
    let wide = bytes
        .iter()
        .flat_map(|&byte| f32::from(byte).to_le_bytes())
        .collect::<Vec<_>>();
    let first = [count, image.channels, image.height, image.width];
    let planes = bytes.chunks(image.values()).flat_map(|image_bytes| {
        (0..image.channels).flat_map(move |channel| image_bytes.iter().copied().skip(channel).step_by(image.channels))
    });
    let planes: Vec<u8> = planes.collect();
    let array = npy("|u1", &shape, bytes);
    let list = lists(&integers, &shape, ", ");
    let tensor = format!(
        "{{\"inputs\": [{{\"name\": \"x\", \"shape\": {shape:?}, \"datatype\": \"UINT8\", \"data\": [{}]}}]}}",
        integers.join(", ")
    );
    let mut packed = files::packings(&array).map(|body| (None, body)).collect::<Vec<_>>();
    packed.extend([
        (None, npy("|u1", &first, &planes)),
        (None, files::npz("arr_0", &array)),
        (None, format!("{{\"instances\": {list}}}").into_bytes()),
        (None, format!("{{\"inputs\": {list}}}").into_bytes()),
        (None, tensor.into_bytes()),
        (
            None,
            format!("{{\"specversion\": \"1.0\", \"data\": {object}}}").into_bytes(),
        ),
        (Some("application/json"), serde_json::to_vec(&object).unwrap()),
        (None, object.into_bytes()),
        (None, lists(&floats, &shape, ",\n").into_bytes()),
        (None, lists(&integers, &shape, ",").into_bytes()),
        (Some("application/x-npy"), npy("|u1", &shape, bytes)),
        (None, npy("<f4", &shape, &wide)),
        (Some("application/octet-stream;dtype=float32"), wide),
        (Some("application/octet-stream;dtype=uint8"), bytes.to_vec()),
    ]);
    packed
}

fn within_bounds(images: &Images, image: ImageShape) -> bool {
    images.count() > 0
        && images.values().len() == images.count() * image.values()
        && images.values().iter().all(|value| (0.0..=255.0).contains(value))
}

proptest! {
    #[test]
    fn pixels_survive_every_format((image, count, bytes) in pixels()) {
        let expected = bytes.iter().copied().map(f32::from).collect::<Vec<_>>();
        for (content_type, body) in encodings(image, count, &bytes) {
            let images = decode(content_type, &body, image).unwrap();
            prop_assert_eq!(images.count(), count);
            prop_assert_eq!(&images.values(), &expected);
        }
    }

    #[test]
    fn no_bytes_harm_any_decoder(body in vec(any::<u8>(), 0..300), image in shape()) {
        for (content_type, prepare) in TYPES.into_iter().flat_map(|content_type| PREPARE.map(|prepare| (content_type, prepare))) {
            let prepare = Prepare::requested(prepare).unwrap();
            if let Ok(decoded) = decode::decode(content_type, &body, &prepare, image) {
                prop_assert!(within_bounds(&decoded.images, image));
            }
        }
    }

    /// Bytes that nobody calls pixels are answered only where they are of a format.
    #[test]
    fn no_bytes_become_pixels_by_their_length_alone((image, _, bytes) in pixels()) {
        for content_type in [None, Some("application/octet-stream")] {
            prop_assert!(decode(content_type, &bytes, image).is_err(), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn no_text_like_json_harms_any_decoder(body in "[\\[\\]{}\", :\\\\a-eE0-9.+-]{0,80}", image in shape()) {
        if let Ok(images) = decode(None, body.as_bytes(), image) {
            prop_assert!(within_bounds(&images, image));
        }
    }

    #[test]
    fn no_change_of_a_good_message_harms_its_decoder(
        (image, count, bytes) in pixels(),
        which in any::<prop::sample::Index>(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let encodings = encodings(image, count, &bytes);
        let (content_type, mut body) = which.get(&encodings).clone();
        for (place, byte) in changes {
            let place = place.index(body.len());
            body[place] = byte;
        }
        for body in [&body[..], &body[..cut.index(body.len())]] {
            for content_type in [content_type, None] {
                if let Ok(images) = decode(content_type, body, image) {
                    prop_assert!(within_bounds(&images, image));
                }
            }
        }
    }

    #[test]
    fn no_change_of_a_message_of_the_corpus_harms_its_decoder(
        which in any::<prop::sample::Index>(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        image in prop_oneof![shape(), Just(MODEL)],
    ) {
        let (content_type, mut body) = which.get(&CORPUS[..]).clone();
        for (place, byte) in changes {
            let place = place.index(body.len());
            body[place] = byte;
        }
        files::mend_sums(&mut body);
        if let Ok(images) = decode(content_type.as_deref(), &body, image) {
            prop_assert!(within_bounds(&images, image));
        }
    }

    #[test]
    fn no_change_of_a_picture_harms_its_decoder(
        which in 0..files::PICTURES,
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        image in shape(),
    ) {
        let mut body = files::picture(which);
        for (place, byte) in changes {
            let place = place.index(body.len());
            body[place] = byte;
        }
        files::mend_sums(&mut body);
        for body in [&body[..], &body[..cut.index(body.len())]] {
            match decode(None, body, image) {
                Ok(images) => prop_assert!(within_bounds(&images, image)),
                // In words, and not as Rust shows its structures.
                Err(reject) => prop_assert!(!reject.detail.contains(" { "), "{reject}"),
            }
        }
    }

    /// What is packed is changed before it is packed: otherwise its sum would be wrong, and nobody would look inside.
    #[test]
    fn no_change_within_what_is_packed_harms_its_decoder(
        (image, count, bytes) in pixels(),
        which in any::<prop::sample::Index>(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let encodings = encodings(image, count, &bytes);
        let (content_type, mut body) = which.get(&encodings).clone();
        for (place, byte) in changes {
            let place = place.index(body.len());
            body[place] = byte;
        }
        for packed in files::packings(&body) {
            for content_type in [content_type, None] {
                if let Ok(images) = decode(content_type, &packed, image) {
                    prop_assert!(within_bounds(&images, image));
                }
            }
        }
    }

    #[test]
    fn no_text_like_a_server_s_message_harms_any_decoder(
        parts in vec(prop::sample::select(files::WORDS.to_vec()), 1..24),
        image in shape(),
    ) {
        if let Ok(images) = decode(None, parts.concat().as_bytes(), image) {
            prop_assert!(within_bounds(&images, image));
        }
    }

    #[test]
    fn no_content_type_or_accept_harms(text in "\\PC{0,60}", parameter in "[a-z-]{1,8} ?= ?\"?[ -~]{0,20}\"?") {
        let whole = format!("application/json; {parameter}");
        for text in [&text, &whole] {
            let _ = decode(Some(text), b"[[1,2,3]]", GREY);
            let _ = Answer::requested(Some(text));
            let _ = Prepare::requested(Some(text));
        }
    }
}
