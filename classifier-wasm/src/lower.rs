//! From the operators of an ONNX graph to those of the executor, where it has all of them.
//!
//! What it does not know of an operator it refuses: a wrong answer is worse than none. In the build with tract the graph is then
//! left to that. Everything is for one image, as there.

mod arithmetic;
mod attributes;
mod dense;
mod quantised;
mod shapes;
mod tensor;
mod view;
mod windows;

use std::collections::{HashMap, HashSet};
use std::mem;

use crate::onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto};
use classifier_executor::{Curve, Graph, GraphError, Kernel, Operator, Plan, Pooling, Range, Shape, Value, Window};

use self::attributes::{float, int, ints, tensor, text};
use self::quantised::{Integers, Quantised, Weights, expand, floats_of};
use self::tensor::Constant;
use self::view::{Order, View};
use crate::labels::MAX_LABELS;
use crate::onnx::pb::tensor_proto::DataType;
use crate::onnx::{Input, Lacking};

/// What the executor lacks of an operator.
pub type Lacks = String;

/// The executor has no operator of this name.
const NONE: &str = "the executor has none";

/// The most weights of a graph beside what tract has of it: while it is lowered it is in memory several times.
const MOST_WEIGHTS: i64 = 1 << 24;

/// The oldest operators: before, numbers were spread over channels by attributes.
const OLDEST: i64 = 7;

/// A plan for the graph of `model`, which takes images as `input` has them; or all that the executor lacks for it.
pub fn lower(model: ModelProto, input: &Input) -> Result<Plan, Lacking> {
    let mut graph = model.graph.ok_or_else(|| Lacking::of("a graph"))?;
    let lengths = graph.initializer.iter().map(|tensor| &tensor.dims);
    let numbers = lengths.map(|dims| dims.iter().fold(1_i64, |all, length| all.saturating_mul(*length)));
    let weights = numbers.fold(0, i64::saturating_add);
    if cfg!(feature = "tract") && weights > MOST_WEIGHTS {
        return Err(Lacking::of(format!("room for {weights} weights beside tract's")));
    }
    let opset = model
        .opset_import
        .iter()
        .find(|opset| matches!(opset.domain.as_str(), "" | "ai.onnx"));
    let opset = opset.map_or(1, |opset| opset.version);
    if opset < OLDEST {
        return Err(Lacking::of(format!("operators of opset {opset}")));
    }
    let initializers = mem::take(&mut graph.initializer);
    graph.node = expand(mem::take(&mut graph.node));
    let mut lowering = Lowering::new(&graph, initializers, input, opset).map_err(Lacking::of)?;
    let (mut lacking, mut lost) = (Lacking::default(), HashSet::new());
    for node in &graph.node {
        if let Err(problem) = lowering.node(node) {
            if problem == NONE {
                lacking.add(node);
            } else if !node.input.iter().any(|input| lost.contains(input)) {
                lacking.add_because(node, &problem);
            }
            lost.extend(&node.output);
        }
    }
    if !lacking.is_empty() {
        return Err(lacking);
    }
    let output = graph.output.first().ok_or_else(|| Lacking::of("an output"))?;
    let output = lowering.scores(&output.name).map_err(Lacking::of)?;
    // The constants are copied where they are used, and leave their memory to the plan.
    let graph = lowering.into_graph();
    graph.plan(output).map_err(|error| Lacking::of(error.to_string()))
}

/// A value of the ONNX graph.
#[derive(Clone)]
enum Known {
    Constant(Constant),
    /// A constant of integers that stand for nothing yet.
    Integers(Integers),
    /// Integers with a scale, and the floats that they stand for.
    Weights(Weights, Constant),
    Computed(View),
}

struct Lowering<'a> {
    graph: Graph,
    /// By name.
    known: HashMap<String, Known>,
    /// How many operators read a value.
    readers: HashMap<&'a str, usize>,
    opset: i64,
    quantised: Quantised,
}

impl<'a> Lowering<'a> {
    fn new(
        graph: &'a GraphProto,
        initializers: Vec<TensorProto>,
        input: &Input,
        opset: i64,
    ) -> Result<Lowering<'a>, Lacks> {
        if input.kind != DataType::Float {
            return Err(format!("an input of {:?}", input.kind));
        }
        let shape = Shape {
            height: input.image.height,
            width: input.image.width,
            channels: input.image.channels,
        };
        let executed = Graph::new(shape).map_err(|error| error.to_string())?;
        let image = View {
            value: executed.image(),
            shape,
            order: if input.channels_first {
                Order::ChannelsFirst
            } else {
                Order::ChannelsLast
            },
            dims: input.axes.clone(),
            zeros: [0; 4],
        };
        let mut known = HashMap::new();
        for tensor in initializers {
            let name = tensor.name.clone();
            known.insert(name, constant(tensor)?);
        }
        for input in &graph.input {
            known
                .entry(input.name.clone())
                .or_insert_with(|| Known::Computed(image.clone()));
        }
        let mut readers = HashMap::new();
        for name in graph.node.iter().flat_map(|node| &node.input) {
            *readers.entry(name.as_str()).or_default() += 1;
        }
        Ok(Lowering {
            graph: executed,
            known,
            readers,
            opset,
            quantised: Quantised::default(),
        })
    }

    fn into_graph(self) -> Graph {
        self.graph
    }

    fn node(&mut self, node: &'a NodeProto) -> Result<(), Lacks> {
        if !matches!(node.domain.as_str(), "" | "ai.onnx") {
            return Err(NONE.to_owned());
        }
        let known = match node.op_type.as_str() {
            "Constant" => constant(tensor(node, "value").ok_or("no tensor")?.clone())?,
            "QuantizeLinear" => match self.quantised(node)? {
                Some(integers) => Known::Integers(integers),
                None => Known::Computed(self.quantise(node)?),
            },
            "DequantizeLinear" => match self.dequantised(node)? {
                Some(weights) => weights,
                None => Known::Computed(self.dequantise(node)?),
            },
            _ => match self.folded(node)? {
                Some(constant) => Known::Constant(constant),
                None => Known::Computed(self.computed(node)?),
            },
        };
        // What else an operator may give, such as the mask of a dropout, is not known, and whoever reads it is refused.
        let output = node.output.first().ok_or("no output")?;
        self.known.insert(output.clone(), known);
        Ok(())
    }

    fn computed(&mut self, node: &NodeProto) -> Result<View, Lacks> {
        match node.op_type.as_str() {
            "Conv" => self.convolution(node),
            "Gemm" | "MatMul" => self.dense(node),
            "BatchNormalization" => self.batch_normalization(node),
            "Add" | "Sub" | "Mul" | "Div" => self.arithmetic(node),
            "Relu" => self.hold(node, Range::POSITIVE),
            "Clip" => self.clip(node),
            "Sigmoid" => self.curve(node, Curve::Sigmoid),
            "Tanh" => self.curve(node, Curve::Tanh),
            "HardSwish" => self.curve(node, Curve::HardSwish),
            "LeakyRelu" => self.curve(node, Curve::LeakyRelu(float(node, "alpha", 0.01))),
            "HardSigmoid" => {
                let (slope, offset) = (float(node, "alpha", 0.2), float(node, "beta", 0.5));
                self.curve(node, Curve::HardSigmoid { slope, offset })
            }
            "Concat" => self.concatenation(node),
            "MaxPool" | "AveragePool" => self.pool(node),
            "GlobalAveragePool" | "GlobalMaxPool" | "ReduceMean" => self.global_pool(node),
            "Softmax" => self.softmax(node),
            "Pad" => self.pad(node),
            // A third input would say that it trains.
            "Identity" | "Dropout" if node.input.len() <= 2 => Ok(self.input(node, 0)?.clone()),
            "Cast" if int(node, "to", 0) == 1 => Ok(self.input(node, 0)?.clone()),
            "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze" | "Transpose" => self.reshaped(node),
            _ => Err(NONE.to_owned()),
        }
    }

    /// The value of this name, which is none of the model's constants.
    fn view(&self, name: &str) -> Result<&View, Lacks> {
        match self.known.get(name) {
            Some(Known::Computed(view)) => Ok(view),
            Some(_) => Err("computes with constants alone".to_owned()),
            None => Err(format!("{name} is not known")),
        }
    }

    /// The output: a number for each class, with whatever axes of length 1.
    fn scores(&self, name: &str) -> Result<Value, Lacks> {
        let view = self.view(name)?;
        let long = view.dims.iter().filter(|dim| **dim != 1).count();
        if long > 1 || view.shape.values() > MAX_LABELS {
            return Err(format!(
                "an output of axes {:?}: it must be (N, labels), at most {MAX_LABELS}",
                view.dims
            ));
        }
        Ok(view.value)
    }

    fn input(&self, node: &NodeProto, index: usize) -> Result<&View, Lacks> {
        let view = self.view(node.input.get(index).ok_or("an input is missing")?)?;
        // Quantised, a zero stays one.
        let takes_zeros = matches!(node.op_type.as_str(), "Conv" | "QuantizeLinear" | "DequantizeLinear");
        if view.zeros != [0; 4] && !takes_zeros {
            return Err("reads zeros around the image".to_owned());
        }
        Ok(view)
    }

    /// An input that is one of the model's constants. None: it is left out.
    fn constant(&self, node: &NodeProto, index: usize) -> Result<Option<&Constant>, Lacks> {
        match node.input.get(index).map(String::as_str) {
            None | Some("") => Ok(None),
            Some(name) => match self.known.get(name).and_then(floats_of) {
                Some(constant) => Ok(Some(constant)),
                None => Err(format!("{name} is no constant")),
            },
        }
    }

    fn weights(&self, node: &NodeProto, index: usize) -> Result<&Constant, Lacks> {
        self.constant(node, index)?
            .ok_or_else(|| format!("input {index} is missing"))
    }

    /// The numbers of an input, which give up their memory unless another operator reads them, too.
    fn take_weights(&mut self, node: &NodeProto, index: usize) -> Vec<f32> {
        let name = node.input.get(index).map_or("", String::as_str);
        match self.known.get_mut(name) {
            Some(Known::Constant(constant) | Known::Weights(_, constant)) => match self.readers.get(name) {
                Some(1) => mem::take(&mut constant.floats),
                _ => constant.floats.clone(),
            },
            _ => Vec::new(),
        }
    }

    /// Adds `operator` on a view, which stays laid out as it is.
    fn add(&mut self, operator: Operator, view: &View) -> Result<View, Lacks> {
        let value = self.graph.add(operator, &[view.value]).map_err(lacks)?;
        Ok(View { value, ..view.clone() })
    }

    /// The same for an operator that gives other images, with channels first as ONNX has them.
    fn image(&mut self, operator: Operator, view: &View) -> Result<View, Lacks> {
        let value = self.graph.add(operator, &[view.value]).map_err(lacks)?;
        let shape = self.graph.shape(value).map_err(lacks)?;
        Ok(View::channels_first(value, shape))
    }

    fn hold(&mut self, node: &NodeProto, range: Range) -> Result<View, Lacks> {
        let view = self.input(node, 0)?.clone();
        self.add(Operator::Hold(range), &view)
    }

    fn curve(&mut self, node: &NodeProto, curve: Curve) -> Result<View, Lacks> {
        let view = self.input(node, 0)?.clone();
        self.add(Operator::Curve(curve), &view)
    }

    /// Of channels alone.
    fn concatenation(&mut self, node: &NodeProto) -> Result<View, Lacks> {
        let views = (0..node.input.len()).map(|index| self.input(node, index).cloned());
        let views = views.collect::<Result<Vec<_>, _>>()?;
        let first = views.first().ok_or("an input is missing")?;
        let axes = first.axes(&[int(node, "axis", 0)])?;
        let axis = axes.first().copied();
        if axis.is_none() || views.iter().any(|view| view.channel_axis() != axis) {
            return Err(format!("along axes {axes:?}"));
        }
        let value = match self.integer_concatenation(&views)? {
            Some(value) => value,
            None => {
                let values: Vec<_> = views.iter().map(|view| view.value).collect();
                self.graph.add(Operator::Concatenate, &values).map_err(lacks)?
            }
        };
        first.with_channels(value, self.graph.shape(value).map_err(lacks)?)
    }

    /// Its ends are inputs, and were attributes once.
    fn clip(&mut self, node: &NodeProto) -> Result<View, Lacks> {
        let end = |index: usize, name: &str, otherwise: f32| match self.constant(node, index)? {
            Some(constant) => constant.single().ok_or_else(|| "its ends are no numbers".to_owned()),
            None => Ok(float(node, name, otherwise)),
        };
        let low = end(1, "min", f32::NEG_INFINITY)?;
        let high = end(2, "max", f32::INFINITY)?;
        self.hold(node, Range { low, high })
    }

    fn convolution(&mut self, node: &NodeProto) -> Result<View, Lacks> {
        let view = self.input(node, 0)?.as_image()?.clone();
        if let Some(view) = self.integer_convolution(node, &view)? {
            return Ok(view);
        }
        let weights = self.weights(node, 1)?;
        let [outputs, _, rows, columns] = *weights.dims else {
            return Err(format!("a kernel of {} axes", weights.dims.len()));
        };
        let kernel = Kernel {
            window: windows::read(node, &view, [rows, columns])?,
            groups: usize::try_from(int(node, "group", 1)).map_err(|_| "no groups")?,
            bias: match self.constant(node, 2)? {
                Some(bias) => bias.floats.clone(),
                None => vec![0.0; outputs],
            },
            weights: self.take_weights(node, 1),
        };
        self.image(Operator::Convolution(kernel), &view)
    }

    fn pool(&mut self, node: &NodeProto) -> Result<View, Lacks> {
        let view = self.input(node, 0)?.as_image()?.clone();
        let [rows, columns] = ints(node, "kernel_shape")?
            .try_into()
            .map_err(|_| "a kernel that is not 2 long")?;
        let window = windows::read(node, &view, [rows, columns])?;
        let pooling = match (node.op_type.as_str(), int(node, "count_include_pad", 0)) {
            ("MaxPool", _) => Pooling::Largest,
            (_, 0) => Pooling::Mean,
            _ => Pooling::MeanWithPadding,
        };
        self.pooled(window, pooling, &view)
    }

    fn pooled(&mut self, window: Window, pooling: Pooling, view: &View) -> Result<View, Lacks> {
        match self.integer_pool(window, pooling, view)? {
            Some(value) => {
                let shape = self.graph.shape(value).map_err(lacks)?;
                Ok(View::channels_first(value, shape))
            }
            None => self.image(Operator::Pool(window, pooling), view),
        }
    }

    fn global_pool(&mut self, node: &NodeProto) -> Result<View, Lacks> {
        let view = self.input(node, 0)?.clone();
        if node.op_type != "ReduceMean" {
            let pooling = if node.op_type == "GlobalMaxPool" {
                Pooling::Largest
            } else {
                Pooling::Mean
            };
            let view = view.as_image()?.clone();
            return self.pooled(Window::whole(view.shape), pooling, &view);
        }
        let axes = match self.constant(node, 1)? {
            Some(axes) => view.axes(&axes.integers)?,
            None => view.axes(&attributes::signed(node, "axes"))?,
        };
        if axes != view.sides()? {
            return Err(format!("over axes {axes:?}"));
        }
        let kept = int(node, "keepdims", 1) != 0;
        let dims = view
            .dims
            .iter()
            .enumerate()
            .filter(|(axis, _)| kept || !axes.contains(axis));
        let dims = dims
            .map(|(axis, dim)| if axes.contains(&axis) { 1 } else { *dim })
            .collect();
        let value = self.pooled(Window::whole(view.shape), Pooling::Mean, &view)?.value;
        let shape = Shape::flat(view.shape.channels);
        Ok(View {
            value,
            shape,
            dims,
            ..view
        })
    }

    fn softmax(&mut self, node: &NodeProto) -> Result<View, Lacks> {
        let view = self.input(node, 0)?.clone();
        let axis = view.axes(&[int(node, "axis", if self.opset < 13 { 1 } else { -1 })])?;
        let over = axis.first().and_then(|axis| view.dims.get(*axis));
        if over != Some(&view.shape.values()) {
            return Err("not over all classes".to_owned());
        }
        self.add(Operator::Softmax, &view)
    }

    /// Zeros around the image, which the convolution behind it takes for its own.
    fn pad(&mut self, node: &NodeProto) -> Result<View, Lacks> {
        let view = self.input(node, 0)?.as_image()?.clone();
        let is_zero = match self.constant(node, 2)? {
            Some(value) => value.single() == Some(0.0),
            None => float(node, "value", 0.0) == 0.0,
        };
        let is_constant = matches!(text(node, "mode"), "" | "constant");
        let pads = match self.constant(node, 1)? {
            Some(pads) => pads.integers.clone(),
            None => attributes::signed(node, "pads"),
        };
        let pads = pads
            .iter()
            .map(|pad| usize::try_from(*pad))
            .collect::<Result<Vec<_>, _>>();
        match pads.as_deref() {
            Ok(&[0, 0, top, left, 0, 0, bottom, right]) if is_zero && is_constant && node.input.len() <= 3 => {
                Ok(View {
                    zeros: [top, left, bottom, right],
                    ..view
                })
            }
            _ => Err("not zeros around an image".to_owned()),
        }
    }

    /// The same numbers with other axes.
    fn reshaped(&mut self, node: &NodeProto) -> Result<View, Lacks> {
        let view = self.input(node, 0)?;
        let axes = || match self.constant(node, 1)? {
            Some(axes) => Ok::<_, Lacks>(axes.integers.clone()),
            None => Ok(attributes::signed(node, "axes")),
        };
        match node.op_type.as_str() {
            "Flatten" => view.flattened(int(node, "axis", 1)),
            "Reshape" => view.reshaped(&self.weights(node, 1)?.integers, int(node, "allowzero", 0) != 0),
            "Squeeze" => view.squeezed(&axes()?),
            "Unsqueeze" => view.unsqueezed(&axes()?),
            _ => view.transposed(&ints(node, "perm")?),
        }
    }
}

fn constant(tensor: TensorProto) -> Result<Known, Lacks> {
    Ok(match Integers::read(&tensor)? {
        Some(integers) => Known::Integers(integers),
        None => Known::Constant(Constant::read(tensor)?),
    })
}

fn lacks(error: GraphError) -> Lacks {
    error.to_string()
}
