//! Four floats that are computed at once: a vector of WebAssembly, elsewhere an array with the same results to the bit.

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub use portable::F32x4;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub use wasm::{F32x4, load};

/// How many floats a vector has.
pub const LANES: usize = 4;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm {
    use core::arch::wasm32::{
        f32x4_add, f32x4_extract_lane, f32x4_mul, f32x4_pmax, f32x4_pmin, f32x4_splat, f32x4_sub, i32x4_shuffle, v128,
        v128_load,
    };

    /// A load of numbers that fill a vector. Put together from single ones it would be taken apart again where one lane is used.
    #[inline(always)]
    #[expect(unsafe_code, reason = "the only load of a whole vector that the target offers")]
    pub fn load<T: Copy, const N: usize>(from: &[T; N]) -> v128 {
        const { assert!(size_of::<[T; N]>() == size_of::<v128>()) }
        // SAFETY: a reference to 16 bytes is valid for a read of 16 bytes, and the load asks for no alignment.
        unsafe { v128_load(from.as_ptr().cast()) }
    }

    /// Four floats.
    #[derive(Clone, Copy)]
    pub struct F32x4(pub(crate) v128);

    impl F32x4 {
        #[inline(always)]
        pub fn splat(value: f32) -> F32x4 {
            F32x4(f32x4_splat(value))
        }

        #[inline(always)]
        pub fn load(from: &[f32; 4]) -> F32x4 {
            F32x4(load(from))
        }

        /// One lane in all.
        #[inline(always)]
        pub fn lane<const LANE: usize>(self) -> F32x4 {
            F32x4(i32x4_shuffle::<LANE, LANE, LANE, LANE>(self.0, self.0))
        }

        /// Each lane moved up by so many, and the last ones down to the start.
        #[inline(always)]
        pub fn turned<const BY: usize>(self) -> F32x4 {
            match BY {
                1 => F32x4(i32x4_shuffle::<3, 0, 1, 2>(self.0, self.0)),
                2 => F32x4(i32x4_shuffle::<2, 3, 0, 1>(self.0, self.0)),
                _ => F32x4(i32x4_shuffle::<1, 2, 3, 0>(self.0, self.0)),
            }
        }

        #[inline(always)]
        pub fn store(self, to: &mut [f32; 4]) {
            *to = [
                f32x4_extract_lane::<0>(self.0),
                f32x4_extract_lane::<1>(self.0),
                f32x4_extract_lane::<2>(self.0),
                f32x4_extract_lane::<3>(self.0),
            ];
        }

        #[inline(always)]
        pub fn plus(self, other: F32x4) -> F32x4 {
            F32x4(f32x4_add(self.0, other.0))
        }

        #[inline(always)]
        pub fn minus(self, other: F32x4) -> F32x4 {
            F32x4(f32x4_sub(self.0, other.0))
        }

        #[inline(always)]
        pub fn times(self, other: F32x4) -> F32x4 {
            F32x4(f32x4_mul(self.0, other.0))
        }

        /// The larger, or `self` if that is NaN.
        #[inline(always)]
        pub fn at_least(self, other: F32x4) -> F32x4 {
            F32x4(f32x4_pmax(self.0, other.0))
        }

        /// The smaller, or `self` if that is NaN.
        #[inline(always)]
        pub fn at_most(self, other: F32x4) -> F32x4 {
            F32x4(f32x4_pmin(self.0, other.0))
        }
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod portable {
    /// Four floats.
    #[derive(Clone, Copy)]
    pub struct F32x4(pub(crate) [f32; 4]);

    impl F32x4 {
        #[inline(always)]
        pub fn splat(value: f32) -> F32x4 {
            F32x4([value; 4])
        }

        #[inline(always)]
        pub fn load(from: &[f32; 4]) -> F32x4 {
            F32x4(*from)
        }

        /// One lane in all.
        #[inline(always)]
        pub fn lane<const LANE: usize>(self) -> F32x4 {
            F32x4::splat(self.0.get(LANE).copied().unwrap_or_default())
        }

        /// Each lane moved up by so many, and the last ones down to the start.
        #[inline(always)]
        pub fn turned<const BY: usize>(self) -> F32x4 {
            let mut lanes = self.0;
            lanes.rotate_right(BY);
            F32x4(lanes)
        }

        #[inline(always)]
        pub fn store(self, to: &mut [f32; 4]) {
            *to = self.0;
        }

        #[inline(always)]
        pub fn plus(self, other: F32x4) -> F32x4 {
            self.with(other, |a, b| a + b)
        }

        #[inline(always)]
        pub fn minus(self, other: F32x4) -> F32x4 {
            self.with(other, |a, b| a - b)
        }

        #[inline(always)]
        pub fn times(self, other: F32x4) -> F32x4 {
            self.with(other, |a, b| a * b)
        }

        /// The larger, or `self` if that is NaN.
        #[inline(always)]
        pub fn at_least(self, other: F32x4) -> F32x4 {
            self.with(other, |a, b| if a < b { b } else { a })
        }

        /// The smaller, or `self` if that is NaN.
        #[inline(always)]
        pub fn at_most(self, other: F32x4) -> F32x4 {
            self.with(other, |a, b| if b < a { b } else { a })
        }

        #[inline(always)]
        fn with(self, other: F32x4, act: impl Fn(f32, f32) -> f32) -> F32x4 {
            let (F32x4([a, b, c, d]), F32x4([e, f, g, h])) = (self, other);
            F32x4([act(a, e), act(b, f), act(c, g), act(d, h)])
        }
    }
}
