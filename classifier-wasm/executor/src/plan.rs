//! A graph laid out in memory, ready to run.

use std::mem;

use crate::concatenation::Concatenation;
use crate::convolution::Convolution;
use crate::curve::Curve;
use crate::depthwise::Depthwise;
use crate::elementwise::{Elementwise, softmax};
use crate::error::{GraphError, RunError};
use crate::graph::{Graph, Value};
use crate::integer::{self, IntegerOperator};
use crate::layout::{Border, Kind, Layout, Shape, each_image};
use crate::passes::{Act, Pass, passes};
use crate::pixels::Pixels;
use crate::pool::Pool;
use crate::scratch::Scratch;
use crate::slot::Slot;
use crate::strip::Strip;
use crate::winograd::Winograd;

/// So many floats of values are in use at once, if an image has not more: they stay in the processor's cache.
const CACHED: usize = 1 << 21;

/// And so many images at most.
const MOST_IMAGES: usize = 8;

/// The most numbers that all values of an image have: 256 MiB.
const MOST_FLOATS: usize = 1 << 26;

/// A graph that is ready to run.
pub struct Plan {
    image: Layout,
    output: Layout,
    steps: Vec<Step>,
    /// Memory of values. What two values have in turn, both have with the same layout, so that its borders stay zero.
    slots: Vec<Slot>,
    scratch: Scratch,
    /// Where the image and the output lie.
    first: usize,
    last: usize,
    /// How many images are computed at once.
    images: usize,
}

/// A pass, and the slots that it reads and writes.
struct Step {
    kernel: Kernel,
    inputs: Vec<usize>,
    output: usize,
}

enum Kernel {
    Convolution(Convolution),
    Strip(Strip),
    Winograd(Winograd),
    Depthwise(Depthwise),
    Pool(Pool),
    Elementwise(Elementwise),
    Curve(Curve, [Layout; 2]),
    Concatenation(Concatenation),
    Softmax(Layout),
    Integer(integer::Step),
}

impl Graph {
    /// Lays out what `output` needs, which is a single pixel: a number for each class.
    pub fn plan(self, output: Value) -> Result<Plan, GraphError> {
        let shape = self.shape(output)?;
        if shape != Shape::flat(shape.channels) || self.kind(output) != Kind::Floats {
            return Err(GraphError(format!(
                "the output is {shape:?}, and not one pixel of floats"
            )));
        }
        let shapes = (0..=output.0)
            .map(|value| Ok((self.kind(Value(value)), self.shape(Value(value))?)))
            .collect::<Result<Vec<_>, GraphError>>()?;
        let passes = passes(self, output);
        let layouts: Vec<_> = shapes
            .iter()
            .enumerate()
            .map(|(value, (kind, shape))| layout(value, *kind, *shape, &passes))
            .collect();
        let of = |value: usize| {
            layouts
                .get(value)
                .copied()
                .ok_or_else(|| GraphError(format!("the graph has no value {value}")))
        };
        let mut slots = Slots::default();
        let first = slots.take(of(0)?);
        let mut places = vec![first; layouts.len()];
        let mut ways = Vec::new();
        for (index, pass) in passes.iter().enumerate() {
            let slot = slots.take(of(pass.output)?);
            let inputs = pass.inputs.iter().filter_map(|input| places.get(*input).copied());
            ways.push((inputs.collect(), slot));
            if let Some(place) = places.get_mut(pass.output) {
                *place = slot;
            }
            let later = passes.get(index + 1..).unwrap_or_default();
            for value in &pass.inputs {
                let is_read_again = later.iter().any(|pass| pass.inputs.contains(value)) || *value == output.0;
                if let (false, Some(slot)) = (is_read_again, places.get(*value)) {
                    slots.give_back(*slot);
                }
            }
        }
        let floats = slots.layouts.iter().map(|layout| layout.image()).sum::<usize>();
        if floats > MOST_FLOATS {
            return Err(GraphError(format!(
                "its values have {floats} numbers at once, and at most {MOST_FLOATS} are planned"
            )));
        }
        let images = (CACHED / floats.max(1)).clamp(1, MOST_IMAGES);
        let mut steps = Vec::new();
        for (pass, (inputs, slot)) in passes.into_iter().zip(ways) {
            let layouts = pass
                .inputs
                .iter()
                .map(|input| of(*input))
                .collect::<Result<Vec<_>, _>>()?;
            steps.push(Step {
                kernel: kernel(&pass, &layouts, of(pass.output)?, images)
                    .ok_or_else(|| GraphError("a pass reads nothing".to_owned()))?,
                inputs,
                output: slot,
            });
        }
        let mut scratch = Scratch::default();
        for step in &steps {
            match &step.kernel {
                Kernel::Convolution(convolution) => convolution.fit(&mut scratch),
                Kernel::Winograd(winograd) => winograd.fit(&mut scratch),
                Kernel::Depthwise(depthwise) => depthwise.fit(&mut scratch),
                Kernel::Integer(step) => step.fit(&mut scratch.integers),
                _ => {}
            }
        }
        Ok(Plan {
            image: of(0)?,
            output: of(output.0)?,
            steps,
            slots: slots.layouts.iter().map(|layout| Slot::new(*layout, images)).collect(),
            scratch,
            first,
            last: places.get(output.0).copied().unwrap_or_default(),
            images,
        })
    }
}

/// The layout that suits all passes which read or write a value; the image is 0.
fn layout(value: usize, kind: Kind, shape: Shape, passes: &[Pass]) -> Layout {
    let mut border = Border::default();
    let writer = passes.iter().find(|pass| pass.output == value).map(|pass| &pass.act);
    let mut needs_vectors = match writer {
        Some(Act::Integer(integer::Act::Operator(IntegerOperator::Quantise(_)))) | None => false,
        Some(_) => true,
    };
    for pass in passes.iter().filter(|pass| pass.inputs.contains(&value)) {
        match &pass.act {
            Act::Convolution(kernel) if Winograd::suits(kernel, shape) => {
                border = border.and(Winograd::border(kernel, shape));
                needs_vectors = true;
            }
            Act::Convolution(kernel) => {
                border = border.and(kernel.window.border(shape));
                needs_vectors |= kernel.is_depthwise(shape) && shape.channels > 1;
            }
            Act::Integer(act) => {
                border = border.and(act.border(shape));
                needs_vectors |= act.needs_vectors(shape);
            }
            _ => needs_vectors = true,
        }
    }
    if needs_vectors {
        Layout::new(kind, shape, border)
    } else {
        Layout::packed(kind, shape, border)
    }
}

/// The kernel of a pass, for up to so many images at once. None: it has no input.
fn kernel(pass: &Pass, inputs: &[Layout], output: Layout, images: usize) -> Option<Kernel> {
    let (range, pooled, input) = (pass.range, pass.pooled, *inputs.first()?);
    Some(match &pass.act {
        Act::Convolution(kernel) if kernel.is_depthwise(input.shape) && input.shape.channels > 1 => {
            Kernel::Depthwise(Depthwise::new(kernel, range, input, output))
        }
        Act::Convolution(kernel) if Winograd::suits(kernel, input.shape) => {
            Kernel::Winograd(Winograd::new(kernel, (range, pooled), input, output))
        }
        Act::Convolution(kernel) if Strip::suits(kernel, input) => {
            Kernel::Strip(Strip::new(kernel, (range, pooled), input, output))
        }
        Act::Convolution(kernel) => {
            Kernel::Convolution(Convolution::new(kernel, (range, pooled), input, output, images))
        }
        Act::Pool(window, pooling) => Kernel::Pool(Pool::new(*window, *pooling, input, output)),
        Act::Elementwise(change) => {
            let other = inputs.get(1).copied();
            Kernel::Elementwise(Elementwise::new(change.clone(), range, input, other, output))
        }
        Act::Curve(curve) => Kernel::Curve(*curve, [input, output]),
        Act::Concatenate => Kernel::Concatenation(Concatenation::new(inputs.to_vec(), output)),
        Act::Softmax => Kernel::Softmax(input),
        Act::Integer(act) => Kernel::Integer(integer::Step::new(act, range, pass.grid, inputs, output, images)?),
    })
}

/// Which memory is free again.
#[derive(Default)]
struct Slots {
    layouts: Vec<Layout>,
    free: Vec<usize>,
}

impl Slots {
    fn take(&mut self, layout: Layout) -> usize {
        let fits = |slot: &usize| self.layouts.get(*slot) == Some(&layout);
        match self.free.iter().position(fits) {
            Some(at) => self.free.swap_remove(at),
            None => {
                self.layouts.push(layout);
                self.layouts.len() - 1
            }
        }
    }

    fn give_back(&mut self, slot: usize) {
        if !self.free.contains(&slot) {
            self.free.push(slot);
        }
    }
}

impl Plan {
    /// How many numbers it gives for an image.
    pub fn outputs(&self) -> usize {
        self.output.shape.channels
    }

    /// Computes `pixels`, which are whole images, into `results`: a row of [`Plan::outputs`] numbers for each.
    pub fn run(&mut self, pixels: Pixels<'_>, results: &mut [f32]) -> Result<(), RunError> {
        let (values, outputs) = (self.image.shape.values(), self.outputs());
        let images = pixels.len() / values;
        if pixels.len() != images * values || results.len() != images * outputs {
            return Err(RunError(format!(
                "{} pixels and room for {} numbers: an image has {values} pixels and {outputs} numbers",
                pixels.len(),
                results.len()
            )));
        }
        for (index, results) in results.chunks_mut(self.images * outputs).enumerate() {
            let count = results.len() / outputs;
            if let Some(first) = self.slots.get_mut(self.first) {
                pixels.lay_out(index * self.images, count, self.image, &mut first.floats);
            }
            self.steps
                .iter()
                .for_each(|step| step.run(count, &mut self.slots, &mut self.scratch));
            let last = self.slots.get(self.last);
            for (row, result) in last
                .map(|slot| slot.floats.as_slice())
                .unwrap_or_default()
                .chunks_exact(self.output.image())
                .zip(results.chunks_exact_mut(outputs))
            {
                result.iter_mut().zip(row).for_each(|(to, from)| *to = *from);
            }
        }
        Ok(())
    }
}

impl Step {
    fn run(&self, images: usize, slots: &mut [Slot], scratch: &mut Scratch) {
        // Taken out, so that the others can be read while it is written.
        let Some(mut taken) = slots.get_mut(self.output).map(mem::take) else {
            return;
        };
        let output = &mut taken.floats;
        let slot = |index: usize| slots.get(index).map(|slot| slot.floats.as_slice()).unwrap_or_default();
        let mut inputs = self.inputs.iter().map(|index| slot(*index));
        let all = inputs.clone();
        let input = inputs.next().unwrap_or_default();
        match &self.kernel {
            Kernel::Convolution(convolution) => convolution.run(images, input, scratch, output),
            Kernel::Strip(strip) => strip.run(images, input, output),
            Kernel::Winograd(winograd) => winograd.run(images, input, scratch, output),
            Kernel::Depthwise(depthwise) => depthwise.run(images, input, scratch, output),
            Kernel::Pool(pool) => pool.run(images, input, output),
            Kernel::Elementwise(act) => act.run(images, input, inputs.next().unwrap_or_default(), output),
            Kernel::Curve(curve, layouts) => curve.run(images, *layouts, input, output),
            Kernel::Concatenation(concatenation) => concatenation.run(images, all, output),
            Kernel::Integer(step) => {
                let inputs = self.inputs.iter().filter_map(|index| slots.get(*index));
                step.run(images, inputs, &mut scratch.integers, &mut taken);
            }
            Kernel::Softmax(layout) => {
                let floats = layout.image();
                for (from, to) in each_image(images, (input, floats), (output, floats)) {
                    if let Some(row) = to.get_mut(..layout.shape.channels) {
                        row.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                        softmax(row);
                    }
                }
            }
        }
        if let Some(slot) = slots.get_mut(self.output) {
            *slot = taken;
        }
    }
}
