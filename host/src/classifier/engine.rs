//! From a file to code that can be instantiated: engine, compile cache, linker, epoch ticker.

use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::component::{Component, HasData, Linker, ResourceTable};
use wasmtime::{Cache, CacheConfig, Config, Engine};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi_io::bindings::wasi::io;

use super::bindings::ClassifierPre;
use super::instance::State;
use super::{ComponentError, check};

/// How often a running guest gives way, so that a time-out can end it.
const TICK: Duration = Duration::from_millis(10);

/// A component file, compiled.
pub(super) struct Program {
    pub(super) engine: Engine,
    pub(super) component: Component,
    /// Lower-case hex SHA-256 of the file.
    pub(super) digest: String,
    /// Bytes of the file.
    pub(super) size: usize,
}

impl Program {
    /// Reads and compiles, or takes the compiled code from the cache. Blocks for seconds the first time.
    pub(super) fn compile(path: &Path, cache: bool) -> Result<Self, ComponentError> {
        let bytes = std::fs::read(path).map_err(|error| ComponentError::Unreadable {
            path: path.into(),
            error,
        })?;
        check_kind(path, &bytes)?;
        let engine = engine(cache)?;
        let component = Component::from_binary(&engine, &bytes).map_err(|error| ComponentError::Invalid {
            path: path.into(),
            reason: check::text(&format!("{error:#}")),
        })?;
        Ok(Self {
            engine,
            component,
            digest: hex::encode(Sha256::digest(&bytes)),
            size: bytes.len(),
        })
    }

    /// Links what a guest may import and checks that it exports the contract.
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

/// Names the two common mistakes, which the compiler's own words do not.
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

fn engine(cache: bool) -> Result<Engine, ComponentError> {
    let mut config = Config::new();
    config.epoch_interruption(true);
    if cache {
        // A cache that cannot be used, in a read-only home say, costs only time.
        match compile_cache() {
            Ok(cache) => drop(config.cache(Some(cache))),
            Err(error) => tracing::warn!("compiled code is not kept between runs: {error:#}"),
        }
    }
    let engine = Engine::new(&config).map_err(|error| ComponentError::Engine(format!("{error:#}")))?;
    tick(&engine);
    Ok(engine)
}

/// Beneath the user's cache folder, in wasmtime's own place and format; its code is loaded only by the same user.
fn compile_cache() -> wasmtime::Result<Cache> {
    Cache::new(CacheConfig::new())
}

/// Advances the engine's epoch until the engine is gone.
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

/// All that a guest may import. A standard library names folders and the environment, so they are here, and empty;
/// sockets and name lookup are not, and a component that imports them is refused.
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
