//! Eight integers of 16 bits, and four of 32, that are computed at once: vectors of WebAssembly, elsewhere arrays with the same results.
//!
//! Sums that overflow wrap around.

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub use portable::{I16x8, I32x4};
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub use wasm::{I16x8, I32x4};

use crate::layout::Kind;
use crate::vector::F32x4;

/// How many integers of 16 bits a vector has.
pub const LANES: usize = Kind::Integers.lanes();

/// Added to a float of less than 22 bits, it leaves no digits behind the point: what was behind it is rounded to the nearest integer, and
/// a half to the even one. The bits of the sum are those of an integer.
const ROUNDS: f32 = 12_582_912.0;

/// What a number of a value is stored as.
pub trait Number: Copy + Default {
    /// Stores four floats, which are from -2²² to 2²².
    fn store(floats: F32x4, to: &mut [Self; 4]);
}

impl Number for f32 {
    #[inline(always)]
    fn store(floats: F32x4, to: &mut [f32; 4]) {
        floats.store(to);
    }
}

impl Number for i16 {
    /// Each is rounded.
    #[inline(always)]
    fn store(floats: F32x4, to: &mut [i16; 4]) {
        let bits = I32x4::bits_of(floats.plus(F32x4::splat(ROUNDS)));
        bits.minus(I32x4::splat(ROUNDS.to_bits().cast_signed())).narrow(to);
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm {
    use core::arch::wasm32::{
        f32x4_convert_i32x4, f32x4_div, i16x8_add, i16x8_extract_lane, i16x8_max, i16x8_narrow_i32x4, i16x8_shuffle,
        i16x8_splat, i16x8_sub, i32x4, i32x4_add, i32x4_dot_i16x8, i32x4_extract_lane, i32x4_shuffle, i32x4_splat,
        i32x4_sub, u32x4_splat, v128,
    };

    use crate::vector::{F32x4, load};

    /// Eight integers.
    #[derive(Clone, Copy)]
    pub struct I16x8(v128);

    impl I16x8 {
        #[inline(always)]
        pub fn load(from: &[i16; 8]) -> I16x8 {
            I16x8(load(from))
        }

        #[inline(always)]
        pub fn store(self, to: &mut [i16; 8]) {
            *to = [
                i16x8_extract_lane::<0>(self.0),
                i16x8_extract_lane::<1>(self.0),
                i16x8_extract_lane::<2>(self.0),
                i16x8_extract_lane::<3>(self.0),
                i16x8_extract_lane::<4>(self.0),
                i16x8_extract_lane::<5>(self.0),
                i16x8_extract_lane::<6>(self.0),
                i16x8_extract_lane::<7>(self.0),
            ];
        }

        #[inline(always)]
        pub fn splat(value: i16) -> I16x8 {
            I16x8(i16x8_splat(value))
        }

        /// Two neighbours in all lanes.
        #[inline(always)]
        pub fn pair(&[a, b]: &[i16; 2]) -> I16x8 {
            I16x8(u32x4_splat(
                u32::from(a.cast_unsigned()) | u32::from(b.cast_unsigned()) << 16,
            ))
        }

        /// Each with the one of the other that has its place beside it: the first half, and the second.
        #[inline(always)]
        pub fn beside(self, other: I16x8) -> [I16x8; 2] {
            [
                I16x8(i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(self.0, other.0)),
                I16x8(i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(self.0, other.0)),
            ]
        }

        #[inline(always)]
        pub fn plus(self, other: I16x8) -> I16x8 {
            I16x8(i16x8_add(self.0, other.0))
        }

        #[inline(always)]
        pub fn minus(self, other: I16x8) -> I16x8 {
            I16x8(i16x8_sub(self.0, other.0))
        }

        /// The products of each with the one beside it, of which two neighbours are added.
        #[inline(always)]
        pub fn dot(self, other: I16x8) -> I32x4 {
            I32x4(i32x4_dot_i16x8(self.0, other.0))
        }

        #[inline(always)]
        pub fn at_least(self, other: I16x8) -> I16x8 {
            I16x8(i16x8_max(self.0, other.0))
        }
    }

    /// Four integers.
    #[derive(Clone, Copy)]
    pub struct I32x4(v128);

    impl I32x4 {
        #[inline(always)]
        pub fn splat(value: i32) -> I32x4 {
            I32x4(i32x4_splat(value))
        }

        #[inline(always)]
        pub fn load(from: &[i32; 4]) -> I32x4 {
            I32x4(load(from))
        }

        #[inline(always)]
        pub fn store(self, to: &mut [i32; 4]) {
            *to = [
                i32x4_extract_lane::<0>(self.0),
                i32x4_extract_lane::<1>(self.0),
                i32x4_extract_lane::<2>(self.0),
                i32x4_extract_lane::<3>(self.0),
            ];
        }

        /// Four integers of 16 bits.
        #[inline(always)]
        pub fn widen(&[a, b, c, d]: &[i16; 4]) -> I32x4 {
            I32x4(i32x4(a.into(), b.into(), c.into(), d.into()))
        }

        /// As four integers of 16 bits, into which they fit.
        #[inline(always)]
        pub fn narrow(self, to: &mut [i16; 4]) {
            let narrow = i16x8_narrow_i32x4(self.0, self.0);
            *to = [
                i16x8_extract_lane::<0>(narrow),
                i16x8_extract_lane::<1>(narrow),
                i16x8_extract_lane::<2>(narrow),
                i16x8_extract_lane::<3>(narrow),
            ];
        }

        /// The bits of floats.
        #[inline(always)]
        pub fn bits_of(floats: F32x4) -> I32x4 {
            I32x4(floats.0)
        }

        /// The nearest floats.
        #[inline(always)]
        pub fn floats(self) -> F32x4 {
            F32x4(f32x4_convert_i32x4(self.0))
        }

        /// Each lane moved up by so many, and the last ones down to the start.
        #[inline(always)]
        pub fn turned<const BY: usize>(self) -> I32x4 {
            match BY {
                1 => I32x4(i32x4_shuffle::<3, 0, 1, 2>(self.0, self.0)),
                2 => I32x4(i32x4_shuffle::<2, 3, 0, 1>(self.0, self.0)),
                _ => I32x4(i32x4_shuffle::<1, 2, 3, 0>(self.0, self.0)),
            }
        }

        #[inline(always)]
        pub fn plus(self, other: I32x4) -> I32x4 {
            I32x4(i32x4_add(self.0, other.0))
        }

        #[inline(always)]
        pub fn minus(self, other: I32x4) -> I32x4 {
            I32x4(i32x4_sub(self.0, other.0))
        }
    }

    impl F32x4 {
        #[inline(always)]
        pub fn over(self, other: F32x4) -> F32x4 {
            F32x4(f32x4_div(self.0, other.0))
        }
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod portable {
    use crate::vector::F32x4;

    /// Eight integers.
    #[derive(Clone, Copy)]
    pub struct I16x8([i16; 8]);

    impl I16x8 {
        #[inline(always)]
        pub fn load(from: &[i16; 8]) -> I16x8 {
            I16x8(*from)
        }

        #[inline(always)]
        pub fn store(self, to: &mut [i16; 8]) {
            *to = self.0;
        }

        #[inline(always)]
        pub fn splat(value: i16) -> I16x8 {
            I16x8([value; 8])
        }

        /// Two neighbours in all lanes.
        #[inline(always)]
        pub fn pair(&[a, b]: &[i16; 2]) -> I16x8 {
            I16x8([a, b, a, b, a, b, a, b])
        }

        /// Each with the one of the other that has its place beside it: the first half, and the second.
        #[inline(always)]
        pub fn beside(self, other: I16x8) -> [I16x8; 2] {
            let (I16x8([a, b, c, d, e, f, g, h]), I16x8([i, j, k, l, m, n, o, p])) = (self, other);
            [I16x8([a, i, b, j, c, k, d, l]), I16x8([e, m, f, n, g, o, h, p])]
        }

        #[inline(always)]
        pub fn plus(self, other: I16x8) -> I16x8 {
            self.with(other, i16::wrapping_add)
        }

        #[inline(always)]
        pub fn minus(self, other: I16x8) -> I16x8 {
            self.with(other, i16::wrapping_sub)
        }

        /// The products of each with the one beside it, of which two neighbours are added.
        #[inline(always)]
        pub fn dot(self, other: I16x8) -> I32x4 {
            let (I16x8([a, b, c, d, e, f, g, h]), I16x8([i, j, k, l, m, n, o, p])) = (self, other);
            let dot = |a: i16, i: i16, b: i16, j: i16| {
                (i32::from(a) * i32::from(i)).wrapping_add(i32::from(b) * i32::from(j))
            };
            I32x4([dot(a, i, b, j), dot(c, k, d, l), dot(e, m, f, n), dot(g, o, h, p)])
        }

        #[inline(always)]
        pub fn at_least(self, other: I16x8) -> I16x8 {
            self.with(other, i16::max)
        }

        #[inline(always)]
        fn with(self, other: I16x8, act: impl Fn(i16, i16) -> i16) -> I16x8 {
            let mut lanes = self.0;
            lanes
                .iter_mut()
                .zip(other.0)
                .for_each(|(one, other)| *one = act(*one, other));
            I16x8(lanes)
        }
    }

    /// Four integers.
    #[derive(Clone, Copy)]
    pub struct I32x4([i32; 4]);

    impl I32x4 {
        #[inline(always)]
        pub fn splat(value: i32) -> I32x4 {
            I32x4([value; 4])
        }

        #[inline(always)]
        pub fn load(from: &[i32; 4]) -> I32x4 {
            I32x4(*from)
        }

        #[inline(always)]
        pub fn store(self, to: &mut [i32; 4]) {
            *to = self.0;
        }

        /// Four integers of 16 bits.
        #[inline(always)]
        pub fn widen(from: &[i16; 4]) -> I32x4 {
            I32x4(from.map(i32::from))
        }

        /// As four integers of 16 bits, into which they fit.
        #[inline(always)]
        pub fn narrow(self, to: &mut [i16; 4]) {
            *to = self.0.map(|lane| lane.clamp(i16::MIN.into(), i16::MAX.into()) as i16);
        }

        /// The bits of floats.
        #[inline(always)]
        pub fn bits_of(floats: F32x4) -> I32x4 {
            I32x4(floats.0.map(|float| float.to_bits().cast_signed()))
        }

        /// The nearest floats.
        #[inline(always)]
        pub fn floats(self) -> F32x4 {
            F32x4(self.0.map(|lane| lane as f32))
        }

        /// Each lane moved up by so many, and the last ones down to the start.
        #[inline(always)]
        pub fn turned<const BY: usize>(self) -> I32x4 {
            let mut lanes = self.0;
            lanes.rotate_right(BY);
            I32x4(lanes)
        }

        #[inline(always)]
        pub fn plus(self, other: I32x4) -> I32x4 {
            self.with(other, i32::wrapping_add)
        }

        #[inline(always)]
        pub fn minus(self, other: I32x4) -> I32x4 {
            self.with(other, i32::wrapping_sub)
        }

        #[inline(always)]
        fn with(self, other: I32x4, act: impl Fn(i32, i32) -> i32) -> I32x4 {
            let (I32x4([a, b, c, d]), I32x4([e, f, g, h])) = (self, other);
            I32x4([act(a, e), act(b, f), act(c, g), act(d, h)])
        }
    }

    impl F32x4 {
        #[inline(always)]
        pub fn over(self, other: F32x4) -> F32x4 {
            let (F32x4([a, b, c, d]), F32x4([e, f, g, h])) = (self, other);
            F32x4([a / e, b / f, c / g, d / h])
        }
    }
}
