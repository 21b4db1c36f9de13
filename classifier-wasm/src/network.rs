//! The network inside a model: built once, and run on images.
//!
//! The executor runs it if it has all of its operators. In the build with tract, tract runs the others. It reads every model
//! first, and says what is wrong with it. Either way an answer cannot depend on what else was in the batch.

use classifier_codec::images::Pixels;
use classifier_codec::reject::Reject;
use classifier_executor::{self as executor, Plan};

use crate::lower::lower;
use crate::onnx::Input;
use crate::onnx::pb::ModelProto;
use crate::scores::bad_output;
#[cfg(feature = "tract")]
use crate::tract::Interpreter;

/// A network that is ready to run.
pub struct Network {
    runner: Runner,
    /// How many numbers an image has.
    values: usize,
}

/// Who computes it.
enum Runner {
    Executor(Box<Plan>),
    #[cfg(feature = "tract")]
    Tract(Interpreter),
}

impl Network {
    /// Builds the network of a model.
    #[cfg(not(feature = "tract"))]
    pub fn build(proto: ModelProto, input: Input) -> Result<Network, Reject> {
        use classifier_codec::reject::Code;
        let lacks = |lacking| {
            let detail = format!("this build of the component lacks {lacking}");
            Reject::new(Code::LacksOperators, detail)
        };
        let plan = lower(proto, &input).map_err(lacks)?;
        Ok(Network {
            values: input.image.values(),
            runner: Runner::Executor(Box::new(plan)),
        })
    }

    /// Builds the network of a model. What tract makes of it is dropped if the executor takes it.
    #[cfg(feature = "tract")]
    pub fn build(proto: ModelProto, input: Input) -> Result<Network, Reject> {
        let values = input.image.values();
        let mut tract = Interpreter::build(&proto, input.clone())?;
        let runner = if let Ok(mut plan) = lower(proto, &input)
            && plan.outputs() == tract.outputs()
            && agree(&mut tract, &mut plan, &input)
        {
            Runner::Executor(Box::new(plan))
        } else {
            Runner::Tract(tract)
        };
        Ok(Network { runner, values })
    }

    /// How many numbers it returns for an image.
    pub fn outputs(&self) -> usize {
        match &self.runner {
            Runner::Executor(plan) => plan.outputs(),
            #[cfg(feature = "tract")]
            Runner::Tract(tract) => tract.outputs(),
        }
    }

    /// The outputs for some images, row-major N, H, W, C: one row after the other.
    pub fn run(&mut self, pixels: &Pixels) -> Result<Vec<f32>, Reject> {
        match &mut self.runner {
            Runner::Executor(plan) => execute(plan, pixels, self.values),
            #[cfg(feature = "tract")]
            Runner::Tract(tract) => tract.run(pixels),
        }
    }
}

/// Whether the executor gives what tract gives, for made-up images: both have read the same file in ways of their own, and a
/// wrong answer is worse than a slow one.
#[cfg(feature = "tract")]
fn agree(tract: &mut Interpreter, plan: &mut Plan, input: &Input) -> bool {
    crate::scores::probes(input.image).skip(1).take(2).all(|probe| {
        let values = probe.len();
        let pixels = Pixels::F32(probe);
        match (tract.run(&pixels), execute(plan, &pixels, values)) {
            (Ok(expected), Ok(given)) => is_near(&expected, &given),
            _ => false,
        }
    })
}

fn execute(plan: &mut Plan, pixels: &Pixels, values: usize) -> Result<Vec<f32>, Reject> {
    let mut rows = vec![0.0; pixels.len() / values * plan.outputs()];
    let pixels = match pixels {
        Pixels::U8(bytes) => executor::Pixels::U8(bytes),
        Pixels::F32(floats) => executor::Pixels::F32(floats),
    };
    let done = plan.run(pixels, &mut rows);
    done.map_err(|error| bad_output(format!("the model failed: {error}")))?;
    Ok(rows)
}

/// Whether they differ by no more than sums of floats that are taken in another order. What is no number may be none in both.
#[cfg(feature = "tract")]
fn is_near(expected: &[f32], given: &[f32]) -> bool {
    let largest = expected
        .iter()
        .fold(0.0_f32, |largest, number| largest.max(number.abs()));
    expected.iter().zip(given).all(|(expected, given)| {
        (expected - given).abs() <= 1e-3 * largest || !expected.is_finite() && !given.is_finite()
    })
}
