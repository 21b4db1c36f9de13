//! NumPy's `.npz`: a zip file with an npy file for each array.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, FileReader, RECOMMENDED_BUFFER_SIZE, ZipArchive, ZipArchiveEntryWayfinder};

use super::labels::{self, ByName, Integer};
use super::{DataError, Labelled, Split, check_layout};
use crate::classifier::Description;
use crate::files;
use crate::images::npy::{self, Header};
use crate::images::{HeaderError, ImagesError, Layout, Pixels};
use crate::terminal::printable;

/// The first bytes of every such file.
pub const MAGIC: &[u8] = b"PK\x03\x04";

/// Far more than one data set has.
const MOST_ARRAYS: usize = 10_000;

/// Longest name of a class, in characters.
const LONGEST_NAME: usize = 1024;

/// Finds images and classes by the names of the arrays, and reads the classes.
pub fn open(path: &Path, split: Split, model: &Description) -> Result<Labelled, DataError> {
    let data = path.display().to_string();
    let archive = Archive::open(path)?;
    let names = archive.names();
    let [images, classes] = arrays(&data, split, &names)?;
    let name = format!("{data} ({images})");

    let Array { file, header, values } = Array::open(&archive, images)?;
    let layout = header.layout().and_then(Layout::checked);
    let layout = layout.map_err(|source| unusable(&file, source))?;
    let pixels = Pixels::new(file, layout, Box::new(values));

    let Array {
        file,
        header,
        mut values,
    } = Array::open(&archive, classes)?;
    let reason = |reason: String| DataError::Labels {
        data: file.clone(),
        reason,
    };
    let count = match *header.dimensions.as_slice() {
        [count] | [count, 1] => count,
        _ => {
            let dimensions = &header.dimensions;
            return Err(reason(format!(
                "they have the shape {dimensions:?}; (N) or (N, 1) is needed"
            )));
        }
    };
    let Some(integer) = Integer::new(&header.descr) else {
        let descr = printable(&header.descr);
        return Err(reason(format!(
            "they are of type '{descr}'; save them as integers, little-endian"
        )));
    };
    check_layout(&name, layout, count, model)?;
    let numbers = (0..count).map(|read| {
        let number = integer.read(&mut values);
        number.map_err(|error| reason(format!("{count} are announced and {read} are there: {error}")))
    });
    let classes = match images == "images" && names.iter().any(|name| name == "labels") {
        true => labels::mapped(&name, numbers, &named_classes(&archive, model)?)?,
        false => labels::of_model(&name, numbers, model)?,
    };
    Labelled::pixels(name, pixels, classes, model)
}

/// The names of the arrays with the images of a split and their classes.
fn arrays(data: &str, split: Split, names: &[String]) -> Result<[&'static str; 2], DataError> {
    let of = |split| match split {
        Split::Test => ["x_test", "y_test"],
        Split::Train => ["x_train", "y_train"],
    };
    let has = |name: &str| names.iter().any(|there| there == name);
    for pair @ [images, classes] in [of(split), ["images", "classes"]] {
        let half = |there: &str, missing: &str| DataError::Half {
            data: data.to_owned(),
            there: format!("the array {there}"),
            missing: missing.to_owned(),
        };
        match (has(images), has(classes)) {
            (true, true) => return Ok(pair),
            (true, false) => return Err(half(images, classes)),
            (false, true) => return Err(half(classes, images)),
            (false, false) => {}
        }
    }
    let other = split.other();
    if of(other).into_iter().all(has) {
        return Err(DataError::OtherSplit {
            data: data.to_owned(),
            wanted: split.name(),
            there: other.name(),
        });
    }
    let [images, classes] = of(split);
    let there: Vec<_> = names.iter().take(20).map(|name| printable(name)).collect();
    Err(DataError::Archive {
        data: data.to_owned(),
        reason: format!(
            "it has the arrays [{}]; {images} and {classes}, or images and classes, are needed",
            there.join(", ")
        ),
    })
}

/// The model's class for each name in the array `labels`.
fn named_classes(archive: &Archive, model: &Description) -> Result<Vec<u32>, DataError> {
    let Array {
        file,
        header,
        mut values,
    } = Array::open(archive, "labels")?;
    let reason = |reason: &str| DataError::Labels {
        data: file.clone(),
        reason: reason.to_owned(),
    };
    let text = Text::new(&header.descr)
        .ok_or_else(|| reason("they are not text of at most 1,024 characters; save numpy.array(labels, dtype=str)"))?;
    let count = match *header.dimensions.as_slice() {
        [count] if count <= 65_536 => count,
        _ => return Err(reason("their shape is not (N), with N of at most 65,536")),
    };
    let by_name = ByName::new(model);
    let names = (0..count).map(|_| {
        let name = text.read(&mut values).map_err(|error| reason(&error.to_string()))?;
        by_name.class(&format!("the name in {file}:"), &name)
    });
    names.collect()
}

/// A text type of NumPy: a fixed number of characters, padded with zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Text {
    characters: usize,
    /// 4 bytes for each character, little-endian; otherwise one.
    wide: bool,
}

impl Text {
    fn new(descr: &str) -> Option<Self> {
        let (wide, characters) = match descr.strip_prefix("<U") {
            Some(characters) => (true, characters),
            None => (false, descr.strip_prefix("|S")?),
        };
        let characters = characters
            .parse()
            .ok()
            .filter(|&characters| characters <= LONGEST_NAME)?;
        Some(Self { characters, wide })
    }

    fn read(self, reader: &mut impl Read) -> io::Result<String> {
        let mut bytes = vec![
            0;
            if self.wide {
                4 * self.characters
            } else {
                self.characters
            }
        ];
        reader.read_exact(&mut bytes)?;
        let text = match self.wide {
            false => String::from_utf8_lossy(&bytes).into_owned(),
            true => {
                let (words, _) = bytes.as_chunks();
                let characters = words.iter().map(|word| char::from_u32(u32::from_le_bytes(*word)));
                characters.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
            }
        };
        Ok(text.trim_end_matches('\0').to_owned())
    }
}

/// An array whose header was read.
struct Array {
    /// Its name for people.
    file: String,
    header: Header,
    values: BufReader<Box<dyn Read + Send>>,
}

impl Array {
    fn open(archive: &Archive, name: &str) -> Result<Self, DataError> {
        let file = format!("{}: {name}", archive.path.display());
        let mut values = BufReader::new(archive.entry(name)?);
        let header = match values.fill_buf() {
            Ok(start) if start.starts_with(npy::MAGIC) => npy::header(&mut values),
            Ok([]) => Err(HeaderError::Empty),
            Ok(_) => Err(HeaderError::Unknown),
            Err(source) => {
                let file = file.into();
                return Err(ImagesError::Unreadable { file, source }.into());
            }
        };
        let header = header.map_err(|source| unusable(&file, source))?;
        Ok(Self { file, header, values })
    }
}

fn unusable(file: &str, source: HeaderError) -> ImagesError {
    let file = file.into();
    ImagesError::Header { file, source }
}

/// A zip file with an index of its arrays.
struct Archive {
    path: PathBuf,
    zip: ZipArchive<FileReader>,
    /// The arrays' names with the places of their files.
    entries: Vec<(String, Entry)>,
}

/// How one file of a zip file is stored.
#[derive(Clone, Copy)]
struct Entry {
    place: ZipArchiveEntryWayfinder,
    method: CompressionMethod,
    is_encrypted: bool,
}

impl Archive {
    fn open(path: &Path) -> Result<Self, DataError> {
        let broken = |error: rawzip::Error| {
            archive_error(
                path,
                format!("it is not a complete zip file: {error}; download it again"),
            )
        };
        let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
        let zip = ZipArchive::from_file(open_file(path)?, &mut buffer).map_err(broken)?;
        let mut entries = Vec::new();
        let mut found = zip.entries(&mut buffer);
        while let Some(entry) = found.next_entry().map_err(broken)? {
            let file = String::from_utf8_lossy(entry.file_path().as_bytes()).into_owned();
            let Some(name) = file.strip_suffix(".npy") else {
                continue;
            };
            let kept = Entry {
                place: entry.wayfinder(),
                method: entry.compression_method(),
                is_encrypted: entry.flags().is_encrypted(),
            };
            entries.push((name.to_owned(), kept));
            if entries.len() > MOST_ARRAYS {
                return Err(archive_error(
                    path,
                    format!("it contains more than {MOST_ARRAYS} arrays"),
                ));
            }
        }
        let path = path.to_owned();
        Ok(Self { path, zip, entries })
    }

    fn names(&self) -> Vec<String> {
        self.entries.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The bytes of an array's file, unpacked; its checksum is checked at the end.
    fn entry(&self, name: &str) -> Result<Box<dyn Read + Send>, DataError> {
        let broken = |reason: String| archive_error(&self.path, format!("{name}: {reason}"));
        let found = self.entries.iter().find(|(there, _)| there == name);
        let Some((_, entry)) = found else {
            return Err(broken("it is not there".to_owned()));
        };
        if entry.is_encrypted {
            return Err(broken("it is encrypted".to_owned()));
        }
        let place = self
            .zip
            .get_entry(entry.place)
            .map_err(|error| broken(error.to_string()))?;
        let (start, end) = place.compressed_data_range();
        let mut file = open_file(&self.path)?;
        file.seek(SeekFrom::Start(start))
            .map_err(|error| broken(error.to_string()))?;
        let packed = BufReader::new(file).take(end.saturating_sub(start));
        match entry.method {
            CompressionMethod::STORE => Ok(Box::new(place.verifying_reader(packed))),
            CompressionMethod::DEFLATE => Ok(Box::new(place.verifying_reader(DeflateDecoder::new(packed)))),
            _ => Err(broken(
                "it is packed in a way that NumPy does not support; write it with numpy.savez or numpy.savez_compressed"
                    .to_owned(),
            )),
        }
    }
}

fn open_file(path: &Path) -> Result<File, DataError> {
    let file = files::open(path).map_err(|source| ImagesError::Unreadable {
        file: path.to_owned(),
        source,
    })?;
    Ok(file)
}

fn archive_error(path: &Path, reason: String) -> DataError {
    DataError::Archive {
        data: path.display().to_string(),
        reason,
    }
}
