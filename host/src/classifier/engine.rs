//! The engine: its settings, what a guest may import, the ticker of its epochs.

use std::time::Duration;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, HasData, Linker, ResourceTable, ResourceType};
use wasmtime::{Config, Engine, WasmFeatures};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi_io::bindings::wasi::io;

use super::state::State;
use super::{ComponentError, imports};

/// How often a running guest yields, so that a time-out can end it.
const TICK: Duration = Duration::from_millis(10);

/// The features of WebAssembly that a component may use; all others are off, those that come with a later engine too.
///
/// These are what compilers for WASI 0.2 emit unasked (LLVM's `lime1`, with reference types), and SIMD, which networks need. Off are
/// threads, 64-bit memories, tail calls, exceptions, garbage collection, stack switching and relaxed SIMD, whose results depend on the
/// machine: each would add to what has to be without a flaw for the sandbox to hold.
const FEATURES: WasmFeatures = WasmFeatures::LIME1
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::SIMD)
    // The engine's own code between two components that were put into one copies from one memory to another.
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::COMPONENT_MODEL);

/// The engine, with the settings that code is compiled for.
pub(super) fn new() -> Result<Engine, ComponentError> {
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.wasm_features(WasmFeatures::all().difference(FEATURES), false);
    Engine::new(&config).map_err(|error| ComponentError::Engine(format!("{error:#}")))
}

/// Advances the engine's epoch until the engine is dropped.
pub(super) fn tick(engine: &Engine) {
    let engine = engine.weak();
    #[expect(clippy::disallowed_methods, reason = "it ends with the engine")]
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

/// Links every interface that [`super::imports`] grants, and no other.
pub(super) fn allow(linker: &mut Linker<State>) -> wasmtime::Result<()> {
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

/// Links functions that always fail for the interfaces of WASI that `component` imports and [`allow`] has not linked.
pub(super) fn stub(linker: &mut Linker<State>, engine: &Engine, component: &Component) -> wasmtime::Result<()> {
    // A type that an interface takes over from another is that of the other.
    let mut known: Vec<ResourceType> = Vec::new();
    for (interface, import) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(instance) = import.ty else {
            continue;
        };
        let is_stubbed = imports::is_stubbed(interface, true);
        for (name, item) in instance.exports(engine) {
            match item.ty {
                ComponentItem::Resource(resource) if !known.contains(&resource) => {
                    known.push(resource);
                    if is_stubbed {
                        let of_nothing = ResourceType::host::<()>();
                        linker.instance(interface)?.resource(name, of_nothing, |_, _| Ok(()))?;
                    }
                }
                ComponentItem::ComponentFunc(_) if is_stubbed => {
                    let fails = format!("{interface}.{name} is a stub, which always fails: --stub-wasi");
                    let fails = move || wasmtime::Error::msg(fails.clone());
                    linker
                        .instance(interface)?
                        .func_new(name, move |_, _, _, _| Err(fails()))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}
