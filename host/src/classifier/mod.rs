//! The classifier: message in, message or error out, through a component that need not be trusted.
//!
//! Only this module names wasmtime. Each worker is a thread that keeps one instance warm and calls it. After a trap, a time-out or a wrong
//! reply the instance is discarded, and the next message gets a fresh one. Calls run on wasmtime's fibers and do not block their
//! thread, because a component that waits in a host function (a clock, say) is out of reach of epochs, and only a call that can be
//! dropped ends on time.
//!
//! # Limits
//!
//! | what | limit | where |
//! | --- | --- | --- |
//! | a component file; a model file | 256 MiB; `--guest-memory` | `engine`, `pool` |
//! | compiling: memory, time, threads | 4 GiB, 10 minutes, 8 | `compiler` |
//! | compiled code in the cache | 1 GiB; the least recently used goes first | `code` |
//! | linear memory, all memories together | `--guest-memory`, 1 GiB | `limits` |
//! | table entries; instances, tables, memories | 2^20; 64, 64, 16 | `limits` |
//! | one call, waiting included | `--guest-timeout`, 30 s | `instance` |
//! | one reply | `--max-message-bytes`, 16 MiB | `check`, and before it wasmtime's fuel for host calls |
//! | host objects held | 1,024 | `state` |
//! | a call that nobody waits for any more | 1 s | `pool` |
//! | random bytes of one call | 1 MiB | `state` |
//! | a line of log; all lines of one call; of all instances | 4,096 bytes; 64 KiB a stream; 64 KiB a second | `log` |
//! | a detail; a code; a name | 1,024 characters; 64 bytes; 256 bytes | `check` |
//! | examples of a self-test | 64 | `self_test` |
//! | warnings of a reply | 16 | `check` |
//! | an image; labels; images in a message; media types | 2^24 values; 65,536; 2^20; 256 each way | `check` |

mod audit;
mod bindings;
mod check;
mod code;
mod compiler;
mod contract;
mod engine;
mod exports;
mod imports;
mod inspect;
mod instance;
mod kind;
mod labels;
mod limits;
mod log;
mod model;
mod origin;
mod pool;
mod predictor;
mod program;
mod self_test;
mod signature;
mod state;
mod trust;
mod version;

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;

pub use audit::Tool;
pub use compiler::{Compiler, compile_within};
pub use imports::{Access, Import};
pub use inspect::{Inspection, inspect};
pub use kind::{Kind, kind_of};
pub use labels::read as read_labels;
pub use limits::Limits;
pub use model::Model;
pub use origin::{Build, Origin};
pub use pool::Classifier;
pub use predictor::Predictor;
pub use trust::{Key, SignatureFiles, Trust, Trusted};

use crate::pipeline::Cause;
use crate::values::DigestError;

/// Which component, and how it runs.
#[derive(Clone, Debug)]
pub struct ClassifierConfig {
    /// Where the component comes from.
    pub component: Origin,
    /// What its file has to show before anything is done with it.
    pub trust: Trust,
    /// Link functions that always fail for what it imports of WASI and is not granted. Otherwise it is refused.
    pub stub_wasi: bool,
    /// The build of it with more operators, for a model that needs them. None: there is none, or the component was named.
    pub full: Option<Origin>,
    /// An ONNX file to put in place of the component's own model.
    pub model: Option<PathBuf>,
    /// The name of that model's output to use. None: its only one.
    pub model_output: Option<String>,
    /// A file with the names of that model's classes, one a line. None: as the model says.
    pub labels: Option<PathBuf>,
    /// The media type to request for every answer. None: the component's default.
    pub accept: Option<String>,
    /// How to read pixels, in the contract's parameters. None: the component's defaults.
    pub prepare: Option<String>,
    /// Threads, each with an instance of its own.
    pub workers: NonZeroUsize,
    /// Bounds of each instance.
    pub limits: Limits,
    /// Keep compiled code between runs.
    pub cache: bool,
    /// Where the component is compiled, and within which limits.
    pub compiler: Compiler,
}

impl ClassifierConfig {
    /// The same with other files. Fails for a signature if there is no key to check it by.
    pub fn with(&self, other: Replacement) -> Result<Self, String> {
        let mut config = self.clone();
        if let Some(file) = other.component {
            config.component = Origin::File(file);
            config.full = None;
        }
        if other.model.is_some() {
            (config.model, config.labels) = (other.model, other.labels);
        }
        if let Some(digest) = other.digest {
            config.trust.digest = Some(digest.parse().map_err(|error: DigestError| error.to_string())?);
        }
        if let Some(signature) = other.signature {
            let files = config.trust.signature.as_mut();
            files
                .ok_or("the host was started without --signature and --key, so it has no key to check a signature by")?
                .signature = signature;
        }
        Ok(config)
    }

    /// The files that a start reads.
    pub fn files(&self) -> Vec<PathBuf> {
        let component = match &self.component {
            Origin::File(file) => Some(file),
            Origin::Carried(_) => None,
        };
        let signature = self.trust.signature.as_ref().map(|files| &files.signature);
        let files = [component, self.model.as_ref(), self.labels.as_ref(), signature];
        files.into_iter().flatten().cloned().collect()
    }

    /// The same with the build that has more operators, if there is one and `error` asks for it.
    fn with_more_operators(&self, error: &ComponentError) -> Option<Self> {
        let cause = error.lacking()?;
        let component = self.full.clone()?;
        tracing::info!(%component, "{}; another one runs the model", cause.detail);
        Some(Self {
            component,
            full: None,
            ..self.clone()
        })
    }
}

/// Other files for a classifier. What is not named stays as it is, but a model that is named has its own labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Replacement {
    /// The component.
    pub component: Option<PathBuf>,
    /// The model to use instead of the component's own.
    pub model: Option<PathBuf>,
    /// The names of that model's classes.
    pub labels: Option<PathBuf>,
    /// The digest that the component has to have.
    pub digest: Option<String>,
    /// The signature that it has to have, by the key that is there already.
    pub signature: Option<PathBuf>,
}

/// A component's description of itself, checked.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Description {
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// Lower-case hex digest of the model file. None: it takes none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_sha256: Option<String>,
    /// Of one image, in pixels.
    pub height: u32,
    /// Of one image, in pixels.
    pub width: u32,
    /// 1: grey. 3: red, green, blue.
    pub channels: u32,
    /// The index is the class.
    pub labels: Vec<String>,
    /// How the model's numbers become probabilities, for people. None: it takes no model file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scores: Option<String>,
    /// The most images that one message may carry.
    pub max_images: u32,
    /// Media types taken, preferred first.
    pub accepts: Vec<String>,
    /// Media types given, the default first.
    pub produces: Vec<String>,
}

impl Description {
    /// Whether the classes have no names but their numbers, so that nothing says what they mean.
    pub fn has_only_numbers(&self) -> bool {
        let numbers = (0..self.labels.len()).map(|class| class.to_string());
        numbers.eq(self.labels.iter().map(String::as_str))
    }

    /// How many values an image has, all channels together.
    pub fn values(&self) -> u64 {
        u64::from(self.height) * u64::from(self.width) * u64::from(self.channels)
    }
}

/// Why a component is refused.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// None was named, and there is none where the program looks for one.
    #[error(
        "there is no component: this program carries none, and there is no {}; build one with 'cargo xtask component', install a \
         program that carries it with 'cargo xtask install', or name a file with --component",
        quoted(.0)
    )]
    Nowhere(Vec<PathBuf>),
    /// The file is missing or not readable.
    #[error("cannot read '{}': {error}; build it with 'cargo xtask component' or name another with --component", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It is not the file that was asked for, or nobody who is trusted has signed it.
    #[error("'{}' is not to be trusted: {reason}", path.display())]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// What differs, and the remedy.
        reason: String,
    },
    /// The files given with `--signature` and `--key` are no signature and no key.
    #[error("cannot use '{}': {reason}", path.display())]
    TrustUnusable {
        /// The file.
        path: PathBuf,
        /// What is wrong, and the remedy.
        reason: String,
    },
    /// Not a component that can be compiled.
    #[error("'{}' is not a WebAssembly component: {reason}; build one for wasm32-wasip2", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// It cannot be compiled, or not within the limits.
    #[error("cannot compile '{}': {reason}", path.display())]
    Compile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The same, reported by the compiling process, which does not know the file's name.
    #[error("{0}")]
    Uncompilable(String),
    /// Code from there might be anybody's.
    #[error(
        "compiled code cannot be kept in '{}': {trouble}; remove it, name another folder with XDG_CACHE_HOME, or give --no-cache",
        path.display()
    )]
    Cache {
        /// The folder.
        path: PathBuf,
        /// Who else might write to it.
        trouble: String,
    },
    /// A component of another world.
    #[error("'{}' is a component, but not a classifier by wit/classifier.wit: {reason}", path.display())]
    World {
        /// The file.
        path: PathBuf,
        /// What is missing, or imported and not granted.
        reason: String,
    },
    /// It trapped, or took too long, before the first message.
    #[error("the component does not start: {0}")]
    Start(String),
    /// Its description is not usable.
    #[error("the component's description is not usable: {0}")]
    Description(String),
    /// It does not answer its own examples as it says it should.
    #[error(
        "the component fails its own test: {0}; it is damaged, or its model is not the one that its examples are of"
    )]
    SelfTest(String),
    /// The model given with `--model` cannot be read.
    #[error("cannot read the model '{}': {error}", path.display())]
    ModelUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file given with `--model` is of another known format.
    #[error("'{}' is no ONNX model: {reason}", path.display())]
    NoModel {
        /// The file.
        path: PathBuf,
        /// What it is instead, and the remedy.
        reason: String,
    },
    /// The files with its weights cannot be read, or it has no output of the given name.
    #[error("the model '{}' cannot be used: {reason}", path.display())]
    ModelUnusable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The labels given with `--labels` cannot be used.
    #[error("cannot read the labels '{}': {reason}; name a text file with one label a line", path.display())]
    LabelsUnreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The component refuses the model.
    #[error("the component refuses the model: {}: {}{}", .0.code, .0.detail, remedy(.0))]
    Model(Cause),
    /// It does not support what is requested with every message.
    #[error("the component does not support what is requested: {}: {}", .0.code, .0.detail)]
    NotGranted(Cause),
    /// It does not support what a command needs.
    #[error("the component cannot be asked for classes: {0}")]
    Unfit(String),
    /// A file to inspect cannot be read.
    #[error(
        "cannot read '{}': {error}; name a component or an ONNX model, or build the component with 'cargo xtask component'",
        path.display()
    )]
    FileUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file to inspect is of another kind.
    #[error("'{}' is neither a WebAssembly component nor an ONNX model: {reason}", path.display())]
    Neither {
        /// The file.
        path: PathBuf,
        /// What it is instead, and the remedy.
        reason: String,
    },
    /// The machine has no room for an engine.
    #[error("the WebAssembly engine does not start: {0}")]
    Engine(String),
}

impl ComponentError {
    /// Whether the component is refused for what it is, and not for what is around it.
    fn is_of_the_component(&self) -> bool {
        matches!(
            self,
            Self::Untrusted { .. }
                | Self::Invalid { .. }
                | Self::Compile { .. }
                | Self::World { .. }
                | Self::Start(_)
                | Self::Description(_)
                | Self::SelfTest(_)
                | Self::Model(_)
        )
    }

    /// What the model needs and another build of the component may have.
    fn lacking(&self) -> Option<&Cause> {
        match self {
            Self::Model(cause) if cause.code == LACKS_OPERATORS => Some(cause),
            _ => None,
        }
    }
}

/// The code of a component for a model that has operators which this build lacks.
const LACKS_OPERATORS: &str = "lacks-operators";

fn remedy(cause: &Cause) -> &'static str {
    match cause.code.as_str() {
        LACKS_OPERATORS => {
            "; classifier-full.wasm has the operators of most models: build it with 'cargo xtask component', and name it with \
             --component"
        }
        _ => "",
    }
}

/// `'a' or 'b'`; without any paths, what is missing.
fn quoted(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths.iter().map(|path| format!("'{}'", path.display())).collect();
    match paths.as_slice() {
        [] => "file beside it".to_owned(),
        paths => paths.join(" or "),
    }
}
