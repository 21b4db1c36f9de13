//! Weights in other files than the model's, as PyTorch exports them. Source of the format: onnx.ai, "External Data".
//!
//! A model is not trusted, and could name any file of the system. So the host opens only regular files in the model's own folder.

use std::fs::File;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use super::Fault;
use super::wire::{Field, Malformed, Message, Stretch, Value, fields};
use crate::files;

/// `TensorProto`'s fields.
const NAME: u64 = 8;
const RAW_DATA: u64 = 9;
const EXTERNAL_DATA: u64 = 13;
const DATA_LOCATION: u64 = 14;
const EXTERNAL: u64 = 1;

/// What to do if a file cannot be read.
const REMEDY: &str = "put all weights beside the model as the exporter wrote them, or all into one file: \
                      onnx.save(onnx.load(\"model.onnx\"), \"whole.onnx\"), torch.onnx.export(..., external_data=False)";

/// The folder of a model, and the files in it that have been opened for their weights.
pub struct Folder {
    path: PathBuf,
    opened: Vec<Beside>,
}

/// An opened file.
struct Beside {
    location: String,
    file: File,
    length: u64,
}

impl Folder {
    /// The folder of the file `model`. Opens nothing yet.
    pub fn of(model: &Path) -> Self {
        let path = match model.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        Self {
            path: path.to_owned(),
            opened: Vec::new(),
        }
    }

    /// The names of the opened files.
    pub fn names(&self) -> Vec<String> {
        self.opened.iter().map(|beside| beside.location.clone()).collect()
    }

    /// The opened files, in the same order.
    pub fn files(&self) -> Vec<&File> {
        self.opened.iter().map(|beside| &beside.file).collect()
    }

    /// The `TensorProto` in `range` of `file`, with its values inside.
    pub fn tensor(&mut self, file: &[u8], range: Range<usize>) -> Result<Message, Fault> {
        let mut tensor = Message::default();
        let mut place = Place::default();
        let mut is_external = false;
        for field in fields(file, range.clone()) {
            let Field { number, whole, value } = field?;
            match (number, value) {
                (DATA_LOCATION, Value::Number(location)) => is_external = location == EXTERNAL,
                (EXTERNAL_DATA, Value::Bytes(entry)) => place.take(file, entry)?,
                (RAW_DATA, _) => {}
                (NAME, Value::Bytes(name)) => {
                    place.tensor = text(file, name);
                    tensor.keep(whole);
                }
                _ => tensor.keep(whole),
            }
        }
        if !is_external {
            let mut same = Message::default();
            same.keep(range);
            return Ok(same);
        }
        tensor.insert(RAW_DATA, self.stretch(&place)?);
        Ok(tensor)
    }

    /// The part of a file that `place` names, which exists.
    fn stretch(&mut self, place: &Place) -> Result<Stretch, Fault> {
        let Place { tensor, location, .. } = place;
        let (offset, length) = (
            number(place, "offset", &place.offset)?,
            number(place, "length", &place.length)?,
        );
        let file = self.open(place)?;
        let all = self.opened.get(file).map_or(0, |beside| beside.length);
        let offset = offset.unwrap_or(0);
        let length = length.unwrap_or(all.saturating_sub(offset));
        match offset.checked_add(length) {
            Some(end) if end <= all => Ok(Stretch { file, offset, length }),
            _ => Err(Fault::Weights(format!(
                "'{location}' is cut short or another model's: it has {all} bytes, and {length} of the tensor '{tensor}' begin \
                 at {offset}; copy it once more, or export the model again"
            ))),
        }
    }

    /// The index of the file that `place` names, opened.
    fn open(&mut self, place: &Place) -> Result<usize, Fault> {
        let Place { tensor, location, .. } = place;
        if let Some(opened) = self.opened.iter().position(|beside| beside.location == *location) {
            return Ok(opened);
        }
        let refused = |problem: &str| {
            Fault::Weights(format!(
                "the tensor '{tensor}' lies in '{location}', {problem}; {REMEDY}"
            ))
        };
        let is_plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        let is_odd = |c: char| c == '\\' || c.is_control();
        if location.is_empty() || location.contains(is_odd) || !Path::new(location).components().all(is_plain) {
            return Err(refused("which is no file of the model's own folder"));
        }
        let path = self.path.join(location);
        let unreadable = |error: std::io::Error| refused(&format!("and '{}' cannot be read: {error}", path.display()));
        // The file, or a folder on the way to it, may be a link that leads out.
        let folder = self.path.canonicalize().map_err(unreadable)?;
        let real = path.canonicalize().map_err(unreadable)?;
        if !real.starts_with(&folder) {
            return Err(refused(&format!(
                "a link that leads out of the model's folder, to '{}'",
                real.display()
            )));
        }
        let file = files::open(&real).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        self.opened.push(Beside {
            location: location.clone(),
            file,
            length,
        });
        Ok(self.opened.len() - 1)
    }
}

/// Where the values of a tensor are, as the model says.
#[derive(Debug, Default)]
struct Place {
    tensor: String,
    location: String,
    /// Decimal numbers. Empty: from the start, and to the end.
    offset: String,
    length: String,
}

impl Place {
    /// Reads a `StringStringEntryProto`. Ignores other keys, such as a checksum.
    fn take(&mut self, file: &[u8], entry: Range<usize>) -> Result<(), Malformed> {
        let (mut key, mut value) = (String::new(), String::new());
        for field in fields(file, entry) {
            match field? {
                Field {
                    number: 1,
                    value: Value::Bytes(range),
                    ..
                } => key = text(file, range),
                Field {
                    number: 2,
                    value: Value::Bytes(range),
                    ..
                } => value = text(file, range),
                _ => {}
            }
        }
        match key.as_str() {
            "location" => self.location = value,
            "offset" => self.offset = value,
            "length" => self.length = value,
            _ => {}
        }
        Ok(())
    }
}

/// A decimal number of bytes. None: it is empty.
fn number(place: &Place, what: &str, written: &str) -> Result<Option<u64>, Fault> {
    match written {
        "" => Ok(None),
        written => written.parse().map(Some).map_err(|_| {
            Fault::Weights(format!(
                "the tensor '{}' has the {what} '{written}', which is no number of bytes; export the model again",
                place.tensor
            ))
        }),
    }
}

/// Invalid text matches no name.
fn text(file: &[u8], range: Range<usize>) -> String {
    String::from_utf8_lossy(file.get(range).unwrap_or_default()).into_owned()
}
