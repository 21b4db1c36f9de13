//! The cost of compiling, which a small file can raise without limit.

use std::time::Duration;

use host::classifier::{Classifier, ClassifierConfig, ComponentError};
use host::values::Digest;

use crate::components::component;
use crate::wasm::{self, FUNCTION, FUNCTION_TYPE, code, nested_blocks, with_module};
use crate::{MIB, Puppet, config};

fn uncached(path: &std::path::Path) -> ClassifierConfig {
    let mut config = config(path);
    config.cache = false;
    config
}

async fn refused(config: &ClassifierConfig) -> String {
    let error = Classifier::start(config).await.err().expect("it is refused");
    assert!(matches!(error, ComponentError::Compile { .. }), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn a_small_component_that_takes_much_memory_to_compile_is_refused_and_the_host_lives() {
    let file = nested_blocks(1_000_000);
    let mut config = uncached(file.path());
    config.compiler.memory_bytes = 256 * MIB as u64;
    let said = refused(&config).await;
    assert!(said.contains("more than 256 MiB of memory"), "{said}");
    // With a few blocks it is as good as the puppet.
    let file = nested_blocks(100);
    Classifier::start(&uncached(file.path())).await.unwrap();
}

#[tokio::test]
async fn compiling_ends_when_its_time_is_over() {
    let mut config = uncached(&component("puppet"));
    config.compiler.timeout = Duration::from_millis(1);
    let said = refused(&config).await;
    assert!(said.contains("longer than 1ms"), "{said}");
}

#[tokio::test]
async fn a_function_that_is_not_valid_is_refused_in_the_compiler_s_words() {
    let file = nested_blocks(10);
    let mut bytes = std::fs::read(file.path()).unwrap();
    // One end too few.
    *bytes.last_mut().unwrap() = 0x01;
    std::fs::write(file.path(), bytes).unwrap();
    let said = refused(&uncached(file.path())).await;
    assert!(
        said.contains("cannot compile") && said.contains("at offset") && !said.contains("': error: "),
        "{said}"
    );
}

/// In a component that runs without it, so that nothing else can be the reason.
#[tokio::test]
async fn what_ordinary_compilers_do_not_emit_is_switched_off() {
    let tail_call = code(&[0x12, 0]);
    let relaxed_simd = code(
        &[
            &[0xfd, 0x0c][..],
            &[0; 16],
            &[0xfd, 0x0c],
            &[0; 16],
            &[0xfd, 0x80, 2, 0x1a],
        ]
        .concat(),
    );
    let exception = code(&[0x1f, 0x40, 0, 0x0b]);
    for (feature, sections) in [
        ("memory64", &[(5, &b"\x01\x04\x01"[..])][..]),
        ("shared memory", &[(5, b"\x01\x03\x01\x02")]),
        ("tail calls", &[FUNCTION_TYPE, FUNCTION, (10, &tail_call)]),
        ("relaxed SIMD", &[FUNCTION_TYPE, FUNCTION, (10, &relaxed_simd)]),
        ("exceptions", &[FUNCTION_TYPE, FUNCTION, (10, &exception)]),
        ("garbage collection", &[(1, b"\x01\x5f\x00")]),
    ] {
        let file = with_module(sections);
        let said = refused(&uncached(file.path())).await;
        assert!(said.contains("at offset"), "{feature}: {said}");
    }
    let simd = code(&[&[0xfd, 0x0c][..], &[0; 16], &[0x1a]].concat());
    let file = with_module(&[FUNCTION_TYPE, FUNCTION, (10, &simd)]);
    Classifier::start(&uncached(file.path())).await.unwrap();
}

#[tokio::test]
async fn many_functions_and_a_huge_one_end_within_the_limits() {
    for (what, file) in [
        ("a hundred thousand functions", wasm::functions(100_000, 1)),
        ("a function of 3 MB", wasm::functions(1, 1_000_000)),
    ] {
        let mut config = uncached(file.path());
        config.compiler.memory_bytes = 64 * MIB as u64;
        let said = refused(&config).await;
        assert!(said.contains("more than 64 MiB of memory"), "{what}: {said}");
    }
}

/// The compiler is started when everything is checked; this one first puts another file in the component's place.
#[cfg(unix)]
#[tokio::test]
async fn what_is_compiled_is_what_was_checked_though_the_file_changes_meanwhile() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let (file, compiler) = (folder.path().join("some.wasm"), folder.path().join("compiler"));
    let puppet = std::fs::read(component("puppet")).unwrap();
    std::fs::write(&file, &puppet).unwrap();
    let script = format!(
        "#!/bin/sh\necho other > '{}'\nexec '{}' \"$@\"\n",
        file.display(),
        env!("CARGO_BIN_EXE_host")
    );
    std::fs::write(&compiler, script).unwrap();
    std::fs::set_permissions(&compiler, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut config = uncached(&file);
    config.compiler.program = compiler;
    config.trust.digest = Some(Digest::of(&puppet));
    let puppet = Puppet::start_with(config.clone()).await;
    assert_eq!(puppet.ask("count").await, "1");
    assert_eq!(std::fs::read(&file).unwrap(), b"other\n");
    let error = Classifier::start(&config).await.err().expect("it is another file now");
    assert!(matches!(error, ComponentError::Untrusted { .. }), "{error:?}");
}
