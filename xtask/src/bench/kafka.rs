//! A full Kafka, and measurements on it.

use super::process::{self, Running, Usage};
use crate::kafka;
use crate::steps::Steps;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use test_brokers::{Cluster, Distribution, Options};

/// One server, and the programs that use it.
pub struct Kafka {
    cluster: Cluster,
    distribution: Distribution,
    host: PathBuf,
}

/// The result of `host run`, and its resource usage.
#[derive(Clone, Debug, Deserialize)]
pub struct Done {
    pub messages: u64,
    #[serde(default)]
    pub images: u64,
    #[serde(default)]
    dead_letters: u64,
    first_at_ms: Option<u64>,
    last_at_ms: Option<u64>,
    #[serde(skip)]
    pub usage: Usage,
}

impl Kafka {
    pub fn start(workspace: &Workspace, steps: &mut Steps) -> Result<Self> {
        let distribution = kafka::fetch(workspace, steps)?;
        let options = Options {
            full_size: true,
            ..Options::default()
        };
        Ok(Self {
            cluster: Cluster::start(&distribution, &options)?,
            distribution,
            host: workspace.host(),
        })
    }

    /// A folder for files that are removed with the server.
    pub fn folder(&self) -> &Path {
        self.cluster.folder()
    }

    pub fn bootstrap(&self) -> String {
        self.cluster.bootstrap()
    }

    /// The server's CPU time so far.
    pub fn cpu(&self) -> Result<Duration> {
        let pid = u32::try_from(self.cluster.pid(1)?)?;
        let usage = process::usage(pid).context(process::NO_PROC)?;
        Ok(usage.cpu)
    }

    pub fn host(&self, subcommand: &str) -> Command {
        let mut host = Command::new(&self.host);
        host.arg(subcommand).args(["--broker", "kafka"]);
        host.env("KAFKA_URI", self.bootstrap()).stdout(Stdio::piped());
        host
    }

    pub fn create_topic(&self, name: &str, partitions: u32) -> Result<()> {
        let mut create = Command::new(&self.host);
        create.args(["topics", "create", name, "--broker", "kafka", "--partitions"]);
        create.arg(partitions.to_string()).env("KAFKA_URI", self.bootstrap());
        Running::start(create.stdout(Stdio::null()))?.finish()?;
        Ok(())
    }

    /// One of Kafka's own tools.
    pub fn tool(&self, name: &str) -> Command {
        let mut java = Command::new("java");
        java.current_dir(self.folder()).stdout(Stdio::piped());
        java.args(["-XX:-UsePerfData", "-cp", &self.distribution.class_path()]);
        java.arg(format!("org.apache.kafka.tools.{name}"));
        java
    }
}

impl Done {
    /// Waits for a `host run --format json`. Fails if it could not answer a message.
    pub fn of(run: Running) -> Result<Self> {
        let (said, usage) = run.finish()?;
        let done: Self = serde_json::from_str(&said).with_context(|| format!("`host run` said: {said}"))?;
        ensure!(done.dead_letters == 0, "{} dead letters", done.dead_letters);
        Ok(Self { usage, ..done })
    }

    /// From the first settled message to the last one, of all hosts together.
    pub fn span(hosts: &[Self]) -> Result<Duration> {
        let first = hosts.iter().filter_map(|done| done.first_at_ms).min();
        let last = hosts.iter().filter_map(|done| done.last_at_ms).max();
        let span = first.zip(last).map(|(first, last)| last.saturating_sub(first));
        let milliseconds = span
            .filter(|span| *span > 0)
            .context("it ended before time could be measured")?;
        Ok(Duration::from_millis(milliseconds))
    }
}
