//! The test programs that cargo has built, and how they share the machine: two run at once.
//!
//! Cargo runs one after the other. Half of that time a core has nothing to do, since the tests of brokers mostly wait for
//! time-outs. So one of those runs beside one that computes.

use crate::workspace::Workspace;
use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Programs that mostly wait, the longest first. They run one after the other.
const WAIT: [&str; 4] = ["host-conformance", "host-faults", "host-kafka", "host-pubsub"];

/// How many tests at once, for each core, a program runs that mostly waits.
const WAITING_TESTS: usize = 4;

/// The environment variable by which whoever tests says how many run at once.
const TEST_THREADS: &str = "RUST_TEST_THREADS";

/// Programs that compute the longest, which run first beside those. All others follow.
const COMPUTE: [&str; 4] = ["host-browser", "host-cli", "host-any_to_any", "host-screens"];

/// A test program and how to start it.
pub struct Program {
    /// The package's folder and the file in `tests/`, such as `host-cli`, or the kind of what has unit tests: `host-lib`.
    pub name: String,
    pub command: Command,
}

/// What a test program wrote, and how it ended.
pub struct Ended {
    pub name: String,
    pub took: Duration,
    /// Its stdout and stderr, as they came.
    pub report: Vec<u8>,
    pub passed: bool,
}

/// Compiles all test programs.
pub fn build(workspace: &Workspace) -> Result<Vec<Program>> {
    let mut cargo = workspace.cargo();
    cargo.args([
        "test",
        "--workspace",
        "--no-run",
        "--message-format=json-render-diagnostics",
    ]);
    let mut child = cargo.stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
    let messages = child.stdout.take().context("cargo has no stdout")?;
    let mut programs = Vec::new();
    for message in BufReader::new(messages).lines() {
        let message: Message = serde_json::from_str(&message?).context("cargo's messages are not understood")?;
        programs.extend(message.program(workspace));
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("the tests cannot be compiled: `cargo test --no-run` ended with {status}");
    }
    // Cargo compiles examples in documentation when it runs them.
    let mut examples = workspace.cargo();
    examples.args(["test", "--workspace", "--doc", "--no-fail-fast"]);
    programs.push(Program {
        name: "documentation".to_owned(),
        command: examples,
    });
    Ok(programs)
}

/// What cargo tells while it compiles; of a test program, all of this.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    manifest_path: Option<PathBuf>,
    profile: Option<Profile>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

impl Message {
    fn program(self, workspace: &Workspace) -> Option<Program> {
        self.profile.filter(|profile| profile.test)?;
        let target = self.target?;
        let part = match target.kind.first()?.as_str() {
            "test" => target.name,
            // Unit tests.
            kind => kind.to_owned(),
        };
        let manifest = self.manifest_path?;
        let package = manifest.parent()?;
        let name = format!("{}-{part}", package.file_name()?.display());
        let mut command = workspace.command(&self.executable?);
        // As cargo does it.
        command.current_dir(package).env("CARGO_MANIFEST_DIR", package);
        if WAIT.contains(&&*name) && std::env::var_os(TEST_THREADS).is_none() {
            let cores = thread::available_parallelism().map_or(1, usize::from);
            command.env(TEST_THREADS, (WAITING_TESTS * cores).to_string());
        }
        Some(Program { name, command })
    }
}

/// Runs all, two at a time, each of which writes its report into a file of `folder`; tells the caller of each that has
/// ended.
pub fn run(programs: Vec<Program>, folder: &Path, ended: impl FnMut(Ended) -> Result<()> + Send) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let left = Mutex::new(programs);
    let ended = Mutex::new(ended);
    let work = |order: fn(&str) -> usize| -> Result<()> {
        loop {
            let next = take(&mut locked(&left), order);
            let Some(program) = next else { return Ok(()) };
            let result = program.run(folder)?;
            locked(&ended)(result)?;
        }
    };
    thread::scope(|scope| {
        let waits = scope.spawn(|| work(waiting_first));
        let computed = work(computing_first);
        let waited = waits.join().map_err(|_| anyhow!("a thread that ran tests panicked"))?;
        waited.and(computed)
    })
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the first in this order.
fn take(programs: &mut Vec<Program>, order: fn(&str) -> usize) -> Option<Program> {
    let places = programs.iter().enumerate();
    let (place, _) = places.min_by_key(|(_, program)| order(&program.name))?;
    Some(programs.remove(place))
}

fn place(names: &[&str], name: &str) -> Option<usize> {
    names.iter().position(|known| *known == name)
}

/// Those that wait, then those that compute little, and at last those that compute long.
fn waiting_first(name: &str) -> usize {
    let long = WAIT.len() + 1;
    place(&WAIT, name).unwrap_or_else(|| place(&COMPUTE, name).map_or(WAIT.len(), |place| long + place))
}

/// Those that compute long, then those that compute little, and at last those that wait.
fn computing_first(name: &str) -> usize {
    let long = COMPUTE.len() + 1;
    place(&COMPUTE, name).unwrap_or_else(|| place(&WAIT, name).map_or(COMPUTE.len(), |place| long + place))
}

impl Program {
    fn run(mut self, folder: &Path) -> Result<Ended> {
        eprintln!("xtask: testing {}", self.name);
        let start = Instant::now();
        let path = folder.join(&self.name);
        // Not a pipe, which a server that outlives its test would keep open.
        let report = File::create(&path).with_context(|| path.display().to_string())?;
        self.command.stdout(report.try_clone()?).stderr(report);
        let status = self
            .command
            .status()
            .with_context(|| format!("cannot start {}", self.name))?;
        Ok(Ended {
            took: start.elapsed(),
            report: fs::read(&path).with_context(|| path.display().to_string())?,
            passed: status.success(),
            name: self.name,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    fn shell(name: &str, script: &str) -> Program {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Program {
            name: name.to_owned(),
            command,
        }
    }

    #[test]
    fn a_test_program_is_told_from_everything_else_that_cargo_compiles() {
        let workspace = Workspace {
            root: "/w".into(),
            target: "/w/target".into(),
            guest_target: "/w/target/guest".into(),
        };
        let program = |message: &str| {
            let message: Message = serde_json::from_str(message).unwrap();
            message.program(&workspace)
        };
        let told = |kind: &str, name: &str, test: bool| {
            format!(
                r#"{{"reason": "compiler-artifact", "manifest_path": "/w/host/Cargo.toml", "target": {{"kind": ["{kind}"],
                "name": "{name}"}}, "profile": {{"test": {test}}}, "executable": "/w/target/debug/deps/{name}-0123"}}"#
            )
        };
        let cli = program(&told("test", "cli", true)).unwrap();
        assert_eq!(cli.name, "host-cli");
        assert_eq!(cli.command.get_program(), "/w/target/debug/deps/cli-0123");
        assert_eq!(cli.command.get_current_dir(), Some(Path::new("/w/host")));
        assert_eq!(program(&told("lib", "host", true)).unwrap().name, "host-lib");
        assert!(program(&told("bin", "host", false)).is_none());
        let threads = |program: Program| program.command.get_envs().any(|(name, _)| name == TEST_THREADS);
        let is_told = std::env::var_os(TEST_THREADS).is_some();
        assert_eq!(threads(program(&told("test", "kafka", true)).unwrap()), !is_told);
        assert!(!threads(cli));
        assert!(program(r#"{"reason": "build-finished", "success": true}"#).is_none());
    }

    #[test]
    #[cfg(unix)]
    fn every_program_runs_once_and_its_output_is_whole_whether_it_fails_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let programs = vec![
            shell("fails", "echo out; echo err >&2; exit 3"),
            shell("passes", "echo fine"),
            shell("is-killed", "kill -9 $$"),
        ];
        let mut seen = Vec::new();
        run(programs, folder.path(), |ended| {
            seen.push((ended.name, String::from_utf8(ended.report).unwrap(), ended.passed));
            Ok(())
        })
        .unwrap();
        seen.sort();
        let seen: Vec<_> = seen
            .iter()
            .map(|(name, output, passed)| (&**name, &**output, *passed))
            .collect();
        assert_eq!(
            seen,
            [
                ("fails", "out\nerr\n", false),
                ("is-killed", "", false),
                ("passes", "fine\n", true)
            ]
        );
    }

    #[test]
    fn one_that_waits_runs_beside_one_that_computes() {
        let order = |order: fn(&str) -> usize| -> Vec<String> {
            let names = ["pubsub", "readme", "cli", "browser", "conformance", "local"];
            let mut programs = names
                .map(|name| shell(&format!("host-{name}"), ""))
                .into_iter()
                .collect();
            let taken = std::iter::from_fn(|| take(&mut programs, order));
            taken.map(|program| program.name["host-".len()..].to_owned()).collect()
        };
        assert_eq!(
            order(waiting_first),
            ["conformance", "pubsub", "readme", "local", "browser", "cli"]
        );
        assert_eq!(
            order(computing_first),
            ["browser", "cli", "readme", "local", "conformance", "pubsub"]
        );
    }

    /// Each would wait for the other for ever if they ran one after the other.
    #[test]
    #[cfg(unix)]
    fn two_programs_run_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let programs = vec![
            shell("writes", &format!("echo hello >'{}'", pipe.display())),
            shell("reads", &format!("cat '{}'", pipe.display())),
        ];
        let mut passed = 0;
        run(programs, &folder.path().join("reports"), |ended| {
            passed += usize::from(ended.passed);
            Ok(())
        })
        .unwrap();
        assert_eq!(passed, 2);
    }

    #[test]
    fn the_programs_that_are_named_exist() {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/tests");
        for name in WAIT.iter().chain(&COMPUTE) {
            let name = name.strip_prefix("host-").unwrap();
            let places = [format!("{name}.rs"), format!("{name}/main.rs")];
            assert!(places.iter().any(|place| tests.join(place).is_file()), "{name}");
        }
    }
}
