//! Operators on integers against what they mean, computed one number at a time; to the bit.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use classifier_executor::{
    Graph, Grid, IntegerKernel, IntegerOperator, Kernel, Operator, Pixels, Pooling, Range, Shape, Steps, Value, Window,
};
use proptest::prelude::*;

/// An image of integers: row, column, channel.
#[derive(Debug, Clone, PartialEq)]
struct Image {
    shape: Shape,
    numbers: Vec<i32>,
}

impl Image {
    fn at(&self, y: usize, x: usize, channel: usize) -> i32 {
        self.numbers[(y * self.shape.width + x) * self.shape.channels + channel]
    }

    fn of(shape: Shape, number: impl Fn(usize, usize, usize) -> i32) -> Image {
        let mut numbers = Vec::new();
        for y in 0..shape.height {
            for x in 0..shape.width {
                numbers.extend((0..shape.channels).map(|channel| number(y, x, channel)));
            }
        }
        Image { shape, numbers }
    }

    /// The numbers under a window: its row and column, and the row and column of the image.
    fn under(&self, window: Window, y: usize, x: usize) -> Vec<[usize; 4]> {
        let covered = |steps: Steps, place: usize, size: usize| {
            (0..steps.kernel).filter_map(move |tap| {
                let at = (place * steps.stride + tap * steps.dilation).checked_sub(steps.before)?;
                (at < size).then_some((tap, at))
            })
        };
        let mut under = Vec::new();
        for (i, y) in covered(window.rows, y, self.shape.height) {
            under.extend(covered(window.columns, x, self.shape.width).map(|(j, x)| [i, j, y, x]));
        }
        under
    }

    fn convolved(&self, kernel: &IntegerKernel, range: Range, grid: Grid) -> Image {
        let window = kernel.window;
        let outputs = kernel.bias.len();
        let (ins, outs) = (self.shape.channels / kernel.groups, outputs / kernel.groups);
        Image::of(output(window, outputs), |y, x, output| {
            let mut sum = kernel.bias[output];
            for [i, j, y, x] in self.under(window, y, x) {
                for input in 0..ins {
                    let weight = ((output * ins + input) * window.rows.kernel + i) * window.columns.kernel + j;
                    sum += i32::from(kernel.weights[weight]) * self.at(y, x, output / outs * ins + input);
                }
            }
            let value = sum as f32 * (kernel.scale[output] / grid.scale) + kernel.offset[output] / grid.scale;
            rounded(value, range, grid)
        })
    }

    fn pooled(&self, window: Window, of: impl Fn(Vec<i32>) -> i32) -> Image {
        Image::of(output(window, self.shape.channels), |y, x, channel| {
            let under = self.under(window, y, x);
            of(under.iter().map(|[_, _, y, x]| self.at(*y, *x, channel)).collect())
        })
    }
}

fn output(window: Window, channels: usize) -> Shape {
    Shape {
        height: window.rows.output,
        width: window.columns.output,
        channels,
    }
}

/// The nearest integer to `value`, which is divided by the grid's scale already.
fn rounded(value: f32, range: Range, grid: Grid) -> i32 {
    let [low, high] = [range.low, range.high].map(|end| (end / grid.scale).round_ties_even());
    let value = value.round_ties_even().max(low).min(high);
    value.clamp(grid.low.into(), grid.high.into()) as i32
}

/// Integers from `low` to `high` that a seed decides.
fn integers(count: usize, low: i32, high: i32, mut seed: u64) -> Vec<i32> {
    let next = |_| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        low + ((seed >> 33) % (high - low + 1) as u64) as i32
    };
    (0..count).map(next).collect()
}

fn kernel(window: Window, groups: usize, inputs: usize, outputs: usize, seed: u64) -> IntegerKernel {
    let taps = window.rows.kernel * window.columns.kernel;
    let weights = integers(outputs * inputs / groups * taps, -255, 255, seed);
    let small = |count: usize, seed: u64| -> Vec<f32> {
        let numbers = integers(count, 1, 1000, seed).into_iter();
        numbers.map(|number| number as f32 * 1e-6).collect()
    };
    IntegerKernel {
        window,
        groups,
        weights: weights.into_iter().map(|weight| weight as i16).collect(),
        bias: integers(outputs, -20_000, 20_000, seed + 1),
        scale: small(outputs, seed + 2),
        offset: small(outputs, seed + 3),
    }
}

/// The numbers of a value of integers: each is an output of a dense layer that gives it alone.
fn all_of(graph: &mut Graph, value: Value) -> Value {
    let shape = graph.shape(value).unwrap();
    let floats = Operator::Integer(IntegerOperator::Dequantise(1.0));
    let value = graph.add(floats, &[value]).unwrap();
    let values = shape.values();
    let mut weights = vec![0.0; values * values];
    for at in 0..values {
        // Outputs are in the order of rows, columns and channels, and weights in that of channels, rows and columns.
        let (pixel, channel) = (at / shape.channels, at % shape.channels);
        weights[at * values + channel * shape.height * shape.width + pixel] = 1.0;
    }
    let dense = Kernel {
        window: Window::whole(shape),
        groups: 1,
        weights,
        bias: vec![0.0; values],
    };
    graph.add(Operator::Convolution(dense), &[value]).unwrap()
}

/// Images of integers; and those that a graph makes of them, which has them as floats first.
fn made(shape: Shape, count: usize, seed: u64, build: impl Fn(&mut Graph, Value) -> Value) -> (Vec<Image>, Vec<Image>) {
    let numbers = integers(count * shape.values(), -255, 255, seed);
    let mut graph = Graph::new(shape).unwrap();
    let quantise = Operator::Integer(IntegerOperator::Quantise(whole(1.0)));
    let value = graph.add(quantise, &[graph.image()]).unwrap();
    let value = build(&mut graph, value);
    let of_given = graph.shape(value).unwrap();
    let output = all_of(&mut graph, value);
    let mut plan = graph.plan(output).unwrap();
    let pixels: Vec<f32> = numbers.iter().map(|number| *number as f32).collect();
    let mut given = vec![0.0; count * plan.outputs()];
    plan.run(Pixels::F32(&pixels), &mut given).unwrap();
    // Each image alone is the same.
    for (pixels, given) in pixels.chunks(shape.values()).zip(given.chunks(plan.outputs())) {
        let mut alone = vec![0.0; plan.outputs()];
        plan.run(Pixels::F32(pixels), &mut alone).unwrap();
        assert_eq!(alone.as_slice(), given);
    }
    let image = |shape: Shape, numbers: &[i32]| Image {
        shape,
        numbers: numbers.to_vec(),
    };
    let given: Vec<i32> = given.iter().map(|number| *number as i32).collect();
    (
        numbers
            .chunks(shape.values())
            .map(|numbers| image(shape, numbers))
            .collect(),
        given
            .chunks(of_given.values())
            .map(|numbers| image(of_given, numbers))
            .collect(),
    )
}

fn whole(scale: f32) -> Grid {
    Grid {
        scale,
        low: -255,
        high: 255,
    }
}

fn steps(size: usize) -> impl Strategy<Value = Steps> {
    (1..=4_usize, 1..=3_usize, 1..=2_usize, 0..=2_usize, 0..=2_usize).prop_filter_map(
        "the kernel is larger than the image",
        move |(kernel, stride, dilation, before, after)| {
            let (before, after) = (before.min(kernel - 1), after.min(kernel - 1));
            let last = (before + size + after).checked_sub((kernel - 1) * dilation + 1)?;
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

fn windows() -> impl Strategy<Value = (Shape, Window)> {
    (1..=7_usize, 1..=7_usize, 1..=19_usize).prop_flat_map(|(height, width, channels)| {
        let shape = Shape {
            height,
            width,
            channels,
        };
        (Just(shape), steps(height), steps(width)).prop_map(|(shape, rows, columns)| (shape, Window { rows, columns }))
    })
}

fn grids() -> impl Strategy<Value = Grid> {
    // u8 and i8 with any zero point.
    (0..=255_i16, 1..=1000_u16).prop_map(|(zero, scale)| Grid {
        scale: f32::from(scale) * 1e-3,
        low: -zero,
        high: 255 - zero,
    })
}

fn holds(shape: Shape, kernel: &IntegerKernel, grid: Grid, range: Range, count: usize, seed: u64) {
    let (images, given) = made(shape, count, seed, |graph, value| {
        let convolution = Operator::Integer(IntegerOperator::Convolution(kernel.clone()));
        let value = graph.add(convolution, &[value]).unwrap();
        let value = graph.add(Operator::Hold(range), &[value]).unwrap();
        graph
            .add(Operator::Integer(IntegerOperator::Quantise(grid)), &[value])
            .unwrap()
    });
    for (image, given) in images.iter().zip(given) {
        assert_eq!(given, image.convolved(kernel, range, grid));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn convolutions_are_exact_and_then_rounded_to_their_grid(
        (shape, window) in windows(), outputs in 1..=29_usize, grid in grids(), count in 1..=5_usize, seed: u32
    ) {
        let kernel = kernel(window, 1, shape.channels, outputs, seed.into());
        holds(shape, &kernel, grid, Range::ALL, count, seed.into());
        holds(shape, &kernel, grid, Range { low: 0.0, high: 6.0 }, count, seed.into());
    }

    #[test]
    fn so_are_those_in_groups_and_depthwise_ones(
        (mut shape, window) in windows(), groups in 1..=9_usize, ins in 1..=4_usize, outs in 1..=5_usize, grid in grids(), seed: u32
    ) {
        shape.channels = groups * ins;
        let in_groups = kernel(window, groups, shape.channels, groups * outs, seed.into());
        holds(shape, &in_groups, grid, Range::POSITIVE, 2, seed.into());
        let depthwise = kernel(window, shape.channels, shape.channels, shape.channels, seed.into());
        holds(shape, &depthwise, grid, Range::ALL, 2, seed.into());
    }

    #[test]
    fn so_are_those_of_3_by_3_and_first_layers(
        height in 1..=7_usize, width in 1..=7_usize, channels in prop_oneof![Just(1_usize), Just(3), 8..=20_usize], outputs in 1..=20_usize,
        before in 0..=2_usize, after in 0..=2_usize, grid in grids(), count in 1..=4_usize, seed: u32
    ) {
        let three = |size: usize| Some(Steps {
            kernel: 3,
            stride: 1,
            dilation: 1,
            before,
            output: (before + size + after).checked_sub(2).filter(|output| *output > 0)?,
        });
        let (Some(rows), Some(columns)) = (three(height), three(width)) else { return Ok(()) };
        let shape = Shape { height, width, channels };
        let kernel = kernel(Window { rows, columns }, 1, channels, outputs, seed.into());
        holds(shape, &kernel, grid, Range::POSITIVE, count, seed.into());
    }

    #[test]
    fn pools_take_the_largest_or_the_rounded_mean((shape, window) in windows(), grid in grids(), count in 1..=3_usize, seed: u32) {
        let mut graph = Graph::new(shape).unwrap();
        let image = graph.image();
        // A window may lie in the padding alone.
        prop_assume!(graph.add(Operator::Pool(window, Pooling::Mean), &[image]).is_ok());
        let (images, given) = made(shape, count, seed.into(), |graph, value| {
            graph.add(Operator::Pool(window, Pooling::Largest), &[value]).unwrap()
        });
        for (image, given) in images.iter().zip(given) {
            prop_assert_eq!(given, image.pooled(window, |numbers| numbers.into_iter().max().unwrap()));
        }
        for pooling in [Pooling::Mean, Pooling::MeanWithPadding] {
            let (images, given) = made(shape, count, seed.into(), |graph, value| {
                let mean = Operator::Integer(IntegerOperator::Mean(window, pooling, 0.25));
                let value = graph.add(mean, &[value]).unwrap();
                graph.add(Operator::Integer(IntegerOperator::Quantise(grid)), &[value]).unwrap()
            });
            for (image, given) in images.iter().zip(given) {
                let expected = image.pooled(window, |numbers| {
                    let counted = match pooling {
                        Pooling::Mean => numbers.len(),
                        _ => window.rows.kernel * window.columns.kernel,
                    };
                    let share = 0.25 / grid.scale / counted as f32;
                    rounded(numbers.iter().sum::<i32>() as f32 * share, Range::ALL, grid)
                });
                prop_assert_eq!(given, expected);
            }
        }
    }

    #[test]
    fn values_are_added_by_their_scales_and_lie_side_by_side(
        height in 1..=4_usize, width in 1..=4_usize, channels in 1..=19_usize, grid in grids(), seed: u32
    ) {
        let shape = Shape { height, width, channels };
        let same = |size: usize| Steps { kernel: 3, stride: 1, dilation: 1, before: 1, output: size };
        let window = Window { rows: same(height), columns: same(width) };
        let kernel = kernel(window, 1, shape.channels, shape.channels, seed.into());
        let again = Grid { scale: 0.5, ..grid };
        let (images, given) = made(shape, 2, seed.into(), |graph, value| {
            let convolution = Operator::Integer(IntegerOperator::Convolution(kernel.clone()));
            let other = graph.add(convolution, &[value]).unwrap();
            let other = graph.add(Operator::Integer(IntegerOperator::Quantise(grid)), &[other]).unwrap();
            let sum = Operator::Integer(IntegerOperator::Add([0.75, 0.25]));
            let sum = graph.add(sum, &[value, other]).unwrap();
            let sum = graph.add(Operator::Hold(Range::POSITIVE), &[sum]).unwrap();
            let sum = graph.add(Operator::Integer(IntegerOperator::Quantise(again)), &[sum]).unwrap();
            graph.add(Operator::Concatenate, &[other, sum, value]).unwrap()
        });
        for (image, given) in images.iter().zip(given) {
            let other = image.convolved(&kernel, Range::ALL, grid);
            let expected = Image::of(Shape { channels: 3 * channels, ..shape }, |y, x, c| match c / channels {
                0 => other.at(y, x, c),
                1 => {
                    let of = |image: &Image| image.at(y, x, c % channels) as f32;
                    rounded(of(image) * 1.5 + of(&other) * 0.5, Range::POSITIVE, again)
                }
                _ => image.at(y, x, c % channels),
            });
            prop_assert_eq!(given, expected);
        }
    }
}

#[test]
fn floats_are_rounded_to_the_nearest_integer_and_halves_to_the_even_one() {
    let shape = Shape::flat(9);
    let mut graph = Graph::new(shape).unwrap();
    let grid = Grid {
        scale: 0.5,
        low: -3,
        high: 252,
    };
    let value = graph
        .add(Operator::Integer(IntegerOperator::Quantise(grid)), &[graph.image()])
        .unwrap();
    let value = graph
        .add(Operator::Integer(IntegerOperator::Dequantise(0.5)), &[value])
        .unwrap();
    let same = Kernel {
        window: Window::whole(shape),
        groups: 1,
        weights: (0..81).map(|at| if at % 10 == 0 { 1.0 } else { 0.0 }).collect(),
        bias: vec![0.0; 9],
    };
    let output = graph.add(Operator::Convolution(same), &[value]).unwrap();
    let mut plan = graph.plan(output).unwrap();
    let mut given = vec![0.0; 9];
    let floats = [0.25, 0.75, -0.25, 0.26, 1e30, -1e30, f32::NEG_INFINITY, 125.9, f32::NAN];
    plan.run(Pixels::F32(&floats), &mut given).unwrap();
    assert_eq!(given, [0.0, 1.0, 0.0, 0.5, 126.0, -1.5, -1.5, 126.0, -1.5]);
}

#[test]
fn what_could_overflow_or_is_no_integer_of_8_bits_is_refused() {
    let shape = Shape {
        height: 2,
        width: 2,
        channels: 10_000,
    };
    let mut graph = Graph::new(shape).unwrap();
    let image = graph.image();
    let quantise =
        |low: i16, high: i16, scale: f32| Operator::Integer(IntegerOperator::Quantise(Grid { scale, low, high }));
    let value = graph.add(quantise(0, 255, 1.0), &[image]).unwrap();
    let of = |weight: i16, bias: i32, scale: f32| {
        Operator::Integer(IntegerOperator::Convolution(IntegerKernel {
            window: Window::whole(shape),
            groups: 1,
            weights: vec![weight; 40_000],
            bias: vec![bias],
            scale: vec![scale],
            offset: vec![0.0],
        }))
    };
    // 40,000 products of 255 and 127 are 1.3 thousand million, of 255 and 255 2.6; 32 bits hold 2.1.
    assert!(graph.add(of(127, 0, 1.0), &[value]).is_ok());
    for operator in [
        of(255, 0, 1.0),
        of(-255, 0, 1.0),
        of(127, i32::MAX, 1.0),
        of(127, i32::MIN, 1.0),
        of(256, 0, 1.0),
        of(127, 0, f32::INFINITY),
        Operator::Integer(IntegerOperator::Dequantise(0.0)),
        Operator::Integer(IntegerOperator::Add([1.0, 1.0])),
        Operator::Hold(Range::POSITIVE),
        Operator::Pool(Window::whole(shape), Pooling::Mean),
    ] {
        let error = graph.add(operator.clone(), &[value]).unwrap_err();
        assert!(error.to_string().contains("does not take"), "{error}");
    }
    for operator in [
        of(127, 0, 1.0),
        quantise(-256, 0, 1.0),
        quantise(0, 256, 1.0),
        quantise(1, 0, 1.0),
        quantise(0, 255, f32::NAN),
    ] {
        assert!(graph.add(operator.clone(), &[image]).is_err(), "{operator:?}");
    }
    let largest = graph
        .add(Operator::Pool(Window::whole(shape), Pooling::Largest), &[value])
        .unwrap();
    assert!(graph.plan(largest).is_err(), "the output is no floats");
}
