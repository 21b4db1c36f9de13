//! From a file to a program that can be instantiated: read, checked, compiled, linked.

use std::borrow::Cow;
use std::path::Path;

use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use super::code::Folder;
use super::contract::{self, Interfaces, Refusal};
use super::exports::Exports;
use super::{ClassifierConfig, ComponentError, Origin, check, engine};
use crate::values::Digest;

/// The largest component: far more than an interpreter with its library and a model. Bytes.
const LARGEST: u64 = 256 << 20;

/// A component's file, read once: what is checked is what is compiled, whatever becomes of the file meanwhile.
pub(super) struct ComponentFile {
    pub(super) bytes: Cow<'static, [u8]>,
    pub(super) digest: Digest,
}

/// A component file, compiled.
pub(super) struct Program {
    pub(super) engine: Engine,
    component: Component,
    /// Whether what it imports of WASI and is not granted is linked as stubs.
    stubs: bool,
    /// Lower-case hex SHA-256 of the file.
    pub(super) digest: String,
}

impl ComponentFile {
    /// Reads it off the async threads.
    pub(super) async fn read(origin: &Origin) -> Result<Self, ComponentError> {
        let origin = origin.clone();
        off_thread(move || {
            let bytes = origin.read(LARGEST).map_err(|error| ComponentError::Unreadable {
                path: origin.path().into(),
                error,
            })?;
            let digest = Digest::of(&bytes);
            Ok(Self { bytes, digest })
        })
        .await
    }

    /// Its imports and exports, if it is to be trusted and is a classifier.
    fn check(&self, config: &ClassifierConfig) -> Result<Interfaces, ComponentError> {
        let path = config.component.path();
        config.trust.check(path, &self.bytes, self.digest)?;
        check_kind(path, &self.bytes)?;
        contract::check(&self.bytes, config.stub_wasi).map_err(|refusal| match refusal {
            Refusal::Invalid(reason) => ComponentError::Invalid {
                path: path.into(),
                reason,
            },
            Refusal::World(reason, _) => ComponentError::World {
                path: path.into(),
                reason,
            },
        })
    }
}

impl Program {
    /// Checks and compiles, or loads the stored code. The first time may take long; dropping the future ends it.
    pub(super) async fn compile(config: &ClassifierConfig, file: ComponentFile) -> Result<Self, ComponentError> {
        let asked = config.clone();
        let (file, interfaces) = off_thread(move || {
            let interfaces = file.check(&asked)?;
            Ok((file, interfaces))
        })
        .await?;
        interfaces.log(&config.component);
        let engine = engine::new()?;
        engine::tick(&engine);
        let kept = config.cache;
        let folder = off_thread(move || Folder::open(kept)).await?;
        let digest = file.digest.hex();
        let path = config.component.path();
        let component = folder.component(&engine, path, file.bytes, &digest, &config.compiler);
        Ok(Self {
            component: component.await?,
            engine,
            stubs: config.stub_wasi,
            digest,
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
        if self.stubs {
            engine::stub(&mut linker, &self.engine, &self.component).map_err(refused)?;
        }
        Exports::find(&linker, &self.component).map_err(refused)
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
