//! Files of every format that is taken, for what changes them.

use std::io::{Cursor, Write};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use flate2::write::{GzEncoder, ZlibEncoder};
use flate2::{Compression, Crc};
use image::{DynamicImage, ImageFormat, Luma, Rgb, RgbImage};

/// What messages to servers of models are made of.
pub const WORDS: [&str; 26] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    " ",
    "\"",
    "1",
    "255",
    "true",
    "null",
    "\"array\":",
    "\"instances\":",
    "\"inputs\":",
    "\"b64\":",
    "\"data\":",
    "\"data_base64\":",
    "\"specversion\":",
    "\"datacontenttype\":",
    "\"shape\":",
    "\"datatype\":",
    "\"BYTES\"",
    "\"UINT8\"",
    "\"iVBORw0KGgo=\"",
    "\"data:;base64,\"",
];

/// How many pictures there are.
pub const PICTURES: usize = 12;

/// A small picture of each kind.
pub fn picture(which: usize) -> Vec<u8> {
    let colours = RgbImage::from_fn(9, 7, |x, y| Rgb([x as u8 * 20, y as u8 * 30, 99]));
    let picture = DynamicImage::from(colours.clone());
    let written = |picture: DynamicImage, format: ImageFormat| {
        let mut file = Cursor::new(Vec::new());
        picture.write_to(&mut file, format).unwrap();
        file.into_inner()
    };
    match which {
        0 => written(picture, ImageFormat::Png),
        1 => written(picture.into_rgba16().into(), ImageFormat::Png),
        2 => written(picture.into_luma_alpha8().into(), ImageFormat::Png),
        3 => written(picture, ImageFormat::Jpeg),
        4 => written(picture.into_luma8().into(), ImageFormat::Jpeg),
        5 => written(picture, ImageFormat::Bmp),
        6 => written(picture.into_luma8().into(), ImageFormat::Bmp),
        7 => webp(&colours, image_webp::ColorType::Rgb8),
        8 => webp(&picture.into_rgba8(), image_webp::ColorType::Rgba8),
        9 => gif(&colours),
        10 => tiff::<tiff::encoder::colortype::RGB8>(&colours),
        _ => {
            let wide = image::ImageBuffer::from_fn(9, 7, |x, y| Luma([(x * y * 1000) as u16]));
            tiff::<tiff::encoder::colortype::Gray16>(&wide)
        }
    }
}

fn webp(samples: &[u8], colour: image_webp::ColorType) -> Vec<u8> {
    let mut file = Vec::new();
    image_webp::WebPEncoder::new(&mut file)
        .encode(samples, 9, 7, colour)
        .unwrap();
    file
}

/// Of two frames, of which the first does not fill the screen.
fn gif(colours: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let palette: Vec<u8> = (0..64).flat_map(|place| [place * 4; 3]).collect();
    let mut encoder = gif::Encoder::new(&mut file, 10, 8, &palette).unwrap();
    for transparent in [Some(3), None] {
        let frame = gif::Frame {
            width: 9,
            height: 7,
            left: 1,
            transparent,
            buffer: colours.chunks_exact(3).map(|colour| colour[0] / 4).collect(),
            ..gif::Frame::default()
        };
        encoder.write_frame(&frame).unwrap();
    }
    drop(encoder);
    file
}

fn tiff<C: tiff::encoder::colortype::ColorType>(samples: &[C::Inner]) -> Vec<u8>
where
    [C::Inner]: tiff::encoder::TiffValue,
{
    let mut file = Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut file).unwrap();
    encoder.write_image::<C>(9, 7, samples).unwrap();
    file.into_inner()
}

/// Makes the sums of a PNG's chunks right: otherwise nobody would look at what was changed.
pub fn mend_sums(body: &mut [u8]) {
    if !body.starts_with(b"\x89PNG\r\n\x1a\n") {
        return;
    }
    let mut at = 8;
    while let Some(length) = body.get(at..at + 4).and_then(|length| length.first_chunk()) {
        let end = at + 8 + u32::from_be_bytes(*length) as usize;
        let Some(chunk) = body.get(at + 4..end) else {
            return;
        };
        let mut sum = Crc::new();
        sum.update(chunk);
        let Some(place) = body.get_mut(end..end + 4) else {
            return;
        };
        place.copy_from_slice(&sum.sum().to_be_bytes());
        at = end + 4;
    }
}

/// A message in everything that may be around it.
pub fn packings(body: &[u8]) -> impl Iterator<Item = Vec<u8>> + use<> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(body).unwrap();
    let gzip = gzip.finish().unwrap();
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(body).unwrap();
    let text = STANDARD.encode(body);
    [
        STANDARD.encode(&gzip).into_bytes(),
        gzip,
        zlib.finish().unwrap(),
        format!("\"{text}\"").into_bytes(),
        format!("{{\"array\": [\"{}\"]}}", URL_SAFE_NO_PAD.encode(body)).into_bytes(),
        format!("{{\"instances\": [{{\"b64\": \"{text}\"}}]}}").into_bytes(),
        format!("{{\"data_base64\": \"{text}\", \"specversion\": \"1.0\"}}").into_bytes(),
        format!("data:;base64,{text}").into_bytes(),
        text.into_bytes(),
    ]
    .into_iter()
}

/// An archive of one array.
pub fn npz(name: &str, array: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut file);
    let name = format!("{name}.npy");
    let builder = archive
        .new_file(&name)
        .compression_method(rawzip::CompressionMethod::DEFLATE);
    let (mut entry, config) = builder.start().unwrap();
    let encoder = flate2::write::DeflateEncoder::new(&mut entry, Compression::fast());
    let mut writer = config.wrap(encoder);
    writer.write_all(array).unwrap();
    let (encoder, descriptor) = writer.finish().unwrap();
    encoder.finish().unwrap();
    entry.finish(descriptor).unwrap();
    archive.finish().unwrap();
    file
}
