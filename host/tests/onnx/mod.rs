//! ONNX files, written field by field as a test needs them. The numbers of fields are those of `onnx.proto`.
//!
//! Each function gives the fields of a message, to which others may be added: `[node("Cast", &["a"], "b"), to(FLOAT)].concat()`.

#![allow(dead_code, reason = "every test program takes its own part of this")]

pub type Fields = Vec<u8>;

/// Types of values, as ONNX numbers them.
pub const FLOAT: u64 = 1;
pub const UINT8: u64 = 2;
pub const INT8: u64 = 3;
pub const INT16: u64 = 5;
pub const INT32: u64 = 6;
pub const INT64: u64 = 7;
pub const STRING: u64 = 8;
pub const FLOAT16: u64 = 10;
pub const DOUBLE: u64 = 11;
pub const BFLOAT16: u64 = 16;

/// A model, part by part.
#[derive(Clone, Default)]
pub struct Onnx {
    pub name: String,
    pub version: u64,
    pub nodes: Vec<Fields>,
    pub weights: Vec<Fields>,
    pub inputs: Vec<Fields>,
    pub outputs: Vec<Fields>,
    /// What the exporter noted of values in between.
    pub values: Vec<Fields>,
    pub metadata: Vec<(String, String)>,
}

impl Onnx {
    /// The bytes of the file.
    pub fn file(&self) -> Vec<u8> {
        let opset = [text(1, ""), number(2, 13)].concat();
        let mut file = [
            number(1, 8),
            number(5, self.version),
            message(7, &self.graph()),
            message(8, &opset),
        ]
        .concat();
        for (key, value) in &self.metadata {
            file.extend(message(14, &entry(key, value)));
        }
        file
    }

    /// Its graph, as an operator such as `If` has one too.
    pub fn graph(&self) -> Fields {
        let parts = [
            (1, &self.nodes),
            (5, &self.weights),
            (11, &self.inputs),
            (12, &self.outputs),
            (13, &self.values),
        ];
        let parts = parts
            .into_iter()
            .flat_map(|(field, parts)| parts.iter().map(move |part| message(field, part)));
        [text(2, &self.name), parts.collect::<Vec<_>>().concat()].concat()
    }
}

/// A `NodeProto` of one output.
pub fn node(operator: &str, inputs: &[&str], output: &str) -> Fields {
    let inputs = inputs.iter().map(|input| text(1, input));
    [inputs.collect::<Vec<_>>().concat(), text(2, output), text(4, operator)].concat()
}

/// The same, of another domain than ONNX's own.
pub fn node_of(domain: &str, operator: &str, inputs: &[&str], output: &str) -> Fields {
    [node(operator, inputs, output), text(7, domain)].concat()
}

/// An attribute that is an integer.
pub fn integer(name: &str, value: u64) -> Fields {
    message(5, &[text(1, name), number(3, value), number(20, 2)].concat())
}

/// An attribute that is a tensor.
pub fn constant(name: &str, tensor: &[u8]) -> Fields {
    message(5, &[text(1, name), message(5, tensor), number(20, 4)].concat())
}

/// An attribute that is a graph.
pub fn branch(name: &str, graph: &[u8]) -> Fields {
    message(5, &[text(1, name), message(6, graph), number(20, 5)].concat())
}

/// A `TensorProto` with its values as bytes.
pub fn tensor(name: &str, kind: u64, lengths: &[usize], raw: &[u8]) -> Fields {
    [shaped(name, kind, lengths), bytes(9, raw)].concat()
}

/// A `TensorProto` of floats.
pub fn floats(name: &str, lengths: &[usize], values: impl IntoIterator<Item = f32>) -> Fields {
    let values = values.into_iter().flat_map(f32::to_le_bytes);
    tensor(name, FLOAT, lengths, &values.collect::<Vec<_>>())
}

/// A `TensorProto` of floats whose values lie in another file, as these entries say.
pub fn beside(name: &str, lengths: &[usize], entries: &[(&str, &str)]) -> Fields {
    let entries = entries.iter().map(|(key, value)| message(13, &entry(key, value)));
    [
        shaped(name, FLOAT, lengths),
        entries.collect::<Vec<_>>().concat(),
        number(14, 1),
    ]
    .concat()
}

fn shaped(name: &str, kind: u64, lengths: &[usize]) -> Fields {
    let lengths = lengths.iter().map(|length| number(1, *length as u64));
    [lengths.collect::<Vec<_>>().concat(), number(2, kind), text(8, name)].concat()
}

/// A `ValueInfoProto`; an axis of length 0 is called N and may have any, and one below that has neither length nor name.
pub fn value(name: &str, kind: u64, lengths: &[i64]) -> Fields {
    let axis = |length: &i64| match length {
        0 => text(2, "N"),
        1.. => number(1, *length as u64),
        _ => Vec::new(),
    };
    let shape = lengths.iter().map(|length| message(1, &axis(length)));
    value_of(name, kind, &shape.collect::<Vec<_>>().concat())
}

/// A `ValueInfoProto` of a `TensorShapeProto`.
pub fn value_of(name: &str, kind: u64, shape: &[u8]) -> Fields {
    let tensor = [number(1, kind), message(2, shape)].concat();
    [text(1, name), message(2, &message(1, &tensor))].concat()
}

/// A `StringStringEntryProto`.
fn entry(key: &str, value: &str) -> Fields {
    [text(1, key), text(2, value)].concat()
}

pub fn number(field: u64, value: u64) -> Fields {
    [varint(field << 3), varint(value)].concat()
}

pub fn text(field: u64, value: &str) -> Fields {
    bytes(field, value.as_bytes())
}

pub fn message(field: u64, fields: &[u8]) -> Fields {
    bytes(field, fields)
}

pub fn bytes(field: u64, value: &[u8]) -> Fields {
    [varint(field << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
