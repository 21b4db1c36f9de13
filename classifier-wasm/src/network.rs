//! The network inside a model: built once, and run on images.
//!
//! The executor runs it if it has all of its operators, and otherwise tract does. tract reads every model first, and says what
//! is wrong with it. There images go through one by one, in one warm state of a plan for a single image: its fastest
//! convolution needs the concrete shape and exists for one image alone. Either way an answer cannot depend on what else was in
//! the batch.

use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

use classifier_codec::images::{ImageShape, Pixels};
use classifier_codec::reject::{Code, Reject};
use classifier_executor::{self as executor, Plan};

use crate::lower::lower;
use crate::onnx::{self, Input, chain, unsupported};
use crate::scores::{bad_output, probes};

/// The most labels of a model: they are passed to the host one by one.
const MAX_LABELS: usize = 65_536;

/// A network that is ready to run.
pub struct Network {
    input: Input,
    runner: Runner,
    /// How many numbers it returns for an image.
    outputs: usize,
}

/// Who computes it.
enum Runner {
    Executor(Box<Plan>),
    Tract(Box<TypedSimpleState>),
}

impl Network {
    /// Builds the network of a model.
    pub fn build(proto: &ModelProto, input: Input) -> Result<Network, Reject> {
        let (state, outputs) = plan(proto, &input)?;
        let mut network = Network {
            input,
            runner: Runner::Tract(Box::new(state)),
            outputs,
        };
        if let Ok(mut plan) = lower(proto, &network.input)
            && plan.outputs() == outputs
            && network.agrees_with(&mut plan)
        {
            network.runner = Runner::Executor(Box::new(plan));
        }
        Ok(network)
    }

    /// How many numbers it returns for an image.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The outputs for some images, row-major N, H, W, C: one row after the other.
    pub fn run(&mut self, pixels: &Pixels) -> Result<Vec<f32>, Reject> {
        let values = self.input.image.values();
        let state = match &mut self.runner {
            Runner::Executor(plan) => return execute(plan, pixels, values),
            Runner::Tract(state) => state,
        };
        let mut rows = Vec::with_capacity(pixels.len() / values * self.outputs);
        let mut image = |image: &[f32]| -> TractResult<()> {
            let mut outputs = state.run(tvec![tensor(image, &self.input)?.into()])?;
            let output = outputs.remove(0);
            let floats = output.cast_to::<f32>()?;
            rows.extend_from_slice(floats.try_as_plain_ram()?.as_slice::<f32>()?);
            Ok(())
        };
        let done = match pixels {
            Pixels::F32(floats) => floats.chunks(values).try_for_each(image),
            Pixels::U8(bytes) => bytes.chunks(values).try_for_each(|bytes| {
                let floats: Vec<f32> = bytes.iter().copied().map(f32::from).collect();
                image(&floats)
            }),
        };
        match done {
            Ok(()) => Ok(rows),
            Err(error) => Err(bad_output(format!("the model failed: {}", chain(&error)))),
        }
    }

    /// Whether the executor gives what tract gives, for made-up images: both have read the same file in ways of their own, and
    /// a wrong answer is worse than a slow one.
    fn agrees_with(&mut self, plan: &mut Plan) -> bool {
        probes(self.input.image).skip(1).take(2).all(|probe| {
            let values = probe.len();
            let pixels = Pixels::F32(probe);
            match (self.run(&pixels), execute(plan, &pixels, values)) {
                (Ok(expected), Ok(given)) => is_near(&expected, &given),
                _ => false,
            }
        })
    }
}

fn execute(plan: &mut Plan, pixels: &Pixels, values: usize) -> Result<Vec<f32>, Reject> {
    let mut rows = vec![0.0; pixels.len() / values * plan.outputs()];
    let pixels = match pixels {
        Pixels::U8(bytes) => executor::Pixels::U8(bytes),
        Pixels::F32(floats) => executor::Pixels::F32(floats),
    };
    let done = plan.run(pixels, &mut rows);
    done.map_err(|error| bad_output(format!("the model failed: {error}")))?;
    Ok(rows)
}

/// Whether they differ by no more than sums of floats that are taken in another order. What is no number may be none in both.
fn is_near(expected: &[f32], given: &[f32]) -> bool {
    let largest = expected
        .iter()
        .fold(0.0_f32, |largest, number| largest.max(number.abs()));
    expected.iter().zip(given).all(|(expected, given)| {
        (expected - given).abs() <= 1e-3 * largest || !expected.is_finite() && !given.is_finite()
    })
}

/// One image, row-major H, W, C, as the model's input.
fn tensor(image: &[f32], input: &Input) -> TractResult<Tensor> {
    let ImageShape {
        height,
        width,
        channels,
    } = input.image;
    let mut tensor = Tensor::from_shape(&[1, height, width, channels], image)?;
    if input.kind != DatumType::F32 {
        // Rounded to the nearest integer; a cast saturates.
        let integers = image.iter().map(|value| value.round_ties_even()).collect::<Vec<_>>();
        tensor = Tensor::from_shape(tensor.shape(), &integers)?
            .cast_to_dt(input.kind)?
            .into_owned();
    }
    if input.channels_first {
        tensor = tensor.permute_axes(&[0, 3, 1, 2])?;
    }
    // The values of one channel have the same order with any axes.
    tensor.into_shape(&input.axes)
}

/// The optimised plan for one image, ready to run, and how many numbers it returns.
fn plan(proto: &ModelProto, input: &Input) -> Result<(TypedSimpleState, usize), Reject> {
    let refused = |error: TractError| unsupported(format!("cannot build the model: {}", chain(&error)));
    let parsed = onnx::engine().parse(proto, None).map_err(refused)?;
    if let Some(name) = parsed.unresolved_inputs.first() {
        return Err(Reject::new(
            Code::BadModel,
            format!("no operator gives `{name}`, which another one takes"),
        ));
    }
    let optimised = parsed
        .model
        .with_input_fact(0, TypedFact::dt_shape(input.kind, &input.axes).into())
        .and_then(|model| model.into_optimized())
        .map_err(refused)?;
    let output = optimised.output_fact(0).map_err(refused)?;
    let outputs = match output.shape.as_concrete() {
        // Axes of length 1 do not matter: (1, labels), (1, labels, 1, 1) and (labels) have the same layout.
        Some(lengths) if output.datum_type.is_float() && lengths.iter().filter(|&&length| length != 1).count() <= 1 => {
            lengths.iter().product()
        }
        _ => 0,
    };
    if !(1..=MAX_LABELS).contains(&outputs) {
        let detail = format!(
            "the output is {output:?}: it must be (N, labels) floats, at most {MAX_LABELS} labels; flatten it in the model, or \
             leave out what stands behind its probabilities"
        );
        return Err(unsupported(detail));
    }
    let state = optimised
        .into_runnable()
        .and_then(|plan| plan.spawn())
        .map_err(refused)?;
    Ok((state, outputs))
}
