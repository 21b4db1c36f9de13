//! Changes a model before it is checked, so that it can be run.
//!
//! Floats of 16 and 64 bits become floats of 32: WebAssembly has none of 16, not all operators take them, and
//! nothing overflows that did not before. Operators lose their names, because ONNX allows duplicates and tract does not;
//! it then uses the names of their outputs, which are unique. Operators that no output needs are removed, because they
//! may be lacking.

use std::collections::HashMap;
use std::mem;

use crate::onnx::pb::attribute_proto::AttributeType;
use crate::onnx::pb::tensor_proto::DataType;
use crate::onnx::pb::type_proto::Value as Type;
use crate::onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use half::f16;

/// Changes `model`, its subgraphs included.
pub fn rewrite(model: &mut ModelProto) {
    model.graph.iter_mut().for_each(prune);
    // A stack of its own: how deep subgraphs lie is the file's choice.
    let mut graphs: Vec<&mut GraphProto> = model.graph.iter_mut().collect();
    while let Some(graph) = graphs.pop() {
        graph.initializer.iter_mut().for_each(tensor);
        for values in [&mut graph.input, &mut graph.output, &mut graph.value_info] {
            values.iter_mut().for_each(value);
        }
        for node in &mut graph.node {
            node.name.clear();
            let NodeProto { op_type, attribute, .. } = node;
            for attribute in attribute {
                // A Cast's type, and what others call it that make values of one.
                let is_type = attribute.r#type == AttributeType::Int as i32
                    && (attribute.name == "dtype" || attribute.name == "to" && op_type == "Cast");
                if is_type && i32::try_from(attribute.i).is_ok_and(is_other_float) {
                    attribute.i = DataType::Float as i64;
                }
                attribute.t.iter_mut().chain(&mut attribute.tensors).for_each(tensor);
                graphs.extend(attribute.g.iter_mut().chain(&mut attribute.graphs));
            }
        }
    }
}

/// Removes the operators that no output needs. Leaves a graph with no output, or with an undefined one, as it is, so that
/// it is refused.
fn prune(graph: &mut GraphProto) {
    let mut makers = HashMap::new();
    for (index, node) in graph.node.iter().enumerate() {
        makers.extend(node.output.iter().map(|name| (name.as_str(), index)));
    }
    let mut names: Vec<_> = graph.output.iter().map(|output| output.name.as_str()).collect();
    if names.is_empty() || names.iter().any(|name| !makers.contains_key(name)) {
        return;
    }
    let mut needed = vec![false; graph.node.len()];
    while let Some(name) = names.pop() {
        let Some(&index) = makers.get(name) else { continue };
        if let (Some(needed), Some(node)) = (needed.get_mut(index), graph.node.get(index))
            && !mem::replace(needed, true)
        {
            takes(node, &mut names);
        }
    }
    let mut needed = needed.into_iter();
    graph.node.retain(|_| needed.next().unwrap_or(true));
}

/// Adds the names of all values that `node` uses, also in its subgraphs, which see the names of the graph around them.
fn takes<'a>(node: &'a NodeProto, names: &mut Vec<&'a str>) {
    let mut nodes = vec![node];
    while let Some(node) = nodes.pop() {
        names.extend(node.input.iter().map(String::as_str));
        let attributes = node.attribute.iter();
        for graph in attributes.flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs)) {
            names.extend(graph.output.iter().map(|output| output.name.as_str()));
            nodes.extend(&graph.node);
        }
    }
}

fn is_other_float(kind: i32) -> bool {
    let kind = DataType::try_from(kind);
    matches!(kind, Ok(DataType::Float16 | DataType::Bfloat16 | DataType::Double))
}

fn value(value: &mut ValueInfoProto) {
    let kind = value.r#type.as_mut().and_then(|kind| kind.value.as_mut());
    if let Some(Type::TensorType(tensor)) = kind
        && is_other_float(tensor.elem_type)
    {
        tensor.elem_type = DataType::Float as i32;
    }
}

/// One that lies in another file has no values here, and is refused later.
fn tensor(tensor: &mut TensorProto) {
    let Ok(kind) = DataType::try_from(tensor.data_type) else {
        return;
    };
    // Numbers of 16 bits lie in a list of integers, where they do not lie as bytes.
    let halves = |tensor: &TensorProto| -> Vec<u16> {
        let bytes = tensor
            .raw_data
            .as_chunks()
            .0
            .iter()
            .map(|bytes| u16::from_le_bytes(*bytes));
        bytes.chain(tensor.int32_data.iter().map(|bits| *bits as u16)).collect()
    };
    let floats: Vec<f32> = match kind {
        DataType::Float16 => halves(tensor)
            .into_iter()
            .map(|bits| f16::from_bits(bits).to_f32())
            .collect(),
        DataType::Bfloat16 => halves(tensor)
            .into_iter()
            .map(|bits| f32::from_bits(u32::from(bits) << 16))
            .collect(),
        DataType::Double => {
            let bytes = tensor
                .raw_data
                .as_chunks()
                .0
                .iter()
                .map(|bytes| f64::from_le_bytes(*bytes));
            bytes
                .chain(tensor.double_data.iter().copied())
                .map(|value| value as f32)
                .collect()
        }
        _ => return,
    };
    tensor.data_type = DataType::Float as i32;
    tensor.raw_data = floats.iter().flat_map(|value| value.to_le_bytes()).collect();
    tensor.int32_data.clear();
    tensor.double_data.clear();
}
