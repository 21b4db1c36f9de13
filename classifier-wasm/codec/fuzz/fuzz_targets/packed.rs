//! No bytes, packed in anything that a message may be packed in, panic a decoder: a fuzzer finds no sums by itself.
//!
//! The first byte of the input chooses what is around the rest.

#![no_main]

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use classifier_codec::decode::decode;
use classifier_codec::images::ImageShape;
use classifier_codec::prepare::Prepare;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use libfuzzer_sys::fuzz_target;

const IMAGE: ImageShape = ImageShape {
    height: 28,
    width: 28,
    channels: 1,
};

fn packed(choice: u8, body: &[u8]) -> Option<Vec<u8>> {
    let text = || STANDARD.encode(body);
    Some(match choice % 6 {
        0 => {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(body).ok()?;
            gzip.finish().ok()?
        }
        1 => {
            let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
            zlib.write_all(body).ok()?;
            zlib.finish().ok()?
        }
        2 => text().into_bytes(),
        3 => format!("data:;base64,{}", text()).into_bytes(),
        4 => format!("{{\"instances\": [{{\"b64\": \"{}\"}}]}}", text()).into_bytes(),
        _ => format!("{{\"specversion\": \"1.0\", \"data_base64\": \"{}\"}}", text()).into_bytes(),
    })
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, body)) = input.split_first() else {
        return;
    };
    let Some(body) = packed(choice, body) else {
        return;
    };
    if let Ok(decoded) = decode(None, &body, &Prepare::default(), IMAGE) {
        assert!(decoded.images.values().iter().all(|value| (0.0..=255.0).contains(value)));
    }
});
