//! Components that do harm before the first message: while they are read, compiled or started.

use std::path::Path;

use host::files;

use super::Fate::Refused;
use super::{Case, Guest, cases};
use crate::wasm::{self, FUNCTION, FUNCTION_TYPE, code};

const fn made(does: &'static str, make: fn(&Path) -> Box<dyn AsRef<Path>>, code: i32, words: &'static str) -> Case {
    Case {
        does,
        guest: Guest::Made(make),
        options: &[],
        fate: Refused(code, words),
    }
}

/// `loop br 0 end`, as a module's start function.
fn loops_at_its_start(_: &Path) -> Box<dyn AsRef<Path>> {
    let looping = code(&[0x03, 0x40, 0x0c, 0, 0x0b]);
    Box::new(wasm::with_instances(
        &[FUNCTION_TYPE, FUNCTION, (8, &[0]), (10, &looping)],
        1,
    ))
}

fn traps_at_its_start(_: &Path) -> Box<dyn AsRef<Path>> {
    let trapping = code(&[0]);
    Box::new(wasm::with_instances(
        &[FUNCTION_TYPE, FUNCTION, (8, &[0]), (10, &trapping)],
        1,
    ))
}

/// `(memory 65536)`: 4 GiB.
fn has_a_memory_bomb(_: &Path) -> Box<dyn AsRef<Path>> {
    Box::new(wasm::with_instances(&[(5, &[1, 0, 0x80, 0x80, 0x04])], 1))
}

/// `(table 10000000 funcref)`, as many entries as the reader allows.
fn has_a_table_bomb(_: &Path) -> Box<dyn AsRef<Path>> {
    let table = [&[1, 0x70, 0][..], &wasm::number(10_000_000)].concat();
    Box::new(wasm::with_instances(&[(4, &table)], 1))
}

/// `(memory 0)`.
fn has_many_memories(_: &Path) -> Box<dyn AsRef<Path>> {
    Box::new(wasm::with_instances(&[(5, &[1, 0, 0])], 100))
}

fn is_many_instances(_: &Path) -> Box<dyn AsRef<Path>> {
    Box::new(wasm::with_instances(&[FUNCTION_TYPE, FUNCTION, (10, &code(&[]))], 100))
}

fn nests_without_end(_: &Path) -> Box<dyn AsRef<Path>> {
    Box::new(wasm::nested_components(10_000))
}

fn is_a_pipe(folder: &Path) -> Box<dyn AsRef<Path>> {
    let pipe = folder.join("pipe.wasm");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    Box::new(pipe)
}

fn is_a_device(_: &Path) -> Box<dyn AsRef<Path>> {
    Box::new(Path::new("/dev/zero"))
}

fn is_a_folder(folder: &Path) -> Box<dyn AsRef<Path>> {
    Box::new(folder.to_owned())
}

fn is_too_large(folder: &Path) -> Box<dyn AsRef<Path>> {
    let file = folder.join("large.wasm");
    std::fs::File::create(&file).unwrap().set_len(1 << 40).unwrap();
    assert!(files::open(&file).is_ok());
    Box::new(file)
}

cases! {
    computing_at_its_start: Case {
        options: &["--guest-timeout", "1s"],
        ..made("computes for ever at its start", loops_at_its_start, 5, "took longer than 1s")
    };
    a_trap_at_its_start: made("traps at its start", traps_at_its_start, 5, "the component trapped");
    a_memory_bomb: made("begins with a memory of 4 GiB", has_a_memory_bomb, 5, "more memory than --guest-memory allows");
    a_table_bomb: made("begins with a table of 10,000,000 entries", has_a_table_bomb, 5, "tables of more than 1048576 entries");
    many_memories: made("has 100 memories", has_many_memories, 5, "too many instances, tables or memories");
    many_instances: made("instantiates a module 100 times", is_many_instances, 5, "too many instances, tables or memories");
    nesting_without_end: made("has 10,000 components, each within another", nests_without_end, 5, "more than 64 deep");
    a_pipe: made("is a pipe that nobody writes to", is_a_pipe, 3, "not a regular file");
    a_device: made("is a device without an end", is_a_device, 3, "not a regular file");
    a_folder: made("is a folder", is_a_folder, 3, "not a regular file");
    a_file_of_a_terabyte: made("is a file of 1 TiB", is_too_large, 3, "more than 268435456 bytes");
}
