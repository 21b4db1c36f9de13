//! Memory for what is half done, which all layers have in turn.

use crate::integer;
use crate::tile::Vector;

/// Memory for what is half done.
#[derive(Default)]
pub struct Scratch {
    /// What is multiplied.
    pub rows: Vec<Vector>,
    /// What comes of it, if more is done with it than stored.
    pub products: Vec<Vector>,
    /// What is transformed in one direction.
    pub half: Vec<Vector>,
    pub integers: integer::Scratch,
}

impl Scratch {
    /// Makes room for a layer.
    pub fn fit(&mut self, rows: usize, products: usize, half: usize) {
        for (memory, vectors) in [
            (&mut self.rows, rows),
            (&mut self.products, products),
            (&mut self.half, half),
        ] {
            memory.resize(vectors.max(memory.len()), Vector::default());
        }
    }
}
