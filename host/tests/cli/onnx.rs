//! ONNX files, written field by field: small models of one linear layer, made as a test needs them.

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
    /// How many images the input says that it takes; none: any number.
    pub batch: Option<u64>,
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
            batch: None,
        }
    }

    /// The bytes of the file.
    pub fn file(&self) -> Vec<u8> {
        let [rows, columns] = self.size;
        let (values, classes) = (rows * columns, self.weight.len());
        // Gemm takes the weights with a column a class.
        let columnwise = (0..values).flat_map(|at| self.weight.iter().map(move |row| row[at]));
        let mut graph = [
            node("Flatten", "", &["images"], "values"),
            node("Gemm", "", &["values", "weight", "bias"], "logits"),
            node("Softmax", "", &["logits"], "after-0"),
        ]
        .concat();
        for (index, (domain, operator)) in self.behind.iter().enumerate() {
            let [before, after] = [index, index + 1].map(|index| format!("after-{index}"));
            graph.extend(node(operator, domain, &[&before], &after));
        }
        graph.extend(text(2, "linear"));
        graph.extend(bytes(5, &tensor("weight", &[values, classes], columnwise)));
        graph.extend(bytes(5, &tensor("bias", &[classes], self.bias.iter().copied())));
        let image = [1, rows, columns].map(|length| Some(length as u64));
        let [a, b, c] = image;
        graph.extend(bytes(11, &value("images", &[self.batch, a, b, c])));
        let last = format!("after-{}", self.behind.len());
        graph.extend(bytes(12, &value(&last, &[None, Some(classes as u64)])));
        let opset = [text(1, ""), number(2, 13)].concat();
        [number(1, 8), bytes(7, &graph), bytes(8, &opset)].concat()
    }
}

/// `GraphProto.node`.
fn node(operator: &str, domain: &str, inputs: &[&str], output: &str) -> Vec<u8> {
    let mut node: Vec<u8> = inputs.iter().flat_map(|input| text(1, input)).collect();
    node.extend([text(2, output), text(4, operator), text(7, domain)].concat());
    bytes(1, &node)
}

/// A `TensorProto` of floats.
fn tensor(name: &str, lengths: &[usize], values: impl Iterator<Item = f32>) -> Vec<u8> {
    let mut tensor: Vec<u8> = lengths.iter().flat_map(|length| number(1, *length as u64)).collect();
    let values: Vec<u8> = values.flat_map(f32::to_le_bytes).collect();
    tensor.extend([number(2, 1), text(8, name), bytes(9, &values)].concat());
    tensor
}

/// A `ValueInfoProto` of floats; an axis without a length is called N.
fn value(name: &str, lengths: &[Option<u64>]) -> Vec<u8> {
    let axis = |length: &Option<u64>| bytes(1, &length.map_or_else(|| text(2, "N"), |length| number(1, length)));
    let shape: Vec<u8> = lengths.iter().flat_map(axis).collect();
    let tensor = [number(1, 1), bytes(2, &shape)].concat();
    [text(1, name), bytes(2, &bytes(1, &tensor))].concat()
}

fn number(field: u8, value: u64) -> Vec<u8> {
    [vec![field << 3], varint(value)].concat()
}

fn text(field: u8, value: &str) -> Vec<u8> {
    bytes(field, value.as_bytes())
}

fn bytes(field: u8, value: &[u8]) -> Vec<u8> {
    [vec![field << 3 | 2], varint(value.len() as u64), value.to_vec()].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
