//! The scalings that a model may expect, and how to make a model take raw pixels.

/// A scaling: a raw pixel times `factor`, plus `offset`.
#[derive(Debug, PartialEq)]
pub struct Scaling {
    /// What the model expects, for people and programs.
    pub name: &'static str,
    factor: f32,
    offset: f32,
    /// The options of `models/train/scaling.py` that make such a model take raw pixels.
    options: &'static str,
}

/// The contract's own.
pub const RAW: Scaling = Scaling {
    name: "0 to 255",
    factor: 1.0,
    offset: 0.0,
    options: "",
};

/// What else is tried.
pub const OTHERS: [Scaling; 5] = [
    // As from PyTorch's ToTensor, and in most tutorials for Keras.
    Scaling {
        name: "0 to 1",
        factor: 1.0 / 255.0,
        offset: 0.0,
        options: "",
    },
    Scaling {
        name: "-1 to 1",
        factor: 1.0 / 127.5,
        offset: -1.0,
        options: " --mean 0.5 --std 0.5",
    },
    Scaling {
        name: "0 to 1, less a mean of 0.286, by a deviation of 0.353",
        factor: 1.0 / 255.0 / 0.353,
        offset: -0.286 / 0.353,
        options: " --mean 0.286 --std 0.353",
    },
    Scaling {
        name: "255 to 0, dark on light",
        factor: -1.0,
        offset: 255.0,
        options: " --invert --divide 1",
    },
    Scaling {
        name: "1 to 0, dark on light",
        factor: -1.0 / 255.0,
        offset: 1.0,
        options: " --invert",
    },
];

impl Scaling {
    /// Raw pixels as this kind of model expects them.
    pub fn of(&self, pixels: &[u8]) -> Vec<f32> {
        pixels
            .iter()
            .map(|pixel| f32::from(*pixel) * self.factor + self.offset)
            .collect()
    }

    /// How to put the scaling into the model in the file `model`.
    pub fn remedy(&self, model: &str) -> String {
        format!(
            "put the scaling into the model, a Mul and an Add before its first operator: python models/train/scaling.py \
             {model} scaled.onnx{}",
            self.options
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_and_white_are_scaled_as_the_name_says() {
        let ends = OTHERS.iter().map(|scaling| scaling.of(&[0, 255]));
        let expected = [
            [0.0, 1.0],
            [-1.0, 1.0],
            [-0.286 / 0.353, (1.0 - 0.286) / 0.353],
            [255.0, 0.0],
            [1.0, 0.0],
        ];
        for (ends, expected) in ends.zip(expected) {
            for (value, expected) in ends.iter().zip(expected) {
                assert!((value - expected).abs() < 1e-5, "{ends:?} is not {expected}");
            }
        }
        assert_eq!(RAW.of(&[0, 7, 255]), [0.0, 7.0, 255.0]);
    }
}
