//! From operators to passes over the values: what follows a convolution is done before its sums are stored.

use crate::curve::Curve;
use crate::elementwise::Change;
use crate::graph::{Graph, Node, Operator, Value};
use crate::integer::{self, Grid, IntegerOperator};
use crate::kernel::{Kernel, Range};
use crate::layout::Kind;
use crate::pool::Pooling;
use crate::window::{Steps, Window};

/// One pass over its inputs.
pub struct Pass {
    pub act: Act,
    /// What its results are held to.
    pub range: Range,
    /// Whether only the largest of each 2 x 2 pixels of a convolution is stored.
    pub pooled: bool,
    /// What they then are rounded to.
    pub grid: Option<Grid>,
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
    Integer(integer::Act),
}

/// The passes that compute `output`, in order. Values are numbered as in the graph, and 0 is the image.
pub fn passes(graph: Graph, output: Value) -> Vec<Pass> {
    let mut nodes = graph.into_nodes();
    nodes.truncate(output.0);
    // How often each value is read by operators that the output needs.
    let mut uses = vec![0_usize; output.0 + 1];
    if let Some(last) = uses.last_mut() {
        *last = 1;
    }
    for (index, node) in nodes.iter().enumerate().rev() {
        if uses.get(index + 1).is_some_and(|count| *count > 0) {
            for value in &node.inputs {
                if let Some(count) = uses.get_mut(value.0) {
                    *count += 1;
                }
            }
        }
    }
    let mut passes: Vec<Pass> = Vec::new();
    for (index, node) in nodes.into_iter().enumerate() {
        let Some(&input) = node.inputs.first() else { continue };
        if uses.get(index + 1) == Some(&0) {
            continue;
        }
        let before = passes.iter_mut().find(|pass| pass.output == input.0);
        // Whoever else reads the value needs it as it is.
        let is_alone = uses.get(input.0) == Some(&1);
        if let Some(pass) = before
            && is_alone
            && joins(pass, &node)
        {
            pass.output = index + 1;
        } else {
            passes.push(alone(node, index + 1));
        }
    }
    passes
}

/// Whether the operator of `node` could become part of `pass`, and then is.
fn joins(pass: &mut Pass, node: &Node) -> bool {
    if let (Act::Convolution(kernel), Operator::Pool(window, Pooling::Largest)) = (&mut pass.act, &node.operator) {
        return !pass.pooled && {
            pass.pooled = pool(kernel, *window);
            pass.pooled
        };
    }
    if let (Act::Integer(act), Operator::Integer(IntegerOperator::Quantise(grid)), None) =
        (&pass.act, &node.operator, pass.grid)
        && act.is_finished()
    {
        pass.grid = Some(*grid);
        return true;
    }
    if pass.range != Range::ALL || pass.pooled || pass.grid.is_some() {
        return false;
    }
    match (&mut pass.act, &node.operator) {
        (Act::Convolution(_) | Act::Elementwise(_), Operator::Hold(range)) => {
            pass.range = *range;
            true
        }
        (Act::Convolution(kernel), Operator::Scale { scale, offset }) => {
            kernel.rescale(scale, offset);
            true
        }
        (Act::Integer(act), Operator::Hold(range)) if act.is_finished() => {
            pass.range = *range;
            true
        }
        _ => false,
    }
}

/// Whether a convolution can do what the largest of each window leaves of it. What lies behind the last window, it need not
/// compute any more.
fn pool(kernel: &mut Kernel, window: Window) -> bool {
    let Window { rows, columns } = &mut kernel.window;
    let is_pair = |pool: Steps, steps: &Steps| {
        pool.kernel == 2 && (pool.stride, pool.dilation, pool.before) == (2, 1, 0) && pool.output * 2 <= steps.output
    };
    let is_known = kernel.groups == 1 && is_pair(window.rows, rows) && is_pair(window.columns, columns);
    if is_known {
        (rows.output, columns.output) = (window.rows.output * 2, window.columns.output * 2);
    }
    is_known
}

fn alone(node: Node, output: usize) -> Pass {
    let mut range = Range::ALL;
    let act = match node.operator {
        Operator::Integer(operator) => Act::Integer(integer::Act::Operator(operator)),
        Operator::Pool(window, _) if node.kind == Kind::Integers => Act::Integer(integer::Act::Largest(window)),
        Operator::Concatenate if node.kind == Kind::Integers => Act::Integer(integer::Act::Concatenate),
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
        pooled: false,
        grid: None,
        inputs,
        output,
    }
}
