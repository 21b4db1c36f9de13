//! The sums of Winograd's F(4 x 4, 3 x 3), in one direction. The points are 0, 1, -1, 2, -2.

use super::{INPUT, OUTPUT};
use crate::vector::F32x4;

/// What can be added and multiplied: a number, four of them, or a row of either, each by itself.
pub trait Linear: Copy {
    fn add(self, other: Self) -> Self;
    fn times(self, factor: f64) -> Self;

    #[inline(always)]
    fn less(self, other: Self) -> Self {
        self.add(other.times(-1.0))
    }
}

impl Linear for f64 {
    fn add(self, other: f64) -> f64 {
        self + other
    }

    fn times(self, factor: f64) -> f64 {
        self * factor
    }
}

impl Linear for F32x4 {
    #[inline(always)]
    fn add(self, other: F32x4) -> F32x4 {
        self.plus(other)
    }

    #[inline(always)]
    fn times(self, factor: f64) -> F32x4 {
        F32x4::times(self, F32x4::splat(factor as f32))
    }

    #[inline(always)]
    fn less(self, other: F32x4) -> F32x4 {
        self.minus(other)
    }
}

impl<T: Linear, const N: usize> Linear for [T; N] {
    #[inline(always)]
    fn add(self, other: [T; N]) -> [T; N] {
        let mut others = other.into_iter();
        self.map(|one| others.next().map_or(one, |other| one.add(other)))
    }

    #[inline(always)]
    fn times(self, factor: f64) -> [T; N] {
        self.map(|one| one.times(factor))
    }

    #[inline(always)]
    fn less(self, other: [T; N]) -> [T; N] {
        let mut others = other.into_iter();
        self.map(|one| others.next().map_or(one, |other| one.less(other)))
    }
}

/// Transforms six numbers of the input.
#[inline(always)]
pub fn inputs<T: Linear>([a, b, c, d, e, f]: [T; INPUT]) -> [T; INPUT] {
    let (even, odd) = (e.less(c.times(4.0)), d.less(b.times(4.0)));
    let (far_even, far_odd) = (e.less(c), d.less(b).times(2.0));
    [
        even.less(c).add(a.times(4.0)),
        even.add(odd),
        even.less(odd),
        far_even.add(far_odd),
        far_even.less(far_odd),
        f.less(d.times(5.0)).add(b.times(4.0)),
    ]
}

/// Transforms three weights. Not all divisions are exact, so it is done in 64 bits.
pub fn weights<T: Linear>([a, b, c]: [T; 3]) -> [T; INPUT] {
    let (near, far, twice) = (a.add(c), a.add(c.times(4.0)), b.times(2.0));
    [
        a.times(1.0 / 4.0),
        near.add(b).times(-1.0 / 6.0),
        near.less(b).times(-1.0 / 6.0),
        far.add(twice).times(1.0 / 24.0),
        far.less(twice).times(1.0 / 24.0),
        c,
    ]
}

/// Transforms six products to four numbers of the output.
#[inline(always)]
pub fn outputs<T: Linear>([a, b, c, d, e, f]: [T; INPUT]) -> [T; OUTPUT] {
    let (near, near_odd) = (b.add(c), b.less(c));
    let (far, far_odd) = (d.add(e), d.less(e));
    [
        a.add(near).add(far),
        near_odd.add(far_odd.times(2.0)),
        near.add(far.times(4.0)),
        near_odd.add(far_odd.times(8.0)).add(f),
    ]
}
