//! Whether the service knows the key.

use super::access::{Access, COMMANDS};

#[test]
fn the_right_key_sends_classifies_and_reads() {
    let Some(access) = Access::with_topics() else { return };
    access.goes_through(&[]);
    for subscription in ["input-stream-sub", "output-stream-sub"] {
        access.wait_for_acknowledgements(subscription, 1);
    }
    let topics = access.succeed(&["topics", "list"]);
    let last: Vec<_> = topics.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(
        last,
        ["output-stream", "none", "unknown", "unknown", "output-stream-sub"]
    );
}

#[test]
fn a_key_that_was_deleted_is_told_with_whose_it_is_and_how_to_make_another() {
    let Some(access) = Access::with_topics() else { return };
    let folder = tempfile::tempdir().unwrap();
    let another = access.server.service_account("my-project", folder.path()).unwrap();
    access.let_in(another.key, 0);
    for command in COMMANDS {
        let says = [access.email(), "may have been deleted", "service-accounts keys create"];
        access.refuse(3, command, &says);
    }
}

#[test]
fn a_clock_that_is_off_is_told_and_not_the_key_blamed() {
    let Some(access) = Access::with_topics() else { return };
    for (offset, way) in [(2 * 3600, "slow"), (-3600, "fast")] {
        let way = format!("the clock of this machine is {way} by");
        access.let_in(access.account.key.clone(), offset);
        for command in COMMANDS {
            access.refuse(3, command, &[access.email(), &way, "h"]);
        }
    }
}

#[test]
fn whoever_says_emulator_to_a_service_that_wants_credentials_is_told() {
    let Some(access) = Access::start() else { return };
    let address = access.server.address();
    let typed = [
        "topics",
        "list",
        "--broker",
        "pubsub",
        "--emulator",
        &address,
        "my-project",
    ];
    let says = [&address[..], "requires credentials", "--emulator", "--endpoint"];
    access.sandbox.refuse(3, &typed, &says);
}
