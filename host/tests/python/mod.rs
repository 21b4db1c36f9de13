//! Python programs that talk to a broker like the original's, and a Python to run them with.
//!
//! The scripts beside this file are a producer, a consumer and the reading side of a worker, for either broker. Each
//! broker has an environment of its own in `target/python`, which `cargo xtask python` makes: what one needs must not keep the
//! other from running.

use std::path::PathBuf;
use std::process::Command;

use test_brokers::{find_python, or_skip};

use crate::live::{Running, Stage, root};

/// The first images of this file have the answers of `models/golden`.
pub const IMAGES: &str = "models/data/t10k-images-idx3-ubyte.gz";

/// An environment, and the scripts' arguments for the broker.
pub struct Python {
    python: PathBuf,
    broker: Vec<String>,
}

impl Python {
    /// With the packages of `requirements-NAME.txt`, and the original's name for the broker. None: there is no
    /// Python, and this is not CI.
    pub fn find(name: &str, broker: &[&str]) -> Option<Self> {
        let found = find_python(&root().join("target/python"), name);
        Some(Self {
            python: or_skip(found).unwrap()?,
            broker: broker.iter().copied().map(str::to_owned).collect(),
        })
    }

    pub fn start(&self, stage: &Stage, script: &str, arguments: &[&str]) -> Running {
        let mut python = Command::new(&self.python);
        // Its compiled code would lie beside the sources.
        python.arg("-B").arg(scripts().join(script));
        python.args(&self.broker).args(arguments);
        stage.start(python)
    }
}

/// What the worker answers to the first messages of 40 test images.
pub fn sums(messages: usize) -> Vec<String> {
    let images = u64::try_from(40 * messages).unwrap();
    let pixels = host::images::test_images()
        .unwrap()
        .read(images)
        .unwrap()
        .unwrap()
        .pixels;
    let sum = |image: &[u8]| image.iter().map(|pixel| u32::from(*pixel)).sum::<u32>() % 10;
    let classes: Vec<_> = pixels.chunks(28 * 28).map(sum).collect();
    classes.chunks(40).map(|classes| format!("{classes:?}")).collect()
}

fn scripts() -> PathBuf {
    root().join("host/tests/python")
}
