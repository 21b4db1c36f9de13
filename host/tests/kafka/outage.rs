//! A broker that goes away and comes back.

use std::fs;
use std::time::Instant;

use test_brokers::Cluster;

use super::access::{at, line, produce, sandbox, start};
use super::sandbox::{Running, SOON, Sandbox, wait_for};

/// A cluster of its own, and a `consume` that has read two messages from it. Output and log are in the folder of each
/// program.
struct Consuming {
    cluster: Cluster,
    others: Sandbox,
    consumer: Sandbox,
    running: Running,
}

impl Consuming {
    fn new() -> Option<Self> {
        let cluster = start(false)?;
        let (others, consumer) = (sandbox(), sandbox());
        produce(&others, &cluster, "2");
        let command = ["consume", "--topic", "stream", "--group", "readers"];
        let running = consumer.start(&line(&command, &at(&cluster.bootstrap(), &[]), &[]));
        let consuming = Self {
            cluster,
            others,
            consumer,
            running,
        };
        consuming.has_printed(2);
        Some(consuming)
    }

    fn has_printed(&self, messages: usize) {
        wait_for("messages to be printed", || {
            let printed = fs::read_to_string(self.consumer.path("stdout")).unwrap();
            (printed.lines().count() >= messages).then_some(())
        });
    }

    /// During a commit, a broker that goes away is not noticed.
    fn has_committed(&self) {
        let describe = ["topics", "describe", "stream", "--format", "json"];
        wait_for("what was printed to be consumed", || {
            let described = self
                .others
                .succeed(&line(&describe, &at(&self.cluster.bootstrap(), &[]), &[]));
            let described: serde_json::Value = serde_json::from_str(&described).unwrap();
            (described["groups"][0]["lag"] == 0).then_some(())
        });
    }

    fn has_said(&self, words: &str) {
        wait_for(words, || {
            let said = fs::read_to_string(self.consumer.path("stderr")).unwrap();
            said.contains(words).then_some(())
        });
    }
}

#[test]
fn consume_goes_on_by_itself_and_says_once_that_the_connection_was_lost() {
    let Some(consuming) = Consuming::new() else { return };
    consuming.has_committed();
    consuming.cluster.kill(1).unwrap();
    consuming.has_said("trying again");
    consuming.cluster.restart(1).unwrap();
    produce(&consuming.others, &consuming.cluster, "3");
    consuming.has_printed(5);
    consuming.running.signal("TERM");
    let address = consuming.cluster.bootstrap();
    let ended = consuming.running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stderr.contains(&format!("kafka at {address}: ")),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("connection"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("TLS"), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("trying again").count(), 1, "{}", ended.stderr);
}

#[test]
fn consume_goes_on_by_itself_though_a_commit_may_have_been_under_way() {
    let Some(consuming) = Consuming::new() else { return };
    consuming.cluster.kill(1).unwrap();
    consuming.cluster.restart(1).unwrap();
    produce(&consuming.others, &consuming.cluster, "3");
    consuming.has_printed(5);
    consuming.has_committed();
    consuming.running.signal("TERM");
    assert_eq!(consuming.running.end().code, Some(0));
}

#[test]
fn a_stop_while_the_broker_is_away_ends_within_the_deadline() {
    let Some(consuming) = Consuming::new() else { return };
    // At once, so that a commit may be under way.
    consuming.cluster.kill(1).unwrap();
    let began = Instant::now();
    consuming.running.signal("TERM");
    let ended = consuming.running.end();
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}
