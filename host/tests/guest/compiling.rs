//! The cost of compiling, which a small file can raise without limit.

use std::time::Duration;

use host::classifier::{Classifier, ClassifierConfig, ComponentError};
use tempfile::NamedTempFile;

use crate::components::component;
use crate::{MIB, config};

/// The puppet with an additional module: one function of this many nested blocks.
fn with_nested_blocks(blocks: usize) -> NamedTempFile {
    let mut body = vec![0];
    for _ in 0..blocks {
        body.extend([0x02, 0x40]);
    }
    body.resize(body.len() + blocks + 1, 0x0b);
    let code = [number(1), number(body.len()), body].concat();
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    // A type without parameters and results, a function of it, and its code.
    for (section, content) in [(1, vec![1, 0x60, 0, 0]), (3, vec![1, 0]), (10, code)] {
        module.push(section);
        module.extend(number(content.len()));
        module.extend(content);
    }
    let mut bytes = std::fs::read(component("puppet")).unwrap();
    bytes.push(1);
    bytes.extend(number(module.len()));
    bytes.extend(module);
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

/// LEB128.
fn number(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

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
    let file = with_nested_blocks(1_000_000);
    let mut config = uncached(file.path());
    config.compiler.memory_bytes = 256 * MIB as u64;
    let said = refused(&config).await;
    assert!(said.contains("more than 256 MiB of memory"), "{said}");
    // With a few blocks it is as good as the puppet.
    let file = with_nested_blocks(100);
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
    let file = with_nested_blocks(10);
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
