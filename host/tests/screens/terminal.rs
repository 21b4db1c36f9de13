//! A terminal as a program sees it, by a pseudo-terminal, and as a person sees it, by an emulator.

use std::fs;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use test_brokers::DEADLINE;
use vt100::Parser;

use crate::components::component;
use crate::kept;

/// Columns and rows.
pub type Size = (u16, u16);

/// What a terminal has had since there are any, and what a window has on a desktop.
pub const SIZES: [Size; 2] = [(80, 24), (140, 40)];

/// An empty folder, and `host` on the `PATH`.
pub struct Desk {
    folder: TempDir,
}

impl Desk {
    pub fn new() -> Self {
        // Its compiling is said in the log, and takes as long as all the rest.
        static COMPILED: OnceLock<()> = OnceLock::new();
        let folder = tempfile::tempdir().unwrap();
        let desk = Self { folder };
        COMPILED.get_or_init(|| {
            let mut inspect = desk.environment(Command::new(env!("CARGO_BIN_EXE_host")));
            let inspect = inspect.arg("inspect").stdin(Stdio::null()).output().unwrap();
            assert!(inspect.status.success(), "{inspect:?}");
        });
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Copies a file of the checkout to the desk.
    pub fn lay(&self, file: &str) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
        fs::copy(&from, self.path(from.file_name().unwrap().to_str().unwrap())).unwrap();
    }

    /// Types a command into a terminal of its own. The command is words and spaces: they are not quoted.
    pub fn open(&self, size: Size, line: &str) -> Terminal {
        let (columns, rows) = size;
        let mut terminal = self.environment(Command::new("script"));
        // It has a shell run this in a pseudo-terminal, and writes what comes of it.
        let sized = format!("stty rows {rows} cols {columns}; exec {line}");
        if cfg!(target_os = "linux") {
            terminal.args(["--quiet", "--return", "--flush", "--command", &sized, "/dev/null"]);
        } else {
            terminal.args(["-q", "/dev/null", "/bin/sh", "-c", &sized]);
        }
        let mut child = terminal
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script, of util-linux or a BSD, starts");
        let (keyboard, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let size_of = |number: u16| NonZeroU16::new(number).unwrap();
        let mut parser = Parser::new(size_of(rows), size_of(columns), 0);
        parser.process(format!("$ {line}\r\n").as_bytes());
        let parser = Arc::new(Mutex::new(parser));
        let into = Arc::clone(&parser);
        // It ends when the program has.
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                into.lock().unwrap().process(&bytes[..count]);
            }
        });
        Terminal {
            size,
            child,
            keyboard,
            parser,
            reader: Some(reader),
        }
    }

    /// In the folder, with the program on the `PATH` and nothing else of the tests' own environment that could matter.
    fn environment(&self, mut command: Command) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_host"));
        let folders = [program.parent().unwrap(), Path::new("/usr/bin"), Path::new("/bin")];
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::join_paths(folders).unwrap())
            .env("SHELL", "/bin/sh")
            .env("TERM", "xterm-256color");
        let kept = ["HOME", "XDG_CACHE_HOME", "TMPDIR"];
        command.envs(kept.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        // It lies beside the program, unless cargo builds elsewhere.
        let component = component("classifier");
        if !program.with_file_name("../component/classifier.wasm").is_file() {
            command.env("HOST_COMPONENT", component);
        }
        command
    }
}

/// A terminal with one program in it, which is killed where a test forgets it.
pub struct Terminal {
    size: Size,
    child: Child,
    keyboard: ChildStdin,
    parser: Arc<Mutex<Parser>>,
    reader: Option<JoinHandle<()>>,
}

impl Terminal {
    /// The lines that stand there, without the spaces behind them and the empty lines at the end.
    pub fn screen(&self) -> String {
        let parser = self.parser.lock().unwrap();
        let rows = parser.screen().rows(0, self.size.0);
        let rows: Vec<_> = rows.map(|row| row.trim_end().to_owned()).collect();
        rows.join("\n").trim_end().to_owned()
    }

    /// Waits until a text stands there, in one line. The program may have ended meanwhile.
    pub fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |screen| screen.contains(text));
    }

    /// Waits until what stands there is as it should be; `what` is for whoever reads that it never was.
    pub fn wait_until(&mut self, what: &str, holds: impl Fn(&str) -> bool) {
        self.wait(what, |terminal| holds(&terminal.screen()).then_some(()));
    }

    /// Types, such as Ctrl-C: `\x03`.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Waits until the program has ended and all it wrote stands there. Its exit code.
    pub fn end(&mut self) -> Option<i32> {
        let status = self.wait("the program to end", |terminal| terminal.child.try_wait().unwrap());
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        status.code()
    }

    /// Holds what stands there against `NAME.COLUMNSxROWS.txt` of this folder: see [`kept`].
    pub fn assert_shows(&self, name: &str) {
        let (columns, rows) = self.size;
        kept::assert_kept(&format!("{name}.{columns}x{rows}.txt"), &self.screen());
    }

    fn wait<T>(&mut self, what: &str, mut ask: impl FnMut(&mut Self) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(answer) = ask(self) {
                return answer;
            }
            assert!(
                began.elapsed() < DEADLINE,
                "waited in vain for {what}:\n{}\n",
                self.screen()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Most have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
