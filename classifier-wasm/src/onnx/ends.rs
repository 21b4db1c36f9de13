//! The input and the output of a model, and where its weights lie: what an exporter is told, and so what is mended by
//! exporting again. Each refusal names how.

use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dimension;
use tract_onnx::pb::type_proto::Value as Type;
use tract_onnx::pb::{GraphProto, TensorProto, ValueInfoProto};

use super::{Layout, unsupported};
use crate::images::{ImageShape, MAX_VALUES};
use crate::reject::{Code, Reject, quote};

/// The component has no files: weights beside the model cannot be read.
pub fn refuse_external_weights(graph: &GraphProto) -> Result<(), Reject> {
    let attributes = graph
        .node
        .iter()
        .flat_map(|node| node.attribute.iter())
        .filter_map(|attribute| attribute.t.as_ref());
    let external = |tensor: &&TensorProto| {
        tensor.data_location == Some(DataLocation::External as i32) || !tensor.external_data.is_empty()
    };
    match graph.initializer.iter().chain(attributes).find(external) {
        None => Ok(()),
        Some(tensor) => Err(unsupported(format!(
            "weights {} lie in another file: put all into one, onnx.save(onnx.load(\"model.onnx\"), \"whole.onnx\"), or \
             torch.onnx.export(..., external_data=False)",
            quote(&tensor.name)
        ))),
    }
}

/// The one input that is no weight: older exporters list the weights among the inputs.
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
        [first, second, ..] => Err(unsupported(format!(
            "{} outputs, {}, {}{}: the model must give probabilities alone; keep that one, \
             onnx.utils.extract_model(\"model.onnx\", \"one.onnx\", [INPUT], [OUTPUT])",
            graph.output.len(),
            quote(&first.name),
            quote(&second.name),
            if graph.output.len() > 2 { ", ..." } else { "" }
        ))),
    }
}

/// The images that `input` takes, and how one lies in it.
pub fn image(input: &ValueInfoProto) -> Result<(ImageShape, Layout), Reject> {
    let name = quote(&input.name);
    let Some(Type::TensorType(tensor)) = input.r#type.as_ref().and_then(|kind| kind.value.as_ref()) else {
        return Err(unsupported(format!("input {name} is no tensor")));
    };
    if tensor.elem_type != DataType::Float as i32 {
        return Err(unsupported(wrong_type(&name, tensor.elem_type)));
    }
    let dimensions = tensor
        .shape
        .iter()
        .flat_map(|shape| &shape.dim)
        .map(|dimension| dimension.value.as_ref());
    let dimensions = dimensions.collect::<Vec<_>>();
    let [batch, rest @ ..] = dimensions.as_slice() else {
        return Err(unsupported(format!(
            "input {name} says no shape: it must be (N, H, W, C) or (N, C, H, W)"
        )));
    };
    // Exporters write an axis of any length as a name, as nothing, as 0 or as -1.
    if let Some(Dimension::DimValue(count)) = batch
        && *count > 1
    {
        return Err(unsupported(format!(
            "input {name} is fixed to {count} images: export it for one, or with a dynamic first axis \
             (torch.onnx.export(..., dynamic_axes={{\"{}\": {{0: \"N\"}}}}))",
            bare(&input.name)
        )));
    }
    let &[a, b, c] = rest else {
        return Err(unsupported(format!(
            "input {name} of shape {} has not the four axes of images, (N, H, W, C) or (N, C, H, W): begin the model with a \
             Reshape from one of them",
            shape(&dimensions)
        )));
    };
    let fixed = |dimension: Option<&Dimension>| match dimension {
        Some(Dimension::DimValue(length)) => usize::try_from(*length).ok().filter(|&length| length > 0),
        _ => None,
    };
    let (Some(a), Some(b), Some(c)) = (fixed(a), fixed(b), fixed(c)) else {
        return Err(unsupported(format!(
            "input {name} of shape {} is not fixed but for its first axis: export it so, or python -m \
             onnxruntime.tools.make_dynamic_shape_fixed --input_name {} --input_shape 1,3,224,224 model.onnx fixed.onnx, with \
             the model's own lengths",
            shape(&dimensions),
            bare(&input.name)
        )));
    };
    let (image, layout) = laid_out(a, b, c).map_err(|problem| {
        unsupported(format!(
            "input {name} of shape {} {problem} (N, H, W, C) and (N, C, H, W)",
            shape(&dimensions)
        ))
    })?;
    let values = [a, b, c].into_iter().try_fold(1usize, usize::checked_mul);
    if values.is_none_or(|values| values > MAX_VALUES) {
        return Err(unsupported(format!(
            "images of {a} x {b} x {c}: at most {MAX_VALUES} values are taken"
        )));
    }
    Ok((image, layout))
}

/// What the axes behind the first mean, by which of them can be channels.
fn laid_out(a: usize, b: usize, c: usize) -> Result<(ImageShape, Layout), &'static str> {
    let shape = |height, width, channels| ImageShape {
        height,
        width,
        channels,
    };
    match (matches!(a, 1 | 3), matches!(c, 1 | 3)) {
        (false, true) => Ok((shape(a, b, c), Layout::ChannelsLast)),
        (true, false) => Ok((shape(b, c, a), Layout::ChannelsFirst)),
        (true, true) => Err("could be either of"),
        (false, false) => Err("has no axis of 1 (grey) or 3 channels as in"),
    }
}

fn wrong_type(name: &str, found: i32) -> String {
    let kind = DataType::try_from(found);
    let remedy = match kind {
        Ok(DataType::Uint8 | DataType::Int8 | DataType::Int32 | DataType::Int64) => {
            "set model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT, and put a Cast to the old type \
             behind it unless one to FLOAT is there already"
        }
        _ => "export it so",
    };
    let found = kind.map_or("unknown", |kind| kind.as_str_name());
    format!("input {name} is of type {found}: it must be FLOAT and take raw pixels; {remedy}")
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use tract_onnx::pb::ModelProto;

    use super::*;
    use crate::onnx::Signature;
    use crate::onnx::testing::{graph, model, tensor};

    fn refusal(model: &ModelProto) -> Reject {
        Signature::read(model).unwrap_err()
    }

    fn says(model: &ModelProto, words: &[&str]) {
        let reject = refusal(model);
        assert_eq!(reject.code, Code::UnsupportedModel, "{reject}");
        for words in words {
            assert!(reject.detail.contains(words), "`{words}` is not in: {reject}");
        }
    }

    #[test]
    fn the_layout_is_read_off_the_axis_of_1_or_3_channels() {
        for (lengths, height, width, channels, layout) in [
            ([0, 28, 28, 1], 28, 28, 1, Layout::ChannelsLast),
            ([0, 1, 28, 28], 28, 28, 1, Layout::ChannelsFirst),
            ([1, 3, 20, 30], 20, 30, 3, Layout::ChannelsFirst),
            ([0, 20, 30, 3], 20, 30, 3, Layout::ChannelsLast),
        ] {
            let signature = Signature::read(&model(&lengths)).unwrap();
            let image = ImageShape {
                height,
                width,
                channels,
            };
            assert_eq!((signature.image, signature.layout), (image, layout), "{lengths:?}");
        }
    }

    #[test]
    fn an_axis_of_any_number_of_images_may_be_written_as_a_name_nothing_0_or_minus_1() {
        let any = [
            Some(Dimension::DimParam("None".to_owned())),
            Some(Dimension::DimParam(String::new())),
            Some(Dimension::DimValue(0)),
            Some(Dimension::DimValue(-1)),
            Some(Dimension::DimValue(i64::MIN)),
            Some(Dimension::DimValue(1)),
            None,
        ];
        for batch in any {
            let mut model = model(&[0, 28, 28, 1]);
            let kind = graph(&mut model).input[0]
                .r#type
                .as_mut()
                .unwrap()
                .value
                .as_mut()
                .unwrap();
            let Type::TensorType(tensor) = kind;
            tensor.shape.as_mut().unwrap().dim[0].value = batch.clone();
            assert!(Signature::read(&model).is_ok(), "{batch:?}");
        }
    }

    #[test]
    fn inputs_that_are_no_images_are_refused_with_their_shape_and_the_remedy() {
        for (lengths, words) in [
            (&[][..], "says no shape"),
            (&[0], "of shape (N) has not the four axes"),
            (&[0, 784], "of shape (N, 784) has not the four axes"),
            (&[0, 28, 28], "Reshape"),
            (&[0, 28, 28, 2], "no axis of 1 (grey) or 3 channels"),
            (&[0, 1, 28, 28, 1], "has not the four axes"),
            (
                &[0, 0, 28, 1],
                "of shape (N, N, 28, 1) is not fixed but for its first axis",
            ),
            (&[0, -1, 28, 1], "of shape (N, ?, 28, 1) is not fixed"),
            (&[0, -1, 28, 1], "make_dynamic_shape_fixed"),
            (&[40, 28, 28, 1], "is fixed to 40 images: export it for one, or with"),
            (&[32, 28, 28, 1], "dynamic_axes={\"images\": {0: \"N\"}}"),
            (&[0, 1, 28, 3], "could be either of (N, H, W, C) and (N, C, H, W)"),
            (&[0, 1 << 20, 1 << 20, 1], "at most"),
        ] {
            says(&model(lengths), &[words]);
        }
    }

    #[test]
    fn an_input_of_another_type_is_refused_with_the_way_to_floats() {
        for (kind, words) in [
            (DataType::Uint8, ["UINT8", "elem_type = onnx.TensorProto.FLOAT"]),
            (DataType::Int64, ["INT64", "elem_type = onnx.TensorProto.FLOAT"]),
            (DataType::String, ["STRING", "it must be FLOAT"]),
        ] {
            let mut typed = model(&[0, 28, 28, 1]);
            graph(&mut typed).input = vec![tensor("images", kind, &[0, 28, 28, 1])];
            says(&typed, &words);
        }
    }

    #[test]
    fn weights_among_the_inputs_do_not_count_and_a_second_input_is_refused() {
        let mut model = model(&[0, 28, 28, 1]);
        graph(&mut model).input.push(tensor("weights", DataType::Float, &[10]));
        says(&model, &["`weights`"]);
        graph(&mut model).initializer = vec![TensorProto {
            name: "weights".to_owned(),
            ..TensorProto::default()
        }];
        assert!(Signature::read(&model).is_ok());
        graph(&mut model).input.clear();
        says(&model, &["no input"]);
    }

    #[test]
    fn weights_in_another_file_are_refused_by_name() {
        let external = TensorProto {
            name: "weights".to_owned(),
            data_location: Some(DataLocation::External as i32),
            ..TensorProto::default()
        };
        let mut model = model(&[0, 28, 28, 1]);
        graph(&mut model).initializer.push(external);
        says(
            &model,
            &["weights `weights` lie in another file", "onnx.save(onnx.load("],
        );
    }

    #[test]
    fn outputs_must_be_one_that_an_operator_gives() {
        let mut dangling = model(&[0, 28, 28, 1]);
        graph(&mut dangling).output = vec![tensor("elsewhere", DataType::Float, &[0, 10])];
        assert_eq!(refusal(&dangling).code, Code::BadModel);
        let mut two = model(&[0, 28, 28, 1]);
        graph(&mut two).output.push(tensor("logits", DataType::Float, &[0, 10]));
        says(
            &two,
            &["2 outputs, `probabilities`, `logits`: ", "onnx.utils.extract_model"],
        );
        graph(&mut two).output.clear();
        says(&two, &["no output"]);
    }
}
