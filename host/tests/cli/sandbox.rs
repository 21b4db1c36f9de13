//! A folder to run the binary in, and the results.

#![allow(dead_code, reason = "every test program takes its own part of this")]

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use host::broker::{Output, Route, open_sink};
use host::config::{BrokerConfig, BrokerKind, LocalConfig};
use host::message::Message;
use host::values::Start;
use tempfile::TempDir;

/// Every command that cannot work ends within ten seconds; four times that, for a slow and busy machine.
pub const SOON: Duration = Duration::from_secs(40);

/// A folder that is removed afterwards; `./host.db` is created in it.
pub struct Sandbox {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
}

/// A run that has ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Ended {
    /// Fails if it said nothing with these words.
    pub fn assert_says(&self, words: &str) {
        assert!(self.stderr.contains(words), "'{words}' is not in '{}'", self.stderr);
    }
}

/// A run that may still go on; killed if a test forgets it.
pub struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Sandbox {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let variables = Vec::new();
        Self { folder, variables }
    }

    /// Sets a variable of the environment for what is run from now on.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.variables.push((name, value.to_owned()));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), bytes).unwrap();
    }

    /// Puts messages into a topic of `./host.db`, as another program would.
    pub fn send(&self, topic: &str, messages: Vec<Message>) {
        let config = BrokerConfig {
            kind: BrokerKind::Local(LocalConfig {
                file: self.path("host.db"),
                retention_bytes: 1 << 30,
                partitions: 1,
                lease: LocalConfig::LEASE,
                start: Start::Earliest,
            }),
            max_message_bytes: 1 << 20,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(async {
            let sink = open_sink(&config, topic).await.unwrap();
            for message in messages {
                let route = Route::Answers;
                let confirmed = sink.enqueue(Output { route, message }, None).await.unwrap();
                confirmed.await.unwrap();
            }
        });
    }

    /// Runs to the end.
    pub fn host(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).end()
    }

    /// Runs to a successful end, and returns what it printed.
    pub fn succeed(&self, arguments: &[&str]) -> String {
        let ended = self.host(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        String::from_utf8(ended.stdout).unwrap()
    }

    /// Runs to an end with the exit code, and returns what it said.
    pub fn fail(&self, code: i32, arguments: &[&str]) -> String {
        let ended = self.host(arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
        ended.stderr
    }

    /// Runs to an end with the exit code, which comes soon, prints nothing, and says one line that contains all of
    /// these. It may also warn of a secret in the clear, or log that a component is compiled, as the first start
    /// does.
    pub fn refuse(&self, code: i32, arguments: &[&str], says: &[&str]) {
        let began = Instant::now();
        let ended = self.host(arguments);
        assert!(began.elapsed() < SOON, "{arguments:?} took {:?}", began.elapsed());
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stdout.is_empty(), "{arguments:?}");
        let beside = ["in the clear", "compiling '"];
        let lines = ended.stderr.lines();
        let lines: Vec<_> = lines
            .filter(|line| !beside.iter().any(|words| line.contains(words)))
            .collect();
        let said = match &lines[..] {
            [line] => line.strip_prefix("error: "),
            _ => None,
        };
        let said = said.unwrap_or_else(|| panic!("{arguments:?} says more than one line: {}", ended.stderr));
        for words in says {
            assert!(said.contains(words), "'{words}' is not in '{said}'");
        }
    }

    /// Runs with a stdout that nobody reads any more.
    pub fn host_unheard(&self, arguments: &[&str]) -> Ended {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        self.spawn(arguments, writer.into()).end()
    }

    pub fn start(&self, arguments: &[&str]) -> Running {
        let stdout = File::create(self.path("stdout")).unwrap();
        self.spawn(arguments, stdout.into())
    }

    /// Starts through another program, which becomes this one.
    pub fn start_under(&self, program: &[&str], arguments: &[&str]) -> Running {
        let stdout = File::create(self.path("stdout")).unwrap();
        let stderr = File::create(self.path("stderr")).unwrap();
        let all = [program, &[env!("CARGO_BIN_EXE_host")], arguments].concat();
        self.run(&all, stdout.into(), stderr.into())
    }

    /// A copy of the program in a folder of its own, with nothing beside it.
    pub fn copy_of_the_program(&self, folder: &str) -> PathBuf {
        let copy = self.path(folder).join("host");
        fs::create_dir_all(self.path(folder)).unwrap();
        let program = env!("CARGO_BIN_EXE_host");
        // A link costs nothing, where both are on one disk.
        if fs::hard_link(program, &copy).is_err() {
            fs::copy(program, &copy).unwrap();
        }
        copy
    }

    /// Runs another program than the one that cargo built, to the end.
    pub fn run_program(&self, program: &Path, arguments: &[&str]) -> Ended {
        let stdout = File::create(self.path("stdout")).unwrap();
        let stderr = File::create(self.path("stderr")).unwrap();
        let all = [&[program.to_str().unwrap()], arguments].concat();
        self.run(&all, stdout.into(), stderr.into()).end()
    }

    /// Starts with a stdout of its own.
    pub fn spawn(&self, arguments: &[&str], stdout: Stdio) -> Running {
        // Files, not pipes, so that nobody needs to read them while the program runs.
        let stderr = File::create(self.path("stderr")).unwrap();
        self.spawn_with(arguments, stdout, stderr.into())
    }

    /// Starts with a stderr that nobody reads any more.
    pub fn start_unheeded(&self, arguments: &[&str]) -> Running {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let stdout = File::create(self.path("stdout")).unwrap();
        self.spawn_with(arguments, stdout.into(), writer.into())
    }

    fn spawn_with(&self, arguments: &[&str], stdout: Stdio, stderr: Stdio) -> Running {
        self.run(&[&[env!("CARGO_BIN_EXE_host")], arguments].concat(), stdout, stderr)
    }

    fn run(&self, line: &[&str], stdout: Stdio, stderr: Stdio) -> Running {
        let child = Command::new(line[0])
            .args(&line[1..])
            .current_dir(self.folder.path())
            .env_remove("HOST_COMPONENT")
            .env_remove("RUST_LOG")
            .env_remove("KAFKA_URI")
            .env_remove("KAFKA_USERNAME")
            .env_remove("KAFKA_PASSWORD")
            .env_remove("PUBSUB_EMULATOR_HOST")
            .env_remove("PUBSUB_PROJECT_ID")
            .env_remove("GOOGLE_CLOUD_PROJECT")
            .env_remove("GOOGLE_APPLICATION_CREDENTIALS")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .unwrap();
        let (stdout, stderr) = (self.path("stdout"), self.path("stderr"));
        RUNNING.with_borrow_mut(|running| running.push((child.id(), stderr.clone())));
        Running { child, stdout, stderr }
    }
}

impl Running {
    /// Sends a signal, such as `INT`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn end(mut self) -> Ended {
        self.may_end();
        let status = wait_for("the program to end", || self.child.try_wait().unwrap());
        Ended {
            code: status.code(),
            stdout: fs::read(&self.stdout).unwrap_or_default(),
            stderr: fs::read_to_string(&self.stderr).unwrap_or_default(),
        }
    }

    fn may_end(&self) {
        RUNNING.with_borrow_mut(|running| running.retain(|(id, _)| *id != self.id()));
    }
}

thread_local! {
    /// The programs of this test that are to run on, with their stderr.
    static RUNNING: RefCell<Vec<(u32, PathBuf)>> = const { RefCell::new(Vec::new()) };
}

/// Checks again and again until there is a value; fails at once if a program ends meanwhile that was to run on.
pub fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    crate::waiting::wait_for(what, || {
        // First, so that whatever it did before its end counts.
        let ended = RUNNING.with_borrow(|running| running.iter().find(|(id, _)| has_ended(*id)).cloned());
        let answer = ask();
        if let (None, Some((_, stderr))) = (&answer, ended) {
            let said = fs::read_to_string(stderr).unwrap_or_default();
            panic!("the program ended before {what}: {said}");
        }
        answer
    })
}

/// Whether a child has ended and nobody has asked how.
fn has_ended(id: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_some_and(|state| state.trim_start().starts_with('Z'))
}

impl Drop for Running {
    fn drop(&mut self) {
        self.may_end();
        // Most have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One command line: a command, how to reach a broker, and further arguments.
pub fn line<'a>(command: &[&'a str], access: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    let access = access.iter().map(String::as_str);
    let command = command.iter().copied().chain(access);
    command.chain(more.iter().copied()).collect()
}

/// A file of `models/`.
pub fn model_file(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The pixels of the first test images.
pub fn pixels(images: u64) -> Vec<u8> {
    host::images::test_images()
        .unwrap()
        .read(images)
        .unwrap()
        .unwrap()
        .pixels
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An IDX file of bytes.
pub fn idx(dimensions: &[u32], pixels: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, dimensions.len() as u8];
    file.extend(dimensions.iter().flat_map(|dimension| dimension.to_be_bytes()));
    file.extend(pixels);
    file
}

/// An npy file, version 1; `shape` as Python writes it.
pub fn npy(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(values);
    file
}
