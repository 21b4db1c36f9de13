//! The promises of an ONNX file, read and checked before anything of it is built.
//!
//! Separate from running it: the file is not trusted, and a refusal here can still name the problem in ONNX's terms.

mod ends;
mod operators;
#[cfg(not(feature = "tract"))]
pub mod pb;
mod rewrite;

use classifier_codec::reject::{Code, Reject, quote};
#[cfg(feature = "tract")]
pub use tract_onnx::pb;

pub use self::ends::Input;
pub use self::operators::Lacking;
use self::pb::{GraphProto, ModelProto, StringStringEntryProto, ValueInfoProto};
pub use self::rewrite::rewrite;
use crate::labels::{MAX_NAME, is_name};

/// A model's input and output, and what its metadata says.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    /// The images it takes, and their layout in its input.
    pub input: Input,
    /// Whether the output comes out of a softmax.
    pub softmax: bool,
    /// Metadata `name`, else the name of the graph.
    pub name: String,
    /// Metadata `version`, else the file's `model_version`.
    pub version: String,
}

impl Signature {
    /// Reads `model`, or says why it cannot be run.
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
        let (input, output) = promises(graph)?;
        let name = metadata(&model.metadata_props, "name").or((!graph.name.is_empty()).then_some(graph.name.as_str()));
        let signature = Signature {
            input,
            softmax: comes_out_of_softmax(graph, output),
            name: name.unwrap_or("model").to_owned(),
            version: metadata(&model.metadata_props, "version")
                .map_or_else(|| model.model_version.to_string(), str::to_owned),
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

/// The metadata for `key`, unless empty.
pub fn metadata<'a>(entries: &'a [StringStringEntryProto], key: &str) -> Option<&'a str> {
    let entry = entries.iter().find(|entry| entry.key == key);
    entry
        .map(|entry| entry.value.as_str())
        .filter(|value| !value.is_empty())
}

/// A refusal of a model that the component cannot run.
pub fn unsupported(detail: impl Into<String>) -> Reject {
    Reject::new(Code::UnsupportedModel, detail)
}

/// Input and output, or everything that is wrong with the graph in one refusal: each new refusal would cost another
/// export.
fn promises(graph: &GraphProto) -> Result<(Input, &ValueInfoProto), Reject> {
    let weights = ends::refuse_external_weights(graph);
    let input = ends::the_input(graph).and_then(ends::input);
    let output = ends::the_output(graph);
    #[cfg(feature = "tract")]
    let operators = crate::tract::lacking(graph).map_or(Ok(()), |detail| Err(unsupported(detail)));
    // What the executor lacks shows when the graph is lowered.
    #[cfg(not(feature = "tract"))]
    let operators = Ok::<_, Reject>(());
    match (weights, input, output, operators) {
        (Ok(()), Ok(input), Ok(output), Ok(())) => Ok((input, output)),
        (weights, input, output, operators) => {
            // If it is too long, the list of operators is what must not be cut.
            let rejects = [operators.err(), weights.err(), input.err(), output.err()];
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
