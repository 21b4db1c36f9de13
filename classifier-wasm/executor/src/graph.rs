//! What is computed: operators on values, each checked when it is added.

use crate::curve::Curve;
use crate::error::GraphError;
use crate::integer::IntegerOperator;
use crate::kernel::{Kernel, Range};
use crate::layout::{Kind, Shape};
use crate::pool::Pooling;
use crate::window::Window;

/// An operator. Images are height, width, channels; each is computed alone.
#[derive(Debug, Clone, PartialEq)]
pub enum Operator {
    /// A convolution, also a depthwise one. A dense layer is one whose window is the whole image.
    Convolution(Kernel),
    /// The largest number or the mean of each window.
    Pool(Window, Pooling),
    /// Each channel multiplied with its scale, and its offset added.
    Scale {
        /// One for each channel.
        scale: Vec<f32>,
        /// One for each channel.
        offset: Vec<f32>,
    },
    /// Each number held to a range, as by a ReLU.
    Hold(Range),
    /// A function of each number.
    Curve(Curve),
    /// The sum of two values of the same shape.
    Add,
    /// The product of two values of the same shape; the second may be a single pixel, for all.
    Multiply,
    /// The channels of values of the same height and width, one after the other.
    Concatenate,
    /// Probabilities over the channels of a single pixel.
    Softmax,
    /// What takes or gives integers.
    Integer(IntegerOperator),
}

/// A value of a graph: the image, or what an operator gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Value(pub(crate) usize);

/// Operators on values, in an order in which they can be computed.
#[derive(Debug, Clone)]
pub struct Graph {
    image: Shape,
    nodes: Vec<Node>,
}

/// An operator in a graph.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub operator: Operator,
    /// One, or as many as the operator takes.
    pub inputs: Vec<Value>,
    pub shape: Shape,
    pub kind: Kind,
}

/// The most numbers of a value, for each image.
const MOST_VALUES: usize = 1 << 26;

impl Graph {
    /// A graph whose image has this shape.
    pub fn new(image: Shape) -> Result<Graph, GraphError> {
        check_size(image)?;
        let nodes = Vec::new();
        Ok(Graph { image, nodes })
    }

    /// The image that it begins with.
    pub fn image(&self) -> Value {
        Value(0)
    }

    /// The shape of a value of this graph.
    pub fn shape(&self, value: Value) -> Result<Shape, GraphError> {
        match value.0.checked_sub(1) {
            None => Ok(self.image),
            Some(node) => match self.nodes.get(node) {
                Some(node) => Ok(node.shape),
                None => Err(GraphError(format!("the graph has no {value:?}"))),
            },
        }
    }

    /// What the numbers of a value are.
    pub(crate) fn kind(&self, value: Value) -> Kind {
        let node = value.0.checked_sub(1).and_then(|node| self.nodes.get(node));
        node.map_or(Kind::Floats, |node| node.kind)
    }

    /// Adds an operator, and gives its value.
    pub fn add(&mut self, operator: Operator, inputs: &[Value]) -> Result<Value, GraphError> {
        let shapes = inputs
            .iter()
            .map(|input| self.shape(*input))
            .collect::<Result<Vec<_>, _>>()?;
        let shape = output_shape(&operator, &shapes)?;
        check_size(shape)?;
        let kinds: Vec<Kind> = inputs.iter().map(|input| self.kind(*input)).collect();
        let kind = output_kind(&operator, &kinds)?;
        let inputs = inputs.to_vec();
        self.nodes.push(Node {
            operator,
            inputs,
            shape,
            kind,
        });
        Ok(Value(self.nodes.len()))
    }

    /// The operators; the value of the first is 1.
    pub(crate) fn into_nodes(self) -> Vec<Node> {
        self.nodes
    }
}

fn check_size(shape: Shape) -> Result<(), GraphError> {
    let Shape {
        height,
        width,
        channels,
    } = shape;
    let values = height
        .checked_mul(width)
        .and_then(|pixels| pixels.checked_mul(channels));
    match values {
        Some(1..=MOST_VALUES) => Ok(()),
        _ => Err(GraphError(format!(
            "{shape:?} has no numbers, or more than {MOST_VALUES}"
        ))),
    }
}

fn output_shape(operator: &Operator, inputs: &[Shape]) -> Result<Shape, GraphError> {
    let refused = || GraphError(format!("{} does not take {inputs:?}", name(operator)));
    match (operator, inputs) {
        (Operator::Convolution(kernel), &[image]) => {
            kernel.window.check(image)?;
            if kernel.fits(image) {
                Ok(kernel.window.output(kernel.bias.len()))
            } else {
                Err(refused())
            }
        }
        (Operator::Pool(window, _), &[image]) => {
            window.check(image)?;
            if window.is_filled(image) {
                Ok(window.output(image.channels))
            } else {
                Err(refused())
            }
        }
        (Operator::Scale { scale, offset }, &[image])
            if scale.len() == image.channels && offset.len() == image.channels =>
        {
            Ok(image)
        }
        (Operator::Hold(_) | Operator::Curve(_), &[image]) => Ok(image),
        (Operator::Add, &[image, other]) if image == other => Ok(image),
        (Operator::Multiply, &[image, other]) if image == other || other == Shape::flat(image.channels) => Ok(image),
        (Operator::Concatenate, [image, others @ ..]) => {
            let is_beside = |other: &Shape| (other.height, other.width) == (image.height, image.width);
            let channels = inputs
                .iter()
                .try_fold(0_usize, |sum, input| sum.checked_add(input.channels));
            match channels {
                Some(channels) if others.iter().all(is_beside) => Ok(Shape { channels, ..*image }),
                _ => Err(refused()),
            }
        }
        (Operator::Softmax, &[image]) if image == Shape::flat(image.channels) => Ok(image),
        (Operator::Integer(operator), inputs) => operator.output(inputs)?.ok_or_else(refused),
        _ => Err(refused()),
    }
}

fn output_kind(operator: &Operator, inputs: &[Kind]) -> Result<Kind, GraphError> {
    let all = |kind: Kind| inputs.iter().all(|input| *input == kind);
    match operator {
        Operator::Integer(IntegerOperator::Quantise(_)) if all(Kind::Floats) => Ok(Kind::Integers),
        Operator::Integer(operator) if !operator.takes_floats() && all(Kind::Integers) => Ok(Kind::Floats),
        Operator::Pool(_, Pooling::Largest) | Operator::Concatenate if all(Kind::Integers) => Ok(Kind::Integers),
        Operator::Integer(_) => Err(GraphError(format!("{} does not take {inputs:?}", name(operator)))),
        _ if all(Kind::Floats) => Ok(Kind::Floats),
        _ => Err(GraphError(format!("{} does not take {inputs:?}", name(operator)))),
    }
}

fn name(operator: &Operator) -> String {
    match operator {
        Operator::Convolution(Kernel {
            window,
            groups,
            weights,
            bias,
        }) => format!(
            "a convolution over {window:?} in {groups} groups, of {} weights for {} outputs,",
            weights.len(),
            bias.len()
        ),
        Operator::Pool(window, _) => format!("a pooling over {window:?}"),
        Operator::Scale { scale, offset } => format!("a scale of {} and {} numbers", scale.len(), offset.len()),
        Operator::Hold(_) => "a range".to_owned(),
        Operator::Curve(curve) => format!("{curve:?}"),
        Operator::Add => "an addition".to_owned(),
        Operator::Multiply => "a product".to_owned(),
        Operator::Concatenate => "a concatenation".to_owned(),
        Operator::Softmax => "a softmax".to_owned(),
        Operator::Integer(operator) => operator.name(),
    }
}
