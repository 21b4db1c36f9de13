//! A running server: its process, its address, and its end.

use super::program::PubSubProgram;
use crate::keeper::{Keeper, Program};
use crate::program::{DEADLINE, until};
use anyhow::{Context, Result};
use rustix::process::Signal;
use serde::Deserialize;
use std::fs;
use std::path::Path;
use std::time::Instant;

/// What kind of server.
#[derive(Clone, Debug, Default)]
pub struct PubSubOptions {
    /// The port for clients. None: a free one.
    pub port: Option<u16>,
}

/// A running server. It ends when it is dropped, and at the latest with the process that started it. All its state is
/// in memory.
///
/// Every control method acts at once and unnoticed by clients: it is never counted, denied or failed.
#[derive(Debug)]
pub struct PubSub {
    ports: Ports,
    server: Program,
    /// Its drop ends the server and removes its folder.
    keeper: Keeper,
}

/// Printed by the program once it serves.
#[derive(Debug, Deserialize)]
struct Ports {
    grpc: u16,
    control: u16,
}

impl PubSub {
    /// Starts a server, and returns when it serves.
    pub fn start(program: &PubSubProgram, options: &PubSubOptions) -> Result<Self> {
        let keeper = Keeper::start("pubsub-")?;
        fs::create_dir(keeper.folder().join("1"))?;
        let command = [
            program.path.display().to_string(),
            "--port".to_owned(),
            options.port.unwrap_or(0).to_string(),
        ];
        let server = Program::new(keeper.folder(), 1, "server", &command)?;
        keeper.run(&server)?;
        let ports = until(Instant::now() + DEADLINE, || {
            server.check()?;
            let log = server.log_tail();
            Ok(log.lines().find_map(|line| serde_json::from_str(line).ok()))
        })?;
        Ok(Self {
            ports: ports.with_context(|| format!("it does not serve within {} s", DEADLINE.as_secs()))?,
            server,
            keeper,
        })
    }

    /// The address for clients, without TLS, `127.0.0.1:PORT`, in the form of PUBSUB_EMULATOR_HOST.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.grpc)
    }

    /// In place of Google's token endpoint.
    pub fn token_uri(&self) -> String {
        format!("http://127.0.0.1:{}/token", self.ports.control)
    }

    /// The folder with everything of this server; `1/server.log` is its log.
    pub fn folder(&self) -> &Path {
        self.keeper.folder()
    }

    /// The process id of the server, running or not.
    pub fn pid(&self) -> Result<i32> {
        let pid = self.server.pid().context("the server has no process")?;
        Ok(pid.as_raw_nonzero().get())
    }

    /// Stops the process (SIGSTOP). Connections stay, and nothing is answered, control methods included.
    pub fn pause(&self) -> Result<()> {
        self.server.signal(Signal::STOP)
    }

    /// Lets it continue (SIGCONT).
    pub fn resume(&self) -> Result<()> {
        self.server.signal(Signal::CONT)
    }

    /// Fails if it has ended, with its last words.
    pub fn check(&self) -> Result<()> {
        self.server.check()
    }

    pub(super) fn control_port(&self) -> u16 {
        self.ports.control
    }
}
