//! No bytes, under any content type or none, panic a decoder or give a tensor out of bounds.
//!
//! The first byte of the input chooses the content type. `wit/corpus/files` makes good seeds.

#![no_main]

use classifier_codec::decode::{ACCEPTS, decode};
use classifier_codec::images::ImageShape;
use classifier_codec::prepare::Prepare;
use libfuzzer_sys::fuzz_target;

const IMAGES: [ImageShape; 2] = [
    ImageShape {
        height: 28,
        width: 28,
        channels: 1,
    },
    ImageShape {
        height: 8,
        width: 6,
        channels: 3,
    },
];

fuzz_target!(|input: &[u8]| {
    let Some((&choice, body)) = input.split_first() else {
        return;
    };
    // Past the end of the list: no content type.
    let content_type = ACCEPTS.get(usize::from(choice) % (ACCEPTS.len() + 1)).copied();
    for image in IMAGES {
        if let Ok(decoded) = decode(content_type, body, &Prepare::default(), image) {
            let images = decoded.images;
            assert_eq!(images.values().len(), images.count() * image.values());
            assert!(images.values().iter().all(|value| (0.0..=255.0).contains(value)));
        }
    }
});
