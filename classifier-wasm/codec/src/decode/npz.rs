//! `application/x-npz`: a ZIP archive of NumPy arrays, as `numpy.savez` and `numpy.savez_compressed` write it.
//!
//! It may hold labels beside the images, and several sets of these. The array that is meant has the model's size, and a usual name if
//! several have; where that leaves two, they are named rather than one of them chosen.

use std::io::Read;

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive, ZipArchiveEntryWayfinder, ZipSliceArchive};

use super::array::Array;
use super::npy::{self, bad};
use crate::images::ImageShape;
use crate::reject::{Code, Reject, quote};

/// Usual names of arrays of images, without `.npy`; `arr_0` is NumPy's default.
const NAMES: [&str; 9] = [
    "array", "x", "image", "images", "x_test", "input", "inputs", "data", "arr_0",
];
/// How many entries of an archive are read.
const MAX_ENTRIES: usize = 1000;
/// An array's header written by NumPy ends within this many bytes.
const START: usize = 1024;

/// Reads `body`; the array has at most `room` bytes once unpacked, which are fewer afterwards.
pub fn decode(body: &[u8], room: &mut usize, image: ImageShape) -> Result<Array, Reject> {
    let archive = ZipArchive::from_slice(body).map_err(damaged)?;
    let arrays = arrays(&archive)?;
    let chosen = choose(&arrays, &archive, image)?;
    let file = chosen.read(&archive, *room)?;
    *room -= file.len();
    npy::decode(&file, image)
}

/// An array in the archive.
struct Entry {
    /// Without `.npy`.
    name: String,
    method: CompressionMethod,
    place: ZipArchiveEntryWayfinder,
}

fn arrays(archive: &ZipSliceArchive<&[u8]>) -> Result<Vec<Entry>, Reject> {
    let mut arrays = Vec::new();
    let mut entries = archive.entries();
    let mut first = None;
    for _ in 0..MAX_ENTRIES {
        let Some(entry) = entries.next_entry().map_err(damaged)? else {
            break;
        };
        let path = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
        if let Some(name) = path.strip_suffix(".npy") {
            arrays.push(Entry {
                name: name.to_owned(),
                method: entry.compression_method(),
                place: entry.wayfinder(),
            });
        }
        first.get_or_insert(path);
    }
    if arrays.is_empty() {
        let detail = format!(
            "{}: send one picture or array of it",
            foreign(first.as_deref().unwrap_or_default())
        );
        return Err(Reject::new(Code::UnknownFormat, detail));
    }
    Ok(arrays)
}

/// The kind of an archive without arrays, by its first entry.
fn foreign(first: &str) -> String {
    match first {
        "[Content_Types].xml" => "a document of Office".to_owned(),
        "mimetype" => "a document of LibreOffice, or a book".to_owned(),
        "META-INF/MANIFEST.MF" | "META-INF/" => "a Java archive".to_owned(),
        "metadata.json" => "a Keras model".to_owned(),
        _ if first.ends_with("/data.pkl") => "a PyTorch file".to_owned(),
        _ => "a ZIP archive without a NumPy array".to_owned(),
    }
}

impl Entry {
    /// All of its bytes; checks their checksum.
    fn read(&self, archive: &ZipSliceArchive<&[u8]>, room: usize) -> Result<Vec<u8>, Reject> {
        let entry = archive.get_entry(self.place).map_err(damaged)?;
        let unpacked = self.unpacked(entry.data())?;
        let mut file = Vec::new();
        let most = u64::try_from(room).unwrap_or(u64::MAX).saturating_add(1);
        let mut reader = entry.verifying_reader(unpacked).take(most);
        reader.read_to_end(&mut file).map_err(damaged)?;
        if file.len() > room {
            let detail = format!(
                "array {} has more than {room} bytes: send fewer images",
                quote(&self.name)
            );
            return Err(Reject::new(Code::TooLarge, detail));
        }
        Ok(file)
    }

    /// Its first bytes.
    fn start(&self, archive: &ZipSliceArchive<&[u8]>) -> Result<Vec<u8>, Reject> {
        let entry = archive.get_entry(self.place).map_err(damaged)?;
        let mut start = Vec::new();
        let mut reader = self.unpacked(entry.data())?.take(START as u64);
        reader.read_to_end(&mut start).map_err(damaged)?;
        Ok(start)
    }

    fn unpacked<'a>(&self, data: &'a [u8]) -> Result<Box<dyn Read + 'a>, Reject> {
        match self.method {
            CompressionMethod::STORE => Ok(Box::new(data)),
            CompressionMethod::DEFLATE => Ok(Box::new(DeflateDecoder::new(data))),
            _ => Err(bad(format!(
                "array {} is compressed in another way than deflate: write it with numpy.savez_compressed",
                quote(&self.name)
            ))),
        }
    }
}

/// The array that holds the images: the only one, the one that fits and is called so, or the only one that fits.
fn choose<'a>(arrays: &'a [Entry], archive: &ZipSliceArchive<&[u8]>, image: ImageShape) -> Result<&'a Entry, Reject> {
    if let [one] = arrays {
        return Ok(one);
    }
    let is_named = |array: &&Entry| NAMES.contains(&&*array.name.to_lowercase());
    let fits = |array: &&Entry| array.start(archive).is_ok_and(|start| npy::fits(&start, image));
    let fitting: Vec<_> = arrays.iter().filter(fits).collect();
    let named: Vec<_> = fitting.iter().copied().filter(is_named).collect();
    match (&named[..], &fitting[..]) {
        ([one], _) | ([], [one]) => Ok(*one),
        ([], []) => {
            let ImageShape {
                height,
                width,
                channels,
            } = image;
            Err(bad(format!(
                "none of the arrays {} has the shape (N, {height}, {width}, {channels})",
                names(arrays.iter())
            )))
        }
        ([], several) | (several, _) => Err(bad(format!(
            "the arrays {} all fit: send one of them, or call it `x`",
            names(several.iter().copied())
        ))),
    }
}

fn names<'a>(arrays: impl Iterator<Item = &'a Entry>) -> String {
    let names: Vec<_> = arrays.take(20).map(|array| quote(&array.name)).collect();
    names.join(", ")
}

fn damaged(error: impl std::fmt::Display) -> Reject {
    bad(format!(
        "a ZIP archive that is damaged or cut short ({error}): send it whole"
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use std::io::Write;

    use super::*;

    const TINY: ImageShape = ImageShape {
        height: 2,
        width: 2,
        channels: 1,
    };

    fn npy(shape: &str, values: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape}), }}\n");
        let length = (header.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), values].concat()
    }

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
        for (name, file) in files {
            let builder = archive.new_file(name).compression_method(CompressionMethod::DEFLATE);
            let (mut entry, config) = builder.start().unwrap();
            let encoder = flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::fast());
            let mut writer = config.wrap(encoder);
            writer.write_all(file).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
        archive.finish().unwrap();
        bytes
    }

    fn decoded(files: &[(&str, &[u8])]) -> Result<Vec<f32>, Reject> {
        decode(&archive(files), &mut 1000, TINY).map(|array| array.pixels.into_floats())
    }

    #[test]
    fn the_array_that_is_meant_is_the_only_one_the_named_one_or_the_one_that_fits() {
        let (images, labels) = (npy("1, 2, 2", &[1, 2, 3, 4]), npy("1,", &[9]));
        let other = npy("2, 2", &[5, 6, 7, 8]);
        for files in [
            &[("whatever.npy", &images[..])][..],
            &[("arr_0.npy", &images), ("arr_1.npy", &labels)],
            &[
                ("x_train.npy", &other),
                ("x_test.npy", &images),
                ("y_test.npy", &labels),
            ],
            &[
                ("pictures.npy", &images),
                ("classes.npy", &labels),
                ("notes.txt", b"hello"),
            ],
        ] {
            assert_eq!(decoded(files).unwrap(), [1.0, 2.0, 3.0, 4.0]);
        }
        for (files, names) in [
            (
                &[("x.npy", &images[..]), ("images.npy", &other)][..],
                "`x`, `images` all fit",
            ),
            (
                &[("left.npy", &images), ("right.npy", &other)],
                "`left`, `right` all fit",
            ),
            (&[("a.npy", &labels), ("b.npy", &labels)], "none of the arrays `a`, `b`"),
        ] {
            let reject = decoded(files).unwrap_err();
            assert_eq!(reject.code, Code::BadNpy);
            assert!(reject.detail.contains(names), "{reject}");
        }
    }

    #[test]
    fn what_unpacks_to_more_than_there_is_room_for_is_refused() {
        let bomb = npy("1, 2, 2", &[0; 1_000_000]);
        let archive = archive(&[("x.npy", &bomb)]);
        assert!(archive.len() < 10_000);
        assert_eq!(decode(&archive, &mut 1000, TINY).unwrap_err().code, Code::TooLarge);
    }

    #[test]
    fn archives_that_are_damaged_or_hold_no_array_are_refused() {
        let images = npy("1, 2, 2", &[1, 2, 3, 4]);
        let whole = archive(&[("x.npy", &images)]);
        for length in [4, 30, whole.len() / 2, whole.len() - 1] {
            let reject = decode(&whole[..length], &mut 1000, TINY).unwrap_err();
            assert_eq!(reject.code, Code::BadNpy, "{length}: {reject}");
        }
        let mut damaged = whole;
        let place = 45;
        damaged[place] ^= 0x55;
        assert!(decode(&damaged, &mut 1000, TINY).is_err());
        let reject = decoded(&[("model/data.pkl", b"x")]).unwrap_err();
        assert_eq!(reject.code, Code::UnknownFormat);
        assert!(reject.detail.starts_with("a PyTorch file"), "{reject}");
    }
}
