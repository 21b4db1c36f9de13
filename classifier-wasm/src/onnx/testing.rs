//! Parts of models, for tests.

#![allow(clippy::unwrap_used)]

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::Dimension as Axis;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dimension;
use tract_onnx::pb::type_proto::Value as Type;
use tract_onnx::pb::{
    GraphProto, ModelProto, NodeProto, StringStringEntryProto, TensorShapeProto, TypeProto, ValueInfoProto, type_proto,
};

/// An input or output; a length of 0 stands for a dynamic axis.
pub fn tensor(name: &str, kind: DataType, lengths: &[i64]) -> ValueInfoProto {
    let dim = lengths.iter().map(|&length| Axis {
        value: Some(match length {
            0 => Dimension::DimParam("N".to_owned()),
            fixed => Dimension::DimValue(fixed),
        }),
        ..Axis::default()
    });
    let value = Type::TensorType(type_proto::Tensor {
        elem_type: kind as i32,
        shape: Some(TensorShapeProto { dim: dim.collect() }),
    });
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            value: Some(value),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}

/// An operator of one input and one output.
pub fn node(operator: &str, input: &str, output: &str) -> NodeProto {
    NodeProto {
        op_type: operator.to_owned(),
        input: vec![input.to_owned()],
        output: vec![output.to_owned()],
        ..NodeProto::default()
    }
}

/// A model that takes `images` of these lengths and gives ten `probabilities`.
pub fn model(lengths: &[i64]) -> ModelProto {
    ModelProto {
        model_version: 7,
        graph: Some(GraphProto {
            name: "graph".to_owned(),
            node: vec![
                node("Gemm", "images", "logits"),
                node("Softmax", "logits", "probabilities"),
            ],
            input: vec![tensor("images", DataType::Float, lengths)],
            output: vec![tensor("probabilities", DataType::Float, &[0, 10])],
            ..GraphProto::default()
        }),
        ..ModelProto::default()
    }
}

/// The same, saying so of itself.
pub fn with_metadata(mut model: ModelProto, entries: &[(&str, &str)]) -> ModelProto {
    let entries = entries.iter().map(|(key, value)| StringStringEntryProto {
        key: (*key).to_owned(),
        value: (*value).to_owned(),
    });
    model.metadata_props.extend(entries);
    model
}

/// A model's graph.
pub fn graph(model: &mut ModelProto) -> &mut GraphProto {
    model.graph.as_mut().unwrap()
}
