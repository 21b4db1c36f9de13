//! Operators that take integers and give integers: taken apart into `DequantizeLinear`, the operator on floats, and
//! `QuantizeLinear`, which is what they mean.

use crate::lower::attributes::int;
use crate::onnx::pb::{AttributeProto, NodeProto};

/// One of onnxruntime's domain has the same meaning there.
const DOMAIN: &str = "com.microsoft";

/// How an operator takes integers.
struct Form {
    /// Of the operator on floats.
    name: &'static str,
    /// Where its values, with a scale and a zero point each, begin. The second of a product are weights.
    values: &'static [usize],
    /// Where its bias is.
    bias: Option<usize>,
    /// Where scale and zero point of its output begin.
    output: usize,
}

fn form(node: &NodeProto) -> Option<Form> {
    let form = |name, values, bias, output| Form {
        name,
        values,
        bias,
        output,
    };
    Some(match (node.domain.as_str(), node.op_type.as_str()) {
        ("" | "ai.onnx" | DOMAIN, "QLinearConv") => form("Conv", &[0, 3], Some(8), 6),
        ("" | "ai.onnx" | DOMAIN, "QLinearMatMul") => form("MatMul", &[0, 3], None, 6),
        (DOMAIN, "QGemm") => form("Gemm", &[0, 3], Some(6), 7),
        (DOMAIN, "QLinearAdd") => form("Add", &[0, 3], None, 6),
        (DOMAIN, "QLinearMul") => form("Mul", &[0, 3], None, 6),
        (DOMAIN, "QLinearAveragePool") => form("AveragePool", &[0], None, 3),
        (DOMAIN, "QLinearGlobalAveragePool") => form("GlobalAveragePool", &[0], None, 3),
        (DOMAIN, "QLinearSoftmax") => form("Softmax", &[0], None, 3),
        (DOMAIN, "QLinearSigmoid") => form("Sigmoid", &[0], None, 3),
        (DOMAIN, "QLinearLeakyRelu") => form("LeakyRelu", &[0], None, 3),
        (DOMAIN, "QLinearConcat") => form("Concat", &[], None, 0),
        _ => return None,
    })
}

/// The same operators with those of integers taken apart.
pub fn expand(nodes: Vec<NodeProto>) -> Vec<NodeProto> {
    nodes
        .into_iter()
        .flat_map(|node| apart(&node).unwrap_or_else(|| vec![node]))
        .collect()
}

fn apart(node: &NodeProto) -> Option<Vec<NodeProto>> {
    if node.domain == DOMAIN && matches!(node.op_type.as_str(), "QuantizeLinear" | "DequantizeLinear") {
        let mut same = node.clone();
        same.domain.clear();
        return Some(vec![same]);
    }
    let form = form(node)?;
    // Other numbers in the order of the channels than ONNX has are left to be refused.
    let is_last = |attribute: &AttributeProto| attribute.name == "channels_last" && attribute.i != 0;
    if node.attribute.iter().any(is_last) {
        return None;
    }
    let [output] = node.output.as_slice() else { return None };
    let input = |at: usize| node.input.get(at).cloned().unwrap_or_default();
    let starts: Vec<usize> = match form.name {
        "Concat" => (2..node.input.len()).step_by(3).collect(),
        _ => form.values.to_vec(),
    };
    // Of weights with several scales: where their outputs are.
    let axis = match form.name {
        "Conv" => 0,
        "Gemm" if int(node, "transB", 0) != 0 => 0,
        _ => 1,
    };
    let mut nodes = Vec::new();
    let mut inputs = Vec::new();
    for start in starts {
        // No name of a model has a line break.
        let floats = format!("{output}\n{start}");
        nodes.push(NodeProto {
            op_type: "DequantizeLinear".to_owned(),
            input: vec![input(start), input(start + 1), input(start + 2)],
            output: vec![floats.clone()],
            attribute: vec![AttributeProto {
                name: "axis".to_owned(),
                i: axis,
                ..AttributeProto::default()
            }],
            ..NodeProto::default()
        });
        inputs.push(floats);
    }
    inputs.extend(form.bias.map(input).filter(|bias| !bias.is_empty()));
    // QGemm may give floats.
    let is_rounded = !input(form.output).is_empty();
    let floats = if is_rounded {
        format!("{output}\n")
    } else {
        output.clone()
    };
    nodes.push(NodeProto {
        op_type: form.name.to_owned(),
        domain: String::new(),
        input: inputs,
        output: vec![floats.clone()],
        ..node.clone()
    });
    if is_rounded {
        nodes.push(NodeProto {
            op_type: "QuantizeLinear".to_owned(),
            input: vec![floats, input(form.output), input(form.output + 1)],
            output: vec![output.clone()],
            ..NodeProto::default()
        });
    }
    Some(nodes)
}
