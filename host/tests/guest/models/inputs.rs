//! The shapes and types of a model's input.

use super::{first_two, is_refused, load, of_first_two, off, rows, size, softmax};
use crate::onnx::{
    FLOAT, INT8, INT16, INT64, Onnx, STRING, UINT8, bytes, floats, integer, message, node, number, text, value,
    value_of,
};

#[tokio::test]
async fn the_layout_is_read_off_the_axes() {
    for (lengths, expected) in [
        (&[0, 28, 28, 1][..], [28, 28, 1]),
        (&[0, 1, 28, 28], [28, 28, 1]),
        (&[1, 3, 20, 30], [20, 30, 3]),
        (&[0, 20, 30, 3], [20, 30, 3]),
        (&[0, 28, 30], [28, 30, 1]),
        (&[1, 28, 30], [28, 30, 1]),
        (&[0, 784], [28, 28, 1]),
        (&[1, 16], [4, 4, 1]),
    ] {
        assert_eq!(
            size(&load(&first_two(lengths).file()).await.unwrap()),
            expected,
            "{lengths:?}"
        );
    }
}

/// A model of which the probabilities are the softmax of all its input's values by 10, in the order in which they lie there.
fn all(lengths: &[i64]) -> Onnx {
    let identity = (0..24).flat_map(|row| (0..24).map(move |column| if row == column { 0.1 } else { 0.0 }));
    Onnx {
        weights: vec![floats("weight", &[24, 24], identity)],
        outputs: vec![value("probabilities", FLOAT, &[0, 24])],
        ..first_two(lengths)
    }
}

#[tokio::test]
async fn an_input_with_channels_first_holds_one_plane_after_the_other() {
    let pixels: Vec<u8> = (0..24).map(|at| at * 7 % 24).collect();
    let planes = (0..3).flat_map(|channel| pixels.iter().skip(channel).step_by(3));
    for (lengths, values) in [
        (&[0, 2, 4, 3], pixels.clone()),
        (&[0, 3, 2, 4], planes.copied().collect()),
    ] {
        let classifier = load(&all(lengths).file()).await.unwrap();
        assert_eq!(size(&classifier), [2, 4, 3]);
        let given = rows(&classifier, "1,2,4,3", pixels.clone()).await.concat();
        let expected = softmax(values.into_iter().map(|value| f32::from(value) / 10.0));
        assert!(off(&given, &expected) < 1e-6, "{lengths:?}: {given:?}");
    }
}

#[tokio::test]
async fn grey_images_lie_row_by_row_whatever_the_axes() {
    let pixels: Vec<u8> = (0..24).map(|at| at * 7 % 24).collect();
    for lengths in [&[0, 4, 6, 1][..], &[0, 1, 4, 6], &[0, 4, 6]] {
        let classifier = load(&all(lengths).file()).await.unwrap();
        let given = rows(&classifier, "1,4,6,1", pixels.clone()).await.concat();
        let expected = softmax(pixels.iter().map(|value| f32::from(*value) / 10.0));
        assert!(off(&given, &expected) < 1e-6, "{lengths:?}: {given:?}");
    }
}

#[tokio::test]
async fn an_axis_of_any_number_of_images_may_be_written_as_a_name_nothing_0_or_minus_1() {
    let length = |length: i64| number(1, length as u64);
    for batch in [
        text(2, "None"),
        text(2, ""),
        length(0),
        length(-1),
        length(i64::MIN),
        length(1),
        Vec::new(),
    ] {
        let others = [28, 28, 1].map(|other| message(1, &number(1, other))).concat();
        let model = Onnx {
            inputs: vec![value_of("images", FLOAT, &[message(1, &batch), others].concat())],
            ..first_two(&[0, 28, 28, 1])
        };
        assert!(load(&model.file()).await.is_ok(), "{batch:?}");
    }
}

#[tokio::test]
async fn inputs_that_are_no_images_are_refused_with_their_shape_and_the_remedy() {
    for (lengths, words) in [
        (&[][..], "says no shape"),
        (&[0], "of shape (N) has not the axes"),
        (
            &[0, 783],
            "of shape (N, 783) is no square of grey pixels, as (N, 784) is one of 28 x 28",
        ),
        (&[0, 9], "of shape (N, 9) is no square"),
        (&[0, 3, 28], "of shape (N, 3, 28) has not the axes"),
        (&[0, 1, 784], "Reshape"),
        (&[0, 28, 28, 2], "no axis of 1 (grey) or 3 channels"),
        (&[0, 1, 28, 28, 1], "has not the axes"),
        (
            &[0, 0, 28, 1],
            "of shape (N, N, 28, 1) is not fixed but for its first axis",
        ),
        (&[0, -1, 28, 1], "of shape (N, ?, 28, 1) is not fixed"),
        (&[0, -1, 28, 1], "make_dynamic_shape_fixed"),
        (&[40, 28, 28, 1], "is fixed to 40 images: export it for one, or with"),
        (&[32, 28, 28, 1], "dynamic_axes={\"images\": {0: \"N\"}}"),
        (&[28, 28], "is fixed to 28 images"),
        (&[0, 1, 28, 3], "could be either of (N, H, W, C) and (N, C, H, W)"),
        (&[0, 1 << 20, 1 << 20, 1], "at most"),
        (&[0, 1 << 20, 1 << 20], "images of 1048576 x 1048576: at most"),
    ] {
        let model = Onnx {
            inputs: vec![value("images", FLOAT, lengths)],
            ..first_two(&[0, 2])
        };
        is_refused(&model, &[words]).await;
    }
}

#[tokio::test]
async fn pixels_come_in_the_integers_that_the_input_has_and_others_are_refused() {
    for kind in [UINT8, INT16, INT64] {
        let mut model = first_two(&[0, 4, 5, 1]);
        model.inputs = vec![value("images", kind, &[0, 4, 5, 1])];
        model.nodes[0] = node("Flatten", &["floats"], "values");
        model
            .nodes
            .insert(0, [node("Cast", &["images"], "floats"), integer("to", FLOAT)].concat());
        let classifier = load(&model.file()).await.unwrap();
        let pixels: Vec<u8> = [&[255, 201][..], &[0; 18]].concat();
        let given = rows(&classifier, "1,4,5,1", pixels).await.concat();
        assert!(off(&given, &of_first_two(255.0, 201.0)) < 1e-5, "{kind}: {given:?}");
    }
    for (kind, words) in [
        (INT8, ["is of type INT8", "128 to 255 do not fit"]),
        (STRING, ["is of type STRING", "export it"]),
        (99, ["is of type unknown", "export it"]),
    ] {
        let model = Onnx {
            inputs: vec![value("images", kind, &[0, 4, 5, 1])],
            ..first_two(&[0, 4, 5, 1])
        };
        is_refused(&model, &words).await;
    }
}

#[tokio::test]
async fn weights_among_the_inputs_do_not_count_and_a_second_input_is_refused() {
    let mut model = first_two(&[0, 4, 5, 1]);
    model.inputs.push(value("weight", FLOAT, &[20, 2]));
    assert!(load(&model.file()).await.is_ok());
    model.inputs.push(value("others", FLOAT, &[10]));
    is_refused(&model, &["`images` and `others`"]).await;
    model.inputs.clear();
    is_refused(&model, &["no input"]).await;
    // Its type is that of a sequence.
    model.inputs = vec![[text(1, "images"), message(2, &bytes(4, b""))].concat()];
    is_refused(&model, &["`images` is no tensor"]).await;
}
