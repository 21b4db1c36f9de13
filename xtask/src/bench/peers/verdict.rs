//! Whether the component names the same classes as onnxruntime: a fast answer counts only if it is the right one.

use super::super::process::Running;
use super::{Model, Peers, said};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::process::Stdio;

/// What component and onnxruntime make of the 10,000 test images.
pub struct Verdict {
    images: usize,
    same: usize,
    /// Images to which the component gives the right class, and onnxruntime.
    right: [usize; 2],
}

#[derive(Deserialize)]
struct Theirs {
    classes: Vec<u32>,
    labels: Vec<u32>,
}

/// One for each model.
pub fn measure(peers: &Peers) -> Result<Vec<Verdict>> {
    peers.models.iter().map(|model| verdict(peers, model)).collect()
}

fn verdict(peers: &Peers, model: &Model) -> Result<Verdict> {
    eprintln!("xtask: {}: the classes of the test images", model.name);
    let theirs: Theirs = said(peers.script("classes.py").arg(&model.onnx))?;
    let ours = answers(peers, model)?;
    ensure!(
        ours.len() == theirs.labels.len(),
        "{} answers to {} images",
        ours.len(),
        theirs.labels.len()
    );
    Ok(Verdict {
        images: ours.len(),
        same: equal(&ours, &theirs.classes),
        right: [equal(&ours, &theirs.labels), equal(&theirs.classes, &theirs.labels)],
    })
}

fn equal(one: &[u32], other: &[u32]) -> usize {
    one.iter().zip(other).filter(|(one, other)| one == other).count()
}

/// The classes that the component gives all test images, in order, through the embedded broker.
fn answers(peers: &Peers, model: &Model) -> Result<Vec<u32>> {
    let folder = peers.folder.join("broker");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let over = |subcommand: &str| {
        let mut host = peers.host(subcommand);
        host.arg("--local-file").arg(folder.join("host.db"));
        host.stdout(Stdio::piped());
        host
    };
    Running::start(over("produce").args(["--interval", "0"]))?.finish()?;
    let mut run = over("run");
    peers.runs(model, &mut run);
    Running::start(run.args(["--idle-timeout", "1s"]))?.finish()?;
    let (lines, _) = Running::start(over("consume").args(["--idle-timeout", "1s"]))?.finish()?;
    let batches = lines.lines().map(serde_json::from_str::<Vec<u32>>);
    Ok(batches.collect::<Result<Vec<_>, _>>()?.concat())
}

impl Verdict {
    /// How many classes are the same, and the accuracies of both.
    pub fn print(&self) -> String {
        let percent = |part: usize| 100.0 * part as f64 / self.images.max(1) as f64;
        let [ours, theirs] = self.right.map(percent);
        format!("{:.2} % | {ours:.2} % and {theirs:.2} %", percent(self.same))
    }
}
