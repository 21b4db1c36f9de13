//! Memory of values.

use crate::layout::{Kind, Layout};

/// Memory of a value: what its numbers are, and none of the others.
#[derive(Default)]
pub struct Slot {
    pub floats: Vec<f32>,
    pub integers: Vec<i16>,
}

impl Slot {
    /// For so many images with this layout.
    pub fn new(layout: Layout, images: usize) -> Slot {
        let (mut slot, numbers) = (Slot::default(), images * layout.image() + layout.kind.lanes());
        match layout.kind {
            Kind::Floats => slot.floats = vec![0.0; numbers],
            Kind::Integers => slot.integers = vec![0; numbers],
        }
        slot
    }
}
