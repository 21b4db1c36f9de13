//! Small models of one linear layer, made as a test needs them.

use super::onnx::{FLOAT, Onnx, floats, node, node_of, value};

/// A model that gives softmax(weight x + bias) of the values x of one grey image, and what is wrong with it, if anything.
pub struct Linear {
    /// Rows and columns of an image.
    pub size: [usize; 2],
    /// A row of `size` weights for each class.
    pub weight: Vec<Vec<f32>>,
    /// One for each class.
    pub bias: Vec<f32>,
    /// Operators behind the softmax, each with its domain, that leave the values alone by their names or are unknown.
    pub behind: Vec<(&'static str, &'static str)>,
    /// How many images the input says that it takes; 0: any number.
    pub batch: i64,
}

impl Linear {
    /// The means of three bands of a 6 x 8 image, in units of `white`: its greatest probability is e^5 times that of black.
    pub fn bands(white: f32) -> Self {
        let weight = |band| (0..48).map(move |at| if at / 16 == band { 5.0 / 16.0 / white } else { 0.0 });
        Self {
            size: [6, 8],
            weight: (0..3).map(|band| weight(band).collect()).collect(),
            bias: vec![0.0; 3],
            behind: Vec::new(),
            batch: 0,
        }
    }

    /// The bytes of the file.
    pub fn file(&self) -> Vec<u8> {
        let [rows, columns] = self.size;
        let (values, classes) = (rows * columns, self.weight.len());
        // Gemm takes the weights with a column a class.
        let columnwise = (0..values).flat_map(|at| self.weight.iter().map(move |row| row[at]));
        let mut nodes = vec![
            node("Flatten", &["images"], "values"),
            node("Gemm", &["values", "weight", "bias"], "logits"),
            node("Softmax", &["logits"], "after-0"),
        ];
        for (index, (domain, operator)) in self.behind.iter().enumerate() {
            let [before, after] = [index, index + 1].map(|index| format!("after-{index}"));
            nodes.push(node_of(domain, operator, &[&before], &after));
        }
        let last = format!("after-{}", self.behind.len());
        let model = Onnx {
            name: "linear".to_owned(),
            nodes,
            weights: vec![
                floats("weight", &[values, classes], columnwise),
                floats("bias", &[classes], self.bias.iter().copied()),
            ],
            inputs: vec![value("images", FLOAT, &[self.batch, 1, rows as i64, columns as i64])],
            outputs: vec![value(&last, FLOAT, &[0, classes as i64])],
            ..Onnx::default()
        };
        model.file()
    }
}
