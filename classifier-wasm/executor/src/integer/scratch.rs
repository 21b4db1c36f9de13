//! Memory for what is half done with integers.

use super::tile::{Four, Vector};

/// Memory for what is half done.
#[derive(Default)]
pub struct Scratch {
    /// What is multiplied.
    pub rows: Vec<Vector>,
    /// What comes of it, if more is done with it than stored.
    pub products: Vec<Four>,
}

impl Scratch {
    /// Makes room for a layer.
    pub fn fit(&mut self, rows: usize, products: usize) {
        self.rows.resize(rows.max(self.rows.len()), Vector::default());
        self.products.resize(products.max(self.products.len()), Four::default());
    }
}
