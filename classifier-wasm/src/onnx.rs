//! What an ONNX file promises, read and checked before anything of it is built.
//!
//! Separate from running it: the file comes from outside, and a refusal here can still name what is wrong in the words
//! of ONNX.

mod ends;
pub mod labels;
mod operators;
mod quantised;
mod rewrite;
#[cfg(test)]
pub(crate) mod testing;

use tract_onnx::Onnx;
use tract_onnx::pb::{GraphProto, ModelProto, ValueInfoProto};

pub use self::rewrite::rewrite;
use crate::images::ImageShape;
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
    /// Whether the output comes out of a softmax.
    pub softmax: bool,
    /// Metadata `name`, else the name of the graph.
    pub name: String,
    /// Metadata `version`, else the file's `model_version`.
    pub version: String,
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
        let (image, layout, output) = promises(graph)?;
        let name = metadata(model, "name").or((!graph.name.is_empty()).then_some(graph.name.as_str()));
        let signature = Signature {
            image,
            layout,
            softmax: comes_out_of_softmax(graph, output),
            name: name.unwrap_or("model").to_owned(),
            version: metadata(model, "version").map_or_else(|| model.model_version.to_string(), str::to_owned),
        };
        let names = [("the name", &signature.name), ("the version", &signature.version)];
        if let Some((what, text)) = names.into_iter().find(|(_, text)| !is_name(text)) {
            return Err(unsupported(format!(
                "{what} {} is empty, longer than {MAX_NAME} bytes, or has control characters: change the model's metadata",
                quote(text)
            )));
        }
        Ok(signature)
    }
}

/// The engine, with what it has to know beside its own.
pub fn engine() -> Onnx {
    // Exporters note the shapes between operators, with the number of images as a symbol: here it is one, which contradicts.
    let mut engine = tract_onnx::onnx().with_ignore_value_info(true);
    quantised::register(&mut engine);
    engine
}

/// What the metadata of `model` has for `key`, but for nothing.
fn metadata<'a>(model: &'a ModelProto, key: &str) -> Option<&'a str> {
    let entry = model.metadata_props.iter().find(|entry| entry.key == key);
    entry
        .map(|entry| entry.value.as_str())
        .filter(|value| !value.is_empty())
}

/// Whether a host will show it.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_NAME && !text.chars().any(char::is_control)
}

fn unsupported(detail: impl Into<String>) -> Reject {
    Reject::new(Code::UnsupportedModel, detail)
}

/// Input and output, or all that is wrong with the graph in one refusal: each of it costs whoever mends it an export.
fn promises(graph: &GraphProto) -> Result<(ImageShape, Layout, &ValueInfoProto), Reject> {
    let weights = ends::refuse_external_weights(graph);
    let image = ends::the_input(graph).and_then(ends::image);
    let output = ends::the_output(graph);
    let operators = operators::lacking(graph).map_or(Ok(()), |detail| Err(unsupported(detail)));
    match (weights, image, output, operators) {
        (Ok(()), Ok((image, layout)), Ok(output), Ok(())) => Ok((image, layout, output)),
        (weights, image, output, operators) => {
            // Should it be too long, then the list of operators is what must not be cut.
            let rejects = [operators.err(), weights.err(), image.err(), output.err()];
            let rejects: Vec<_> = rejects.into_iter().flatten().collect();
            let is_bad = rejects.iter().any(|reject| reject.code == Code::BadModel);
            let code = if is_bad { Code::BadModel } else { Code::UnsupportedModel };
            let details: Vec<_> = rejects.into_iter().map(|reject| reject.detail).collect();
            Err(Reject::new(code, details.join("; and ")))
        }
    }
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
    use tract_onnx::pb::tensor_proto::DataType;

    use super::testing::{graph, model, node, tensor, with_metadata};
    use super::*;

    fn refusal(model: &ModelProto) -> Reject {
        Signature::read(model).unwrap_err()
    }

    #[test]
    fn what_has_no_operators_is_no_model() {
        assert_eq!(refusal(&ModelProto::default()).code, Code::BadModel);
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let mut model = model(&[40, 28, 28, 1]);
        graph(&mut model)
            .output
            .push(tensor("logits", DataType::Float, &[0, 10]));
        graph(&mut model).node.push(node("Unique", "logits", "unique"));
        let reject = refusal(&model);
        assert_eq!(reject.code, Code::UnsupportedModel);
        for part in ["fixed to 40 images", "2 outputs", "`Unique` (once)"] {
            assert!(reject.detail.contains(part), "{part}: {reject}");
        }
    }

    #[test]
    fn a_softmax_is_seen_through_reshapes_and_not_through_arithmetic() {
        let mut model = model(&[0, 28, 28, 1]);
        assert!(Signature::read(&model).unwrap().softmax);
        graph(&mut model).node[1] = node("Softmax", "logits", "before");
        for (operator, seen) in [("Identity", true), ("Squeeze", true), ("Cast", true), ("Mul", false)] {
            graph(&mut model).node.truncate(2);
            graph(&mut model).node.push(node(operator, "before", "probabilities"));
            assert_eq!(Signature::read(&model).unwrap().softmax, seen, "{operator}");
        }
        graph(&mut model).node = vec![node("Identity", "probabilities", "probabilities")];
        assert!(!Signature::read(&model).unwrap().softmax);
    }

    #[test]
    fn the_metadata_names_the_model_or_else_the_file_does() {
        let plain = Signature::read(&model(&[0, 28, 28, 1])).unwrap();
        assert_eq!((plain.name.as_str(), plain.version.as_str()), ("graph", "7"));
        let named = with_metadata(model(&[0, 28, 28, 1]), &[("name", "shoes"), ("version", "2.1")]);
        let named = Signature::read(&named).unwrap();
        assert_eq!((named.name.as_str(), named.version.as_str()), ("shoes", "2.1"));
    }

    #[test]
    fn a_model_without_a_name_gets_one_and_names_that_no_host_shows_are_refused() {
        let mut nameless = model(&[0, 28, 28, 1]);
        graph(&mut nameless).name.clear();
        assert_eq!(Signature::read(&nameless).unwrap().name, "model");
        for (key, value) in [("name", "\u{1b}[2J"), ("version", &"9".repeat(257))] {
            let model = with_metadata(model(&[0, 28, 28, 1]), &[(key, value)]);
            assert_eq!(refusal(&model).code, Code::UnsupportedModel, "{key}");
        }
    }
}
