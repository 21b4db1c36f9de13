//! What every broker must do, however it works: the contract in `host::broker`, as properties. Each is written once
//! against the traits, and runs for every broker at the end of this file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "conformance/broken.rs"]
mod broken;
#[path = "conformance/limits.rs"]
mod limits;
#[path = "conformance/look.rs"]
mod look;
#[path = "conformance/members.rs"]
mod members;
#[path = "conformance/outputs.rs"]
mod outputs;
mod support;
#[path = "conformance/time_outs.rs"]
mod time_outs;

use std::collections::BTreeMap;

use broken::a_broken_classifier_ends_the_run_with_its_reason_and_everything_unanswered_is_left;
use futures_util::future::{join, join_all};
use host::broker::{Demand, Event, SettleError};
use limits::{
    a_dead_letter_that_does_not_fit_is_cut_and_says_so,
    an_output_as_large_as_its_topic_takes_is_taken_and_a_larger_one_is_refused,
    an_output_that_its_topic_never_takes_is_told_and_another_goes_in_its_place,
    what_a_pipeline_cannot_publish_is_a_dead_letter_and_holds_up_nothing,
};
use members::{
    a_member_is_told_where_its_group_stands_and_who_holds_what_it_waits_for, a_member_that_closes_is_replaced_at_once,
    a_member_that_crashed_is_replaced_after_its_lease, a_revoked_lane_waits_for_what_is_in_flight,
    a_second_member_takes_its_share_and_order_is_kept, claims_that_were_revoked_do_nothing,
    what_is_being_settled_in_a_revoked_lane_counts,
};
use outputs::{an_answer_to_an_old_message_is_not_old, what_is_absent_stays_absent_where_the_broker_has_that};
use support::{Fixture, POLL, assert_answered, key, number, numbered, wait_for_lag, within};
use time_outs::*;

const KEYS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

async fn deliveries_of_a_lane_come_in_order(broker: &dyn Fixture) {
    broker.create(3).await;
    broker.append(numbered(&KEYS, 20)).await;
    let mut member = broker.join().await;
    let mut next: BTreeMap<String, usize> = BTreeMap::new();
    let mut last = BTreeMap::new();
    for _ in 0..KEYS.len() * 20 {
        let delivery = member.delivery().await;
        let next = next.entry(key(&delivery.message)).or_default();
        assert_eq!(number(&delivery.message), *next, "{}", delivery.position);
        *next += 1;
        let claim = &delivery.claim;
        let last = last.insert(claim.lane.clone(), (claim.epoch, claim.seq));
        assert!(last < Some((claim.epoch, claim.seq)), "{claim:?} after {last:?}");
        member.answer_durably(delivery).await.unwrap();
    }
    assert_answered(broker, &KEYS, 20).await;
}

async fn one_busy_lane_among_many_is_answered_in_order_and_the_others_are_too(broker: &dyn Fixture) {
    const BUSY: usize = 100;
    let lanes = broker.many_lanes();
    broker.create(lanes).await;
    let others: Vec<String> = (0..lanes).map(|key| key.to_string()).collect();
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    // Most lanes are empty, and some have one message. Without partitions, a key without messages is not a lane.
    let others = match broker.has_partitions() {
        true => &others[..16],
        false => &others[..],
    };
    broker.append(numbered(others, 1)).await;
    broker.append(numbered(&["busy"], BUSY)).await;
    let mut member = broker.join().await;
    let mut left = others.len() + BUSY;
    while left > 0 {
        let mut durable = Vec::new();
        for _ in 0..left.min(64) {
            let delivery = member.delivery().await;
            durable.push(member.answer(delivery).await.unwrap());
        }
        left -= durable.len();
        for result in within("all to be durable", join_all(durable)).await {
            result.unwrap();
        }
    }
    let answers = broker.answers().await;
    let (busy, rest): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| key(answer) == "busy");
    let busy: Vec<_> = busy.into_iter().map(number).collect();
    assert_eq!(busy, Vec::from_iter(0..BUSY));
    let mut answered: Vec<_> = rest.into_iter().map(key).collect();
    let mut expected = others.to_vec();
    answered.sort();
    expected.sort_unstable();
    assert_eq!(answered, expected);
    wait_for_lag(broker, 0).await;
}

async fn several_claims_may_be_in_flight_and_are_settled_in_order(broker: &dyn Fixture) {
    broker.create(1).await;
    broker.append(numbered(&["a"], 10)).await;
    let mut member = broker.join().await;
    let mut deliveries = Vec::new();
    for _ in 0..10 {
        deliveries.push(member.delivery().await);
    }
    assert_eq!(broker.lag().await, 10, "a delivery alone consumes nothing");
    let mut durable = Vec::new();
    for delivery in deliveries {
        durable.push(member.answer(delivery).await.unwrap());
    }
    for result in within("all to be durable", join_all(durable)).await {
        result.unwrap();
    }
    assert_answered(broker, &["a"], 10).await;
}

async fn an_abandoned_claim_comes_again_and_none_is_skipped(broker: &dyn Fixture) {
    broker.create(1).await;
    broker.append(numbered(&["a"], 6)).await;
    let mut member = broker.join().await;
    let first = member.delivery().await;
    let second = member.delivery().await;
    let third = member.delivery().await;
    member.answer_durably(first).await.unwrap();
    let old_epoch = second.claim.epoch;
    drop(second.claim);
    let Err(SettleError::Rewound(lanes)) = member.answer_durably(third).await else {
        panic!("a claim after an abandoned one was settled");
    };
    assert_eq!(lanes.len(), 1);
    let again = member.delivery().await;
    assert_eq!(number(&again.message), 1);
    assert!(again.claim.epoch > old_epoch);
    member.answer_durably(again).await.unwrap();
    member.answer_all(broker).await;
    assert_answered(broker, &["a"], 6).await;
}

async fn what_was_accepted_before_an_abandoned_claim_is_kept(broker: &dyn Fixture) {
    broker.create(1).await;
    broker.append(numbered(&["a"], 8)).await;
    let mut member = broker.join().await;
    let mut place = 0;
    for _ in 0..2 {
        let first = member.delivery().await;
        let second = member.delivery().await;
        assert_eq!((number(&first.message), number(&second.message)), (place, place + 1));
        let durable = member.answer(first).await.unwrap();
        drop(second);
        // The broker may let it succeed or not, but it must say which: a message that counts as done is not
        // redelivered.
        match within("an accepted act to end", durable).await {
            Ok(()) => place += 1,
            Err(SettleError::Rewound(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    let next = member.delivery().await;
    assert_eq!(number(&next.message), place);
    member.answer_durably(next).await.unwrap();
    member.answer_all(broker).await;
    assert_answered(broker, &["a"], 8).await;
}

async fn nothing_is_consumed_before_its_output_is_confirmed(broker: &dyn Fixture) {
    broker.create(1).await;
    broker.append(numbered(&["a"], 5)).await;
    let mut member = broker.join().await;
    // One answer while all is well, so that the output topic exists.
    let first = member.delivery().await;
    member.answer_durably(first).await.unwrap();
    broker.refuse_outputs(true).await;
    let second = member.delivery().await;
    let third = member.delivery().await;
    let second = member.answer(second).await;
    let third = member.answer(third).await;
    for act in [second, third] {
        let result = match act {
            Ok(durable) => within("a refused act to end", durable).await,
            Err(error) => Err(error),
        };
        assert!(result.is_err(), "an output that was not confirmed was settled");
    }
    wait_for_lag(broker, 4).await;
    broker.refuse_outputs(false).await;
    member.answer_all(broker).await;
    assert_answered(broker, &["a"], 5).await;
}

async fn what_nobody_waited_for_is_answered_or_comes_again(broker: &dyn Fixture) {
    broker.create(2).await;
    broker.append(numbered(&KEYS, 4)).await;
    let mut member = broker.join().await;
    for _ in 0..9 {
        let delivery = member.delivery().await;
        // If dropping the future abandons the message, what follows in the lane is stale.
        if let Ok(durable) = member.answer(delivery).await {
            drop(durable);
        }
    }
    drop(member);
    broker.join().await.answer_all(broker).await;
    assert_answered(broker, &KEYS, 4).await;
}

async fn a_stale_claim_does_nothing(broker: &dyn Fixture) {
    broker.create(1).await;
    broker.append(numbered(&["a"], 3)).await;
    let mut member = broker.join().await;
    let stale = member.delivery().await;
    let abandoned = member.delivery().await;
    drop(abandoned);
    let again = member.delivery().await;
    assert_eq!(number(&again.message), 0);
    let result = member.answer_durably(stale).await;
    assert!(matches!(result, Err(SettleError::Rewound(_))), "{result:?}");
    assert_eq!(broker.lag().await, 3);
    member.answer_durably(again).await.unwrap();
    member.answer_all(broker).await;
    assert_answered(broker, &["a"], 3).await;
}

async fn without_a_demand_no_delivery_comes_and_none_is_lost(broker: &dyn Fixture) {
    broker.create(1).await;
    broker.append(numbered(&["a"], 12)).await;
    let mut member = broker.join().await;
    let mut was_waiting = 0;
    for expected in 0..12 {
        let delivery = within("a delivery", async {
            let mut is_first = true;
            loop {
                assert!(member.has_nothing_to_say(), "a delivery came without a demand");
                if let Some(delivery) = member.delivery_at_once() {
                    // It was there a moment before, too, when there was no demand.
                    was_waiting += usize::from(is_first);
                    break delivery;
                }
                is_first = false;
                tokio::time::sleep(POLL).await;
            }
        });
        let delivery = delivery.await;
        assert_eq!(number(&delivery.message), expected);
        member.answer_durably(delivery).await.unwrap();
    }
    assert!(was_waiting > 0, "nothing was there to be held back");
    assert_answered(broker, &["a"], 12).await;
}

async fn a_recv_that_is_cancelled_loses_nothing(broker: &dyn Fixture) {
    broker.create(1).await;
    broker.append(numbered(&["a"], 12)).await;
    let mut member = broker.join().await;
    for expected in 0..12 {
        let delivery = within("a delivery to an impatient caller", async {
            loop {
                match member.delivery_at_once() {
                    Some(delivery) => break delivery,
                    None => tokio::time::sleep(POLL).await,
                }
            }
        });
        let delivery = delivery.await;
        assert_eq!(number(&delivery.message), expected);
        member.answer_durably(delivery).await.unwrap();
    }
    assert_answered(broker, &["a"], 12).await;
}

async fn a_message_that_comes_later_is_delivered_without_being_asked_for_again(broker: &dyn Fixture) {
    broker.create(2).await;
    let mut member = broker.join().await;
    for round in 0..3 {
        // It is polled before anything is there, and not dropped until something is.
        let waiting = member.source.recv(Demand::Deliveries);
        let (event, ()) = within("what comes later", join(waiting, broker.append(numbered(&KEYS, 3)))).await;
        let Ok(Event::Delivery(delivery)) = event else {
            panic!("{event:?}");
        };
        member.answer_durably(delivery).await.unwrap();
        member.answer_all(broker).await;
        assert_eq!(broker.answers().await.len(), KEYS.len() * 3 * (round + 1));
    }
}

/// A pipeline over a broker that fails at random: nothing is lost or out of order.
#[tokio::test]
async fn what_a_forgetful_broker_loses_comes_again() {
    for seed in 0..40 {
        let broker = support::memory::forgetful(seed);
        broker.create(3).await;
        broker.append(numbered(&KEYS, 5)).await;
        let mut member = broker.join().await;
        let mut random = fastrand::Rng::with_seed(seed);
        let work = async {
            while broker.lag().await > 0 {
                if random.u32(0..10) == 0 {
                    broker.revoke_all();
                }
                let delivery = member.delivery().await;
                if random.u32(0..10) > 0 {
                    let _ = member.answer_durably(delivery).await;
                }
            }
        };
        within(&format!("seed {seed}"), work).await;
        assert_answered(&broker, &KEYS, 5).await;
    }
}

/// One module for each broker. Each property gets a broker of its own: a `patient` one if nothing may depend on the
/// end of a lease.
macro_rules! conformance {
    ($name:ident, $($broker:ident)::+, $there:expr) => {
        conformance!($name, $($broker)::+, $there, [
            a_second_member_takes_its_share_and_order_is_kept,
            a_revoked_lane_waits_for_what_is_in_flight,
            what_is_being_settled_in_a_revoked_lane_counts,
            a_member_that_gets_nothing_to_read_ends_by_its_time_out_too,
        ]);
    };
    ($name:ident, $($broker:ident)::+, $there:expr, [$($revoking:ident,)*]) => {
        mod $name {
            use crate::support::$($broker)::+ as broker;

            conformance!($there, fixture,
                an_output_that_its_topic_never_takes_is_told_and_another_goes_in_its_place,
                an_output_as_large_as_its_topic_takes_is_taken_and_a_larger_one_is_refused,
                what_a_pipeline_cannot_publish_is_a_dead_letter_and_holds_up_nothing,
                a_dead_letter_that_does_not_fit_is_cut_and_says_so,
                an_answer_to_an_old_message_is_not_old,
                what_is_absent_stays_absent_where_the_broker_has_that,
                what_nobody_waited_for_is_answered_or_comes_again,
                claims_that_were_revoked_do_nothing,
                a_member_that_crashed_is_replaced_after_its_lease,
            );
            conformance!($there, patient,
                $($revoking,)*
                deliveries_of_a_lane_come_in_order,
                one_busy_lane_among_many_is_answered_in_order_and_the_others_are_too,
                several_claims_may_be_in_flight_and_are_settled_in_order,
                an_abandoned_claim_comes_again_and_none_is_skipped,
                what_was_accepted_before_an_abandoned_claim_is_kept,
                nothing_is_consumed_before_its_output_is_confirmed,
                a_stale_claim_does_nothing,
                without_a_demand_no_delivery_comes_and_none_is_lost,
                a_recv_that_is_cancelled_loses_nothing,
                a_message_that_comes_later_is_delivered_without_being_asked_for_again,
                an_idle_time_out_ends_a_pipeline_once_everything_is_answered,
                a_time_out_counts_no_moment_in_which_nobody_could_have_said_anything,
                a_stop_that_takes_too_long_leaves_what_hangs_to_the_next_start,
                a_broken_classifier_ends_the_run_with_its_reason_and_everything_unanswered_is_left,
                a_member_that_closes_is_replaced_at_once,
                a_member_is_told_where_its_group_stands_and_who_holds_what_it_waits_for,
            );
        }
    };
    ($there:expr, $fixture:ident, $($property:ident,)*) => {
        $(
            #[tokio::test]
            async fn $property() {
                // None: the broker is not available, which was reported, and is a failure in CI.
                if let Some(broker) = $there(broker::$fixture()) {
                    super::$property(&broker).await;
                }
            }
        )*
    };
}

conformance!(local, local, Some);
conformance!(memory, memory, Some);
conformance!(kafka, kafka, std::convert::identity);
conformance!(kafka_exactly_once, kafka::exactly_once, std::convert::identity);
// Pub/Sub revokes nothing: a subscriber keeps what it holds until the lease ends.
conformance!(pubsub, pubsub, std::convert::identity, []);
conformance!(pubsub_exactly_once, pubsub::exactly_once, std::convert::identity, []);

/// The same for what is only looked at. A broker without a log has no last message, and nothing to follow.
macro_rules! looks {
    ($name:ident, $($broker:ident)::+, $there:expr) => {
        looks!($name, $($broker)::+, $there, [
            the_last_messages_are_those_that_a_whole_look_shows_last,
            the_last_messages_are_counted_without_the_marks_of_transactions,
            whoever_follows_sees_what_comes_later,
        ]);
    };
    ($name:ident, $($broker:ident)::+, $there:expr, [$($of_a_log:ident,)*]) => {
        mod $name {
            use crate::support::$($broker)::+ as broker;

            looks!($there,
                a_look_takes_nothing_from_anybody,
                one_message_is_found_by_the_position_that_a_look_gave_it,
                a_look_at_a_topic_that_is_not_there_says_so_and_makes_none,
                $($of_a_log,)*
            );
        }
    };
    ($there:expr, $($property:ident,)*) => {
        $(
            #[tokio::test]
            async fn $property() {
                if let Some(broker) = $there(broker::patient()) {
                    crate::look::$property(&broker).await;
                }
            }
        )*
    };
}

looks!(look_local, local, Some);
looks!(look_kafka, kafka, std::convert::identity);
looks!(look_kafka_exactly_once, kafka::exactly_once, std::convert::identity);
looks!(look_pubsub, pubsub, std::convert::identity, []);
