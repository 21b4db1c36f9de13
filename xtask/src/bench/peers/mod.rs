//! The host beside what else does its work: onnxruntime alone, the best Python, and the Python program's own way.
//!
//! What is compared is measured in turn, round by round, so that a disturbance meets all of it, and each ratio is one within a
//! round. The peers are the programs beside this file; their Python environments are made only for this.

mod one_thread;
mod over_kafka;
mod picture;
mod verdict;

use super::process::Running;
use super::{middle, spread};
use crate::python;
use crate::steps::Steps;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use picture::Group;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use test_brokers::python_environment;

/// As the Python program sends them.
const BATCH: u32 = 40;

/// The picture that the README shows.
const PICTURE: &str = "docs/peers.svg";

/// The peers, and the models that all of them run.
struct Peers<'a> {
    workspace: &'a Workspace,
    python: PathBuf,
    /// None: TensorFlow is not to be had for this machine.
    tensorflow: Option<PathBuf>,
    /// For models that are made here, and broker files.
    folder: PathBuf,
    models: Vec<Model>,
}

struct Model {
    name: &'static str,
    onnx: PathBuf,
    /// The build of the component that runs it.
    build: &'static str,
    /// The same layers as Keras saves them, with other weights. None: no such file.
    keras: Option<PathBuf>,
}

/// The rates of one way to do the work, in images/s, a value for each round.
struct Way {
    name: &'static str,
    rates: Vec<f64>,
}

impl Way {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            rates: Vec::new(),
        }
    }

    /// How much faster `first` was, round by round.
    fn ratio(&self, first: &Self) -> String {
        if self.name == first.name {
            return "1".to_owned();
        }
        let ratios = first.rates.iter().zip(&self.rates).map(|(first, own)| first / own);
        let [minimum, median, maximum] = spread(ratios.collect(), 2);
        format!("{median} ({minimum} to {maximum})")
    }

    fn rate(&self) -> String {
        let [minimum, median, maximum] = spread(self.rates.clone(), 0);
        format!("{median} ({minimum} to {maximum})")
    }

    fn bar(&self) -> (&'static str, f64) {
        (self.name, middle(&self.rates))
    }
}

/// Tables in Markdown. Draws the picture, too.
pub fn measure(workspace: &Workspace, steps: &mut Steps, runs: usize) -> Result<String> {
    let peers = Peers::prepare(workspace, steps)?;
    let mut groups = Vec::new();
    let verdicts = verdict::measure(&peers)?;
    let (processor, mut table) = one_thread::measure(&peers, &verdicts, runs, &mut groups)?;
    table += &over_kafka::measure(&peers, steps, runs, &mut groups)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let about = format!("{processor}, {cores} cores, median of {runs} rounds");
    draw(&workspace.root.join(PICTURE), &about, &groups)?;
    Ok(format!("{about}, with minimum and maximum.\n\n{table}"))
}

fn draw(path: &Path, about: &str, groups: &[Group]) -> Result<()> {
    std::fs::write(path, picture::svg(about, groups)).with_context(|| format!("cannot write {}", path.display()))?;
    eprintln!("xtask: {}", path.display());
    Ok(())
}

impl<'a> Peers<'a> {
    fn prepare(workspace: &'a Workspace, steps: &mut Steps) -> Result<Self> {
        let environments = workspace.root.join("target/python");
        let environment = |name: &str| {
            let pinned = scripts(workspace).join(format!("requirements-{name}.txt"));
            python_environment(&environments, name, &pinned)
        };
        let python = steps.time("the best Python", || environment("peers"))?;
        let tensorflow = steps.time("TensorFlow", || environment("tensorflow"));
        let tensorflow =
            tensorflow.inspect_err(|error| eprintln!("xtask: without the Python program's way: {error:#}"));
        let folder = workspace.target.join("peers");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        steps.time("models", || {
            let keras = environments.join("keras");
            python::keras(&workspace.root, &keras)?;
            convert(workspace, &keras.join("bin/python"), &folder)
        })?;
        let built_in = |name: &str| workspace.root.join(format!("models/{name}.onnx"));
        let saved = |name: &str| Some(folder.join(name).with_extension("h5"));
        let model = |name, onnx, keras| Model {
            name,
            onnx,
            build: "classifier",
            keras,
        };
        let models = vec![
            model("fashion-small", built_in("fashion-small"), saved("fashion-small")),
            model(ORIGINAL, folder.join("original.onnx"), saved("original")),
            model("fashion-large", built_in("fashion-large"), None),
            Model {
                build: "classifier-full",
                ..model("fashion-small-int8", built_in("fashion-small-int8"), None)
            },
        ];
        Ok(Self {
            workspace,
            python,
            tensorflow: tensorflow.ok(),
            folder,
            models,
        })
    }

    /// One of the programs beside this file.
    fn script(&self, name: &str) -> Command {
        script(&self.python, self.workspace, name)
    }

    fn host(&self, subcommand: &str) -> Command {
        let mut host = Command::new(self.workspace.host());
        host.arg(subcommand);
        host
    }

    /// The component and the model that are measured, as options.
    fn runs(&self, model: &Model, command: &mut Command) {
        let component = self.workspace.component(model.build);
        command.arg("--component").arg(component);
        command.arg("--model").arg(&model.onnx);
    }

    /// The built-in model.
    fn small(&self) -> Result<&Model> {
        self.models.first().context("there is no model")
    }
}

/// The network of the Python program.
const ORIGINAL: &str = "the Python program's network";

/// Makes the Python program's network with random weights, and converts it as a user would.
fn convert(workspace: &Workspace, keras: &Path, folder: &Path) -> Result<()> {
    let mut make = script(keras, workspace, "original.py");
    Running::start(make.arg(folder).stdout(Stdio::null()))?.finish()?;
    let mut convert = Command::new(keras);
    convert
        .arg("-B")
        .arg(workspace.root.join("models/train/convert_keras.py"));
    convert.arg(folder.join("original.h5")).arg(folder.join("original"));
    convert.arg("--labels").arg(workspace.root.join("models/labels.txt"));
    Running::start(convert.stdout(Stdio::null()))?.finish()?;
    Ok(())
}

fn scripts(workspace: &Workspace) -> PathBuf {
    workspace.root.join("xtask/src/bench/peers")
}

fn script(python: &Path, workspace: &Workspace, name: &str) -> Command {
    let mut command = Command::new(python);
    // Its compiled code would lie beside the sources.
    command.arg("-B").arg(scripts(workspace).join(name));
    command
}

/// What a program prints as JSON at its end.
fn said<T: DeserializeOwned>(command: &mut Command) -> Result<T> {
    let (said, _) = Running::start(command.stdout(Stdio::piped()))?.finish()?;
    serde_json::from_str(&said).with_context(|| format!("{} said: {said}", command.get_program().display()))
}
