//! What is changed in a model before it is looked at, since the engine would refuse it or be of no use.
//!
//! Floats of 16 and of 64 bits become ones of 32: WebAssembly has no others of 16, the engine's operators do not take all
//! of them, and nothing overflows that did not before. Names of operators go, since ONNX lets two have the same and the
//! engine does not; it then goes by the names of their outputs, which are different.

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::type_proto::Value as Type;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use tract_onnx::prelude::f16;

/// Changes `model`, its subgraphs included.
pub fn rewrite(model: &mut ModelProto) {
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use tract_onnx::pb::AttributeProto;

    use super::*;
    use crate::onnx::Signature;
    use crate::onnx::testing::{self, graph, model, node};

    fn floats(tensor: &TensorProto) -> Vec<f32> {
        assert_eq!(tensor.data_type, DataType::Float as i32);
        assert!(tensor.int32_data.is_empty() && tensor.double_data.is_empty());
        tensor
            .raw_data
            .as_chunks()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect()
    }

    #[test]
    fn other_floats_become_floats_of_32_bits_however_they_lie() {
        let of = |kind: DataType, raw_data: Vec<u8>| TensorProto {
            data_type: kind as i32,
            raw_data,
            ..TensorProto::default()
        };
        let half = f16::from_f32(-1.5).to_bits();
        let listed = TensorProto {
            int32_data: vec![i32::from(half), 0],
            ..of(DataType::Float16, Vec::new())
        };
        let doubles = TensorProto {
            double_data: vec![-1.5, 0.0],
            ..of(DataType::Double, Vec::new())
        };
        for mut given in [
            of(DataType::Float16, [half.to_le_bytes(), [0; 2]].concat()),
            listed,
            of(DataType::Bfloat16, vec![0xc0, 0xbf, 0, 0]),
            of(DataType::Double, [(-1.5f64).to_le_bytes(), [0; 8]].concat()),
            doubles,
        ] {
            tensor(&mut given);
            assert_eq!(floats(&given), [-1.5, 0.0]);
        }
        let mut bytes = of(DataType::Uint8, vec![1, 2]);
        tensor(&mut bytes);
        assert_eq!(bytes, of(DataType::Uint8, vec![1, 2]));
    }

    #[test]
    fn a_model_in_other_floats_takes_images_and_casts_to_the_same() {
        for kind in [DataType::Float16, DataType::Bfloat16, DataType::Double] {
            let mut model = model(&[0, 28, 28, 1]);
            let mut cast = node("Cast", "images", "cast");
            cast.attribute.push(AttributeProto {
                name: "to".to_owned(),
                r#type: AttributeType::Int as i32,
                i: kind as i64,
                ..AttributeProto::default()
            });
            cast.name = "the same".to_owned();
            let graph = graph(&mut model);
            graph.node.push(cast);
            graph.node[0].name = "the same".to_owned();
            graph.input = vec![testing::tensor("images", kind, &[0, 28, 28, 1])];
            rewrite(&mut model);
            let Some(GraphProto { node, .. }) = &model.graph else {
                panic!()
            };
            assert_eq!(node[2].attribute[0].i, DataType::Float as i64);
            assert!(node.iter().all(|node| node.name.is_empty()));
            assert!(Signature::read(&model).is_ok(), "{kind:?}");
        }
    }
}
