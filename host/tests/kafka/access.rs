//! The cluster of this test program, and the options to reach it.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use test_brokers::{Cluster, Distribution, Options, PASSWORD, USER};

pub use super::sandbox::line;

use super::sandbox::Sandbox;

/// It ends with the program. None: there is no Kafka here, and this is not CI.
pub fn cluster() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    // Requested by each test, so that each is counted as skipped.
    Distribution::for_tests().unwrap()?;
    CLUSTER.get_or_init(|| start(true)).as_ref()
}

/// A cluster for one test that damages it.
pub fn start(secure: bool) -> Option<Cluster> {
    let distribution = Distribution::for_tests().unwrap()?;
    let options = Options {
        secure,
        ..Options::default()
    };
    Some(Cluster::start(&distribution, &options).unwrap())
}

/// A folder with the secrets in files: `password`, and `wrong`; `token`, and `expired`.
pub fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("password", format!("{PASSWORD}\n"));
    sandbox.write("wrong", WRONG);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let hour = Duration::from_secs(3600);
    sandbox.write("token", token(now, now + hour));
    sandbox.write("expired", token(now - 2 * hour, now - hour));
    sandbox
}

/// Not the password, and nothing that could be part of a message by chance.
pub const WRONG: &str = "hunter2-is-wrong";

/// A JSON web token that nobody has signed. Its times have a part of a second, which is allowed.
fn token(issued: Duration, expires: Duration) -> String {
    let part = |claims: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
    let header = part(serde_json::json!({"alg": "none"}));
    let claims = part(serde_json::json!({"sub": USER, "iat": issued.as_secs_f64(), "exp": expires.as_secs_f64()}));
    format!("{header}.{claims}.")
}

/// The port with TLS and a login.
pub fn secure(cluster: &Cluster) -> Vec<String> {
    let ca = cluster.ca_pem().unwrap().display().to_string();
    let address = cluster.secure_bootstrap().unwrap();
    at(&address, &["--tls-ca", &ca])
}

/// An address, with further options.
pub fn at(address: &str, more: &[&str]) -> Vec<String> {
    let all = [&["--broker", "kafka", "--bootstrap-servers", address], more].concat();
    all.into_iter().map(str::to_owned).collect()
}

/// User and password by a mechanism, the password from a file.
pub fn login<'a>(mechanism: &'a str, password: &'a str) -> [&'a str; 6] {
    [
        "--sasl",
        mechanism,
        "--sasl-username",
        USER,
        "--sasl-password-file",
        password,
    ]
}

/// So many messages into `stream`, which is made for them.
pub fn produce(sandbox: &Sandbox, cluster: &Cluster, messages: &str) {
    let command = [
        "produce",
        "--topic",
        "stream",
        "--batch",
        "1",
        "--interval",
        "0",
        "--limit",
        messages,
    ];
    sandbox.succeed(&line(&command, &at(&cluster.bootstrap(), &[]), &[]));
}
