//! Reads the model given with `--model`: the ONNX file, its weights in other files, and which output to use.
//!
//! A component has no files, so the host passes it one ONNX file with all weights in it. To do that the host only finds the
//! tensors and outputs in the file, and copies all other bytes as they are. The component decides whether it can run the model.

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
mod weights;
mod wire;

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use self::weights::Folder;
use self::wire::{Field, Malformed, Message, Value, fields};
use super::{ClassifierConfig, ComponentError, check, kind};
use crate::files;

/// The deepest nesting of messages. The component reads no deeper one either.
const DEPTH: usize = 100;

/// A model as a component gets it.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The ONNX file.
    pub bytes: Arc<[u8]>,
    /// The names of the files that its weights were read from.
    pub weights: Vec<String>,
}

impl Model {
    /// Lower-case hex SHA-256 of the ONNX file.
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(&self.bytes))
    }
}

/// Why a file cannot be passed on as a model.
enum Fault {
    /// It is not valid protobuf. The component reports that with more detail.
    Malformed,
    /// Its weights cannot be read.
    Weights(String),
}

impl From<Malformed> for Fault {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Reads the model of `config`. A model larger than the guest's memory is not read.
pub(super) fn read(config: &ClassifierConfig) -> Result<Option<Model>, ComponentError> {
    let Some(path) = &config.model else { return Ok(None) };
    let limit = config.limits.memory_bytes as u64;
    let unreadable = |error| ComponentError::ModelUnreadable {
        path: path.clone(),
        error,
    };
    kind::refuse_others(path)?;
    let file = files::read(path, limit).map_err(unreadable)?;
    whole(path, file, config.model_output.as_deref(), limit).map(Some)
}

/// The contents of `path`, with all weights in it, and with `output` as its only output.
fn whole(path: &Path, file: Vec<u8>, output: Option<&str>, limit: u64) -> Result<Model, ComponentError> {
    let mut join = Join {
        file: &file,
        folder: Folder::of(path),
        output,
        outputs: Vec::new(),
    };
    let range = 0..file.len();
    let refused = |reason: String| ComponentError::ModelUnusable {
        path: path.to_owned(),
        reason: check::text(&reason),
    };
    let message = match join.message(Kind::Model, range.clone(), 0) {
        Ok(message) => message,
        Err(Fault::Weights(reason)) => return Err(refused(reason)),
        Err(Fault::Malformed) if output.is_none() => {
            return Ok(Model {
                bytes: file.into(),
                weights: Vec::new(),
            });
        }
        Err(Fault::Malformed) => {
            return Err(refused(
                "it is no ONNX file, of which --model-output could choose an output".to_owned(),
            ));
        }
    };
    if let Some(output) = output
        && !join.outputs.iter().any(|name| name == output)
    {
        let names = join.outputs.iter().map(|name| format!("'{name}'"));
        let names = names.collect::<Vec<_>>().join(", ");
        return Err(refused(format!(
            "it has no output '{output}' for --model-output, only {names}"
        )));
    }
    let weights = join.folder.names();
    if message.is(&range) {
        return Ok(Model {
            bytes: file.into(),
            weights,
        });
    }
    if message.length() > limit {
        let length = message.length();
        return Err(refused(format!(
            "with its weights it has {length} bytes, more than --guest-memory allows ({limit})"
        )));
    }
    let bytes = message.bytes(&file, &join.folder.files());
    let bytes =
        bytes.map_err(|error: io::Error| refused(format!("its weights changed while they were read: {error}")))?;
    Ok(Model {
        bytes: bytes.into(),
        weights,
    })
}

/// A message that may contain tensors or outputs.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Model,
    Function,
    Graph,
    Subgraph,
    Node,
    Attribute,
    SparseTensor,
    Tensor,
}

impl Kind {
    /// The kind of the message in a field, by its number in `onnx.proto`. None: it contains neither.
    fn of(self, field: u64) -> Option<Self> {
        match (self, field) {
            (Self::Model, 7) => Some(Self::Graph),
            (Self::Model, 25) => Some(Self::Function),
            (Self::Function, 7) | (Self::Graph | Self::Subgraph, 1) => Some(Self::Node),
            (Self::Function, 11) | (Self::Node, 5) => Some(Self::Attribute),
            (Self::Graph | Self::Subgraph, 5) | (Self::Attribute, 5 | 10) | (Self::SparseTensor, 1 | 2) => {
                Some(Self::Tensor)
            }
            (Self::Graph | Self::Subgraph, 15) | (Self::Attribute, 22 | 23) => Some(Self::SparseTensor),
            (Self::Attribute, 6 | 11) => Some(Self::Subgraph),
            _ => None,
        }
    }
}

/// `GraphProto.output`, and `ValueInfoProto.name` in it.
const OUTPUT: u64 = 12;
const NAME: u64 = 1;

/// A model that is being put together.
struct Join<'a> {
    file: &'a [u8],
    folder: Folder,
    /// The output to keep. None: all.
    output: Option<&'a str>,
    /// The names of all outputs.
    outputs: Vec<String>,
}

impl Join<'_> {
    /// The message in `range` of the file, nested in `depth` others.
    fn message(&mut self, kind: Kind, range: Range<usize>, depth: usize) -> Result<Message, Fault> {
        if kind == Kind::Tensor {
            return self.folder.tensor(self.file, range);
        }
        if depth > DEPTH {
            return Err(Fault::Malformed);
        }
        let mut message = Message::default();
        for field in fields(self.file, range) {
            let Field { number, whole, value } = field?;
            let Value::Bytes(inner) = value else {
                message.keep(whole);
                continue;
            };
            if kind == Kind::Graph && number == OUTPUT && !self.has(inner.clone())? {
                continue;
            }
            let Some(part) = kind.of(number) else {
                message.keep(whole);
                continue;
            };
            let part = self.message(part, inner.clone(), depth + 1)?;
            match part.is(&inner) {
                true => message.keep(whole),
                false => message.nest(number, part),
            }
        }
        Ok(message)
    }

    /// Whether to keep the output in `range`.
    fn has(&mut self, range: Range<usize>) -> Result<bool, Malformed> {
        let mut name = "";
        for field in fields(self.file, range) {
            if let Field {
                number: NAME,
                value: Value::Bytes(range),
                ..
            } = field?
            {
                name = std::str::from_utf8(self.file.get(range).unwrap_or_default()).unwrap_or_default();
            }
        }
        self.outputs.push(name.to_owned());
        Ok(self.output.is_none_or(|output| output == name))
    }
}
