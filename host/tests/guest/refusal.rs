//! Files that are no classifier, each refused before the first message with a line that says why.

use std::path::Path;

use host::classifier::{Classifier, ComponentError, inspect};

use crate::components::component;
use crate::config;

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
    assert_eq!(inspect(&config).await.unwrap_err().to_string(), error.to_string());
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
    assert!(error.to_string().contains("image-stream:classifier/"), "{error}");
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

    let mut component = EMPTY_COMPONENT.to_vec();
    for (section, body) in [(7, &instance[..]), (10, &import)] {
        component.extend_from_slice(&[section, body.len() as u8]);
        component.extend_from_slice(body);
    }
    component
}
