//! Every operator against what it means, computed in 64 bits one number at a time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod simple;

use classifier_executor::{Curve, Graph, Kernel, Operator, Pixels, Pooling, Range, Shape, Steps, Window};
use proptest::prelude::*;
use simple::Image;
use simple::layers::{kernel, numbers, same, window_output, windows};

/// Reads all numbers of the value: each is an output of a dense layer that gives it alone.
fn all_of(graph: &mut Graph, value: classifier_executor::Value) -> classifier_executor::Value {
    let shape = graph.shape(value).unwrap();
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

/// The value of `operator` for some images, beside what it should be.
fn holds(shape: Shape, operators: &[Operator], images: usize, seed: u64) -> Result<(), TestCaseError> {
    let pixels = numbers(images * shape.values(), seed);
    let mut graph = Graph::new(shape).unwrap();
    let mut value = graph.image();
    for operator in operators {
        value = graph.add(operator.clone(), &[value]).unwrap();
    }
    let shape_given = graph.shape(value).unwrap();
    let output = all_of(&mut graph, value);
    let mut plan = graph.plan(output).unwrap();
    let mut given = vec![0.0; images * plan.outputs()];
    plan.run(Pixels::F32(&pixels), &mut given).unwrap();
    for (pixels, given) in pixels.chunks(shape.values()).zip(given.chunks(plan.outputs())) {
        let mut image = Image::new(shape, pixels);
        for operator in operators {
            image = image.after(operator);
        }
        prop_assert_eq!(image.shape, shape_given);
        let largest = image
            .values
            .iter()
            .fold(1.0_f64, |largest, value| largest.max(value.abs()));
        for (given, expected) in given.iter().zip(&image.values) {
            prop_assert!(
                (f64::from(*given) - expected).abs() < 1e-5 * largest,
                "{given} {expected}"
            );
        }
    }
    // Each image alone has the same bits.
    for (pixels, given) in pixels.chunks(shape.values()).zip(given.chunks(plan.outputs())) {
        let mut alone = vec![0.0; plan.outputs()];
        plan.run(Pixels::F32(pixels), &mut alone).unwrap();
        prop_assert_eq!(alone.as_slice(), given);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn convolutions_are_those_of_the_definition((shape, window) in windows(), outputs in 1..=29_usize, images in 1..=5_usize, seed: u32) {
        let kernel = kernel(window, 1, shape.channels, outputs, seed.into());
        holds(shape, &[Operator::Convolution(kernel), Operator::Hold(Range::POSITIVE)], images, seed.into())?;
    }

    #[test]
    fn so_are_those_in_groups_and_those_that_follow_another(
        (mut shape, window) in windows(), groups in 1..=4_usize, each in 1..=5_usize, outputs in 1..=9_usize, seed: u32
    ) {
        shape.channels = groups * each;
        let grouped = kernel(window, groups, shape.channels, groups * outputs, seed.into());
        let follows = kernel(Window::whole(window_output(window)), 1, groups * outputs, 5, seed.into());
        holds(shape, &[Operator::Convolution(grouped), Operator::Convolution(follows)], 2, seed.into())?;
    }

    #[test]
    fn so_are_those_of_3_by_3_which_take_fewer_products(
        height in 1..=8_usize, width in 1..=8_usize, inputs in 4..=9_usize, outputs in 4..=14_usize,
        before in 0..=2_usize, after in 0..=2_usize, images in 1..=4_usize, seed: u32
    ) {
        let three = |size: usize| Some(Steps {
            kernel: 3,
            stride: 1,
            dilation: 1,
            before,
            output: (before + size + after).checked_sub(2).filter(|output| *output > 0)?,
        });
        let (Some(rows), Some(columns)) = (three(height), three(width)) else { return Ok(()) };
        let shape = Shape { height, width, channels: inputs };
        let kernel = kernel(Window { rows, columns }, 1, inputs, outputs, seed.into());
        holds(shape, &[Operator::Convolution(kernel), Operator::Hold(Range::POSITIVE)], images, seed.into())?;
    }

    #[test]
    fn so_are_first_layers_of_grey_and_of_coloured_images(
        kernel_rows in 2..=5_usize, kernel_columns in 3..=5_usize, height in 5..=9_usize, width in 5..=17_usize, is_coloured: bool, stride in 1..=2_usize, padding in 0..=1_usize,
        outputs in 1..=13_usize, images in 1..=3_usize, seed: u32
    ) {
        let steps = |kernel: usize, size: usize| Steps {
            kernel,
            stride,
            dilation: 1,
            before: padding,
            output: (2 * padding + size - kernel) / stride + 1,
        };
        let (rows, columns) = (steps(kernel_rows, height), steps(kernel_columns, width));
        let shape = Shape { height, width, channels: if is_coloured { 3 } else { 1 } };
        let kernel = kernel(Window { rows, columns }, 1, shape.channels, outputs, seed.into());
        holds(shape, &[Operator::Convolution(kernel), Operator::Hold(Range::POSITIVE)], images, seed.into())?;
    }

    #[test]
    fn so_are_those_of_many_channels(
        size in 1..=3_usize, inputs in 60..=150_usize, outputs in 1..=9_usize, images in 1..=3_usize, seed: u32
    ) {
        let shape = Shape { height: size, width: 3, channels: inputs };
        let window = Window { rows: same(1, size), columns: same(3, 3) };
        let kernel = kernel(window, 1, inputs, outputs, seed.into());
        holds(shape, &[Operator::Convolution(kernel)], images, seed.into())?;
    }

    #[test]
    fn so_are_depthwise_ones((shape, window) in windows(), images in 1..=3_usize, seed: u32) {
        let kernel = kernel(window, shape.channels, shape.channels, shape.channels, seed.into());
        holds(shape, &[Operator::Convolution(kernel), Operator::Hold(Range { low: 0.0, high: 0.5 })], images, seed.into())?;
    }

    #[test]
    fn so_are_depthwise_ones_of_3_by_3_and_5_by_5(
        is_large: bool, height in 1..=9_usize, width in 1..=14_usize, channels in 2..=13_usize, stride in 1..=2_usize, images in 1..=3_usize, seed: u32
    ) {
        let kernel_size = if is_large { 5 } else { 3 };
        let steps = |size: usize| Steps {
            kernel: kernel_size,
            stride,
            dilation: 1,
            before: kernel_size / 2,
            output: size.div_ceil(stride),
        };
        let window = Window { rows: steps(height), columns: steps(width) };
        let kernel = kernel(window, channels, channels, channels, seed.into());
        holds(Shape { height, width, channels }, &[Operator::Convolution(kernel), Operator::Hold(Range::POSITIVE)], images, seed.into())?;
    }

    #[test]
    fn pools_take_the_largest_or_the_mean((shape, window) in windows(), images in 1..=3_usize, seed: u32) {
        let mut graph = Graph::new(shape).unwrap();
        let image = graph.image();
        // A window may lie in the padding alone.
        prop_assume!(graph.add(Operator::Pool(window, Pooling::Mean), &[image]).is_ok());
        for pooling in [Pooling::Largest, Pooling::Mean, Pooling::MeanWithPadding] {
            holds(shape, &[Operator::Pool(window, pooling)], images, seed.into())?;
        }
    }

    #[test]
    fn of_a_convolution_before_a_pool_the_largest_of_each_window_stay(
        kernel_size in 1..=4_usize, height in 4..=13_usize, width in 4..=13_usize, channels in 1..=9_usize, stride in 1..=2_usize,
        before in 0..=1_usize, outputs in 1..=18_usize, is_rounded_up: bool, is_held_later: bool, images in 1..=3_usize, seed: u32
    ) {
        let steps = |size: usize| Some(Steps {
            kernel: kernel_size,
            stride,
            dilation: 1,
            before,
            output: (2 * before + size).checked_sub(kernel_size)? / stride + 1,
        });
        let (Some(rows), Some(columns)) = (steps(height), steps(width)) else { return Ok(()) };
        let pool = |steps: Steps| Steps {
            kernel: 2,
            stride: 2,
            dilation: 1,
            before: 0,
            output: if is_rounded_up { steps.output.div_ceil(2) } else { (steps.output / 2).max(1) },
        };
        let pool = Operator::Pool(Window { rows: pool(rows), columns: pool(columns) }, Pooling::Largest);
        let kernel = kernel(Window { rows, columns }, 1, channels, outputs, seed.into());
        let (convolution, hold) = (Operator::Convolution(kernel), Operator::Hold(Range { low: -0.5, high: 50.0 }));
        let mut operators = vec![convolution, pool];
        operators.insert(if is_held_later { 2 } else { 1 }, hold);
        holds(Shape { height, width, channels }, &operators, images, seed.into())?;
    }

    #[test]
    fn a_scale_before_and_behind_a_convolution_counts_and_padding_is_zero((shape, window) in windows(), outputs in 1..=9_usize, seed: u32) {
        let scale = |count: usize| Operator::Scale {
            scale: numbers(count, 3),
            offset: numbers(count, 4),
        };
        let kernel = kernel(window, 1, shape.channels, outputs, seed.into());
        let operators = [scale(shape.channels), Operator::Convolution(kernel), scale(outputs), Operator::Hold(Range::POSITIVE)];
        holds(shape, &operators, 2, seed.into())?;
    }
}

#[test]
fn curves_are_those_of_their_formulas() {
    let shape = Shape {
        height: 5,
        width: 3,
        channels: 7,
    };
    let wide = Operator::Scale {
        scale: vec![5.0; 7],
        offset: vec![0.5; 7],
    };
    let line = Curve::HardSigmoid {
        slope: 0.2,
        offset: 0.5,
    };
    for curve in [
        Curve::Sigmoid,
        Curve::Tanh,
        line,
        Curve::HardSwish,
        Curve::LeakyRelu(0.1),
    ] {
        holds(shape, &[wide.clone(), Operator::Curve(curve)], 3, 1).unwrap();
    }
}

#[test]
fn values_are_multiplied_also_by_a_single_pixel_and_lie_side_by_side() {
    let shape = Shape {
        height: 4,
        width: 5,
        channels: 6,
    };
    let mut graph = Graph::new(shape).unwrap();
    let image = graph.image();
    let window = Window {
        rows: same(3, 4),
        columns: same(3, 5),
    };
    let first = kernel(window, 1, 6, 9, 1);
    let mean = Operator::Pool(Window::whole(shape), Pooling::Mean);
    let convolved = graph.add(Operator::Convolution(first.clone()), &[image]).unwrap();
    let single = graph.add(mean.clone(), &[convolved]).unwrap();
    let scaled = graph.add(Operator::Multiply, &[convolved, single]).unwrap();
    let squared = graph.add(Operator::Multiply, &[scaled, convolved]).unwrap();
    let joined = graph.add(Operator::Concatenate, &[image, squared, image]).unwrap();
    let output = all_of(&mut graph, joined);
    let mut plan = graph.plan(output).unwrap();
    let pixels = numbers(2 * shape.values(), 9);
    let mut given = vec![0.0; 2 * plan.outputs()];
    plan.run(Pixels::F32(&pixels), &mut given).unwrap();
    for (pixels, given) in pixels.chunks(shape.values()).zip(given.chunks(plan.outputs())) {
        let image = Image::new(shape, pixels);
        let convolved = image.after(&Operator::Convolution(first.clone()));
        let scaled = convolved.times(&convolved.after(&mean));
        let joined = image.beside(&scaled.times(&convolved)).beside(&image);
        // Of a product of three rounded numbers.
        let largest = joined
            .values
            .iter()
            .fold(1.0_f64, |largest, value| largest.max(value.abs()));
        for (given, expected) in given.iter().zip(&joined.values) {
            assert!(
                (f64::from(*given) - expected).abs() < 3e-5 * largest,
                "{given} {expected}"
            );
        }
    }
}

#[test]
fn a_value_that_is_read_twice_is_whole_for_both() {
    let shape = Shape {
        height: 6,
        width: 5,
        channels: 8,
    };
    let window = Window {
        rows: same(3, 6),
        columns: same(3, 5),
    };
    let (first, second) = (kernel(window, 1, 8, 8, 1), kernel(window, 1, 8, 8, 2));
    let mut graph = Graph::new(shape).unwrap();
    let relu = Operator::Hold(Range::POSITIVE);
    let image = graph.image();
    let a = graph.add(Operator::Convolution(first.clone()), &[image]).unwrap();
    let held = graph.add(relu.clone(), &[a]).unwrap();
    let b = graph.add(Operator::Convolution(second.clone()), &[held]).unwrap();
    // The sum before its ReLU, the ReLU, and the image itself.
    let mut sum = graph.add(Operator::Add, &[b, a]).unwrap();
    sum = graph.add(Operator::Add, &[sum, held]).unwrap();
    sum = graph.add(Operator::Add, &[image, sum]).unwrap();
    sum = graph.add(relu.clone(), &[sum]).unwrap();
    let output = all_of(&mut graph, sum);
    let mut plan = graph.plan(output).unwrap();
    let pixels = numbers(shape.values() * 3, 7);
    let mut given = vec![0.0; 3 * plan.outputs()];
    plan.run(Pixels::F32(&pixels), &mut given).unwrap();
    for (pixels, given) in pixels.chunks(shape.values()).zip(given.chunks(plan.outputs())) {
        let image = Image::new(shape, pixels);
        let a = image.after(&Operator::Convolution(first.clone()));
        let held = a.after(&relu);
        let b = held.after(&Operator::Convolution(second.clone()));
        let sum = b.plus(&a).plus(&held).plus(&image).after(&relu);
        for (given, expected) in given.iter().zip(sum.values) {
            assert!((f64::from(*given) - expected).abs() < 1e-4, "{given} {expected}");
        }
    }
}

#[test]
fn bytes_are_the_same_numbers_as_floats_and_a_softmax_sums_to_1() {
    let shape = Shape {
        height: 4,
        width: 3,
        channels: 3,
    };
    let mut graph = Graph::new(shape).unwrap();
    let dense = graph
        .add(
            Operator::Convolution(kernel(Window::whole(shape), 1, 3, 10, 5)),
            &[graph.image()],
        )
        .unwrap();
    let output = graph.add(Operator::Softmax, &[dense]).unwrap();
    let mut plan = graph.plan(output).unwrap();
    let bytes: Vec<u8> = (0..2 * shape.values()).map(|at| (at * 37 % 256) as u8).collect();
    let floats: Vec<f32> = bytes.iter().copied().map(f32::from).collect();
    let [mut of_bytes, mut of_floats] = [vec![0.0; 20], vec![0.0; 20]];
    plan.run(Pixels::U8(&bytes), &mut of_bytes).unwrap();
    plan.run(Pixels::F32(&floats), &mut of_floats).unwrap();
    assert_eq!(of_bytes, of_floats);
    for row in of_bytes.chunks(10) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{row:?}");
    }
}

#[test]
fn numbers_that_overflow_are_seen_in_the_result() {
    let shape = Shape::flat(4);
    let mut graph = Graph::new(shape).unwrap();
    let dense = graph
        .add(
            Operator::Convolution(kernel(Window::whole(shape), 1, 4, 4, 5)),
            &[graph.image()],
        )
        .unwrap();
    let held = graph
        .add(
            Operator::Hold(Range {
                low: -1.0,
                high: f32::MAX,
            }),
            &[dense],
        )
        .unwrap();
    let mut plan = graph.plan(held).unwrap();
    let mut given = vec![0.0; 4];
    plan.run(Pixels::F32(&[f32::NAN, 1.0, 1.0, 1.0]), &mut given).unwrap();
    assert!(given.iter().all(|value| value.is_nan()), "{given:?}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let shape = Shape {
        height: 4,
        width: 4,
        channels: 3,
    };
    let mut graph = Graph::new(shape).unwrap();
    let image = graph.image();
    let whole = Window::whole(shape);
    let mut short = kernel(whole, 1, 3, 2, 1);
    short.weights.pop();
    let far = Window {
        rows: Steps {
            output: 99,
            ..whole.rows
        },
        ..whole
    };
    let endless = Window {
        rows: Steps {
            stride: 0,
            ..whole.rows
        },
        ..whole
    };
    let beside = Window {
        rows: Steps {
            kernel: 1,
            before: 1,
            ..whole.rows
        },
        ..whole
    };
    for operator in [
        Operator::Convolution(short),
        Operator::Convolution(kernel(far, 1, 3, 2, 1)),
        Operator::Convolution(Kernel {
            groups: 0,
            ..kernel(whole, 1, 3, 2, 1)
        }),
        Operator::Pool(endless, Pooling::Largest),
        Operator::Pool(beside, Pooling::Largest),
        Operator::Scale {
            scale: vec![1.0],
            offset: vec![0.0; 3],
        },
        Operator::Add,
        Operator::Softmax,
    ] {
        let error = graph.add(operator.clone(), &[image]).unwrap_err();
        assert!(error.to_string().len() > 20, "{operator:?}: {error}");
    }
    assert!(graph.clone().plan(image).is_err(), "the output is an image");
    assert!(Graph::new(Shape::flat(0)).is_err());
    let output = all_of(&mut graph, image);
    let mut plan = graph.plan(output).unwrap();
    assert!(plan.run(Pixels::U8(&[0; 47]), &mut [0.0; 48]).is_err());
    assert!(plan.run(Pixels::U8(&[0; 48]), &mut [0.0; 47]).is_err());
}
