//! Layers and numbers to try.

use classifier_executor::{Kernel, Shape, Steps, Window};
use proptest::prelude::*;

/// Numbers from -1 to 1 that a seed decides.
pub fn numbers(count: usize, mut seed: u64) -> Vec<f32> {
    let next = |_| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((seed >> 40) as f32) / (1 << 23) as f32 - 1.0
    };
    (0..count).map(next).collect()
}

fn steps(size: usize) -> impl Strategy<Value = Steps> {
    (1..=4_usize, 1..=3_usize, 1..=2_usize, 0..=2_usize, 0..=2_usize).prop_filter_map(
        "the kernel is larger than the image",
        move |(kernel, stride, dilation, before, after)| {
            let (reach, before, after) = (
                (kernel - 1) * dilation + 1,
                before.min(kernel - 1),
                after.min(kernel - 1),
            );
            let last = (before + size + after).checked_sub(reach)?;
            Some(Steps {
                kernel,
                stride,
                dilation,
                before,
                output: last / stride + 1,
            })
        },
    )
}

pub fn windows() -> impl Strategy<Value = (Shape, Window)> {
    (1..=9_usize, 1..=9_usize, 1..=9_usize).prop_flat_map(|(height, width, channels)| {
        let shape = Shape {
            height,
            width,
            channels,
        };
        (Just(shape), steps(height), steps(width)).prop_map(|(shape, rows, columns)| (shape, Window { rows, columns }))
    })
}

pub fn kernel(window: Window, groups: usize, inputs: usize, outputs: usize, seed: u64) -> Kernel {
    let taps = window.rows.kernel * window.columns.kernel;
    Kernel {
        window,
        groups,
        weights: numbers(outputs * inputs / groups * taps, seed),
        bias: numbers(outputs, seed + 1),
    }
}

pub fn window_output(window: Window) -> Shape {
    Shape {
        height: window.rows.output,
        width: window.columns.output,
        channels: 1,
    }
}

/// A window that leaves the size as it is.
pub fn same(kernel: usize, size: usize) -> Steps {
    Steps {
        kernel,
        stride: 1,
        dilation: 1,
        before: kernel / 2,
        output: size,
    }
}
