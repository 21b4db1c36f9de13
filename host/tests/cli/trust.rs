//! A component that has to show a digest or a signature runs with it, and without it nothing is done at all.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;
use host::message::Message;
use host::values::Digest;
use test_brokers::or_skip;

use super::components::component;
use super::sandbox::Sandbox;

/// A sandbox with a component of its own, `some.wasm`, and a folder of its own for compiled code.
fn sandbox() -> Sandbox {
    let mut sandbox = Sandbox::new();
    fs::copy(component("puppet"), sandbox.path("some.wasm")).unwrap();
    sandbox.write("shoe.png", b"no picture");
    let caches = sandbox.path("caches").to_str().unwrap().to_owned();
    sandbox.set("XDG_CACHE_HOME", &caches);
    sandbox
}

/// Every command that takes a component, so that it ends.
const COMMANDS: [&[&str]; 5] = [
    &["run", "--idle-timeout", "1s"],
    &["classify", "shoe.png"],
    &["evaluate"],
    &["demo"],
    &["bench"],
];

/// Each of them, and `inspect`, refuses `some.wasm` with this exit code and these words, before it is compiled.
fn refused_by_all(sandbox: &Sandbox, code: i32, options: &[&str], says: &[&str]) {
    for command in COMMANDS {
        let line = [command, &["--component", "some.wasm"], options].concat();
        sandbox.refuse(code, &line, says);
        assert!(
            !sandbox.path("caches").exists(),
            "{command:?} has looked for compiled code"
        );
    }
}

fn digest(path: &Path) -> String {
    Digest::of(&fs::read(path).unwrap()).to_string()
}

#[test]
fn a_component_with_another_digest_is_refused_by_every_command_before_anything_is_done_with_it() {
    let sandbox = sandbox();
    let (asked, is) = (Digest::of(b"another").to_string(), digest(&sandbox.path("some.wasm")));
    refused_by_all(
        &sandbox,
        5,
        &["--digest", &asked],
        &["'some.wasm'", &asked, &is, "host inspect"],
    );
    for wrong in ["sha256:12", "sha512:12", &asked[7..], ""] {
        let line = ["inspect", "some.wasm", "--digest", wrong];
        assert!(sandbox.fail(2, &line).contains("a "), "{wrong}");
    }
}

#[test]
fn nothing_is_consumed_by_a_run_whose_component_is_refused_and_all_by_the_next() {
    let sandbox = sandbox();
    sandbox.send("input-stream", vec![Message::new("echo:one"), Message::new("echo:two")]);
    let is = digest(&sandbox.path("some.wasm"));
    let run = |digest: &str| {
        let line = [
            "run",
            "--component",
            "some.wasm",
            "--idle-timeout",
            "1s",
            "--digest",
            digest,
        ];
        sandbox.host(&line)
    };
    assert_eq!(run(&Digest::of(b"another").to_string()).code, Some(5));
    let ended = run(&is);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(sandbox.succeed(&["consume", "--from", "earliest"]), "one\ntwo\n");
}

#[test]
fn a_file_without_its_digest_is_refused_though_its_code_is_kept_from_before() {
    let sandbox = sandbox();
    let first = digest(&sandbox.path("some.wasm"));
    let inspect = ["inspect", "some.wasm", "--digest", &first];
    sandbox.succeed(&inspect);
    // A component as good as the first, but not it.
    let mut bytes = fs::read(sandbox.path("some.wasm")).unwrap();
    bytes.extend([0, 2, 1, b'x']);
    sandbox.write("some.wasm", bytes);
    sandbox.succeed(&["inspect", "some.wasm"]);
    assert!(sandbox.fail(5, &inspect).contains(&first));
}

#[test]
fn a_signature_and_its_key_go_together_and_another_component_is_not_measured_beside_one() {
    let sandbox = sandbox();
    sandbox.write("sig", "AAAA");
    sandbox.fail(2, &["run", "--signature", "sig"]);
    sandbox.fail(2, &["run", "--key", "sig"]);
    let is = digest(&sandbox.path("some.wasm"));
    let bench = [
        "bench",
        "--component",
        "some.wasm",
        "--digest",
        &is,
        "--against",
        "some.wasm",
    ];
    sandbox.refuse(2, &bench, &["--against", "--digest"]);
    // A browser checks nothing.
    sandbox.fail(2, &["demo", "--browser", "--digest", &is]);
    refused_by_all(
        &sandbox,
        3,
        &["--signature", "sig", "--key", "missing"],
        &["'missing'", "PEM"],
    );
    refused_by_all(
        &sandbox,
        3,
        &["--signature", "sig", "--key", "sig"],
        &["'sig'", "PUBLIC KEY"],
    );
}

/// Runs openssl in the sandbox; what it prints.
fn openssl(sandbox: &Sandbox, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let mut command = Command::new("openssl");
    let command = command
        .args(arguments)
        .current_dir(sandbox.path(""))
        .stdin(Stdio::null());
    let output = command
        .output()
        .context("openssl, which makes keys and signatures, does not run")?;
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output.stdout)
}

/// A pair of keys, `NAME.pem` and `NAME.pub`.
fn make_keys(sandbox: &Sandbox, name: &str, kind: &[&str]) -> anyhow::Result<()> {
    let (private, public) = (format!("{name}.pem"), format!("{name}.pub"));
    openssl(sandbox, &[&["genpkey", "-out", &private], kind].concat())?;
    openssl(sandbox, &["pkey", "-in", &private, "-pubout", "-out", &public])?;
    Ok(())
}

const P256: [&str; 4] = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
const ED25519: [&str; 2] = ["-algorithm", "ED25519"];

#[test]
fn a_component_that_was_signed_runs_with_its_key_and_with_no_other() {
    let sandbox = sandbox();
    let Some(()) = or_skip(make_keys(&sandbox, "ours", &P256)).unwrap() else {
        return;
    };
    make_keys(&sandbox, "theirs", &P256).unwrap();
    make_keys(&sandbox, "edwards", &ED25519).unwrap();
    // As `cosign sign-blob --key` does.
    openssl(
        &sandbox,
        &["dgst", "-sha256", "-sign", "ours.pem", "-out", "raw", "some.wasm"],
    )
    .unwrap();
    sandbox.write("ours.sig", openssl(&sandbox, &["base64", "-in", "raw"]).unwrap());
    openssl(
        &sandbox,
        &[
            "pkeyutl",
            "-sign",
            "-rawin",
            "-inkey",
            "edwards.pem",
            "-in",
            "some.wasm",
            "-out",
            "raw",
        ],
    )
    .unwrap();
    sandbox.write("edwards.sig", openssl(&sandbox, &["base64", "-in", "raw"]).unwrap());
    let shown = sandbox.succeed(&["inspect", "some.wasm", "--signature", "ours.sig", "--key", "ours.pub"]);
    assert!(
        shown.contains("signed by the key 'ours.pub' (ECDSA P-256, sha256 "),
        "{shown}"
    );
    sandbox.succeed(&[
        "inspect",
        "some.wasm",
        "--signature",
        "edwards.sig",
        "--key",
        "edwards.pub",
    ]);
    fs::remove_dir_all(sandbox.path("caches")).unwrap();
    for (signature, key) in [
        ("ours.sig", "theirs.pub"),
        ("ours.sig", "edwards.pub"),
        ("edwards.sig", "ours.pub"),
    ] {
        let options = ["--signature", signature, "--key", key];
        refused_by_all(&sandbox, 5, &options, &["'some.wasm'", signature, key]);
    }
    // One byte more than was signed.
    let mut bytes = fs::read(sandbox.path("some.wasm")).unwrap();
    bytes.extend([0, 2, 1, b'x']);
    sandbox.write("some.wasm", bytes);
    refused_by_all(
        &sandbox,
        5,
        &["--signature", "ours.sig", "--key", "ours.pub"],
        &["is no signature of this file"],
    );
}
