//! Which of a model's operators tract lacks.

use crate::onnx::Lacking;
use crate::onnx::pb::GraphProto;

/// Domains whose operators tract knows by their names. It does not look at domains itself, so an operator of any other that is
/// called `Conv` would run as ONNX's.
const KNOWN_DOMAINS: [&str; 4] = ["", "ai.onnx", "ai.onnx.ml", "com.microsoft"];

/// What is wrong with the operators of `graph`, those of its subgraphs included: what tract lacks, by name, how often each is
/// there, and what to do. None: it has all of them.
pub fn lacking(graph: &GraphProto) -> Option<String> {
    let known = super::engine().op_register.0;
    let mut lacking = Lacking::default();
    let (mut foreign, mut loops, mut quantised) = (false, false, false);
    // A stack of its own: how deep subgraphs lie is the file's choice.
    let mut graphs = vec![graph];
    while let Some(graph) = graphs.pop() {
        for node in &graph.node {
            graphs.extend(
                node.attribute
                    .iter()
                    .flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs)),
            );
            let is_foreign = !KNOWN_DOMAINS.contains(&node.domain.as_str());
            if is_foreign || !known.contains_key(&node.op_type) {
                foreign |= is_foreign || node.domain == "com.microsoft";
                loops |= node.op_type == "Loop";
                quantised |= node.domain == "com.microsoft" && node.op_type.starts_with('Q');
                lacking.add(node);
            }
        }
    }
    if lacking.is_empty() {
        return None;
    }
    let mut remedies = vec!["write them with others, or try another opset (13 to 18 are known best)"];
    if loops {
        remedies.push("have the exporter unroll each Loop, with a fixed number of steps");
    }
    if foreign {
        remedies.push(
            "operators of a domain of their own: onnx.inliner.inline_local_functions where the model defines them, else an \
             export without optimisations for one runtime",
        );
    }
    if quantised {
        remedies.push("onnxruntime's 8-bit operators: quantize_static(..., quant_format=QuantFormat.QDQ)");
    }
    Some(format!(
        "the engine lacks {} of its operators: {lacking}; {}",
        lacking.len(),
        remedies.join("; ")
    ))
}
