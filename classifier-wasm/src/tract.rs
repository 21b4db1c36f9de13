//! tract runs the networks that the executor lacks operators for, and checks it where it has all of them.
//!
//! Images go through one by one, in one warm state of a plan for a single image: tract's fastest convolution needs the concrete
//! shape and exists for one image alone.

mod operators;
mod quantised;

use classifier_codec::images::{ImageShape, Pixels};
use classifier_codec::reject::{Code, Reject};
use tract_onnx::Onnx;
use tract_onnx::prelude::*;

pub use self::operators::lacking;
use crate::labels::MAX_LABELS;
use crate::onnx::pb::ModelProto;
use crate::onnx::pb::tensor_proto::DataType;
use crate::onnx::{Input, unsupported};
use crate::scores::bad_output;

/// An optimised plan for one image, ready to run.
pub struct Interpreter {
    state: Box<TypedSimpleState>,
    input: Input,
    kind: DatumType,
    outputs: usize,
}

impl Interpreter {
    /// Builds the network of a model.
    pub fn build(proto: &ModelProto, input: Input) -> Result<Interpreter, Reject> {
        let kind = kind(input.kind)?;
        let refused = |error: TractError| unsupported(format!("cannot build the model: {}", chain(&error)));
        let parsed = engine().parse(proto, None).map_err(refused)?;
        if let Some(name) = parsed.unresolved_inputs.first() {
            return Err(Reject::new(
                Code::BadModel,
                format!("no operator gives `{name}`, which another one takes"),
            ));
        }
        let optimised = parsed
            .model
            .with_input_fact(0, TypedFact::dt_shape(kind, &input.axes).into())
            .and_then(|model| model.into_optimized())
            .map_err(refused)?;
        let output = optimised.output_fact(0).map_err(refused)?;
        let outputs = match output.shape.as_concrete() {
            // Axes of length 1 do not matter: (1, labels), (1, labels, 1, 1) and (labels) have the same layout.
            Some(lengths)
                if output.datum_type.is_float() && lengths.iter().filter(|&&length| length != 1).count() <= 1 =>
            {
                lengths.iter().product()
            }
            _ => 0,
        };
        if !(1..=MAX_LABELS).contains(&outputs) {
            let detail = format!(
                "the output is {output:?}: it must be (N, labels) floats, at most {MAX_LABELS} labels; flatten it in the \
                 model, or leave out what stands behind its probabilities"
            );
            return Err(unsupported(detail));
        }
        let state = optimised
            .into_runnable()
            .and_then(|plan| plan.spawn())
            .map_err(refused)?;
        Ok(Interpreter {
            state: Box::new(state),
            input,
            kind,
            outputs,
        })
    }

    /// How many numbers it returns for an image.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The outputs for some images, row-major N, H, W, C: one row after the other.
    pub fn run(&mut self, pixels: &Pixels) -> Result<Vec<f32>, Reject> {
        let values = self.input.image.values();
        let mut rows = Vec::with_capacity(pixels.len() / values * self.outputs);
        let mut image = |image: &[f32]| -> TractResult<()> {
            let tensor = tensor(image, &self.input, self.kind)?;
            let mut outputs = self.state.run(tvec![tensor.into()])?;
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
}

/// tract, with what it needs to know additionally.
fn engine() -> Onnx {
    // Exporters store the shapes between operators, with a symbol for the number of images: here it is one, which
    // would contradict.
    let mut engine = tract_onnx::onnx().with_ignore_value_info(true);
    quantised::register(&mut engine);
    engine
}

/// An error of tract with its causes, on one line.
fn chain(error: &TractError) -> String {
    error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn kind(kind: DataType) -> Result<DatumType, Reject> {
    Ok(match kind {
        DataType::Float => DatumType::F32,
        DataType::Uint8 => DatumType::U8,
        DataType::Uint16 => DatumType::U16,
        DataType::Int16 => DatumType::I16,
        DataType::Uint32 => DatumType::U32,
        DataType::Int32 => DatumType::I32,
        DataType::Uint64 => DatumType::U64,
        DataType::Int64 => DatumType::I64,
        other => return Err(unsupported(format!("an input of {other:?}"))),
    })
}

/// One image, row-major H, W, C, as the model's input.
fn tensor(image: &[f32], input: &Input, kind: DatumType) -> TractResult<Tensor> {
    let ImageShape {
        height,
        width,
        channels,
    } = input.image;
    let mut tensor = Tensor::from_shape(&[1, height, width, channels], image)?;
    if kind != DatumType::F32 {
        // Rounded to the nearest integer; a cast saturates.
        let integers = image.iter().map(|value| value.round_ties_even()).collect::<Vec<_>>();
        tensor = Tensor::from_shape(tensor.shape(), &integers)?
            .cast_to_dt(kind)?
            .into_owned();
    }
    if input.channels_first {
        tensor = tensor.permute_axes(&[0, 3, 1, 2])?;
    }
    // The values of one channel have the same order with any axes.
    tensor.into_shape(&input.axes)
}
