//! How much work the component does for fixed messages, in WebAssembly's instructions: these do not depend on the machine or on
//! what else runs there, so that nothing gets slower, or faster, unseen.
//!
//! wasmtime's fuel counts them: one for each instruction, a vector's too, and one for each byte that is copied at once. It does not see
//! what the host does, how well the compiler translates an instruction, or how long memory takes: `cargo xtask bench` measures
//! those.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use host::images::test_images;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, OptLevel, RegallocAlgorithm, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::components::component;
use bindings::Everything;
use bindings::exports::image_stream::classifier::messages::Request;
use bindings::exports::image_stream::classifier::tensors::{Images, Pixels};

mod bindings {
    #![allow(clippy::all, clippy::pedantic, missing_docs, reason = "generated")]
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "everything",
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

/// How far a count may be from the kept one, either way: a share of it.
const TOLERANCE: f64 = 0.03;

/// The same for a component of another compiler than the kept counts are of, which arranges the same code in another way.
const TOLERANCE_OF_COMPILERS: f64 = 0.25;

/// More than everything here takes together.
const FUEL: u64 = 1 << 60;

/// The images of a message of the Python program.
const BATCH: u32 = 40;

/// What a store needs for WASI.
pub struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// With nothing granted.
pub fn state() -> State {
    State {
        wasi: WasiCtx::builder().build(),
        table: ResourceTable::new(),
    }
}

/// An instance whose instructions are counted.
struct Counted {
    store: Store<State>,
    guest: Everything,
}

impl Counted {
    fn start(bytes: &[u8]) -> Self {
        let mut config = Config::new();
        config.consume_fuel(true);
        // As fast as it can be compiled: the instructions are the component's all the same.
        config.cranelift_opt_level(OptLevel::None);
        config.cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
        let engine = Engine::new(&config).unwrap();
        let component = Component::new(&engine, bytes).unwrap();
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker).unwrap();
        let mut store = Store::new(&engine, state());
        store.set_fuel(FUEL).unwrap();
        let guest = Everything::instantiate(&mut store, &component, &linker).unwrap();
        Self { store, guest }
    }

    /// Takes another model.
    fn load(mut self, onnx: &[u8]) -> Self {
        let model = self.guest.image_stream_classifier_model();
        let loaded = model.call_load(&mut self.store, "application/onnx", onnx, &[]);
        loaded.unwrap().unwrap();
        self
    }

    /// The instructions of a call when it has been made before.
    fn count(&mut self, mut call: impl FnMut(&mut Store<State>, &Everything)) -> u64 {
        // The first call allocates what later ones find.
        call(&mut self.store, &self.guest);
        let before = self.store.get_fuel().unwrap();
        call(&mut self.store, &self.guest);
        before - self.store.get_fuel().unwrap()
    }

    fn message(&mut self, content_type: Option<&str>, body: &[u8]) -> u64 {
        self.count(|store, guest| {
            let request = Request {
                content_type,
                accept: None,
                prepare: None,
                body,
            };
            let answers = guest
                .image_stream_classifier_messages()
                .call_classify(store, &[request]);
            let answers = answers.unwrap();
            assert_eq!(answers.first().unwrap().as_ref().unwrap().images, BATCH);
        })
    }

    fn network(&mut self, pixels: &[u8], count: u32) -> u64 {
        self.count(|store, guest| {
            let pixels = Pixels::U8s(pixels);
            let images = Images { count, pixels };
            let scores = guest.image_stream_classifier_tensors().call_predict(store, images);
            assert_eq!(scores.unwrap().unwrap().len(), 10 * count as usize);
        })
    }
}

/// What is counted, by name.
type Counts = BTreeMap<&'static str, u64>;

fn count(bytes: &[u8]) -> Counts {
    let mut counted = Counted::start(bytes);
    let pixels = test_images()
        .unwrap()
        .read(BATCH.into())
        .unwrap()
        .unwrap()
        .pixels
        .to_vec();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let python = fs::read(root.join("models/golden/images-40.json")).unwrap();
    let raw = format!("application/octet-stream;shape={BATCH},28,28,1");

    let message = counted.message(None, &python);
    let without_decoding = counted.message(Some(&raw), &pixels);
    let network = counted.network(&pixels, BATCH);
    let integers = fs::read(root.join("models/fashion-small-int8.onnx")).unwrap();
    let mut of_integers = Counted::start(bytes).load(&integers);
    BTreeMap::from([
        (
            "decode a message of the Python program, 40 images",
            message - without_decoding,
        ),
        ("predict 40 images", network),
        ("predict 40 images with integers", of_integers.network(&pixels, BATCH)),
        ("predict 1 image", counted.network(&pixels[..784], 1)),
        (
            "read 40 images of raw bytes and encode the answer",
            without_decoding - network,
        ),
    ])
}

/// The compiler's commit, which it leaves in the paths of its library; empty if it did not.
fn compiler(component: &[u8]) -> String {
    const PATH: &[u8] = b"/rustc/";
    let found = component.windows(PATH.len() + 40).find(|bytes| {
        bytes
            .strip_prefix(PATH)
            .is_some_and(|rest| rest.iter().all(u8::is_ascii_hexdigit))
    });
    found
        .map(|bytes| String::from_utf8_lossy(&bytes[PATH.len()..]).into_owned())
        .unwrap_or_default()
}

fn written(counts: &Counts, compiler: &str) -> String {
    let mut text = format!("compiler: {compiler}\n");
    for (name, count) in counts {
        writeln!(text, "{name}: {count}").unwrap();
    }
    text
}

/// Every count that is too far from the kept one, with both.
fn complaints(kept: &str, counts: &Counts, compiler: &str) -> Vec<String> {
    let kept: BTreeMap<&str, &str> = kept.lines().filter_map(|line| line.split_once(": ")).collect();
    let tolerance = match kept.get("compiler") == Some(&compiler) {
        true => TOLERANCE,
        false => TOLERANCE_OF_COMPILERS,
    };
    let mut complaints = Vec::new();
    for (name, count) in counts {
        let Some(before) = kept.get(name).and_then(|count| count.parse::<f64>().ok()) else {
            complaints.push(format!("{name}: {count}, and nothing is kept"));
            continue;
        };
        let change = *count as f64 / before - 1.0;
        if change.abs() > tolerance {
            complaints.push(format!(
                "{name}: {before} before, {count} now: {:+.1} %",
                100.0 * change
            ));
        }
    }
    complaints
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guest/counts.txt")
}

#[test]
fn the_component_takes_as_many_instructions_as_are_kept() {
    let bytes = fs::read(component("classifier")).unwrap();
    let (counts, compiler) = (count(&bytes), compiler(&bytes));
    if std::env::var_os("UPDATE_COUNTS").is_some_and(|set| set == "1") {
        fs::write(path(), written(&counts, &compiler)).unwrap();
        return;
    }
    let complaints = complaints(&fs::read_to_string(path()).unwrap(), &counts, &compiler);
    assert!(
        complaints.is_empty(),
        "the component does not do the same work as before:\n  {}\nIf there is more of it, find out why. If that has to be so, or there is \
         less, run this test with UPDATE_COUNTS=1, which writes {}, and commit that.",
        complaints.join("\n  "),
        path().display()
    );
}

#[test]
fn a_count_is_told_that_has_grown_or_shrunk_or_is_new_by_more_than_compilers_differ() {
    let counts = |predict| Counts::from([("predict", predict)]);
    let kept = written(&counts(1_000), "one");
    for (now, compiler, told) in [
        (1_029, "one", None),
        (971, "one", None),
        (1_031, "one", Some("predict: 1000 before, 1031 now: +3.1 %")),
        (969, "one", Some("predict: 1000 before, 969 now: -3.1 %")),
        (1_249, "other", None),
        (1_251, "other", Some("predict: 1000 before, 1251 now: +25.1 %")),
    ] {
        assert_eq!(
            complaints(&kept, &counts(now), compiler),
            Vec::from_iter(told),
            "{now} {compiler}"
        );
    }
    assert_eq!(
        complaints("compiler: one\n", &counts(1), "one"),
        ["predict: 1, and nothing is kept"]
    );
}
