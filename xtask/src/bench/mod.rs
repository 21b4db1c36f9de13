//! The figures of BENCHMARKS.md, measured on the real binary.
//!
//! Everything is measured from outside, as a user would see it, and several times: each row shows minimum, median and
//! maximum, because other work on the machine disturbs every run.

mod demo;
#[cfg(unix)]
mod kafka;
#[cfg(unix)]
mod peers;
mod process;
#[cfg(unix)]
mod pubsub;
#[cfg(unix)]
mod row;
#[cfg(unix)]
mod scaling;
#[cfg(unix)]
mod throughput;

#[cfg(unix)]
use crate::browser;
use crate::component::{self, Guests};
use crate::host;
use crate::steps::Steps;
use crate::workspace::Workspace;
use anyhow::Result;
use std::io::Write;

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Speed, memory and start over the embedded broker.
    Demo,
    /// Images over Kafka with more workers and more hosts.
    Scaling,
    /// Messages over Kafka with a component that does nothing, beside Kafka's own tools.
    Throughput,
    /// The same over Pub/Sub, beside Google's Python client.
    PubSub,
    /// The component in a browser, beside the host.
    Browser,
    /// Images with the classifier, beside onnxruntime and Python; draws the README's picture.
    Peers,
}

impl Part {
    pub const ALL: [Self; 6] = [
        Self::Demo,
        Self::Scaling,
        Self::Throughput,
        Self::PubSub,
        Self::Browser,
        Self::Peers,
    ];

    /// By its name on the command line.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "demo" => Some(Self::Demo),
            "scaling" => Some(Self::Scaling),
            "throughput" => Some(Self::Throughput),
            "pubsub" => Some(Self::PubSub),
            "browser" => Some(Self::Browser),
            "peers" => Some(Self::Peers),
            _ => None,
        }
    }
}

/// Builds what is measured, measures, and prints a Markdown table for each part to stdout.
pub fn run(workspace: &Workspace, steps: &mut Steps, parts: &[Part], runs: usize) -> Result<()> {
    let is_puppets = |part: &Part| matches!(part, Part::Throughput | Part::PubSub);
    let guests = match parts.iter().any(is_puppets) {
        true => Guests::All,
        false => Guests::Both,
    };
    component::build(workspace, steps, guests)?;
    host::build(workspace, steps)?;
    for part in parts {
        let table = match part {
            Part::Demo => demo::measure(workspace, runs)?,
            #[cfg(unix)]
            Part::Scaling => scaling::measure(workspace, steps, runs)?,
            #[cfg(unix)]
            Part::Throughput => throughput::measure(workspace, steps, runs)?,
            #[cfg(unix)]
            Part::PubSub => pubsub::measure(workspace, steps, runs)?,
            #[cfg(unix)]
            Part::Browser => browser::bench(workspace, steps, runs)?,
            #[cfg(unix)]
            Part::Peers => peers::measure(workspace, steps, runs)?,
            #[cfg(not(unix))]
            other => anyhow::bail!("{other:?} needs what the tests start, which only runs on Unix"),
        };
        std::io::stdout().write_all(format!("{table}\n").as_bytes())?;
    }
    Ok(())
}

/// Minimum, median and maximum, with this many decimals.
fn spread(mut values: Vec<f64>, decimals: usize) -> [String; 3] {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| {
        values
            .get(index)
            .map_or("none".to_owned(), |value| format!("{value:.decimals$}"))
    };
    [at(0), at(values.len() / 2), at(values.len().saturating_sub(1))]
}

/// The median, as [`spread`] has it; 0 without values.
#[cfg(unix)]
fn middle(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// The median, with minimum and maximum behind it.
#[cfg(unix)]
fn median(values: Vec<f64>, decimals: usize) -> String {
    let [minimum, median, maximum] = spread(values, decimals);
    format!("{median} ({minimum} to {maximum})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_minimum_median_and_maximum() {
        assert_eq!(spread(vec![3.0, 1.0, 2.0], 0), ["1", "2", "3"]);
        assert_eq!(spread(vec![1.25, 0.5], 1), ["0.5", "1.2", "1.2"]);
    }
}
