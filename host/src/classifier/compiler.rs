//! From a component to machine code, in a process of its own.
//!
//! A small file can make the compiler take any amount of time and memory, and only a process can be bounded. So the
//! host runs itself again, with the system's limits: `host compile` reads the component from stdin, writes its code
//! to stdout, and crashes alone.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, interval_at, timeout};

use super::{ComponentError, check, engine};

/// Where a component is compiled, and within which limits.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// This program, or in a test the program under test.
    pub program: PathBuf,
    /// Memory of its process. Bytes.
    pub memory_bytes: u64,
    /// How long it may take.
    pub timeout: Duration,
}

impl Compiler {
    /// The default limits: several times what the largest interpreters need, on a slow machine.
    pub fn new(program: PathBuf) -> Self {
        Self {
            program,
            memory_bytes: 4 << 30,
            timeout: Duration::from_secs(600),
        }
    }
}

/// Functions are compiled in parallel, on at most this many threads: each takes memory of its own.
const THREADS: u64 = 8;
/// How often to report that it still runs.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Compiles the component `bytes` into the file `code`. Dropping the future kills the process.
pub(super) async fn compile(
    config: &Compiler,
    path: &Path,
    bytes: Cow<'static, [u8]>,
    code: File,
) -> Result<(), ComponentError> {
    let refused = |reason: String| ComponentError::Compile {
        path: path.into(),
        reason,
    };
    let failed = |error: io::Error| ComponentError::Engine(format!("'{}': {error}", config.program.display()));
    tracing::info!(
        "compiling '{}' ({} KiB); this may take a minute",
        path.display(),
        bytes.len() >> 10
    );
    let component = tokio::task::spawn_blocking(move || as_file(&bytes)).await;
    let component = component
        .unwrap_or_else(|error| Err(io::Error::other(error)))
        .map_err(failed)?;
    let mut command = Command::new(&config.program);
    command
        .arg("compile")
        .arg(config.memory_bytes.to_string())
        .arg(config.timeout.as_secs().saturating_mul(THREADS).max(1).to_string())
        .env("RAYON_NUM_THREADS", THREADS.min(cores()).to_string())
        .env("TOKIO_WORKER_THREADS", "1")
        // Its stderr contains the reason of a refusal, and nothing else.
        .env("RUST_LOG", "off")
        .env("RUST_BACKTRACE", "0")
        .stdin(component)
        .stdout(code)
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // Ctrl-C is for this process, which ends the other.
    #[cfg(unix)]
    command.process_group(0);
    let began = Instant::now();
    let child = command.spawn().map_err(failed)?;
    let mut ending = std::pin::pin!(timeout(config.timeout, child.wait_with_output()));
    let mut tell = interval_at(began + TELL_EVERY, TELL_EVERY);
    let ended = loop {
        tokio::select! {
            ended = &mut ending => break ended,
            _ = tell.tick() => {
                tracing::info!("still compiling '{}' after {} s", path.display(), began.elapsed().as_secs());
            }
        }
    };
    let too_long = || {
        let limit = humantime::format_duration(config.timeout);
        format!("it takes longer than {limit}; use one with smaller functions")
    };
    match ended {
        Err(_) => Err(refused(too_long())),
        Ok(Err(error)) => Err(failed(error)),
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => Err(refused(match end_of(&output) {
            End::Memory => format!(
                "it takes more than {} MiB of memory; use one with smaller functions",
                config.memory_bytes >> 20
            ),
            End::Time => too_long(),
            End::Other(reason) => reason,
        })),
    }
}

/// A file without a name, so that neither process has to write into a pipe while the other reads.
fn as_file(bytes: &[u8]) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

fn cores() -> u64 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64)
}

/// Why the other process ended.
enum End {
    Memory,
    Time,
    Other(String),
}

fn end_of(output: &Output) -> End {
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("memory allocation of") {
        return End::Memory;
    }
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&output.status) {
        let over_time = rustix::process::Signal::XCPU.as_raw();
        return match signal == over_time {
            true => End::Time,
            false => End::Other(format!(
                "the compiler was ended by signal {signal}: {}",
                check::text(said.trim())
            )),
        };
    }
    let reason = said.trim().strip_prefix("error: ").unwrap_or(said.trim());
    End::Other(check::text(reason))
}

/// What the other process does: from a component to its code, within a limit of memory in bytes, and of time in
/// seconds of all its threads.
pub fn compile_within(memory_bytes: u64, seconds: u64, mut component: impl Read) -> Result<Vec<u8>, ComponentError> {
    limit(memory_bytes, seconds).map_err(|error| ComponentError::Engine(format!("limits cannot be set: {error}")))?;
    let mut bytes = Vec::new();
    component
        .read_to_end(&mut bytes)
        .map_err(|error| ComponentError::Engine(format!("the component cannot be read: {error}")))?;
    let compiled = engine::new()?.precompile_component(&bytes);
    compiled.map_err(|error| ComponentError::Uncompilable(check::text(&format!("{error:#}"))))
}

#[cfg(unix)]
fn limit(memory_bytes: u64, seconds: u64) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let most = |resource, most| {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        setrlimit(resource, limit)
    };
    // Limits written memory. Reserved memory does not count: each thread reserves much.
    most(Resource::Data, memory_bytes)?;
    most(Resource::Cpu, seconds)?;
    // No core dump of a process that was meant to die.
    most(Resource::Core, 0)?;
    // The parent may be killed meanwhile.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    Ok(())
}

#[cfg(not(unix))]
fn limit(_memory_bytes: u64, _seconds: u64) -> io::Result<()> {
    Ok(())
}
