//! The network inside a model: built for one image, and run on it.
//!
//! Images go through one by one, in one warm state of a plan for a single image: tract's fastest convolution needs the
//! concrete shape and exists for one image alone, and an answer cannot depend on what else was in the batch.

use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

use classifier_codec::images::ImageShape;
use classifier_codec::reject::{Code, Reject};

use crate::onnx::{self, Input, chain, unsupported};
use crate::scores::bad_output;

/// The most labels of a model: they are passed to the host one by one.
const MAX_LABELS: usize = 65_536;

/// A plan for one image, ready to run.
pub struct Network {
    input: Input,
    state: TypedSimpleState,
}

impl Network {
    /// The optimised plan, and how many numbers it returns for an image.
    pub fn build(proto: &ModelProto, input: Input) -> Result<(Network, usize), Reject> {
        let (state, outputs) = plan(proto, &input)?;
        Ok((Network { input, state }, outputs))
    }

    /// The output for one image, row-major H, W, C.
    pub fn run(&mut self, image: &[f32]) -> Result<Vec<f32>, Reject> {
        let numbers = tensor(image, &self.input)
            .and_then(|tensor| self.state.run(tvec![tensor.into()]))
            .and_then(|mut outputs| {
                let output = outputs.remove(0);
                let floats = output.cast_to::<f32>()?;
                Ok(floats.try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
            });
        numbers.map_err(|error| bad_output(format!("the model failed: {}", chain(&error))))
    }
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
