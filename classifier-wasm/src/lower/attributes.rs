//! The attributes of an operator.

use crate::onnx::pb::{AttributeProto, NodeProto, TensorProto};

fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

/// An integer, or what it is if left out.
pub fn int(node: &NodeProto, name: &str, otherwise: i64) -> i64 {
    attribute(node, name).map_or(otherwise, |attribute| attribute.i)
}

/// A number, or what it is if left out.
pub fn float(node: &NodeProto, name: &str, otherwise: f32) -> f32 {
    attribute(node, name).map_or(otherwise, |attribute| attribute.f)
}

/// A text, empty if left out.
pub fn text<'a>(node: &'a NodeProto, name: &str) -> &'a str {
    attribute(node, name).map_or("", |attribute| std::str::from_utf8(&attribute.s).unwrap_or("?"))
}

/// Integers, none if left out.
pub fn signed(node: &NodeProto, name: &str) -> Vec<i64> {
    attribute(node, name).map_or(Vec::new(), |attribute| attribute.ints.clone())
}

/// Small numbers that are not negative, none if left out: the product of two of them is no overflow.
pub fn ints(node: &NodeProto, name: &str) -> Result<Vec<usize>, String> {
    let numbers = signed(node, name)
        .into_iter()
        .map(|number| u16::try_from(number).map(usize::from))
        .collect::<Result<_, _>>();
    numbers.map_err(|_| format!("{name} {:?}", signed(node, name)))
}

/// A tensor.
pub fn tensor<'a>(node: &'a NodeProto, name: &str) -> Option<&'a TensorProto> {
    attribute(node, name).and_then(|attribute| attribute.t.as_ref())
}
