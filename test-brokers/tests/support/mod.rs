//! How the tests wait, and how they see that servers end with the process that started them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use test_brokers::DEADLINE;

/// Where the child below says what it has started.
const REPORT: &str = "TEST_BROKERS_REPORT";

pub fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} not within {DEADLINE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn is_alive(pid: i32) -> bool {
    rustix::process::test_kill_process(rustix::process::Pid::from_raw(pid).unwrap()).is_ok()
}

/// What the test `child` does, which is the program that [`kill_the_child`] kills, and not a test by itself.
pub fn child(start: impl FnOnce() -> (i32, PathBuf)) {
    let Some(report) = std::env::var_os(REPORT) else {
        return;
    };
    let (pid, folder) = start();
    let half = Path::new(&report).with_extension("half");
    fs::write(&half, format!("{pid}\n{}\n", folder.display())).unwrap();
    fs::rename(half, report).unwrap();
    std::thread::sleep(2 * DEADLINE);
}

/// Runs the test `child` of this program in another, kills that when it has started its server, and returns when neither
/// the server nor its folder is left.
pub fn kill_the_child() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child"])
        .env(REPORT, &report)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait("the child's server", || {
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none(), "the child ended: {ended:?}");
        report.exists()
    });
    let text = fs::read_to_string(&report).unwrap();
    let (pid, server) = text.trim_end().split_once('\n').unwrap();
    let pid = pid.parse().unwrap();
    assert!(is_alive(pid) && Path::new(server).is_dir());

    child.kill().unwrap();
    child.wait().unwrap();
    wait("the server's end", || !is_alive(pid));
    wait("the folder's end", || !Path::new(server).exists());
}
