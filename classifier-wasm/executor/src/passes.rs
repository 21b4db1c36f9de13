//! From operators to passes over the values: what follows a convolution is done before its sums are stored.

use crate::curve::Curve;
use crate::elementwise::Change;
use crate::graph::{Graph, Node, Operator, Value};
use crate::kernel::{Kernel, Range};
use crate::pool::Pooling;
use crate::window::Window;

/// One pass over its inputs.
pub struct Pass {
    pub act: Act,
    /// What its results are held to.
    pub range: Range,
    /// Numbers of values.
    pub inputs: Vec<usize>,
    pub output: usize,
}

/// What a pass computes.
pub enum Act {
    Convolution(Kernel),
    Pool(Window, Pooling),
    Elementwise(Change),
    Curve(Curve),
    Concatenate,
    Softmax,
}

/// The passes that compute `output`, in order. Values are numbered as in the graph, and 0 is the image.
pub fn passes(graph: Graph, output: Value) -> Vec<Pass> {
    let mut nodes = graph.into_nodes();
    nodes.truncate(output.0);
    let mut uses = vec![0_usize; output.0 + 1];
    let read = nodes.iter().flat_map(|node| &node.inputs).chain([&output]);
    for value in read {
        if let Some(count) = uses.get_mut(value.0) {
            *count += 1;
        }
    }
    let mut passes: Vec<Pass> = Vec::new();
    for (index, node) in nodes.into_iter().enumerate() {
        let Some(&input) = node.inputs.first() else { continue };
        let before = passes.iter_mut().find(|pass| pass.output == input.0);
        // Whoever else reads the value needs it as it is.
        let is_alone = uses.get(input.0) == Some(&1);
        if let Some(pass) = before
            && is_alone
            && joins(pass, &node.operator)
        {
            pass.output = index + 1;
        } else {
            passes.push(alone(node, index + 1));
        }
    }
    passes
}

/// Whether `operator` could become part of `pass`, and then is.
fn joins(pass: &mut Pass, operator: &Operator) -> bool {
    if pass.range != Range::ALL {
        return false;
    }
    match (&mut pass.act, operator) {
        (Act::Convolution(_) | Act::Elementwise(_), Operator::Hold(range)) => {
            pass.range = *range;
            true
        }
        (Act::Convolution(kernel), Operator::Scale { scale, offset }) => {
            kernel.rescale(scale, offset);
            true
        }
        _ => false,
    }
}

fn alone(node: Node, output: usize) -> Pass {
    let mut range = Range::ALL;
    let act = match node.operator {
        Operator::Convolution(kernel) => Act::Convolution(kernel),
        Operator::Pool(window, pooling) => Act::Pool(window, pooling),
        Operator::Scale { scale, offset } => {
            let terms = scale.into_iter().zip(offset).map(|(scale, offset)| [scale, offset]);
            Act::Elementwise(Change::Scale(terms.collect()))
        }
        Operator::Hold(held) => {
            range = held;
            Act::Elementwise(Change::None)
        }
        Operator::Curve(curve) => Act::Curve(curve),
        Operator::Add => Act::Elementwise(Change::Add),
        Operator::Multiply => Act::Elementwise(Change::Multiply),
        Operator::Concatenate => Act::Concatenate,
        Operator::Softmax => Act::Softmax,
    };
    let inputs = node.inputs.iter().map(|input| input.0).collect();
    Pass {
        act,
        range,
        inputs,
        output,
    }
}
