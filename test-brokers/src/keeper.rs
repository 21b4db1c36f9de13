//! The shell that runs a cluster's servers: they end with this process, however it ends.
//!
//! `Drop` does not run in a process that is killed, nor for a `static`. A pipe is closed in either case.

use crate::program::{tail, until};
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const SCRIPT: &str = include_str!("keeper.sh");

/// Enough to kill a few programs and remove a folder.
const END_LIMIT: Duration = Duration::from_secs(60);

/// Holds one cluster's folder and programs.
#[derive(Debug)]
pub struct Keeper {
    folder: PathBuf,
    shell: Child,
    stdin: Option<ChildStdin>,
}

impl Keeper {
    /// A temporary folder that exists as long as its keeper. Its name starts with `prefix`.
    pub fn start(prefix: &str) -> Result<Self> {
        let folder = TempDir::with_prefix(prefix).context("cannot make a temporary folder")?;
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "keeper"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C goes to the foreground's process group. The keeper must survive it, to clean up.
            .process_group(0)
            .spawn()
            .context("cannot start sh")?;
        Ok(Self {
            folder: folder.keep(),
            stdin: shell.stdin.take(),
            shell,
        })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts a program, whose command is in its folder.
    pub fn run(&self, program: &Program) -> Result<()> {
        // Files of an earlier run would count as this one's.
        for file in ["pid", "ended"] {
            match fs::remove_file(program.file(file)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        let mut stdin = self.stdin.as_ref().context("the keeper has no stdin")?;
        writeln!(stdin, "{} {}", program.node, program.name).context("the cluster's keeper has ended")
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // It continues by itself if that takes longer.
        let _ = until(Instant::now() + END_LIMIT, || Ok(self.shell.try_wait()?));
    }
}

/// A program of one node, run by the keeper.
#[derive(Debug)]
pub struct Program {
    folder: PathBuf,
    node: usize,
    name: &'static str,
}

impl Program {
    /// Writes its command, a program and arguments, into the file that the keeper reads.
    pub fn new(cluster: &Path, node: usize, name: &'static str, command: &[String]) -> Result<Self> {
        let folder = cluster.join(node.to_string());
        let program = Self { folder, node, name };
        let quoted = command.iter().map(|word| format!(" '{}'", word.replace('\'', r"'\''")));
        fs::write(program.file("command"), format!("exec{}\n", quoted.collect::<String>()))?;
        Ok(program)
    }

    /// The exit status, once it has ended.
    pub fn ended(&self) -> Option<String> {
        self.line("ended")
    }

    pub fn log_tail(&self) -> String {
        tail(&self.file("log"))
    }

    /// Fails if it has ended.
    pub fn check(&self) -> Result<()> {
        match self.ended() {
            Some(status) => bail!("it ended with status {status}; its log ends with:\n{}", self.log_tail()),
            None => Ok(()),
        }
    }

    /// Sends a signal, unless it has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        if self.ended().is_some() {
            bail!("it is not running: restart it first");
        }
        let pid = self.pid().context("it has no process yet")?;
        Ok(kill_process(pid, signal)?)
    }

    /// Kills it, unless it has ended, and waits for that.
    pub fn kill(&self) -> Result<()> {
        if self.ended().is_some() {
            return Ok(());
        }
        self.signal(Signal::KILL)?;
        let ended = until(Instant::now() + END_LIMIT, || Ok(self.ended()))?;
        ended.map(drop).context("it has been killed and does not end")
    }

    pub fn pid(&self) -> Option<Pid> {
        self.line("pid")?.parse().ok().and_then(Pid::from_raw)
    }

    /// The contents of one of the keeper's files; a line counts once it is complete.
    fn line(&self, file: &str) -> Option<String> {
        let text = fs::read_to_string(self.file(file)).ok()?;
        text.strip_suffix('\n').map(str::to_owned)
    }

    fn file(&self, extension: &str) -> PathBuf {
        self.folder.join(self.name).with_extension(extension)
    }
}
