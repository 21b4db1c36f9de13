//! From a file to a program that can be instantiated: read, checked, compiled, linked.

use std::borrow::Cow;
use std::path::Path;

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use super::code::Folder;
use super::contract::{self, Interfaces, Refusal};
use super::exports::Exports;
use super::{ClassifierConfig, ComponentError, Origin, check, engine};

/// The largest component: far more than an interpreter with its library and a model. Bytes.
const LARGEST: u64 = 256 << 20;

/// A component file, compiled.
pub(super) struct Program {
    pub(super) engine: Engine,
    component: Component,
    /// Its imports and exports.
    pub(super) interfaces: Interfaces,
    /// Lower-case hex SHA-256 of the file.
    pub(super) digest: String,
    /// Bytes of the file.
    pub(super) size: usize,
}

/// A component file that was read, and is a classifier.
struct Checked {
    bytes: Cow<'static, [u8]>,
    interfaces: Interfaces,
    digest: String,
}

impl Program {
    /// Reads, checks and compiles, or loads the stored code. The first time may take long; dropping the future ends
    /// it.
    pub(super) async fn compile(config: &ClassifierConfig) -> Result<Self, ComponentError> {
        let origin = config.component.clone();
        let checked = off_thread(move || Checked::read(&origin)).await?;
        let engine = engine::new()?;
        engine::tick(&engine);
        let kept = config.cache;
        let folder = off_thread(move || Folder::open(kept)).await?;
        let size = checked.bytes.len();
        let component = folder.component(
            &engine,
            config.component.path(),
            checked.bytes,
            &checked.digest,
            &config.compiler,
        );
        Ok(Self {
            component: component.await?,
            engine,
            interfaces: checked.interfaces,
            digest: checked.digest,
            size,
        })
    }

    /// Links the imports, and finds the exports.
    pub(super) fn link(&self, path: &Path) -> Result<Exports, ComponentError> {
        let refused = |error: wasmtime::Error| ComponentError::World {
            path: path.into(),
            reason: check::text(&format!("{error:#}")),
        };
        let mut linker = Linker::new(&self.engine);
        engine::allow(&mut linker).map_err(refused)?;
        Exports::find(&linker, &self.component).map_err(refused)
    }
}

impl Checked {
    fn read(origin: &Origin) -> Result<Self, ComponentError> {
        let path = origin.path();
        let bytes = origin.read(LARGEST).map_err(|error| ComponentError::Unreadable {
            path: path.into(),
            error,
        })?;
        check_kind(path, &bytes)?;
        let interfaces = contract::check(&bytes).map_err(|refusal| match refusal {
            Refusal::Invalid(reason) => ComponentError::Invalid {
                path: path.into(),
                reason,
            },
            Refusal::World(reason) => ComponentError::World {
                path: path.into(),
                reason,
            },
        })?;
        Ok(Self {
            digest: hex::encode(Sha256::digest(&bytes)),
            bytes,
            interfaces,
        })
    }
}

/// Runs blocking work off the async threads.
pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ComponentError> + Send + 'static,
) -> Result<T, ComponentError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(ComponentError::Engine(error.to_string())))
}

/// Names the two common mistakes, better than the compiler does.
fn check_kind(path: &Path, bytes: &[u8]) -> Result<(), ComponentError> {
    let reason = match bytes.get(..8) {
        Some([0, b'a', b's', b'm', 0x0d, 0, 1, 0]) => return Ok(()),
        Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => "it is a core WebAssembly module, not a component",
        Some([0, b'a', b's', b'm', ..]) => "it is WebAssembly of an unknown version",
        _ => "it is not WebAssembly",
    };
    Err(ComponentError::Invalid {
        path: path.into(),
        reason: reason.to_owned(),
    })
}
