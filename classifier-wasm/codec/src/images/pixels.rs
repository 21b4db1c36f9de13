//! Values of pixels, as narrow as they are.

/// Values of pixels: bytes for as long as all of them are, a quarter of the memory and never out of range.
#[derive(Debug, Clone, PartialEq)]
pub enum Pixels {
    /// Integers from 0 to 255.
    U8(Vec<u8>),
    /// Any numbers.
    F32(Vec<f32>),
}

impl Pixels {
    /// How many values there are.
    pub fn len(&self) -> usize {
        match self {
            Pixels::U8(values) => values.len(),
            Pixels::F32(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All values as floats.
    pub fn into_floats(self) -> Vec<f32> {
        match self {
            Pixels::U8(values) => values.into_iter().map(f32::from).collect(),
            Pixels::F32(values) => values,
        }
    }

    /// Appends a byte.
    pub fn push_byte(&mut self, value: u8) {
        match self {
            Pixels::U8(values) => values.push(value),
            Pixels::F32(values) => values.push(value.into()),
        }
    }

    /// Appends a value; as a byte if all are.
    pub fn push(&mut self, value: f32) {
        let byte = value as u8;
        match self {
            // Minus zero is no byte.
            Pixels::U8(values) if f32::from(byte).to_bits() == value.to_bits() => values.push(byte),
            Pixels::F32(values) => values.push(value),
            Pixels::U8(_) => self.append(Pixels::F32(vec![value])),
        }
    }

    /// Appends the values of `other`; as bytes if all are.
    pub fn append(&mut self, other: Pixels) {
        match (&mut *self, other) {
            (Pixels::U8(values), Pixels::U8(more)) => values.extend(more),
            (Pixels::F32(values), more) => values.extend(more.into_floats()),
            (Pixels::U8(values), Pixels::F32(more)) => {
                let mut floats = Vec::with_capacity(values.capacity().max(values.len() + more.len()));
                floats.extend(values.iter().copied().map(f32::from));
                floats.extend(more);
                *self = Pixels::F32(floats);
            }
        }
    }
}

impl From<Vec<u8>> for Pixels {
    fn from(values: Vec<u8>) -> Pixels {
        Pixels::U8(values)
    }
}

impl From<Vec<f32>> for Pixels {
    fn from(values: Vec<f32>) -> Pixels {
        Pixels::F32(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_makes_floats_of_bytes_only_where_it_must() {
        let (bytes, floats) = (Pixels::U8(vec![1, 2]), Pixels::F32(vec![0.5]));
        for (first, second, expected) in [
            (&bytes, &bytes, Pixels::U8(vec![1, 2, 1, 2])),
            (&bytes, &floats, Pixels::F32(vec![1.0, 2.0, 0.5])),
            (&floats, &bytes, Pixels::F32(vec![0.5, 1.0, 2.0])),
        ] {
            let mut both = first.clone();
            both.append(second.clone());
            assert_eq!(both, expected);
            assert_eq!(both.len(), first.len() + second.len());
        }
    }
}
