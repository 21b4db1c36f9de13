//! What exporters compute of constants: mostly of shapes, integers that are known as soon as the shapes are.

use crate::onnx::pb::NodeProto;

use super::attributes::int;
use super::tensor::Constant;
use super::{Known, Lacks, Lowering};

impl Lowering<'_> {
    /// The constant that an operator gives, if it computes with a shape or with constants alone.
    pub(super) fn folded(&self, node: &NodeProto) -> Result<Option<Constant>, Lacks> {
        if node.op_type == "Shape" {
            let dims = self.input(node, 0)?.dims.iter().map(|dim| *dim as i64).collect();
            let whole = node.attribute.is_empty();
            return Ok(whole.then(|| list(dims)));
        }
        let inputs = node.input.iter().map(|name| match self.known.get(name.as_str()) {
            Some(Known::Constant(constant)) => Some(constant),
            _ => None,
        });
        let Some(inputs) = inputs.collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        // Where layers share numbers.
        if let ("Identity", [same]) = (node.op_type.as_str(), inputs.as_slice()) {
            return Ok(Some((*same).clone()));
        }
        let is_of_integers = inputs
            .iter()
            .all(|input| !input.integers.is_empty() && input.dims.len() <= 1);
        Ok(match (node.op_type.as_str(), inputs.as_slice()) {
            _ if !is_of_integers => None,
            ("Gather", [from, at]) if int(node, "axis", 0) == 0 => {
                let length = from.integers.len() as i64;
                let place = |at: &i64| usize::try_from(if *at < 0 { at + length } else { *at }).ok();
                let one = |at: &i64| place(at).and_then(|at| from.integers.get(at)).copied();
                let integers = at.integers.iter().map(one).collect::<Option<Vec<_>>>();
                integers.map(|integers| Constant {
                    dims: at.dims.clone(),
                    integers,
                    floats: Vec::new(),
                })
            }
            ("Concat", inputs) => Some(list(inputs.iter().flat_map(|input| input.integers.clone()).collect())),
            // Of a single number: it becomes a list of one, or is one already.
            ("Unsqueeze", [one, ..]) if one.integers.len() == 1 => Some(list(one.integers.clone())),
            ("Cast", [same]) if int(node, "to", 0) == INT64 => Some((*same).clone()),
            _ => None,
        })
    }
}

/// The number of the type in ONNX.
const INT64: i64 = 7;

fn list(integers: Vec<i64>) -> Constant {
    Constant {
        dims: vec![integers.len()],
        integers,
        floats: Vec::new(),
    }
}
