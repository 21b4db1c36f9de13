//! From a file to a program that can be instantiated: engine, linker, epoch ticker.

use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::component::{Component, HasData, Linker, ResourceTable};
use wasmtime::{Config, Engine};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi_io::bindings::wasi::io;

use super::bindings::ClassifierPre;
use super::code::Folder;
use super::contract::{self, Interfaces, Refusal};
use super::instance::State;
use super::{ClassifierConfig, ComponentError, check};
use crate::files;

/// How often a running guest yields, so that a time-out can end it.
const TICK: Duration = Duration::from_millis(10);

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
    bytes: Vec<u8>,
    interfaces: Interfaces,
    digest: String,
}

impl Program {
    /// Reads, checks and compiles, or loads the stored code. The first time may take long; dropping the future ends
    /// it.
    pub(super) async fn compile(config: &ClassifierConfig) -> Result<Self, ComponentError> {
        let path = config.component.clone();
        let checked = off_thread(move || Checked::read(&path)).await?;
        let engine = new()?;
        tick(&engine);
        let kept = config.cache;
        let folder = off_thread(move || Folder::open(kept)).await?;
        let size = checked.bytes.len();
        let component = folder.component(
            &engine,
            &config.component,
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

    /// Links the imports and checks that it exports the contract.
    pub(super) fn link(&self, path: &Path) -> Result<ClassifierPre<State>, ComponentError> {
        let refused = |error: wasmtime::Error| ComponentError::World {
            path: path.into(),
            reason: check::text(&format!("{error:#}")),
        };
        let mut linker = Linker::new(&self.engine);
        allow(&mut linker).map_err(refused)?;
        let pre = linker.instantiate_pre(&self.component).map_err(refused)?;
        ClassifierPre::new(pre).map_err(refused)
    }
}

impl Checked {
    fn read(path: &Path) -> Result<Self, ComponentError> {
        let bytes = files::read(path, LARGEST).map_err(|error| ComponentError::Unreadable {
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

/// The engine, with the settings that code is compiled for.
pub(super) fn new() -> Result<Engine, ComponentError> {
    let mut config = Config::new();
    config.epoch_interruption(true);
    Engine::new(&config).map_err(|error| ComponentError::Engine(format!("{error:#}")))
}

/// Advances the engine's epoch until the engine is dropped.
fn tick(engine: &Engine) {
    let engine = engine.weak();
    std::thread::spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    });
}

struct Io;

impl HasData for Io {
    type Data<'a> = &'a mut ResourceTable;
}

/// The interfaces that [`allow`] links, of any version of WASI 0.2.
pub(super) const GRANTED: [&str; 20] = [
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:clocks/wall-clock",
    "wasi:clocks/monotonic-clock",
    "wasi:random/random",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/stderr",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:cli/terminal-stderr",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
];

/// Everything that a guest may import. Standard libraries import folders and the environment, so these are here, and
/// empty. Sockets and name lookup are not, and a component that imports them is refused.
fn allow(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    io::error::add_to_linker::<State, Io>(linker, |state| state.ctx().table)?;
    io::poll::add_to_linker::<State, Io>(linker, |state| state.ctx().table)?;
    io::streams::add_to_linker::<State, Io>(linker, |state| state.ctx().table)?;
    clocks::wall_clock::add_to_linker::<State, WasiClocks>(linker, State::clocks)?;
    clocks::monotonic_clock::add_to_linker::<State, WasiClocks>(linker, State::clocks)?;
    random::random::add_to_linker::<State, WasiRandom>(linker, |state| state.ctx().ctx.random())?;
    random::insecure::add_to_linker::<State, WasiRandom>(linker, |state| state.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<State, WasiRandom>(linker, |state| state.ctx().ctx.random())?;
    cli::environment::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::exit::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::stdin::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::stdout::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::stderr::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_input::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    filesystem::preopens::add_to_linker::<State, WasiFilesystem>(linker, State::filesystem)?;
    filesystem::types::add_to_linker::<State, WasiFilesystem>(linker, State::filesystem)?;
    Ok(())
}
