//! Operators that are lacking, in words: all of them, so that whoever exports the model again does it once.

use std::collections::BTreeMap;
use std::fmt;

use classifier_codec::reject::quote;

use super::pb::NodeProto;

/// Most bytes of the list: with what stands around it, it has to fit into a detail.
const MAX_LIST: usize = 500;

/// Operators by name, and how often each is there; other things without a number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lacking(BTreeMap<String, usize>);

impl Lacking {
    /// Counts an operator.
    pub fn add(&mut self, node: &NodeProto) {
        *self.0.entry(name(node)).or_default() += 1;
    }

    /// Counts an operator that is not lacking as such: what of it is.
    pub fn add_because(&mut self, node: &NodeProto, why: &str) {
        *self.0.entry(format!("{} ({why})", name(node))).or_default() += 1;
    }

    /// Something that is no operator.
    pub fn of(what: impl Into<String>) -> Lacking {
        Lacking(BTreeMap::from([(what.into(), 0)]))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are, each counted once.
    #[cfg(feature = "tract")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// `Loop`, or with its domain: `com.example::Norm`.
fn name(node: &NodeProto) -> String {
    match node.domain.as_str() {
        "" | "ai.onnx" => quote(&node.op_type),
        domain => quote(format!("{domain}::{}", node.op_type)),
    }
}

/// The most frequent first, equals by name; what does not fit is counted.
impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut by_number: Vec<_> = self.0.iter().collect();
        by_number.sort_by(|(_, one), (_, other)| other.cmp(one));
        let mut length = 0;
        for (index, (name, number)) in by_number.iter().enumerate() {
            let next = match number {
                0 => name.to_string(),
                1 => format!("{name} (once)"),
                number => format!("{name} ({number} times)"),
            };
            length += next.len();
            if length > MAX_LIST {
                return write!(f, " and {} more", by_number.len() - index);
            }
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(&next)?;
            length += 2;
        }
        Ok(())
    }
}
