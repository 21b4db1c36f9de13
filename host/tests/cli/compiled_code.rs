//! Where a component is compiled, and where its code is kept.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::components::component;
use super::sandbox::{Sandbox, wait_for};

fn puppet() -> String {
    component("puppet").to_str().unwrap().to_owned()
}

/// A sandbox with a folder for caches of its own.
fn with_caches() -> Sandbox {
    let mut sandbox = Sandbox::new();
    let caches = sandbox.path("caches").to_str().unwrap().to_owned();
    sandbox.set("XDG_CACHE_HOME", &caches);
    sandbox
}

/// The files in a folder, with when each was written.
fn files(folder: &Path) -> Vec<(String, i64)> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let files = entries.map(|entry| {
        let entry = entry.unwrap();
        (
            entry.file_name().into_string().unwrap(),
            entry.metadata().unwrap().ino() as i64,
        )
    });
    files.collect()
}

#[test]
fn code_is_kept_in_a_folder_for_its_owner_alone_and_compiled_once() {
    let sandbox = with_caches();
    let inspect = ["inspect", &puppet()];
    let first = sandbox.host(&inspect);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert!(first.stderr.contains("compiling '"), "{}", first.stderr);
    let folder = sandbox.path("caches/image-stream");
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let kept = files(&folder);
    assert_eq!(kept.len(), 1, "{kept:?}");
    let file = folder.join(&kept[0].0);
    assert_eq!(
        file.metadata().unwrap().permissions().mode() & 0o077,
        0,
        "for its owner alone"
    );

    let second = sandbox.host(&inspect);
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    assert!(!second.stderr.contains("compiling"), "{}", second.stderr);
    assert_eq!(first.stdout, second.stdout);
    assert_eq!(files(&folder), kept);
}

#[test]
fn without_a_cache_nothing_is_kept_and_nothing_is_taken_from_it() {
    let sandbox = with_caches();
    let inspect = ["inspect", &puppet(), "--no-cache"];
    for _ in 0..2 {
        let ended = sandbox.host(&inspect);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.assert_says("compiling '");
    }
    assert!(!sandbox.path("caches").exists());
}

#[test]
fn a_folder_that_others_may_write_to_is_refused_with_the_remedy() {
    let sandbox = with_caches();
    let folder = sandbox.path("caches/image-stream");
    fs::create_dir_all(&folder).unwrap();
    let inspect = ["inspect", &puppet()];
    for mode in [0o777, 0o770, 0o702] {
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
        sandbox.refuse(
            3,
            &inspect,
            &[
                "caches/image-stream'",
                "other users may write to it",
                "XDG_CACHE_HOME",
                "--no-cache",
            ],
        );
        assert!(files(&folder).is_empty());
    }
    sandbox.succeed(&[&inspect[..], &["--no-cache"]].concat());
    // Others may read it: that is no danger.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    sandbox.succeed(&inspect);

    let elsewhere = with_caches();
    fs::create_dir_all(elsewhere.path("caches")).unwrap();
    std::os::unix::fs::symlink(&folder, elsewhere.path("caches/image-stream")).unwrap();
    elsewhere.refuse(3, &inspect, &["it is not a folder", "--no-cache"]);
}

#[test]
fn without_a_home_or_a_folder_that_can_be_made_it_goes_on_and_says_so() {
    let mut sandbox = Sandbox::new();
    sandbox.set("XDG_CACHE_HOME", "relative");
    sandbox.set("HOME", "");
    let said = sandbox.host(&["inspect", &puppet()]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(
        said.stderr.contains("neither XDG_CACHE_HOME nor HOME"),
        "{}",
        said.stderr
    );

    let mut sandbox = Sandbox::new();
    sandbox.write("file", "no folder");
    let file = sandbox.path("file").to_str().unwrap().to_owned();
    sandbox.set("XDG_CACHE_HOME", &file);
    let said = sandbox.host(&["inspect", &puppet()]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(
        said.stderr.contains("compiled code is not kept between runs"),
        "{}",
        said.stderr
    );
}

#[test]
fn code_that_others_may_write_to_or_that_is_a_link_is_not_used_and_replaced() {
    let sandbox = with_caches();
    let inspect = ["inspect", &puppet()];
    sandbox.succeed(&inspect);
    let folder = sandbox.path("caches/image-stream");
    let file = folder.join(&files(&folder)[0].0);
    let replaced = |words: &str| {
        let again = sandbox.host(&inspect);
        assert_eq!(again.code, Some(0), "{}", again.stderr);
        again.assert_says(words);
        again.assert_says("compiling '");
        let known = fs::symlink_metadata(&file).unwrap();
        assert!(known.is_file() && known.mode() & 0o022 == 0, "{known:?}");
    };
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    replaced("other users may write to it (mode 666)");
    let elsewhere = sandbox.path("elsewhere");
    fs::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    replaced("it is not a regular file");
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&file, Some(65_534), None).unwrap();
        replaced("it belongs to user 65534");
    }
}

#[test]
fn code_that_was_damaged_is_compiled_anew() {
    let sandbox = with_caches();
    let inspect = ["inspect", &puppet()];
    sandbox.succeed(&inspect);
    let folder = sandbox.path("caches/image-stream");
    let file = folder.join(&files(&folder)[0].0);
    // A file from before this program: the compiler of this program cannot have written it.
    fs::write(&file, "not code").unwrap();
    let again = sandbox.host(&inspect);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(again.stderr.contains("compiling '"), "{}", again.stderr);
    assert!(fs::metadata(&file).unwrap().len() > 1000);
}

/// It takes several seconds to compile, so there is time to stop it.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_ends_compiling_at_once_and_leaves_nothing_behind() {
    let sandbox = with_caches();
    let classifier = component("classifier");
    let commands = [
        (&["run"][..], "TERM", Some(0)),
        (&["classify", "a.png"], "INT", Some(130)),
        (&["inspect"], "INT", Some(130)),
    ];
    for (command, signal, code) in commands {
        let running = sandbox.start(&[command, &["--component", classifier.to_str().unwrap()]].concat());
        let children = format!("/proc/{0}/task/{0}/children", running.id());
        let compiler = wait_for("the compiler to start", || {
            let children = fs::read_to_string(&children).unwrap_or_default();
            children.split_whitespace().next().map(str::to_owned)
        });
        running.signal(signal);
        let ended = running.end();
        assert_eq!(ended.code, code, "{command:?}: {}", ended.stderr);
        wait_for("the compiler to be gone", || {
            let status = fs::read_to_string(format!("/proc/{compiler}/status")).unwrap_or_default();
            (status.is_empty() || status.contains("State:\tZ")).then_some(())
        });
        let left = files(&sandbox.path("caches/image-stream"));
        assert!(left.is_empty(), "{command:?}: {left:?}");
    }
}
