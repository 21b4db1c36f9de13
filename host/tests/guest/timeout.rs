//! A call ends when its time is over, whatever the guest does. No other test uses up its time, so a busy machine
//! cannot turn an honest answer into a time-out.

use std::time::{Duration, Instant};

use host::classifier::ClassifierConfig;
use test_brokers::DEADLINE;

use crate::components::component;
use crate::{Puppet, config};

/// Long enough for an honest call on a busy machine.
const LIMIT: Duration = Duration::from_secs(3);

pub fn impatient() -> ClassifierConfig {
    let mut config = config(component("puppet"));
    config.limits.call_timeout = LIMIT;
    config
}

async fn ends_on_time(command: &str) {
    let puppet = Puppet::start_with(impatient()).await;
    let started = Instant::now();
    let cause = puppet.fail(command).await;
    let took = started.elapsed();
    assert_eq!(cause.code, "timeout", "{}", cause.detail);
    assert!(cause.detail.contains("3s"), "{}", cause.detail);
    // A guest out of reach would take for ever.
    assert!((LIMIT..DEADLINE).contains(&took), "{took:?}");
    assert_eq!(puppet.ask("count").await, "1");
}

#[tokio::test]
async fn a_guest_that_computes_for_ever_ends_on_time() {
    ends_on_time("loop").await;
}

#[tokio::test]
async fn a_guest_that_waits_in_a_clock_of_the_host_ends_on_time() {
    ends_on_time("sleep:3600000").await;
}

#[tokio::test]
async fn a_guest_may_wait_within_its_time() {
    let puppet = Puppet::start().await;
    assert_eq!(puppet.ask("sleep:20").await, "slept");
    assert_eq!(puppet.ask("count").await, "2");
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_ends_before_its_time() {
    let puppet = Puppet::start().await;
    let abandoned = tokio::time::timeout(Duration::from_millis(100), puppet.tell("loop"));
    assert!(abandoned.await.is_err());
    // There is one worker, and the time of a call is not over before this test fails.
    let next = tokio::time::timeout(DEADLINE / 2, puppet.ask("count"));
    assert_eq!(next.await.expect("the worker is free"), "1");
}

#[tokio::test]
async fn a_message_that_nobody_waits_for_any_more_does_not_disturb_the_next() {
    let puppet = Puppet::start().await;
    let hurried = tokio::time::timeout(Duration::from_millis(1), puppet.tell("sleep:2000"));
    assert!(hurried.await.is_err());
    assert_eq!(puppet.ask("echo:next").await, "next");
}
