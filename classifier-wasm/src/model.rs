//! The network: loading it, and running it on images.
//!
//! Images go through one by one, in one warm state of a plan for a single image: tract's fastest convolution needs the
//! concrete shape and exists for one image alone, and an answer cannot depend on what else was in the batch.

use sha2::{Digest, Sha256};
use tract_onnx::prelude::*;

use crate::images::{ImageShape, Images, MAX_VALUES};
use crate::onnx::{Layout, Signature};
use crate::prediction::Predictions;
use crate::reject::{Code, Reject};

const BUILT_IN: &[u8] = include_bytes!("../../models/fashion-small.onnx");
const BUILT_IN_LABELS: &str = include_str!("../../models/labels.txt");

/// Most labels of a model: they cross to the host one by one.
const MAX_LABELS: usize = 65_536;

/// Which network answers, and what it takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// Its name, as its file says.
    pub name: String,
    /// Its version, as its file says.
    pub version: String,
    /// Lower-case hex SHA-256 of the file.
    pub sha256: String,
    /// The images it takes.
    pub image: ImageShape,
    /// The index is the class.
    pub labels: Vec<String>,
}

impl Card {
    /// The most images that one request may carry: as many as fit, and as have probabilities that fit.
    pub fn max_images(&self) -> usize {
        self.image.max_images().min(MAX_VALUES / self.labels.len().max(1))
    }
}

/// A network, warm.
pub struct Model {
    card: Card,
    layout: Layout,
    probabilities: bool,
    state: TypedSimpleState,
}

impl Model {
    /// The model that is part of the component.
    pub fn built_in() -> Result<Model, Reject> {
        Model::load(BUILT_IN)
    }

    /// Reads an ONNX file and runs it once on a black image. Labels are those of its metadata; a model that takes and
    /// gives what the built-in one does has that one's labels, and any other has its class numbers.
    pub fn load(onnx: &[u8]) -> Result<Model, Reject> {
        let proto = tract_onnx::onnx()
            .proto_model_for_read(&mut &*onnx)
            .map_err(|error| Reject::new(Code::BadModel, format!("not an ONNX model: {}", chain(&error))))?;
        let Signature {
            image,
            layout,
            probabilities,
            name,
            version,
            labels,
        } = Signature::read(&proto)?;
        let ImageShape {
            height,
            width,
            channels,
        } = image;
        let input = match layout {
            Layout::ChannelsLast => [1, height, width, channels],
            Layout::ChannelsFirst => [1, channels, height, width],
        };
        let (state, classes) = plan(&proto, &input)?;
        let sha256 = hex::encode(Sha256::digest(onnx));
        let labels = match labels {
            Some(labels) if labels.len() == classes => labels,
            Some(labels) => {
                let detail = format!(
                    "metadata has {} labels for {classes} outputs: write one a line",
                    labels.len()
                );
                return Err(unsupported(detail));
            }
            None => default_labels(image, classes),
        };
        let mut model = Model {
            card: Card {
                name,
                version,
                sha256,
                image,
                labels,
            },
            layout,
            probabilities,
            state,
        };
        let black = Images::new(image, 1, vec![0.0; image.values()])?;
        model.predict(&black)?;
        Ok(model)
    }

    /// What to know of it.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// Classifies `images`, which are of the card's shape.
    pub fn predict(&mut self, images: &Images) -> Result<Predictions, Reject> {
        let labels = self.card.labels.len();
        let max_images = self.card.max_images();
        if images.count() > max_images {
            let detail = format!(
                "{} images for {labels} labels: send at most {max_images}",
                images.count()
            );
            return Err(Reject::new(Code::TooManyImages, detail));
        }
        let mut probabilities = Vec::with_capacity(images.count() * labels);
        for image in images.iter() {
            let output = self
                .run(image)
                .map_err(|error| bad_output(format!("the model failed: {}", chain(&error))))?;
            let row = output
                .try_as_plain_ram()
                .and_then(|view| Ok(view.as_slice::<f32>()?.to_vec()));
            let row = row.map_err(|error| bad_output(chain(&error)))?;
            probabilities.extend(if self.probabilities {
                scaled(row)?
            } else {
                softmax(row)?
            });
        }
        Ok(Predictions::new(labels, probabilities))
    }

    fn run(&mut self, image: &[f32]) -> TractResult<TValue> {
        let input = input(image, self.card.image, self.layout)?;
        let mut outputs = self.state.run(tvec![input.into()])?;
        Ok(outputs.remove(0))
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

/// The optimised plan for one image of shape `input`, ready to run, and the number of classes that it gives.
fn plan(proto: &tract_onnx::pb::ModelProto, input: &[usize]) -> Result<(TypedSimpleState, usize), Reject> {
    let refused = |error: TractError| unsupported(format!("cannot build the model: {}", chain(&error)));
    // Exporters note the shapes between operators, with the number of images as a symbol: here it is one, which contradicts.
    let reader = tract_onnx::onnx().with_ignore_value_info(true);
    let parsed = reader.parse(proto, None).map_err(refused)?;
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
    let classes = match output.shape.as_concrete() {
        Some(&[1, classes]) if output.datum_type == f32::datum_type() && (1..=MAX_LABELS).contains(&classes) => classes,
        _ => {
            let detail = format!(
                "the output is {output:?}: it must be (N, labels) floats, at most {MAX_LABELS} labels; flatten it in the \
                 model, or leave out what stands behind its probabilities"
            );
            return Err(unsupported(detail));
        }
    };
    let state = optimised
        .into_runnable()
        .and_then(|plan| plan.spawn())
        .map_err(refused)?;
    Ok((state, classes))
}

fn default_labels(image: ImageShape, classes: usize) -> Vec<String> {
    let fashion = ImageShape {
        height: 28,
        width: 28,
        channels: 1,
    };
    let known = BUILT_IN_LABELS.lines().map(str::to_owned).collect::<Vec<_>>();
    if image == fashion && classes == known.len() {
        known
    } else {
        (0..classes).map(|class| class.to_string()).collect()
    }
}

/// Probabilities, scaled to sum to 1 where quantisation left them a little beside it.
fn scaled(mut row: Vec<f32>) -> Result<Vec<f32>, Reject> {
    let sum: f32 = row.iter().sum();
    if !(0.9..=1.1).contains(&sum) || row.iter().any(|&value| value < 0.0) {
        return Err(bad_output(format!(
            "probabilities that sum to {sum}: the model's softmax must be over its last axis"
        )));
    }
    row.iter_mut().for_each(|value| *value /= sum);
    Ok(row)
}

/// Probabilities of logits; the highest is taken off first, so that none overflows.
fn softmax(mut row: Vec<f32>) -> Result<Vec<f32>, Reject> {
    let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter_mut().for_each(|value| *value = (*value - highest).exp());
    let sum: f32 = row.iter().sum();
    if !sum.is_finite() {
        return Err(bad_output("logits that are not finite"));
    }
    row.iter_mut().for_each(|value| *value /= sum);
    Ok(row)
}

fn unsupported(detail: impl Into<String>) -> Reject {
    Reject::new(Code::UnsupportedModel, detail)
}

fn bad_output(detail: impl Into<String>) -> Reject {
    Reject::new(Code::BadOutput, detail)
}

/// An error with its causes, on one line.
fn chain(error: &TractError) -> String {
    error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
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
        let tiny = include_bytes!("../../models/golden/tiny.onnx");
        let mut proto = tract_onnx::onnx().proto_model_for_read(&mut &tiny[..]).unwrap();
        let noted = [
            tensor("values", DataType::Float, &[0, 48]),
            tensor("logits", DataType::Float, &[0, 3]),
        ];
        proto.graph.as_mut().unwrap().value_info.extend(noted);
        let (_, classes) = plan(&proto, &[1, 1, 6, 8]).unwrap();
        assert_eq!(classes, 3);
    }

    #[test]
    fn logits_become_probabilities_without_overflow() {
        let row = softmax(vec![1000.0, 1000.0, -1000.0]).unwrap();
        assert_eq!(row, [0.5, 0.5, 0.0]);
        for logits in [
            vec![f32::NAN, 0.0],
            vec![f32::INFINITY, 0.0],
            vec![f32::NEG_INFINITY; 2],
        ] {
            assert_eq!(softmax(logits).unwrap_err().code, Code::BadOutput);
        }
    }

    #[test]
    fn probabilities_must_be_such() {
        let row = scaled(vec![0.25, 0.7]).unwrap();
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        for row in [
            vec![0.5, 0.2],
            vec![1.0, 1.0],
            vec![1.5, -0.5],
            vec![f32::NAN, 1.0],
            vec![],
        ] {
            assert_eq!(scaled(row).unwrap_err().code, Code::BadOutput);
        }
    }

    #[test]
    fn labels_of_a_model_without_any_are_the_built_in_ones_only_where_they_fit() {
        let fashion = ImageShape {
            height: 28,
            width: 28,
            channels: 1,
        };
        assert_eq!(default_labels(fashion, 10)[9], "Ankle boot");
        assert_eq!(default_labels(fashion, 3), ["0", "1", "2"]);
        assert_eq!(default_labels(ImageShape { height: 32, ..fashion }, 10)[9], "9");
    }
}
