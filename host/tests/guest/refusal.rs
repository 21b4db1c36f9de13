//! Files that are not a classifier, each refused before the first message with a line that says why.

use std::path::Path;

use host::classifier::{Access, Classifier, ComponentError, inspect};

use crate::components::component;
use crate::{Puppet, config};

const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";
const EMPTY_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// The error for a file of these bytes, the same from both ways in.
async fn refused(bytes: &[u8]) -> ComponentError {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    refused_file(file.path()).await
}

async fn refused_file(path: &Path) -> ComponentError {
    let config = config(path);
    let error = Classifier::start(&config).await.err().expect("it is refused");
    let inspected = match inspect(&config).await {
        Ok(inspection) => inspection.error.expect("it is refused"),
        Err(error) => error,
    };
    assert_eq!(inspected.to_string(), error.to_string());
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    error
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named_with_the_command_that_makes_it() {
    let error = refused_file(Path::new("no/such/component.wasm")).await;
    assert!(matches!(error, ComponentError::Unreadable { .. }), "{error:?}");
    assert!(error.to_string().contains("cargo xtask component"), "{error}");
}

#[tokio::test]
async fn a_folder_is_not_a_component() {
    let folder = tempfile::tempdir().unwrap();
    let error = refused_file(folder.path()).await;
    assert!(matches!(error, ComponentError::Unreadable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_file_that_is_not_webassembly_is_refused() {
    for bytes in [&b""[..], b"\0asm", b"#!/bin/sh\necho hello\n", b"\0asm\x0d\0\x02\0"] {
        let error = refused(bytes).await;
        assert!(matches!(error, ComponentError::Invalid { .. }), "{error:?}");
        assert!(error.to_string().contains("WebAssembly"), "{error}");
    }
}

#[tokio::test]
async fn a_core_module_is_told_apart_from_a_component() {
    let error = refused(EMPTY_MODULE).await;
    assert!(matches!(error, ComponentError::Invalid { .. }), "{error:?}");
    assert!(error.to_string().contains("core WebAssembly module"), "{error}");
}

#[tokio::test]
async fn a_damaged_component_is_refused_wherever_it_is_cut() {
    let whole = std::fs::read(component("puppet")).unwrap();
    for length in [9, 100, whole.len() / 3, whole.len() / 2, whole.len() - 1] {
        let error = refused(&whole[..length]).await;
        assert!(
            matches!(error, ComponentError::Invalid { .. } | ComponentError::World { .. }),
            "cut to {length}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_component_of_another_world_is_refused() {
    let error = refused(EMPTY_COMPONENT).await;
    assert!(matches!(error, ComponentError::World { .. }), "{error:?}");
    assert!(error.to_string().contains("it exports nothing"), "{error}");
    assert!(error.to_string().contains("image-stream:classifier/"), "{error}");
}

/// A refusal before anything is compiled: there is no compiler.
async fn refused_at_once(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let mut config = config(file.path());
    config.compiler.program = "no/such/compiler".into();
    config.cache = false;
    let error = Classifier::start(&config).await.err().expect("it is refused");
    assert!(matches!(error, ComponentError::World { .. }), "{error:?}");
    error.to_string()
}

/// The puppet, with one name in it replaced by another of the same length.
fn puppet_with(name: &str, other: &str) -> Vec<u8> {
    assert_eq!(name.len(), other.len());
    let mut bytes = std::fs::read(component("puppet")).unwrap();
    let (name, other) = (name.as_bytes(), other.as_bytes());
    let places: Vec<_> = (0..bytes.len() - name.len())
        .filter(|&at| bytes[at..].starts_with(name))
        .collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + name.len()].copy_from_slice(other);
    }
    bytes
}

#[tokio::test]
async fn all_that_is_wrong_with_a_component_is_said_at_once_and_before_it_is_compiled() {
    let said = refused_at_once(&importing("wasi:http/outgoing-handler@0.2.0")).await;
    for words in [
        "it exports nothing",
        "wasi:http/outgoing-handler@0.2.0",
        "build it without the rest",
    ] {
        assert!(said.contains(words), "'{words}' is not in {said}");
    }
}

#[tokio::test]
async fn what_a_tool_asks_for_too_much_is_told_with_the_tool_s_own_option() {
    for (mark, option) in [
        ("componentize_py", "--stub-wasi"),
        ("ComponentizeJS", "-d http fetch-event"),
    ] {
        let mut bytes = importing("wasi:http/types@0.2.0");
        // A section of no meaning, with its name and no more.
        bytes.extend([0, mark.len() as u8 + 1, mark.len() as u8]);
        bytes.extend(mark.as_bytes());
        let said = refused_at_once(&bytes).await;
        assert!(
            said.contains(option) && said.contains("wasi:http/types@0.2.0"),
            "{said}"
        );
    }
    let said = refused_at_once(&importing("wasi:cli/environment@0.3.0")).await;
    assert!(said.contains("this host supports WASI 0.2 and not 0.3"), "{said}");
}

/// The puppet, asking for sockets where it asked for the seed of its hash tables.
fn puppet_with_sockets() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let bytes = puppet_with("wasi:random/insecure-seed", "wasi:sockets/instance-net");
    std::fs::write(file.path(), bytes).unwrap();
    file
}

#[tokio::test]
async fn what_wasi_offers_besides_is_refused_by_name_or_always_fails_if_that_is_asked_for() {
    let file = puppet_with_sockets();
    let mut config = config(file.path());
    let error = Classifier::start(&config)
        .await
        .err()
        .expect("it is refused")
        .to_string();
    for words in ["wasi:sockets/instance-net@0.2.12", "--stub-wasi"] {
        assert!(error.contains(words), "'{words}' is not in {error}");
    }
    config.stub_wasi = true;
    let puppet = Puppet::start_with(config).await;
    assert_eq!(puppet.ask("echo:as ever").await, "as ever");
    let cause = puppet.spoils("random", "trap").await;
    assert!(
        cause.detail.contains("wasi:sockets/instance-net@0.2.12.") && cause.detail.contains("is a stub"),
        "{}",
        cause.detail
    );
}

#[tokio::test]
async fn what_is_not_of_wasi_is_never_a_stub() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        puppet_with("wasi:random/insecure-seed", "mine:own/insecure-numbers"),
    )
    .unwrap();
    let mut config = config(file.path());
    config.stub_wasi = true;
    let error = Classifier::start(&config)
        .await
        .err()
        .expect("it is refused")
        .to_string();
    assert!(error.contains("mine:own/insecure-numbers@"), "{error}");
}

#[tokio::test]
async fn an_inspection_of_a_component_that_is_refused_says_what_each_import_could_do() {
    let file = puppet_with_sockets();
    let inspection = inspect(&config(file.path())).await.unwrap();
    assert!(inspection.description.is_none());
    assert!(inspection.refusal.unwrap().contains("wasi:sockets/"));
    assert_eq!(inspection.contract.as_deref(), Some("0.2.0"));
    let refused = inspection
        .imports
        .iter()
        .filter(|import| import.access == Access::Refused);
    let refused: Vec<_> = refused.collect();
    assert!(!refused.is_empty());
    for import in refused {
        assert!(import.name.starts_with("wasi:sockets/instance-net@"), "{import:?}");
        assert!(import.could.contains("other machines"), "{import:?}");
    }
    let mut config = config(file.path());
    config.stub_wasi = true;
    let inspection = inspect(&config).await.unwrap();
    assert!(inspection.description.is_some());
    let stubbed = inspection
        .imports
        .iter()
        .filter(|import| import.access == Access::Stubbed);
    assert_ne!(stubbed.count(), 0);
}

#[tokio::test]
async fn a_component_of_another_version_of_the_contract_is_told_which() {
    for version in ["0.1.0", "0.0.9", "1.1.0"] {
        let said = refused_at_once(&puppet_with("/messages@0.2.0", &format!("/messages@{version}"))).await;
        let of = format!(
            "it exports image-stream:classifier/messages@{version}, a version of the contract that does not go with"
        );
        assert!(said.contains(&of) && said.contains("this host's 0.2.0"), "{said}");
        assert!(
            said.contains("build it from the wit/classifier.wit of this host"),
            "{said}"
        );
        assert!(!said.contains("/model@"), "{said}");
    }
}

#[tokio::test]
async fn a_component_of_a_later_patch_of_the_contract_is_taken() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), puppet_with("/messages@0.2.0", "/messages@0.2.7")).unwrap();
    let puppet = Puppet::start_with(config(file.path())).await;
    assert_eq!(puppet.ask("count").await, "1");
}

#[tokio::test]
async fn a_function_that_is_missing_or_of_another_type_is_named_with_the_difference() {
    let said = refused_at_once(&puppet_with("max-images", "min-images")).await;
    assert!(
        said.contains("its function messages.describe has another type"),
        "{said}"
    );
    assert!(
        said.contains("'min-images: u32") && said.contains("'max-images: u32"),
        "{said}"
    );
    assert!(!said.contains("messages.classify"), "{said}");
    let said = refused_at_once(&puppet_with("predict", "foresee")).await;
    assert!(
        said.contains("its interface tensors lacks the function predict"),
        "{said}"
    );
}

/// `(component (import "f" (func $f async)) (instance $i (export "describe" (func $f)))
/// (export "image-stream:classifier/messages@0.2.0" (instance $i)))`.
#[tokio::test]
async fn a_component_with_asynchronous_functions_is_told_that_they_are() {
    let name = b"image-stream:classifier/messages@0.2.0";
    let export = [&[1, 0, name.len() as u8][..], name, b"\x05\0\0"].concat();
    let sections = [
        (7, &b"\x01\x43\0\x01\0"[..]),
        (10, b"\x01\0\x01f\x01\0"),
        (5, b"\x01\x01\x01\0\x08describe\x01\0"),
        (11, &export),
    ];
    let said = refused_at_once(&component_of(&sections)).await;
    assert!(
        said.contains("its function messages.describe is asynchronous"),
        "{said}"
    );
    assert!(
        said.contains("build it for WASI 0.2 with synchronous functions"),
        "{said}"
    );
}

#[tokio::test]
async fn a_component_that_asks_for_the_network_is_refused_by_name() {
    for interface in [
        "wasi:sockets/instance-network@0.2.0",
        "wasi:http/outgoing-handler@0.2.0",
    ] {
        let error = refused(&importing(interface)).await;
        assert!(matches!(error, ComponentError::World { .. }), "{error:?}");
        assert!(error.to_string().contains(interface), "{error}");
    }
}

/// `(component (import INTERFACE (instance (export "f" (func)))))`, in the binary format of the component model.
fn importing(interface: &str) -> Vec<u8> {
    let instance = b"\x01\x42\x02\x01\x40\0\x01\0\x04\0\x01f\x01\0";
    let mut import = vec![1, 0, interface.len() as u8];
    import.extend_from_slice(interface.as_bytes());
    import.extend_from_slice(b"\x05\0");

    component_of(&[(7, &instance[..]), (10, &import)])
}

fn component_of(sections: &[(u8, &[u8])]) -> Vec<u8> {
    let mut component = EMPTY_COMPONENT.to_vec();
    for (section, body) in sections {
        component.extend_from_slice(&[*section, body.len() as u8]);
        component.extend_from_slice(body);
    }
    component
}
