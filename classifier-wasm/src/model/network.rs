//! The network inside a model: built for one image, and run on it.
//!
//! Images go through one by one, in one warm state of a plan for a single image: tract's fastest convolution needs the
//! concrete shape and exists for one image alone, and an answer cannot depend on what else was in the batch.

use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

use super::{bad_output, chain, unsupported};
use crate::images::ImageShape;
use crate::onnx::{self, Layout};
use crate::reject::{Code, Reject};

/// Most labels of a model: they cross to the host one by one.
const MAX_LABELS: usize = 65_536;

/// A plan for one image, ready to run.
pub struct Network {
    image: ImageShape,
    layout: Layout,
    state: TypedSimpleState,
}

impl Network {
    /// The optimised plan, and how many numbers it gives for an image.
    pub fn build(proto: &ModelProto, image: ImageShape, layout: Layout) -> Result<(Network, usize), Reject> {
        let ImageShape {
            height,
            width,
            channels,
        } = image;
        let input = match layout {
            Layout::ChannelsLast => [1, height, width, channels],
            Layout::ChannelsFirst => [1, channels, height, width],
        };
        let (state, outputs) = plan(proto, &input)?;
        Ok((Network { image, layout, state }, outputs))
    }

    /// What it gives for one image, row-major H, W, C.
    pub fn run(&mut self, image: &[f32]) -> Result<Vec<f32>, Reject> {
        let numbers = input(image, self.image, self.layout)
            .and_then(|input| self.state.run(tvec![input.into()]))
            .and_then(|mut outputs| {
                let output = outputs.remove(0);
                let floats = output.cast_to::<f32>()?;
                Ok(floats.try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
            });
        numbers.map_err(|error| bad_output(format!("the model failed: {}", chain(&error))))
    }
}

/// One image, row-major H, W, C, as the model's input.
fn input(image: &[f32], shape: ImageShape, layout: Layout) -> TractResult<Tensor> {
    let ImageShape {
        height,
        width,
        channels,
    } = shape;
    let tensor = Tensor::from_shape(&[1, height, width, channels], image)?;
    match layout {
        Layout::ChannelsLast => Ok(tensor),
        // One channel lies the same way in both orders.
        Layout::ChannelsFirst if channels == 1 => tensor.into_shape(&[1, 1, height, width]),
        Layout::ChannelsFirst => tensor.permute_axes(&[0, 3, 1, 2]),
    }
}

/// The optimised plan for one image of shape `input`, ready to run, and how many numbers it gives.
fn plan(proto: &ModelProto, input: &[usize]) -> Result<(TypedSimpleState, usize), Reject> {
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
        .with_input_fact(0, f32::fact(input).into())
        .and_then(|model| model.into_optimized())
        .map_err(refused)?;
    let output = optimised.output_fact(0).map_err(refused)?;
    let outputs = match output.shape.as_concrete() {
        // Axes of 1 say nothing: (1, labels), (1, labels, 1, 1) and (labels) lie the same way.
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use tract_onnx::pb::tensor_proto::DataType;

    use super::*;
    use crate::onnx::testing::tensor;

    #[test]
    fn an_input_with_channels_first_holds_one_plane_after_the_other() {
        let shape = ImageShape {
            height: 1,
            width: 2,
            channels: 3,
        };
        let image = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        for (layout, axes, values) in [
            (Layout::ChannelsLast, [1, 1, 2, 3], image),
            (Layout::ChannelsFirst, [1, 3, 1, 2], [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]),
        ] {
            let tensor = input(&image, shape, layout).unwrap();
            assert_eq!(tensor.shape(), axes);
            let view = tensor.try_as_plain_ram().unwrap();
            assert_eq!(view.as_slice::<f32>().unwrap(), values);
        }
    }

    #[test]
    fn a_model_whose_exporter_noted_shapes_of_any_number_of_images_is_taken() {
        let tiny = include_bytes!("../../../models/golden/tiny.onnx");
        let mut proto = tract_onnx::onnx().proto_model_for_read(&mut &tiny[..]).unwrap();
        let noted = [
            tensor("values", DataType::Float, &[0, 48]),
            tensor("logits", DataType::Float, &[0, 3]),
        ];
        proto.graph.as_mut().unwrap().value_info.extend(noted);
        let (_, outputs) = plan(&proto, &[1, 1, 6, 8]).unwrap();
        assert_eq!(outputs, 3);
    }
}
