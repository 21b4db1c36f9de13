//! The rules of `docs/rules.md` that can be read off the sources.
//!
//! Nothing is parsed: a line without its comment is a sequence of words and signs, and a rule is a shorter sequence
//! that may appear in some files and nowhere else. Each rule must also match where it is allowed; otherwise it
//! watches over a name that no longer exists.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod circles;
mod codes;
mod links;
mod rule;
mod sources;

use std::fs;

use self::rule::{Rule, in_section, lifts_a_lint, members, test_names};
use self::sources::{CODE, TESTS, files, guest, host, paths_where, read, root, sources, without_tests};

#[test]
fn only_the_embedded_broker_names_sqlite() {
    let rule = Rule {
        patterns: &["rusqlite*", "libsqlite3*", "sqlx*"],
        allowed: &["host/src/broker/local/"],
        remedy: "go through the traits of host/src/broker/mod.rs",
    };
    rule.holds_in(&host());
    rule.is_met_in(&host());
}

#[test]
fn only_the_classifier_module_names_wasmtime() {
    let rule = Rule {
        patterns: &["wasmtime*", "cranelift*", "wasmparser*"],
        allowed: &["host/src/classifier/"],
        remedy: "go through pipeline::Classify, or offer what is missing in host/src/classifier/mod.rs",
    };
    rule.holds_in(&host());
    rule.is_met_in(&host());
}

/// A model file is not trusted: only sandboxed code interprets it. The host copies its fields, byte by byte.
#[test]
fn only_the_component_reads_onnx() {
    let rule = Rule {
        patterns: &["tract*", "prost*", "onnx_*", "ort", "ort::*"],
        allowed: &["classifier-wasm/src/"],
        remedy: "ask the component: `load` says what a model is or why it is refused, `predict` what it answers",
    };
    rule.holds_in(&host());
    // So that it compiles, and its tests run, in seconds.
    rule.holds_in(&sources("classifier-wasm/codec/src"));
    rule.is_met_in(&guest());
}

#[test]
fn a_broker_s_crates_are_named_in_its_own_folder_alone() {
    let kafka = Rule {
        patterns: &["rdkafka*"],
        allowed: &["host/src/broker/kafka/"],
        remedy: "go through the traits of host/src/broker/mod.rs",
    };
    let pubsub = Rule {
        patterns: &["google_cloud*", "gcloud_*"],
        allowed: &["host/src/broker/pubsub/"],
        remedy: "go through the traits of host/src/broker/mod.rs",
    };
    kafka.holds_in(&host());
    kafka.is_met_in(&host());
    pubsub.holds_in(&host());
    pubsub.is_met_in(&host());
}

#[test]
fn the_data_path_knows_no_broker_no_engine_and_no_command_line() {
    let rule = Rule {
        patterns: &[
            "local",
            "kafka",
            "pubsub",
            "crate::classifier",
            "crate::cli",
            "crate::config",
        ],
        allowed: &[],
        remedy: "pass what is needed in Policy, or through Source, Settle and Classify",
    };
    rule.holds_in(&sources("host/src/pipeline.rs"));
    rule.holds_in(&sources("host/src/pipeline"));
    rule.holds_in(&sources("host/src/message.rs"));
}

#[test]
fn only_the_commands_and_their_configuration_see_what_was_typed() {
    let rule = Rule {
        patterns: &["crate::cli", "clap*"],
        allowed: &[
            "host/src/cli.rs",
            "host/src/cli/",
            "host/src/config.rs",
            "host/src/config/",
            "host/src/commands/",
        ],
        remedy: "take a value of host/src/config.rs, which is checked",
    };
    let main_aside: Vec<_> = host()
        .into_iter()
        .filter(|source| source.path != "host/src/main.rs")
        .collect();
    rule.holds_in(&main_aside);
    rule.is_met_in(&main_aside);
}

#[test]
fn in_the_guest_only_component_rs_sees_the_generated_bindings() {
    let rule = Rule {
        patterns: &["wit_bindgen*", "bindings"],
        allowed: &["classifier-wasm/src/component.rs"],
        remedy: "take and give plain types, and convert in component.rs",
    };
    rule.holds_in(&guest());
    rule.is_met_in(&guest());
}

#[test]
fn the_guest_touches_neither_files_nor_the_network_nor_the_environment() {
    let rule = Rule {
        patterns: &["std::fs", "std::net", "std::env", "std::process", "File::open"],
        // They run natively, and read the corpus.
        allowed: &["classifier-wasm/codec/src/decode/tests.rs"],
        remedy: "the contract passes bytes; there is nothing else in the sandbox",
    };
    rule.holds_in(&guest());
}

/// Whoever reads or changes one file of a circle has to read them all.
#[test]
fn no_files_use_each_other_in_a_circle() {
    for folder in CODE {
        let circles = circles::circles(sources(folder));
        assert!(
            circles.is_empty(),
            "{folder}: {circles:?} use each other in a circle; put what they share into a file that uses none of them"
        );
    }
}

#[test]
fn files_stay_short_enough_to_be_read() {
    const LONGEST: usize = 500;
    let long = paths_where(&[&CODE[..], &TESTS].concat(), |source| {
        source.text.lines().count() > LONGEST
    });
    assert!(long.is_empty(), "over {LONGEST} lines: {long:?}; split by concern");
}

#[test]
fn every_module_says_what_it_is() {
    let silent = paths_where(&CODE, |source| {
        // Tests belong to the module that names them.
        !source.text.starts_with("//!") && !source.path.ends_with("/tests.rs")
    });
    assert!(
        silent.is_empty(),
        "without a first line `//! ...`: {silent:?}; say what the module is and why it is separate"
    );
}

/// The author of another component reads nothing but the contract.
#[test]
fn every_function_of_the_contract_is_documented() {
    let contract = read("wit/classifier.wit");
    let lines: Vec<_> = contract.lines().map(str::trim).collect();
    let functions = lines.windows(2).filter(|pair| pair[1].contains(": func("));
    let (documented, silent): (Vec<_>, Vec<_>) = functions.partition(|pair| pair[0].starts_with("///"));
    assert!(documented.len() >= 4, "found {documented:?} only");
    assert!(
        silent.is_empty(),
        "wit/classifier.wit: write `///` above each of {silent:?}"
    );
}

#[test]
fn a_lint_is_lifted_outside_of_tests_only_with_its_reason() {
    const GENERATED: [&str; 2] = ["host/src/classifier/bindings.rs", "classifier-wasm/src/component.rs"];
    let lifted = paths_where(&CODE, |source| {
        let is_test = source.path.ends_with("/testing.rs") || source.path.ends_with("/tests.rs");
        let is_excepted = [&GENERATED[..], &[MAPS_CODE, LOADS_VECTORS]]
            .concat()
            .contains(&&*source.path);
        !is_excepted && !is_test && lifts_a_lint(&source.text)
    });
    assert!(
        lifted.is_empty(),
        "a lint is lifted outside of tests: {lifted:?}; what is an exception of clippy.toml is expected, with its reason"
    );
}

/// Maps code that was compiled before, whose soundness no type can show.
const MAPS_CODE: &str = "host/src/classifier/code.rs";

/// Loads four floats at once.
const LOADS_VECTORS: &str = "classifier-wasm/executor/src/vector.rs";

#[test]
fn unsafe_code_is_two_calls_with_their_reasons() {
    let rule = Rule {
        patterns: &["unsafe {", "unsafe fn", "unsafe impl"],
        allowed: &[MAPS_CODE, LOADS_VECTORS],
        remedy: "find a safe call: only what maps compiled code and what loads a vector have none",
    };
    for folder in CODE {
        rule.holds_in(&without_tests(sources(folder)));
    }
    rule.is_met_in(&[host(), guest()].concat());
    for path in [MAPS_CODE, LOADS_VECTORS] {
        let text = read(path);
        assert_eq!(text.matches("unsafe {").count(), 1, "{path}");
        assert_eq!(text.matches("#[expect(").count(), 1, "{path}");
    }
}

/// What the lints say, clippy checks: here, that nobody takes them away.
#[test]
fn the_lints_are_denied_in_every_crate() {
    let workspace = read("Cargo.toml");
    for (section, lint) in [
        ("[workspace.lints.rust]", "unsafe_code"),
        ("[workspace.lints.clippy]", "unwrap_used"),
        ("[workspace.lints.clippy]", "expect_used"),
        ("[workspace.lints.clippy]", "indexing_slicing"),
        ("[workspace.lints.clippy]", "panic"),
        ("[workspace.lints.clippy]", "todo"),
        ("[workspace.lints.clippy]", "unimplemented"),
        ("[workspace.lints.clippy]", "unreachable"),
    ] {
        let line = format!("{lint} = \"deny\"");
        assert!(
            in_section(&workspace, section, &line),
            "Cargo.toml: put `{line}` into {section}"
        );
    }
    for member in members(&workspace) {
        assert!(
            in_section(&read(&format!("{member}/Cargo.toml")), "[lints]", "workspace = true"),
            "{member}/Cargo.toml: add `[lints]` with `workspace = true`"
        );
        let mut roots = ["lib.rs", "main.rs"]
            .map(|root| format!("{member}/src/{root}"))
            .to_vec();
        roots.retain(|path| root().join(path).is_file());
        for path in roots {
            // `deny(` stands alone where the list is long.
            let text = read(&path).split_whitespace().collect::<String>();
            let start = "#![cfg_attr(not(test),deny(clippy::disallowed_macros";
            assert!(
                text.contains(start),
                "{path}: deny the lints of clippy.toml, as in host/src/lib.rs"
            );
        }
    }
    let host = read("host/src/lib.rs");
    for lint in ["disallowed_methods", "disallowed_types", "print_stderr", "print_stdout"] {
        assert!(
            host.contains(&format!("clippy::{lint}")),
            "host/src/lib.rs: deny clippy::{lint}"
        );
    }
}

#[test]
fn no_crate_can_be_published_by_accident() {
    let manifests = files(&root(), "Cargo.toml");
    assert!(manifests.len() > 3, "found {manifests:?} only");
    for manifest in manifests {
        let said = fs::read_to_string(&manifest).unwrap();
        let is_private = |section| in_section(&said, section, "publish = false");
        let is_inherited = in_section(&said, "[package]", "publish.workspace = true");
        assert!(
            is_inherited || is_private("[package]") || is_private("[workspace.package]"),
            "{}: add `publish.workspace = true`",
            manifest.display()
        );
    }
}

/// A dependency has one version and one set of features, which are in the workspace.
#[test]
fn dependencies_stand_once_in_the_workspace() {
    for member in members(&read("Cargo.toml")) {
        let manifest = read(&format!("{member}/Cargo.toml"));
        let mut section = "";
        for line in manifest.lines() {
            if line.starts_with('[') {
                section = line;
                continue;
            }
            let is_dependency = section.trim_end_matches(']').ends_with("dependencies") && line.contains('=');
            assert!(
                !is_dependency || line.contains(".workspace = true") || line.contains("workspace = true,"),
                "{member}/Cargo.toml: put the version of `{line}` into [workspace.dependencies] and take it from there"
            );
        }
    }
}

/// A name in backticks that is a sentence is the name of a test.
#[test]
fn every_test_that_the_rules_name_exists() {
    let code = [&CODE[..], &TESTS].concat();
    let tests: Vec<_> = code.iter().flat_map(|folder| sources(folder)).collect();
    let rules = read("docs/rules.md");
    let names = test_names(&rules);
    assert!(names.len() > 20, "found {names:?} only");
    for name in names {
        let function = format!("fn {name}(");
        assert!(
            tests.iter().any(|source| source.text.contains(&function)),
            "docs/rules.md names the test `{name}`, and there is none of that name"
        );
    }
}

#[test]
fn the_architecture_names_every_file_of_the_host_s_first_level() {
    let map = read("ARCHITECTURE.md");
    for entry in fs::read_dir(root().join("host/src")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.trim_end_matches(".rs");
        assert!(
            map.contains(&format!("`{module}`")) || map.contains(&format!("`{module}/")),
            "ARCHITECTURE.md: the code map lacks `{module}`"
        );
    }
}
