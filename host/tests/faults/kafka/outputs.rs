//! Outputs that a topic refuses, or would drop at once.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use test_brokers::Options;

use super::wire::{Kafka, alter, dropped, wait_for_retention};
use super::{BOTH, one, start};
use crate::stream::{Stream, UNKEYED};
use crate::{among_good_ones, turn};

#[test]
fn a_dead_letter_that_is_larger_than_its_topic_takes_is_cut_and_holds_up_nothing() {
    let Some(cluster) = one() else { return };
    let _turn = turn();
    for delivery in BOTH {
        let wire = Kafka::new(&cluster.bootstrap(), &cluster.bootstrap(), 1, delivery);
        alter(
            &cluster.bootstrap(),
            &wire.topic("in.dlq"),
            "max.message.bytes",
            "20000",
        );
        let large = format!("reject:poison:{}", "x".repeat(100_000));
        among_good_ones(
            "one dead letter in ten is over its topic's limit",
            &large,
            Stream::new(wire),
        );
    }
}

#[test]
fn an_answer_that_its_topic_never_takes_becomes_a_dead_letter() {
    let Some(cluster) = one() else { return };
    let _turn = turn();
    for delivery in BOTH {
        let wire = Kafka::new(&cluster.bootstrap(), &cluster.bootstrap(), 1, delivery);
        alter(&cluster.bootstrap(), &wire.topic("out"), "cleanup.policy", "compact");
        among_good_ones("one answer in ten is refused by its topic", UNKEYED, Stream::new(wire));
    }
}

#[test]
fn answers_to_old_messages_outlive_a_topic_s_retention() {
    let _turn = turn();
    let often = ["log.retention.check.interval.ms", "log.initial.task.delay.ms"];
    let options = Options {
        properties: often.map(|name| (name.to_owned(), "500".to_owned())).to_vec(),
        ..Options::default()
    };
    let Some(cluster) = start(options) else { return };
    let bootstrap = cluster.bootstrap();
    for delivery in BOTH {
        let mut wire = Kafka::new(&bootstrap, &bootstrap, 1, delivery);
        let old = SystemTime::now() - Duration::from_secs(8 * 24 * 3600);
        wire.sends_at = Some(i64::try_from(old.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap());
        alter(&bootstrap, &wire.topic("in"), "retention.ms", "-1");
        let outputs = [wire.topic("out"), wire.topic("in.dlq")];
        for topic in &outputs {
            alter(&bootstrap, topic, "retention.ms", "3600000");
        }
        among_good_ones(
            "messages are older than their answers' topic keeps",
            "reject:poison:old",
            Stream::new(wire),
        );
        // Once the second is dropped, everything since the first was checked.
        for number in 0..2 {
            wait_for_retention(&bootstrap, &format!("{}-canary-{number}", outputs[0]));
        }
        assert_eq!(
            outputs.each_ref().map(|topic| dropped(&bootstrap, topic)),
            [0, 0],
            "{delivery:?}"
        );
    }
}
