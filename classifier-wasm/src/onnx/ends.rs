//! The input and the output of a model, and where its weights are. Whoever exported the model can change them by exporting
//! it again, and each refusal says how.

use crate::onnx::pb::tensor_proto::{DataLocation, DataType};
use crate::onnx::pb::tensor_shape_proto::dimension::Value as Dimension;
use crate::onnx::pb::type_proto::Value as Type;
use crate::onnx::pb::{GraphProto, TensorProto, ValueInfoProto};
use classifier_codec::images::{ImageShape, MAX_VALUES};
use classifier_codec::reject::{Code, Reject, quote};

use super::unsupported;

/// The most outputs that a refusal names.
const SHOWN_OUTPUTS: usize = 8;

/// The images that a model takes, and their layout in its input.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Their size.
    pub image: ImageShape,
    /// The axes of the input for one image, including N.
    pub axes: Vec<usize>,
    /// Whether the channels come before height and width.
    pub channels_first: bool,
    /// The type of the values, which can hold 0 to 255.
    pub kind: DataType,
}

/// A component has no files: the host must join weights from other files.
pub fn refuse_external_weights(graph: &GraphProto) -> Result<(), Reject> {
    let attributes = graph
        .node
        .iter()
        .flat_map(|node| node.attribute.iter())
        .filter_map(|attribute| attribute.t.as_ref());
    let external = |tensor: &&TensorProto| tensor.data_location == Some(DataLocation::External as i32);
    match graph.initializer.iter().chain(attributes).find(external) {
        None => Ok(()),
        Some(tensor) => Err(unsupported(format!(
            "weights {} lie in another file: put all into one, onnx.save(onnx.load(\"model.onnx\"), \"whole.onnx\"), or \
             torch.onnx.export(..., external_data=False)",
            quote(&tensor.name)
        ))),
    }
}

/// The one input that is not a weight: older exporters list the weights among the inputs.
pub fn the_input(graph: &GraphProto) -> Result<&ValueInfoProto, Reject> {
    let mut inputs = graph
        .input
        .iter()
        .filter(|input| graph.initializer.iter().all(|weights| weights.name != input.name));
    match (inputs.next(), inputs.next()) {
        (Some(input), None) => Ok(input),
        (None, _) => Err(unsupported("no input: the model must take images")),
        (Some(one), Some(other)) => {
            let detail = format!(
                "inputs {} and {}: a model takes images and nothing else; make the other a constant",
                quote(&one.name),
                quote(&other.name)
            );
            Err(unsupported(detail))
        }
    }
}

/// The one output, which some operator gives.
pub fn the_output(graph: &GraphProto) -> Result<&ValueInfoProto, Reject> {
    match graph.output.as_slice() {
        [output] if graph.node.iter().any(|node| node.output.contains(&output.name)) => Ok(output),
        [output] => Err(Reject::new(
            Code::BadModel,
            format!("no operator gives the output {}", quote(&output.name)),
        )),
        [] => Err(unsupported("no output: the model must give probabilities")),
        outputs => {
            let shown = outputs.iter().take(SHOWN_OUTPUTS).map(|output| {
                let shape = dimensions(output).map_or(String::new(), |dimensions| format!(" {}", shape(&dimensions)));
                format!("{}{shape}", quote(&output.name))
            });
            let more = if outputs.len() > SHOWN_OUTPUTS { ", ..." } else { "" };
            Err(unsupported(format!(
                "{} outputs, {}{more}: name the one that gives probabilities or logits (--model-output NAME), or keep that one \
                 alone: onnx.utils.extract_model(\"model.onnx\", \"one.onnx\", [INPUT], [OUTPUT])",
                outputs.len(),
                shown.collect::<Vec<_>>().join(", ")
            )))
        }
    }
}

/// The images that the input `value` takes, and their layout.
pub fn input(value: &ValueInfoProto) -> Result<Input, Reject> {
    let name = quote(&value.name);
    let Some(Type::TensorType(tensor)) = value.r#type.as_ref().and_then(|kind| kind.value.as_ref()) else {
        return Err(unsupported(format!("input {name} is no tensor")));
    };
    let kind = kind(&name, tensor.elem_type)?;
    let dimensions = dimensions(value).unwrap_or_default();
    let [batch, rest @ ..] = dimensions.as_slice() else {
        return Err(unsupported(format!(
            "input {name} says no shape: it must be (N, H, W, C) or (N, C, H, W), or of grey images (N, H, W) or (N, H x W)"
        )));
    };
    // Exporters write an axis of any length as a name, as nothing, as 0 or as -1.
    if let Some(Dimension::DimValue(count)) = batch
        && *count > 1
    {
        return Err(unsupported(format!(
            "input {name} is fixed to {count} images: export it for one, or with a dynamic first axis \
             (torch.onnx.export(..., dynamic_axes={{\"{}\": {{0: \"N\"}}}}))",
            bare(&value.name)
        )));
    }
    let fixed = |dimension: &Option<&Dimension>| match dimension {
        Some(Dimension::DimValue(length)) => usize::try_from(*length).ok().filter(|&length| length > 0),
        _ => None,
    };
    let shape = shape(&dimensions);
    let Some(axes) = rest.iter().map(fixed).collect::<Option<Vec<_>>>() else {
        return Err(unsupported(format!(
            "input {name} of shape {shape} is not fixed but for its first axis: export it so, or python -m \
             onnxruntime.tools.make_dynamic_shape_fixed --input_name {} --input_shape 1,3,224,224 model.onnx fixed.onnx, with \
             the model's own lengths",
            bare(&value.name)
        )));
    };
    let (image, channels_first) =
        laid_out(&axes).map_err(|problem| unsupported(format!("input {name} of shape {shape} {problem}")))?;
    let values = axes.iter().copied().try_fold(1, usize::checked_mul);
    if values.is_none_or(|values| values > MAX_VALUES) {
        let lengths = axes.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
        return Err(unsupported(format!(
            "images of {lengths}: at most {MAX_VALUES} values are taken"
        )));
    }
    Ok(Input {
        image,
        axes: [vec![1], axes].concat(),
        channels_first,
        kind,
    })
}

/// The size of an image with these axes, and whether the channels come first: decided by the number of axes and by which of
/// them can be the channels.
fn laid_out(axes: &[usize]) -> Result<(ImageShape, bool), &'static str> {
    let image = |height, width, channels| ImageShape {
        height,
        width,
        channels,
    };
    let can_be_channels = |length| matches!(length, 1 | 3);
    match *axes {
        [height, width, channels] if can_be_channels(channels) && !can_be_channels(height) => {
            Ok((image(height, width, channels), false))
        }
        [channels, height, width] if can_be_channels(channels) && !can_be_channels(width) => {
            Ok((image(height, width, channels), true))
        }
        [a, _, _] if can_be_channels(a) => Err("could be either of (N, H, W, C) and (N, C, H, W)"),
        [_, _, _] => Err("has no axis of 1 (grey) or 3 channels as in (N, H, W, C) and (N, C, H, W)"),
        [height, width] if !can_be_channels(height) && !can_be_channels(width) => Ok((image(height, width, 1), false)),
        // The rows of a grey image, one after another.
        [values] if values.isqrt().pow(2) == values && values > 9 => {
            Ok((image(values.isqrt(), values.isqrt(), 1), false))
        }
        [_] => Err(
            "is no square of grey pixels, as (N, 784) is one of 28 x 28: begin the model with a Reshape from (N, H, W, C)",
        ),
        _ => Err(
            "has not the axes of images, (N, H, W, C) or (N, C, H, W), or of grey ones (N, H, W) or (N, H x W): begin the model \
             with a Reshape from one of them",
        ),
    }
}

/// The type with this number in ONNX, if pixels fit into it. Other floats have become floats of 32 bits before.
fn kind(name: &str, number: i32) -> Result<DataType, Reject> {
    let kind = DataType::try_from(number);
    match kind {
        Ok(
            kind @ (DataType::Float
            | DataType::Uint8
            | DataType::Uint16
            | DataType::Int16
            | DataType::Uint32
            | DataType::Int32
            | DataType::Uint64
            | DataType::Int64),
        ) => Ok(kind),
        _ => {
            let remedy = match kind {
                Ok(DataType::Int8) => {
                    "into which 128 to 255 do not fit; begin the model with a Cast from UINT8 and a Sub of what the pixels are \
                     less in it"
                }
                _ => "export it so that it takes floats or bytes",
            };
            let found = kind.map_or("unknown".to_owned(), |kind| format!("{kind:?}").to_uppercase());
            Err(unsupported(format!(
                "input {name} is of type {found}, and must take raw pixels, 0 to 255: {remedy}"
            )))
        }
    }
}

/// The axes of a tensor. None: it has no shape.
fn dimensions(value: &ValueInfoProto) -> Option<Vec<Option<&Dimension>>> {
    let Some(Type::TensorType(tensor)) = value.r#type.as_ref().and_then(|kind| kind.value.as_ref()) else {
        return None;
    };
    let shape = tensor.shape.as_ref()?;
    Some(shape.dim.iter().map(|dimension| dimension.value.as_ref()).collect())
}

/// `(N, 3, height, 224)`, and `?` for what has no name either.
fn shape(dimensions: &[Option<&Dimension>]) -> String {
    let axis = |dimension: &Option<&Dimension>| match dimension {
        Some(Dimension::DimValue(length)) if *length > 0 => length.to_string(),
        Some(Dimension::DimParam(name)) if !name.is_empty() => bare(name),
        _ => "?".to_owned(),
    };
    format!("({})", dimensions.iter().map(axis).collect::<Vec<_>>().join(", "))
}

/// A name as it stands in a command.
fn bare(name: &str) -> String {
    quote(name).trim_matches('`').to_owned()
}
