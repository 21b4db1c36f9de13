//! One thread and no broker: the network alone beside onnxruntime, and the whole message beside Python. A second is one of the
//! processor's time, which other programs disturb less than the time of day.

use super::picture::Group;
use super::verdict::Verdict;
use super::{BATCH, Model, ORIGINAL, Peers, Way, said, script};
use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

/// How long each round takes. Seconds.
const SECONDS: &str = "1";

/// What Python does in a round, in images/s.
#[derive(Deserialize)]
struct Python {
    network: f64,
    messages: f64,
    trusting: f64,
}

#[derive(Deserialize)]
struct Before {
    messages: f64,
}

/// All ways of one model.
struct Rounds {
    /// The host's, and onnxruntime's.
    network: [Way; 2],
    /// The host's first.
    messages: [Way; 4],
}

impl Rounds {
    fn new() -> Self {
        Self {
            network: ["component in the host", "onnxruntime"].map(Way::new),
            messages: [
                "host",
                "Python: orjson, NumPy, onnxruntime",
                "Python, brackets unchecked",
                "the Python program's way: TensorFlow",
            ]
            .map(Way::new),
        }
    }
}

/// The processor and its widest vectors, and two tables in Markdown.
pub fn measure(peers: &Peers, verdicts: &[Verdict], runs: usize, groups: &mut Vec<Group>) -> Result<(String, String)> {
    let mut all: Vec<Rounds> = peers.models.iter().map(|_| Rounds::new()).collect();
    let mut processor = String::new();
    for run in 1..=runs {
        for (model, rounds) in peers.models.iter().zip(&mut all) {
            eprintln!("xtask: one thread, {}, {run} of {runs}", model.name);
            processor = round(peers, model, rounds)?;
        }
    }
    let mut table = String::from(
        "| the network alone, one thread | component, images/s | onnxruntime, images/s | component to onnxruntime | the same class \
         | right, component and onnxruntime |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for ((model, rounds), verdict) in peers.models.iter().zip(&all).zip(verdicts) {
        let [ours, theirs] = &rounds.network;
        let (name, ratio, verdict) = (model.name, theirs.ratio(ours), verdict.print());
        let (ours, theirs) = (ours.rate(), theirs.rate());
        table += &format!("| {name} | {ours} | {theirs} | {ratio} | {verdict} |\n");
    }
    table += "\n| messages, one thread, no broker | | images/s | host to it |\n| --- | --- | --- | --- |\n";
    for (model, rounds) in peers.models.iter().zip(&all) {
        let [host, ..] = &rounds.messages;
        for way in rounds.messages.iter().filter(|way| !way.rates.is_empty()) {
            let (rate, ratio) = (way.rate(), way.ratio(host));
            table += &format!("| {} | {} | {rate} | {ratio} |\n", model.name, way.name);
        }
    }
    for (model, rounds) in peers.models.iter().zip(&all) {
        if ["fashion-small", ORIGINAL].contains(&model.name) {
            let title = format!("Messages of {BATCH} images, one thread: {}", model.name);
            let measured = rounds.messages.iter().filter(|way| !way.rates.is_empty());
            groups.push(Group::new(title, measured.map(Way::bar)));
            let title = format!("The network alone, one thread: {}", model.name);
            groups.push(Group::new(title, rounds.network.iter().map(Way::bar)));
        }
    }
    Ok((processor, table))
}

/// Everything once, in turn. Returns what the host calls the processor.
fn round(peers: &Peers, model: &Model, rounds: &mut Rounds) -> Result<String> {
    let mut bench = peers.host("bench");
    peers.runs(model, &mut bench);
    bench.args(["--workers", "1", "--rounds", "1", "--format", "json"]);
    bench.args(["--batch", &BATCH.to_string(), "--time", &format!("{SECONDS}s")]);
    let ours: Value = said(&mut bench)?;
    let figure = |name: &str| {
        let figure = ours.pointer(&format!("/components/0/rounds/0/{name}"));
        figure
            .and_then(Value::as_f64)
            .with_context(|| format!("`host bench` has no {name}"))
    };
    let arguments = [&BATCH.to_string(), SECONDS];
    let theirs: Python = said(peers.script("one_thread.py").arg(&model.onnx).args(arguments))?;
    let [component, onnxruntime] = &mut rounds.network;
    component.rates.push(figure("network_images_per_second")?);
    onnxruntime.rates.push(theirs.network);
    let host_rate = figure("thread_images_per_second")?;
    eprintln!("xtask: host {host_rate:.0} images/s, Python {:.0}", theirs.messages);
    let [host, python, trusting, before] = &mut rounds.messages;
    host.rates.push(host_rate);
    python.rates.push(theirs.messages);
    trusting.rates.push(theirs.trusting);
    if let (Some(tensorflow), Some(keras)) = (&peers.tensorflow, &model.keras) {
        let mut as_before = script(tensorflow, peers.workspace, "as_before.py");
        let said: Before = said(as_before.arg(keras).args(arguments))?;
        before.rates.push(said.messages);
    }
    let processor = ours.pointer("/processor").and_then(Value::as_str);
    Ok(processor.unwrap_or_default().to_owned())
}
