//! Floats of 16 and of 64 bits, which become ones of 32, and names of operators, which may be the same.

use super::{first_two, load, of_first_two, off, rows};
use crate::onnx::{
    BFLOAT16, DOUBLE, FLOAT, FLOAT16, Fields, Onnx, UINT8, bytes, integer, node, number, tensor, text, value,
};

/// -1.5 in the types of 16 bits.
const HALF: u16 = 0xbe00;
const BFLOAT: u16 = 0xbfc0;

/// A model whose two logits are multiplied with the tensor `factor`.
fn with_factor(factor: Fields) -> Onnx {
    let mut model = first_two(&[0, 4, 5, 1]);
    model.nodes[2] = node("Mul", &["logits", "factor"], "scaled");
    model.nodes.push(node("Softmax", &["scaled"], "probabilities"));
    model.weights.push(factor);
    model
}

/// A tensor of two values with its values in a list, instead of in `raw_data`.
fn listed(kind: u64, field: u64, packed: &[u8]) -> Fields {
    [number(1, 2), number(2, kind), text(8, "factor"), bytes(field, packed)].concat()
}

#[tokio::test]
async fn other_floats_become_floats_of_32_bits_however_they_lie() {
    let pixels: Vec<u8> = [&[200, 100][..], &[0; 18]].concat();
    let expected = of_first_two(-1.5 * 200.0, 0.0);
    let varint = [
        (HALF & 0x7f) as u8 | 0x80,
        (HALF >> 7 & 0x7f) as u8 | 0x80,
        (HALF >> 14) as u8,
    ];
    for factor in [
        tensor("factor", FLOAT, &[2], &[(-1.5f32).to_le_bytes(), [0; 4]].concat()),
        tensor("factor", FLOAT16, &[2], &[HALF.to_le_bytes(), [0; 2]].concat()),
        tensor("factor", BFLOAT16, &[2], &[BFLOAT.to_le_bytes(), [0; 2]].concat()),
        tensor("factor", DOUBLE, &[2], &[(-1.5f64).to_le_bytes(), [0; 8]].concat()),
        listed(FLOAT16, 5, &[&varint[..], &[0]].concat()),
        listed(DOUBLE, 10, &[(-1.5f64).to_le_bytes(), [0; 8]].concat()),
    ] {
        let classifier = load(&with_factor(factor.clone()).file()).await.unwrap();
        let given = rows(&classifier, "1,4,5,1", pixels.clone()).await.concat();
        assert!(off(&given, &expected) < 1e-6, "{factor:?}: {given:?}");
    }
}

#[tokio::test]
async fn bytes_stay_bytes() {
    let mut model = with_factor(tensor("bytes", UINT8, &[2], &[3, 1]));
    model
        .nodes
        .insert(2, [node("Cast", &["bytes"], "factor"), integer("to", FLOAT)].concat());
    let classifier = load(&model.file()).await.unwrap();
    let pixels: Vec<u8> = [&[20, 100][..], &[0; 18]].concat();
    let given = rows(&classifier, "1,4,5,1", pixels).await.concat();
    assert!(off(&given, &of_first_two(60.0, 100.0)) < 1e-6, "{given:?}");
}

#[tokio::test]
async fn a_model_in_other_floats_takes_images_and_casts_to_the_same() {
    for kind in [FLOAT16, BFLOAT16, DOUBLE] {
        let mut model = first_two(&[0, 4, 5, 1]);
        let same_name = text(3, "the same");
        model.inputs = vec![value("images", kind, &[0, 4, 5, 1])];
        model.nodes[0] = [node("Flatten", &["cast"], "values"), same_name.clone()].concat();
        model.nodes.insert(
            0,
            [node("Cast", &["images"], "cast"), integer("to", kind), same_name].concat(),
        );
        let classifier = load(&model.file()).await.unwrap();
        let pixels: Vec<u8> = [&[255, 100][..], &[0; 18]].concat();
        let given = rows(&classifier, "1,4,5,1", pixels).await.concat();
        assert!(off(&given, &of_first_two(255.0, 100.0)) < 1e-6, "{kind}: {given:?}");
    }
}
