//! A cluster of one or three servers, each broker and controller in one.

use crate::distribution::Distribution;
use crate::keeper::{Keeper, Program};
use crate::node::{Node, PASSWORD, Ports, Setting};
use crate::options::Options;
use crate::program::{DEADLINE, until};
use crate::tls;
use crate::wire;
use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Until one question is answered. A paused node takes connections, and says nothing.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// A running cluster. It ends when it is dropped, and at the latest with the process that started it.
///
/// Nodes have Kafka's numbers for them, from 1. Their ports and data stay while they are down.
#[derive(Debug)]
pub struct Cluster {
    /// By it a node is told from another cluster's, which may have taken its port.
    id: String,
    nodes: Vec<Node>,
    /// The certificate of the authority, where there is one.
    ca: Option<PathBuf>,
    /// Its drop ends the servers and removes their folder.
    keeper: Keeper,
}

impl Cluster {
    /// Starts the servers, and returns when each of them knows all others and serves. One node takes three seconds on an idle
    /// machine.
    pub fn start(distribution: &Distribution, options: &Options) -> Result<Self> {
        ensure!(
            matches!(options.nodes, 1 | 3),
            "{} nodes: take 1, or the 3 of which one may fail",
            options.nodes
        );
        let deadline = Instant::now() + DEADLINE;
        let keeper = Keeper::start("kafka-")?;
        let ports = Ports::choose(options.nodes, options.port)?;
        let voters: Vec<String> = (1..)
            .zip(&ports)
            .map(|(number, ports)| format!("{number}@127.0.0.1:{}", ports.controller))
            .collect();
        let id = random_id();
        let setting = Setting {
            distribution,
            folder: keeper.folder(),
            cluster_id: &id,
            voters: &voters.join(","),
            options,
        };
        let nodes: Vec<Node> = (1..)
            .zip(ports)
            .map(|(number, ports)| Node::prepare(&setting, number, ports))
            .collect::<Result<_>>()?;
        let mut cluster = Self {
            id,
            nodes,
            ca: None,
            keeper,
        };
        cluster.each(|node| cluster.keeper.run(&node.format))?;
        if options.secure {
            // Meanwhile, as only the servers read it.
            cluster.ca = Some(tls::make(cluster.folder(), PASSWORD)?);
        }
        cluster.each(|node| is_formatted(node, deadline))?;
        cluster.each(|node| cluster.keeper.run(&node.server))?;
        cluster.each(|node| cluster.serves(node, deadline, |brokers| brokers.len() == options.nodes))?;
        Ok(cluster)
    }

    /// The addresses without TLS and without a user, `127.0.0.1:PORT[,...]`.
    pub fn bootstrap(&self) -> String {
        self.addresses(|ports| ports.plaintext)
    }

    /// The addresses with TLS and SASL, where the cluster is `secure`.
    pub fn secure_bootstrap(&self) -> Option<String> {
        self.ca.as_ref().map(|_| self.addresses(|ports| ports.secure))
    }

    /// The certificate of the authority that signed the servers', where the cluster is `secure`.
    pub fn ca_pem(&self) -> Option<&Path> {
        self.ca.as_deref()
    }

    /// Where everything of this cluster lies; each node's `server.log` is in the folder of its number.
    pub fn folder(&self) -> &Path {
        self.keeper.folder()
    }

    /// The plaintext port of a node.
    pub fn port(&self, node: usize) -> Result<u16> {
        Ok(self.node(node)?.ports.plaintext)
    }

    /// The process id of a node's server, running or not.
    pub fn pid(&self, node: usize) -> Result<i32> {
        let pid = self.node(node)?.server.pid();
        pid.map(|pid| pid.as_raw_nonzero().get())
            .with_context(|| format!("node {node} has no process"))
    }

    /// Ends a node without a warning (SIGKILL), and returns when it has ended.
    pub fn kill(&self, node: usize) -> Result<()> {
        self.on(node, Program::kill)
    }

    /// Kills a node that still runs, starts it on its old ports and data, and returns when it serves.
    ///
    /// The cluster takes it back when its old session has run out, after three seconds or so.
    pub fn restart(&self, node: usize) -> Result<()> {
        self.kill(node)?;
        self.on(node, |server| self.keeper.run(server))?;
        let deadline = Instant::now() + DEADLINE;
        let restarted = self.node(node)?;
        self.serves(restarted, deadline, |brokers| brokers.contains(&node))
            .with_context(|| format!("node {node}"))
    }

    /// Stops a node where it is (SIGSTOP). Connections stay, and nothing is answered.
    pub fn pause(&self, node: usize) -> Result<()> {
        self.on(node, |server| server.signal(Signal::STOP))
    }

    /// Lets a paused node go on (SIGCONT).
    pub fn resume(&self, node: usize) -> Result<()> {
        self.on(node, |server| server.signal(Signal::CONT))
    }

    /// Fails where a server has ended, with what it last said.
    pub fn check(&self) -> Result<()> {
        self.each(|node| node.server.check())
    }

    /// Waits until a node answers and the brokers that it knows are the ones that are wanted.
    fn serves(&self, node: &Node, deadline: Instant, wanted: impl Fn(&[usize]) -> bool) -> Result<()> {
        let served = until(deadline, || {
            node.server.check()?;
            let answer = wire::metadata(node.ports.plaintext, ANSWER_LIMIT).ok();
            Ok(answer.filter(|answer| answer.cluster_id == self.id && wanted(&answer.brokers)))
        })?;
        served.map(drop).with_context(|| {
            format!(
                "it does not serve within {} s; its log ends with:\n{}",
                DEADLINE.as_secs(),
                node.server.log_tail()
            )
        })
    }

    fn addresses(&self, port: impl Fn(&Ports) -> u16) -> String {
        let addresses: Vec<String> = self
            .nodes
            .iter()
            .map(|node| format!("127.0.0.1:{}", port(&node.ports)))
            .collect();
        addresses.join(",")
    }

    fn each(&self, act: impl Fn(&Node) -> Result<()>) -> Result<()> {
        for (number, node) in (1..).zip(&self.nodes) {
            act(node).with_context(|| format!("node {number}"))?;
        }
        Ok(())
    }

    fn on(&self, node: usize, act: impl FnOnce(&Program) -> Result<()>) -> Result<()> {
        act(&self.node(node)?.server).with_context(|| format!("node {node}"))
    }

    fn node(&self, number: usize) -> Result<&Node> {
        let node = number.checked_sub(1).and_then(|index| self.nodes.get(index));
        node.with_context(|| format!("no node {number}: they are 1 to {}", self.nodes.len()))
    }
}

fn is_formatted(node: &Node, deadline: Instant) -> Result<()> {
    let ended = until(deadline, || Ok(node.format.ended()))?;
    let status = ended.context("`kafka-storage format` does not end")?;
    ensure!(
        status == "0",
        "`kafka-storage format` ended with status {status}:\n{}",
        node.format.log_tail()
    );
    Ok(())
}

/// 16 random bytes in base64.
fn random_id() -> String {
    // The last character stands for two bits.
    let characters = std::iter::repeat_with(fastrand::alphanumeric).take(21);
    characters.chain(['A']).collect()
}
