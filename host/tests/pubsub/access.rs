//! A server that accepts a single key, and the options to reach it.

use test_brokers::{Credentials, Key, PubSub, PubSubOptions, PubSubProgram, ServiceAccount};

use super::components::component;
use super::sandbox::{Sandbox, line, wait_for};

pub const PROJECT: &str = "my-project";

/// The default topics of `host run`.
pub const TOPICS: [&str; 2] = ["input-stream", "output-stream"];

/// Commands that each need another right. `run` ends when it is refused.
pub const COMMANDS: [&[&str]; 4] = [
    &["topics", "list"],
    &["produce", "--limit", "1"],
    &["run"],
    &["consume", "--limit", "1"],
];

/// A server, its key, and a folder to run in.
pub struct Access {
    pub server: PubSub,
    pub account: ServiceAccount,
    pub sandbox: Sandbox,
}

impl Access {
    /// None: there is no server here, and this is not CI.
    pub fn start() -> Option<Self> {
        let program = PubSubProgram::for_tests().unwrap()?;
        let server = PubSub::start(&program, &PubSubOptions::default()).unwrap();
        let mut sandbox = Sandbox::new();
        // For `run`, which would look for it in its own folder.
        sandbox.set("HOST_COMPONENT", component("classifier").to_str().unwrap());
        let access = Self {
            account: server.service_account(PROJECT, &sandbox.path("")).unwrap(),
            server,
            sandbox,
        };
        access.let_in(access.account.key.clone(), 0);
        Some(access)
    }

    /// The same with the topics of `run`, and their subscriptions.
    pub fn with_topics() -> Option<Self> {
        let access = Self::start()?;
        for topic in TOPICS {
            access.succeed(&["topics", "create", topic]);
        }
        Some(access)
    }

    /// Accepts only this key, by a clock that is ahead by this much.
    pub fn let_in(&self, key: Key, clock_offset_s: i64) {
        let credentials = Credentials {
            keys: vec![key],
            clock_offset_s,
            ..Credentials::default()
        };
        self.server.require_credentials(&credentials).unwrap();
    }

    pub fn email(&self) -> &str {
        &self.account.key.email
    }

    /// With the key.
    pub fn access(&self) -> Vec<String> {
        self.access_by(self.account.file.to_str().unwrap())
    }

    /// With a credentials file.
    pub fn access_by(&self, file: &str) -> Vec<String> {
        let mut access = self.endpoint();
        access.extend([file.to_owned(), PROJECT.to_owned()]);
        access
    }

    /// Without credentials and project.
    pub fn endpoint(&self) -> Vec<String> {
        let endpoint = format!("http://{}", self.server.address());
        ["--broker", "pubsub", "--endpoint", &endpoint]
            .map(str::to_owned)
            .into()
    }

    pub fn succeed(&self, command: &[&str]) -> String {
        self.sandbox.succeed(&line(command, &self.access(), &[]))
    }

    pub fn refuse(&self, code: i32, command: &[&str], says: &[&str]) {
        self.sandbox.refuse(code, &line(command, &self.access(), &[]), says);
    }

    /// A message goes to `run`, and its answer to `consume`, with these options for each.
    pub fn goes_through(&self, reading: &[&str]) {
        self.succeed(&["produce", "--limit", "40", "--interval", "0"]);
        let others = Sandbox::new();
        let access = self.access();
        let running = self.sandbox.start(&line(&["run"], &access, reading));
        let answer = others.succeed(&line(&["consume", "--limit", "1"], &access, reading));
        running.signal("TERM");
        let ended = running.end();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let expected = String::from_utf8(super::sandbox::model_file("golden/answer-40.json")).unwrap();
        assert_eq!(answer.trim(), expected.trim());
    }

    /// Until a subscription has nothing more to deliver.
    pub fn wait_for_acknowledgements(&self, subscription: &str, messages: u64) {
        wait_for("acknowledgements", || {
            let stats = self.server.stats(PROJECT, subscription).unwrap();
            (stats.acked == messages && stats.outstanding == 0).then_some(())
        });
    }
}
