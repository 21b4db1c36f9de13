//! Components that no compiler makes: the puppet with modules in it that were written byte by byte.

use tempfile::NamedTempFile;
use wasmparser::{Parser, Payload};

use crate::components::component;

/// A section of a module: its number and its content.
pub type Section<'a> = (u8, &'a [u8]);

/// The section of a type without parameters and results.
pub const FUNCTION_TYPE: Section = (1, &[1, 0x60, 0, 0]);
/// The section of one function of that type.
pub const FUNCTION: Section = (3, &[1, 0]);

/// LEB128.
pub fn number(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// The content of a code section with one function: these instructions, and its end.
pub fn code(instructions: &[u8]) -> Vec<u8> {
    [number(1), body(instructions)].concat()
}

/// A function without variables.
pub fn body(instructions: &[u8]) -> Vec<u8> {
    [
        number(instructions.len() + 2),
        vec![0],
        instructions.to_vec(),
        vec![0x0b],
    ]
    .concat()
}

fn module(sections: &[Section]) -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    for (section, content) in sections {
        module.push(*section);
        module.extend(number(content.len()));
        module.extend(*content);
    }
    module
}

fn puppet() -> Vec<u8> {
    std::fs::read(component("puppet")).unwrap()
}

fn add(bytes: &mut Vec<u8>, section: u8, content: &[u8]) {
    bytes.push(section);
    bytes.extend(number(content.len()));
    bytes.extend(content);
}

fn written(bytes: &[u8]) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

/// The puppet with an additional module of these sections, which nobody instantiates.
pub fn with_module(sections: &[Section]) -> NamedTempFile {
    let mut bytes = puppet();
    add(&mut bytes, 1, &module(sections));
    written(&bytes)
}

/// The puppet with an additional module of these sections, which is instantiated so many times with it.
pub fn with_instances(sections: &[Section], times: usize) -> NamedTempFile {
    let mut bytes = puppet();
    let modules = own_modules(&bytes);
    add(&mut bytes, 1, &module(sections));
    // `(core instance (instantiate MODULE))`, in the binary format of the component model.
    let instance = [&[0][..], &number(modules), &[0]].concat();
    add(&mut bytes, 2, &[number(times), instance.repeat(times)].concat());
    written(&bytes)
}

/// How many modules stand in a component itself: the index of the next.
fn own_modules(bytes: &[u8]) -> usize {
    let (mut depth, mut modules) = (0, 0);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.unwrap() {
            Payload::ModuleSection { .. } if depth == 1 => modules += 1,
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            _ => {}
        }
    }
    modules
}

/// One function of this many nested blocks.
pub fn nested_blocks(blocks: usize) -> NamedTempFile {
    let instructions = [[0x02, 0x40].repeat(blocks), vec![0x0b; blocks]].concat();
    with_module(&[FUNCTION_TYPE, FUNCTION, (10, &code(&instructions))])
}

/// So many functions of so many instructions: `i32.const 0 drop`, again and again.
pub fn functions(functions: usize, instructions: usize) -> NamedTempFile {
    let one = body(&[0x41, 0, 0x1a].repeat(instructions));
    let types = [number(functions), vec![0; functions]].concat();
    let code = [number(functions), one.repeat(functions)].concat();
    with_module(&[FUNCTION_TYPE, (3, &types), (10, &code)])
}

/// So many components, each within the one before it.
pub fn nested_components(depth: usize) -> NamedTempFile {
    let mut inner = b"\0asm\x0d\0\x01\0".to_vec();
    for _ in 0..depth {
        let mut outer = b"\0asm\x0d\0\x01\0".to_vec();
        add(&mut outer, 4, &inner);
        inner = outer;
    }
    let mut bytes = puppet();
    add(&mut bytes, 4, &inner);
    written(&bytes)
}
