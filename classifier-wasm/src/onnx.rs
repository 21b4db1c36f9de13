//! What an ONNX file promises, read and checked before anything of it is built.
//!
//! Separate from running it: the file comes from outside, and a refusal here can still name what is wrong in the words
//! of ONNX.

use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dimension;
use tract_onnx::pb::type_proto::Value as Type;
use tract_onnx::pb::{GraphProto, ModelProto, TensorProto, ValueInfoProto};

use crate::images::{ImageShape, MAX_VALUES};
use crate::reject::{Code, Reject, quote};

/// Longest name, version or label, in bytes.
const MAX_NAME: usize = 256;

/// How the model's input is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// N, H, W, C.
    ChannelsLast,
    /// N, C, H, W.
    ChannelsFirst,
}

/// A model's input and output, and what its metadata says.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    /// The images it takes.
    pub image: ImageShape,
    /// How one lies in its input.
    pub layout: Layout,
    /// Whether the output comes out of a softmax; else it is taken for logits.
    pub probabilities: bool,
    /// Metadata `name`, else the name of the graph.
    pub name: String,
    /// Metadata `version`, else the file's `model_version`.
    pub version: String,
    /// Metadata `labels`, one a line.
    pub labels: Option<Vec<String>>,
}

impl Signature {
    /// Reads `model`, or says what in it cannot be served.
    pub fn read(model: &ModelProto) -> Result<Signature, Reject> {
        let graph = match &model.graph {
            Some(graph) if !graph.node.is_empty() => graph,
            _ => {
                return Err(Reject::new(
                    Code::BadModel,
                    "not an ONNX model: it has no graph of operators",
                ));
            }
        };
        refuse_external_weights(graph)?;
        let (image, layout) = image(the_input(graph)?)?;
        let output = the_output(graph)?;
        let metadata = |key: &str| {
            let entry = model.metadata_props.iter().find(|entry| entry.key == key);
            entry
                .map(|entry| entry.value.as_str())
                .filter(|value| !value.is_empty())
        };
        let name = metadata("name").or((!graph.name.is_empty()).then_some(graph.name.as_str()));
        let signature = Signature {
            image,
            layout,
            probabilities: comes_out_of_softmax(graph, output),
            name: name.unwrap_or("model").to_owned(),
            version: metadata("version").map_or_else(|| model.model_version.to_string(), str::to_owned),
            labels: metadata("labels").map(|labels| labels.lines().map(str::to_owned).collect()),
        };
        let labels = signature.labels.iter().flatten().map(|label| ("a label", label));
        let names = [("the name", &signature.name), ("the version", &signature.version)];
        if let Some((what, text)) = names.into_iter().chain(labels).find(|(_, text)| !is_name(text)) {
            return Err(unsupported(format!(
                "{what} {} is empty, longer than {MAX_NAME} bytes, or has control characters: change the model's metadata",
                quote(text)
            )));
        }
        Ok(signature)
    }
}

/// Whether a host will show it.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_NAME && !text.chars().any(char::is_control)
}

fn unsupported(detail: impl Into<String>) -> Reject {
    Reject::new(Code::UnsupportedModel, detail)
}

/// The component has no files: weights beside the model cannot be read.
fn refuse_external_weights(graph: &GraphProto) -> Result<(), Reject> {
    let attributes = graph
        .node
        .iter()
        .flat_map(|node| node.attribute.iter())
        .filter_map(|attribute| attribute.t.as_ref());
    let external = |tensor: &&TensorProto| {
        tensor.data_location == Some(DataLocation::External as i32) || !tensor.external_data.is_empty()
    };
    match graph.initializer.iter().chain(attributes).find(external) {
        None => Ok(()),
        Some(tensor) => Err(unsupported(format!(
            "weights {} lie in another file: save the model with its weights inside (save_as_external_data=False)",
            quote(&tensor.name)
        ))),
    }
}

/// The one input that is no weight: older exporters list the weights among the inputs.
fn the_input(graph: &GraphProto) -> Result<&ValueInfoProto, Reject> {
    let mut inputs = graph
        .input
        .iter()
        .filter(|input| graph.initializer.iter().all(|weights| weights.name != input.name));
    match (inputs.next(), inputs.next()) {
        (Some(input), None) => Ok(input),
        (None, _) => Err(unsupported("no input: the model must take images")),
        (Some(one), Some(other)) => {
            let detail = format!(
                "inputs {} and {}: a model takes images and nothing else",
                quote(&one.name),
                quote(&other.name)
            );
            Err(unsupported(detail))
        }
    }
}

/// The one output, which some operator gives.
fn the_output(graph: &GraphProto) -> Result<&ValueInfoProto, Reject> {
    match graph.output.as_slice() {
        [output] if graph.node.iter().any(|node| node.output.contains(&output.name)) => Ok(output),
        [output] => Err(Reject::new(
            Code::BadModel,
            format!("no operator gives the output {}", quote(&output.name)),
        )),
        outputs => Err(unsupported(format!(
            "{} outputs: the model must give probabilities alone",
            outputs.len()
        ))),
    }
}

fn image(input: &ValueInfoProto) -> Result<(ImageShape, Layout), Reject> {
    let name = quote(&input.name);
    let Some(Type::TensorType(tensor)) = input.r#type.as_ref().and_then(|kind| kind.value.as_ref()) else {
        return Err(unsupported(format!("input {name} is no tensor")));
    };
    if tensor.elem_type != DataType::Float as i32 {
        let found = DataType::try_from(tensor.elem_type).map_or("unknown", |kind| kind.as_str_name());
        return Err(unsupported(format!(
            "input {name} is of type {found}: it must be FLOAT and take raw pixels"
        )));
    }
    let dimensions = tensor
        .shape
        .iter()
        .flat_map(|shape| &shape.dim)
        .map(|dimension| dimension.value.as_ref());
    let dimensions = dimensions.collect::<Vec<_>>();
    let [batch, rest @ ..] = dimensions.as_slice() else {
        return Err(unsupported(format!(
            "input {name} says no shape: it must be (N, H, W, C) or (N, C, H, W)"
        )));
    };
    if matches!(batch, Some(Dimension::DimValue(count)) if *count != 1) {
        return Err(unsupported(format!(
            "input {name} has a fixed number of images: export it with a dynamic first axis"
        )));
    }
    let fixed = rest.iter().map(|dimension| match dimension {
        Some(Dimension::DimValue(length)) => usize::try_from(*length).ok().filter(|&length| length > 0),
        _ => None,
    });
    let fixed: Option<Vec<usize>> = fixed.collect();
    let Some(&[a, b, c]) = fixed.as_deref() else {
        let detail = format!("input {name} must have four axes, fixed but for the first: (N, H, W, C) or (N, C, H, W)");
        return Err(unsupported(detail));
    };
    let (image, layout) = match (matches!(a, 1 | 3), matches!(c, 1 | 3)) {
        (false, true) => (
            ImageShape {
                height: a,
                width: b,
                channels: c,
            },
            Layout::ChannelsLast,
        ),
        (true, false) => (
            ImageShape {
                height: b,
                width: c,
                channels: a,
            },
            Layout::ChannelsFirst,
        ),
        (both, _) => {
            let problem = if both {
                "could be either of"
            } else {
                "has no axis of 1 or 3 channels as in"
            };
            return Err(unsupported(format!(
                "input {name} of shape (N, {a}, {b}, {c}) {problem} (N, H, W, C) and (N, C, H, W)"
            )));
        }
    };
    let values = [a, b, c].into_iter().try_fold(1usize, usize::checked_mul);
    if values.is_none_or(|values| values > MAX_VALUES) {
        return Err(unsupported(format!(
            "images of {a} x {b} x {c}: at most {MAX_VALUES} values are taken"
        )));
    }
    Ok((image, layout))
}

/// Whether `output` is a softmax, seen through operators that only reshape or rescale its type.
fn comes_out_of_softmax(graph: &GraphProto, output: &ValueInfoProto) -> bool {
    const TRANSPARENT: [&str; 8] = [
        "Identity",
        "Reshape",
        "Flatten",
        "Squeeze",
        "Unsqueeze",
        "QuantizeLinear",
        "DequantizeLinear",
        "Cast",
    ];
    let mut name = &output.name;
    // No path is longer than there are operators, and a cycle ends here too.
    for _ in &graph.node {
        let Some(node) = graph.node.iter().find(|node| node.output.contains(name)) else {
            return false;
        };
        match (node.op_type.as_str(), node.input.first()) {
            ("Softmax", _) => return true,
            (operator, Some(input)) if TRANSPARENT.contains(&operator) => name = input,
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use tract_onnx::pb::tensor_shape_proto::Dimension as Axis;
    use tract_onnx::pb::{NodeProto, StringStringEntryProto, TensorShapeProto, TypeProto, type_proto};

    fn tensor(name: &str, kind: DataType, lengths: &[i64]) -> ValueInfoProto {
        // A length of 0 stands for a dynamic axis.
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

    fn node(operator: &str, input: &str, output: &str) -> NodeProto {
        NodeProto {
            op_type: operator.to_owned(),
            input: vec![input.to_owned()],
            output: vec![output.to_owned()],
            ..NodeProto::default()
        }
    }

    fn model(lengths: &[i64]) -> ModelProto {
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

    fn graph(model: &mut ModelProto) -> &mut GraphProto {
        model.graph.as_mut().unwrap()
    }

    fn refusal(model: &ModelProto) -> Reject {
        Signature::read(model).unwrap_err()
    }

    #[test]
    fn the_layout_is_read_off_the_axis_of_1_or_3_channels() {
        for (lengths, height, width, channels, layout) in [
            ([0, 28, 28, 1], 28, 28, 1, Layout::ChannelsLast),
            ([0, 1, 28, 28], 28, 28, 1, Layout::ChannelsFirst),
            ([1, 3, 20, 30], 20, 30, 3, Layout::ChannelsFirst),
            ([0, 20, 30, 3], 20, 30, 3, Layout::ChannelsLast),
        ] {
            let signature = Signature::read(&model(&lengths)).unwrap();
            assert_eq!(
                signature.image,
                ImageShape {
                    height,
                    width,
                    channels
                },
                "{lengths:?}"
            );
            assert_eq!(signature.layout, layout, "{lengths:?}");
        }
    }

    #[test]
    fn inputs_that_are_no_images_are_refused() {
        for lengths in [
            &[][..],
            &[0],
            &[0, 784],
            &[0, 28, 28],
            &[0, 28, 28, 2],
            &[0, 1, 28, 28, 1],
            &[0, 0, 28, 1],
            &[40, 28, 28, 1],
            &[0, -1, 28, 1],
            &[0, 3, 28, 3],
            &[0, 1 << 20, 1 << 20, 1],
        ] {
            assert_eq!(refusal(&model(lengths)).code, Code::UnsupportedModel, "{lengths:?}");
        }
        let ambiguous = refusal(&model(&[0, 1, 28, 3])).detail;
        assert!(
            ambiguous.contains("could be either of (N, H, W, C) and (N, C, H, W)"),
            "{ambiguous}"
        );
        let mut bytes = model(&[0, 28, 28, 1]);
        graph(&mut bytes).input = vec![tensor("images", DataType::Uint8, &[0, 28, 28, 1])];
        assert!(refusal(&bytes).detail.contains("UINT8"));
    }

    #[test]
    fn weights_among_the_inputs_do_not_count_and_a_second_input_is_refused() {
        let mut model = model(&[0, 28, 28, 1]);
        graph(&mut model).input.push(tensor("weights", DataType::Float, &[10]));
        assert!(refusal(&model).detail.contains("`weights`"));
        graph(&mut model).initializer = vec![TensorProto {
            name: "weights".to_owned(),
            ..TensorProto::default()
        }];
        assert!(Signature::read(&model).is_ok());
        graph(&mut model).input.clear();
        assert_eq!(refusal(&model).code, Code::UnsupportedModel);
    }

    #[test]
    fn weights_in_another_file_are_refused_by_name() {
        let external = TensorProto {
            name: "weights".to_owned(),
            data_location: Some(DataLocation::External as i32),
            ..TensorProto::default()
        };
        let mut model = model(&[0, 28, 28, 1]);
        graph(&mut model).initializer.push(external);
        assert!(
            refusal(&model)
                .detail
                .starts_with("weights `weights` lie in another file")
        );
    }

    #[test]
    fn outputs_must_be_one_that_an_operator_gives() {
        let mut dangling = model(&[0, 28, 28, 1]);
        graph(&mut dangling).output = vec![tensor("elsewhere", DataType::Float, &[0, 10])];
        assert_eq!(refusal(&dangling).code, Code::BadModel);
        let mut two = model(&[0, 28, 28, 1]);
        graph(&mut two).output.push(tensor("logits", DataType::Float, &[0, 10]));
        assert_eq!(refusal(&two).code, Code::UnsupportedModel);
        assert_eq!(refusal(&ModelProto::default()).code, Code::BadModel);
    }

    #[test]
    fn a_softmax_is_seen_through_reshapes_and_not_through_arithmetic() {
        let mut model = model(&[0, 28, 28, 1]);
        assert!(Signature::read(&model).unwrap().probabilities);
        graph(&mut model).node[1] = node("Softmax", "logits", "before");
        for (operator, seen) in [("Identity", true), ("Squeeze", true), ("Cast", true), ("Mul", false)] {
            graph(&mut model).node.truncate(2);
            graph(&mut model).node.push(node(operator, "before", "probabilities"));
            assert_eq!(Signature::read(&model).unwrap().probabilities, seen, "{operator}");
        }
        graph(&mut model).node = vec![node("Identity", "probabilities", "probabilities")];
        assert!(!Signature::read(&model).unwrap().probabilities);
    }

    #[test]
    fn the_metadata_names_the_model_and_its_labels() {
        let mut model = model(&[0, 28, 28, 1]);
        let plain = Signature::read(&model).unwrap();
        assert_eq!(
            (plain.name.as_str(), plain.version.as_str(), plain.labels),
            ("graph", "7", None)
        );
        for (key, value) in [("name", "shoes"), ("version", "2.1"), ("labels", "left\nright\n")] {
            model.metadata_props.push(StringStringEntryProto {
                key: key.to_owned(),
                value: value.to_owned(),
            });
        }
        let named = Signature::read(&model).unwrap();
        assert_eq!((named.name.as_str(), named.version.as_str()), ("shoes", "2.1"));
        assert_eq!(named.labels.unwrap(), ["left", "right"]);
    }

    #[test]
    fn a_model_without_a_name_gets_one_and_names_that_no_host_shows_are_refused() {
        let mut nameless = model(&[0, 28, 28, 1]);
        graph(&mut nameless).name.clear();
        assert_eq!(Signature::read(&nameless).unwrap().name, "model");
        for (key, value) in [
            ("name", "\u{1b}[2J"),
            ("version", &"9".repeat(257)),
            ("labels", "left\n\nright"),
        ] {
            let mut model = model(&[0, 28, 28, 1]);
            model.metadata_props.push(StringStringEntryProto {
                key: key.to_owned(),
                value: value.to_owned(),
            });
            assert_eq!(refusal(&model).code, Code::UnsupportedModel, "{key}");
        }
    }
}
