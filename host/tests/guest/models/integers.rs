//! Networks of integers in the build with the executor alone, against what was computed by hand.

use host::classifier::Classifier;

use super::{USUAL, build, first_two, off, rows, softmax};
use crate::onnx::{FLOAT, INT8, INT16, INT32, Onnx, UINT8, floats, integer, node, node_of, tensor, value};

/// [`first_two`] with integers: onnxruntime's sum and product of them. Values have steps of 2, and the numbers of both classes steps of
/// 0.5 around 128.
fn of_integers() -> Onnx {
    let diagonal: Vec<u8> = (0..40).map(|at| u8::from(at == 0 || at == 3)).collect();
    let product = [
        "doubled",
        "two",
        "zero",
        "weight",
        "hundredth",
        "zero8",
        "bias",
        "half",
        "middle",
    ];
    Onnx {
        nodes: vec![
            node("QuantizeLinear", &["images", "one", "zero"], "pixels"),
            node_of(
                "com.microsoft",
                "QLinearAdd",
                &["pixels", "one", "zero", "pixels", "one", "zero", "two", "zero"],
                "sum",
            ),
            node("Flatten", &["sum"], "doubled"),
            node_of("com.microsoft", "QGemm", &product, "rounded"),
            node("DequantizeLinear", &["rounded", "half", "middle"], "logits"),
            node("Softmax", &["logits"], "probabilities"),
        ],
        weights: vec![
            floats("one", &[], [1.0]),
            floats("two", &[], [2.0]),
            floats("half", &[], [0.5]),
            floats("hundredth", &[], [0.01]),
            tensor("zero", UINT8, &[], &[0]),
            tensor("middle", UINT8, &[], &[128]),
            tensor("zero8", INT8, &[], &[0]),
            tensor("weight", INT8, &[20, 2], &diagonal),
            tensor("bias", INT32, &[2], &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
        ],
        inputs: vec![value("images", FLOAT, &[0, 4, 5, 1])],
        outputs: vec![value("probabilities", FLOAT, &[0, 2])],
        ..first_two(&[0, 4, 5, 1])
    }
}

async fn load(model: &Onnx) -> Result<Classifier, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.onnx");
    std::fs::write(&file, model.file()).unwrap();
    build(USUAL, &file, None).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn operators_of_onnxruntime_on_integers_answer_as_computed_by_hand() {
    let classifier = load(&of_integers()).await.unwrap();
    let pixels: Vec<u8> = (0..20).map(|at| [200, 75][usize::from(at > 0)]).collect();
    let given = rows(&classifier, "1,4,5,1", pixels).await.concat();
    // 2 x 200 x 0.01 is 4; 2 x 75 x 0.01, less 0.02 for the bias, is 1.48, and 1.5 the nearest step.
    let off = off(&given, &softmax([4.0, 1.5].into_iter()));
    assert!(off < 1e-6, "{given:?}");
}

#[tokio::test]
async fn what_is_not_computed_with_integers_of_8_bits_is_named() {
    let refused = async |change: fn(&mut Onnx)| {
        let mut model = of_integers();
        change(&mut model);
        let said = load(&model).await.err().expect("a refusal");
        assert!(said.contains("lacks-operators"), "{said}");
        said
    };
    let said = refused(|model| model.weights[5] = tensor("middle", INT16, &[], &[0, 1])).await;
    assert!(said.contains("(middle is no constant of 8 or 32 bits)"), "{said}");
    let said = refused(|model| {
        model.nodes[4] = node("DequantizeLinear", &["rounded", "half", "zero"], "logits");
    });
    let said = said.await;
    assert!(said.contains("(another zero point than its values have)"), "{said}");
    let said = refused(|model| model.nodes[0].extend(integer("block_size", 2))).await;
    assert!(said.contains("`QuantizeLinear` (in blocks)"), "{said}");
    let said = refused(|model| model.weights[0] = floats("one", &[], [-1.0])).await;
    assert!(said.contains("(a scale that is not positive)"), "{said}");
    // A sum that may need more than 32 bits.
    let said =
        refused(|model| model.weights[8] = tensor("bias", INT32, &[2], &[0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0])).await;
    assert!(said.contains("of 40 integers for 2 outputs, does not take"), "{said}");
}
