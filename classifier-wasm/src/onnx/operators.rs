//! Which of a model's operators the engine lacks: all of them, so that whoever exports the model again does it once.

use std::collections::BTreeMap;

use classifier_codec::reject::quote;
use tract_onnx::pb::{GraphProto, NodeProto};

/// Domains whose operators the engine knows by their names. It does not look at domains itself, so an operator of any
/// other that is called `Conv` would run as ONNX's.
const KNOWN_DOMAINS: [&str; 4] = ["", "ai.onnx", "ai.onnx.ml", "com.microsoft"];

/// Most bytes of the list: with what stands around it, it has to fit into a detail.
const MAX_LIST: usize = 500;

/// What is wrong with the operators of `graph`, those of its subgraphs included: what the engine lacks, by name, how often
/// each is there, and what to do. None: it has all of them.
pub fn lacking(graph: &GraphProto) -> Option<String> {
    let known = super::engine().op_register.0;
    let mut lacking = BTreeMap::<String, usize>::new();
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
                *lacking.entry(name(node)).or_default() += 1;
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
        "the engine lacks {} of its operators: {}; {}",
        lacking.len(),
        list(&lacking),
        remedies.join("; ")
    ))
}

/// `Loop`, or with its domain: `com.example::Norm`.
fn name(node: &NodeProto) -> String {
    match node.domain.as_str() {
        "" | "ai.onnx" => quote(&node.op_type),
        domain => quote(format!("{domain}::{}", node.op_type)),
    }
}

/// The most frequent first, equals by name; what does not fit is counted.
fn list(lacking: &BTreeMap<String, usize>) -> String {
    let mut by_number: Vec<_> = lacking.iter().collect();
    by_number.sort_by(|(_, one), (_, other)| other.cmp(one));
    let mut list = String::new();
    for (index, (name, number)) in by_number.iter().enumerate() {
        let next = match number {
            1 => format!("{name} (once)"),
            number => format!("{name} ({number} times)"),
        };
        if list.len() + next.len() > MAX_LIST {
            list.push_str(&format!(" and {} more", by_number.len() - index));
            break;
        }
        if index > 0 {
            list.push_str(", ");
        }
        list.push_str(&next);
    }
    list
}
