//! Pub/Sub beyond the conformance suite: acknowledgements that fail or get lost, many keys, silence, stops.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::pubsub::{self, PubSub};
use crate::support::{Fixture, INPUT, OUTPUT, POLL, number, numbered, wait_for_lag, within};
use crate::waiting::wait_for;
use futures_util::FutureExt;
use host::broker::{Admin, BrokerError, Lane, Output, Route, SettleError, Sink};
use host::message::Message;
use test_brokers::{Fault, Published, SubscriptionOptions};

use crate::components::component;

impl PubSub {
    fn stats(&self) -> test_brokers::Stats {
        self.server.stats(self.project(), &format!("{INPUT}-sub")).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_that_fails_is_an_error_of_the_seam_and_its_message_is_not_answered_twice() {
    let Some(broker) = pubsub::exactly_once::fixture() else {
        return;
    };
    broker.create(1).await;
    broker.append(numbered(&["a"], 3)).await;
    let mut member = broker.join().await;
    let first = member.delivery().await;
    let failure = "PERMANENT_FAILURE_INVALID_ACK_ID";
    broker
        .server
        .fail_acks(broker.project(), &format!("{INPUT}-sub"), 1, failure)
        .unwrap();
    let failed = member.answer_durably(first).await;
    assert!(matches!(failed, Err(SettleError::Rewound(_))), "{failed:?}");
    // It is redelivered, and already has an answer.
    assert_eq!(member.answer_all(&broker).await, 2);
    let answers: Vec<_> = broker.answers().await.iter().map(number).collect();
    assert_eq!(answers, [0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_acknowledgement_is_lost_is_acknowledged_again_and_not_answered_twice() {
    let Some(broker) = pubsub::fixture() else { return };
    broker.create(1).await;
    broker.append(numbered(&["a"], 1)).await;
    let mut member = broker.join().await;
    let lost = Fault {
        method: "Acknowledge",
        code: "INTERNAL",
        count: 1,
        ..Fault::default()
    };
    broker.server.fail(&lost).unwrap();
    let delivery = member.delivery().await;
    member.answer_durably(delivery).await.unwrap();
    wait_for("the call that fails", || {
        broker.server.calls().unwrap().get("Acknowledge").map(drop)
    });
    assert_eq!(broker.stats().acked, 0);
    let ended = broker.server.expire_leases(broker.project(), &format!("{INPUT}-sub"));
    assert_eq!(ended.unwrap(), 1);
    member.answer_all(&broker).await;
    assert_eq!((broker.stats().acked, broker.answers().await.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_again_while_it_is_held_goes_on_under_its_new_lease() {
    for broker in [pubsub::fixture(), pubsub::exactly_once::fixture()] {
        let Some(broker) = broker else { return };
        broker.create(1).await;
        broker.append(numbered(&["a"], 3)).await;
        let mut member = broker.join().await;
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(member.delivery().await);
        }
        broker
            .server
            .expire_leases(broker.project(), &format!("{INPUT}-sub"))
            .unwrap();
        wait_for("another delivery of each", || {
            (broker.stats().redelivered == 3).then_some(())
        });
        // It comes behind the redelivered ones, which were not answered again.
        broker.append(numbered(&["a"], 4).split_off(3)).await;
        held.push(member.delivery().await);
        assert_eq!(
            held.iter().map(|held| number(&held.message)).collect::<Vec<_>>(),
            [0, 1, 2, 3]
        );
        for delivery in held {
            member.answer_durably(delivery).await.unwrap();
        }
        wait_for_lag(&broker, 0).await;
        assert_eq!(broker.answers().await.len(), 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_keys_than_a_publisher_is_to_see_are_published_in_order() {
    const KEYS: usize = 2500;
    let Some(broker) = pubsub::fixture() else { return };
    broker.create(1).await;
    let sink = broker.broker().await.sink(INPUT, INPUT, None).await.unwrap();
    let mut confirmations = Vec::new();
    for number in 0..3 * KEYS {
        let message = Message {
            key: Some((number % KEYS).to_string().into()),
            ..Message::new((number / KEYS).to_string())
        };
        let route = Route::Answers;
        confirmations.push(sink.enqueue(Output { route, message }, None).await.unwrap());
    }
    for confirmation in confirmations {
        confirmation.await.unwrap();
    }
    let published = broker.server.messages(broker.project(), INPUT).unwrap();
    assert_eq!(published.len(), 3 * KEYS);
    let mut next = vec![0u8; KEYS];
    for Published { data, ordering_key, .. } in published {
        let next = &mut next[ordering_key.parse::<usize>().unwrap()];
        assert_eq!(data, [b'0' + *next], "key {ordering_key}");
        *next += 1;
    }
}

/// Otherwise it would overtake the one that was refused, which is sent again.
#[tokio::test]
async fn what_waits_to_be_published_while_one_before_it_is_refused_is_held_back() {
    let Some(broker) = pubsub::fixture() else { return };
    broker.create(1).await;
    broker.server.forbid(broker.project(), INPUT, b"never").unwrap();
    let sink = broker.broker().await.sink(INPUT, INPUT, None).await.unwrap();
    let (one, other) = (Lane::new("one", 0), Lane::new("other", 1));
    let enqueue = |body: &'static str, lane| {
        let (route, message) = (Route::Answers, Message::new(body));
        sink.enqueue(Output { route, message }, Some(lane))
    };
    let first = enqueue("never", &one).await.unwrap();
    let second = enqueue("never", &other).await.unwrap();
    let is_held_back = |result| assert!(matches!(result, Err(BrokerError::HeldBack(_))), "{result:?}");
    is_held_back(first.await);
    // From now on each message is a batch of its own, once all of before have left.
    let mut behind = enqueue("behind", &other);
    assert!((&mut behind).now_or_never().is_none());
    is_held_back(second.await);
    is_held_back(behind.await.map(drop));
    assert!(broker.server.messages(broker.project(), INPUT).unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_on_which_nothing_comes_is_opened_anew() {
    let Some(mut broker) = pubsub::fixture() else { return };
    broker.config.silence = Duration::from_millis(300);
    broker.create(1).await;
    broker.server.mute(true).unwrap();
    let mut member = broker.join().await;
    broker.append(numbered(&["a"], 1)).await;
    wait_for("a third stream", || {
        let streams = broker.server.calls().unwrap().get("StreamingPull").copied();
        (streams >= Some(3)).then_some(())
    });
    broker.server.mute(false).unwrap();
    let delivery = member.delivery().await;
    member.answer_durably(delivery).await.unwrap();
    member.answer_all(&broker).await;
    assert_eq!(broker.stats().streams, 1, "streams that were given up are closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_made_has_a_subscription_so_that_nothing_is_published_in_vain() {
    let Some(broker) = pubsub::fixture() else { return };
    let sink = broker.broker().await.sink(OUTPUT, "letters", None).await.unwrap();
    for route in [Route::Answers, Route::DeadLetters] {
        let message = Message::new("early");
        sink.enqueue(Output { route, message }, None)
            .await
            .unwrap()
            .await
            .unwrap();
    }
    for subscription in [format!("{OUTPUT}-sub"), "letters-sub".to_owned()] {
        let stats = broker.server.stats(broker.project(), &subscription).unwrap();
        assert_eq!(stats.published, 1, "{subscription}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_nobody_reads_gets_its_subscription_and_one_that_somebody_reads_does_not() {
    let Some(broker) = pubsub::fixture() else { return };
    let (server, project) = (&broker.server, broker.project());
    server.create_topic(project, "unread").unwrap();
    server.create_topic(project, "read").unwrap();
    let plain = SubscriptionOptions::default();
    server.create_subscription(project, "somebody", "read", &plain).unwrap();
    for topic in ["unread", "read"] {
        let sink = broker.broker().await.sink(topic, topic, None).await.unwrap();
        let (route, message) = (Route::Answers, Message::new("early"));
        let output = Output { route, message };
        sink.enqueue(output, None).await.unwrap().await.unwrap();
    }
    assert_eq!(server.stats(project, "unread-sub").unwrap().published, 1);
    assert!(server.stats(project, "read-sub").is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_whose_subscription_outlived_another_of_its_name_is_refused() {
    let Some(broker) = pubsub::fixture() else { return };
    broker.create(1).await;
    broker.server.delete_topic(broker.project(), INPUT).unwrap();
    let refused = broker.broker().await.sink(INPUT, INPUT, None).await.unwrap_err();
    assert!(
        matches!(&refused, BrokerError::Configuration(said) if said.contains("was deleted")),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_on_its_way_when_a_reader_left_is_there_for_the_next_at_once() {
    let Some(broker) = pubsub::fixture() else { return };
    broker.create(1).await;
    let bare = |number: u32| Message::new(number.to_string());
    broker.append((0..60).map(bare).collect()).await;
    let mut first = broker.join().await;
    let delivery = first.delivery().await;
    first.answer_durably(delivery).await.unwrap();
    within("a member to close", first.source.close()).await.unwrap();
    let stats = broker.stats();
    assert_eq!((stats.outstanding, stats.acked), (0, 1), "{stats:?}");
    let mut second = broker.join().await;
    assert_eq!(second.answer_all(&broker).await, 59);
}

#[test]
fn a_soft_stop_acknowledges_what_is_finished_and_hands_back_the_rest_at_once() {
    let Some(broker) = pubsub::fixture() else { return };
    let (server, project) = (&broker.server, broker.project());
    for topic in ["input-stream", "output-stream"] {
        server.create_topic(project, topic).unwrap();
    }
    let subscription = "input-stream-sub";
    server
        .create_subscription(project, subscription, "input-stream", &SubscriptionOptions::default())
        .unwrap();
    let work = |number: u32| Published {
        data: b"sleep:50".to_vec(),
        attributes: [("number".to_owned(), number.to_string())].into(),
        ..Published::default()
    };
    server
        .publish(project, "input-stream", &(0..200).map(work).collect::<Vec<_>>())
        .unwrap();
    let mut host = Command::new(env!("CARGO_BIN_EXE_host"))
        .args(["run", "--broker", "pubsub", project, "--component"])
        .arg(component("puppet"))
        .env("PUBSUB_EMULATOR_HOST", server.address())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let answered = || server.messages_from(project, "output-stream", 0, false).unwrap().len() as u64;
    wait_for("some answers", || (answered() > 10).then_some(()));
    let pid = host.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-s", "TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(host.wait().unwrap().code(), Some(0));
    let stats = server.stats(project, subscription).unwrap();
    assert_eq!(stats.outstanding, 0, "{stats:?}");
    assert_eq!(stats.acked, answered(), "{stats:?}");
    assert_eq!((stats.redelivered, stats.late_acks), (0, 0), "{stats:?}");
    assert_eq!(stats.nacked, stats.delivered - stats.acked, "{stats:?}");
    assert!(stats.acked < 200 && stats.nacked > 0, "{stats:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_flaps_fills_no_more_memory_than_one_that_does_not() {
    const LIMIT: usize = 20;
    const FLAPS: u64 = 12;
    let Some(mut broker) = pubsub::fixture() else { return };
    broker.config.outstanding_messages = LIMIT;
    broker.create(1).await;
    broker
        .append((0..900).map(|number| Message::new(number.to_string())).collect())
        .await;
    let mut member = broker.join().await;
    let streams = || {
        broker
            .server
            .calls()
            .unwrap()
            .get("StreamingPull")
            .copied()
            .unwrap_or(0)
    };
    let (mut answered, mut delivered) = (0, 0);
    within("streams that are opened anew", async {
        for flap in 1..=FLAPS {
            while streams() < flap {
                // A client that holds too much opens no further stream until some of it is done.
                if let Some(delivery) = member.delivery_at_once() {
                    member.answer_durably(delivery).await.unwrap();
                    answered += 1;
                }
                tokio::time::sleep(POLL).await;
            }
            // Each brings all that one may.
            while broker.stats().delivered < delivered + LIMIT as u64 {
                tokio::time::sleep(POLL).await;
            }
            // Before, as the next stream may bring its messages before anybody looks.
            delivered = broker.stats().delivered;
            broker.server.close_streams("UNAVAILABLE").unwrap();
        }
    })
    .await;
    wait_for("all answers to be acknowledged", || {
        (broker.stats().acked >= answered).then_some(())
    });
    // What may be held, what came with the last of it in one response, and what the next stream brings.
    let outstanding = broker.stats().outstanding;
    assert!(
        outstanding <= 3 * LIMIT as u64,
        "{outstanding} after {answered} answers"
    );
    member.answer_all(&broker).await;
    assert!(broker.answers().await.len() >= 900);
}

/// A letter like one of `run`.
fn letter(code: &str, number: usize) -> Published {
    Published {
        data: format!("{number}").into(),
        attributes: [("error-code".to_owned(), code.to_owned())].into(),
        ..Published::default()
    }
}

#[test]
fn a_replay_of_one_code_finds_all_its_letters_behind_thousands_of_others() {
    let Some(broker) = pubsub::fixture() else { return };
    let (server, project) = (&broker.server, broker.project());
    for topic in ["input-stream", "input-stream.dlq"] {
        server.create_topic(project, topic).unwrap();
        let subscription = format!("{topic}-sub");
        let plain = SubscriptionOptions::default();
        server
            .create_subscription(project, &subscription, topic, &plain)
            .unwrap();
    }
    let others = (0..2000).map(|number| letter("bad-image", number));
    let wanted = (0..20).map(|number| letter("timeout", number));
    let letters: Vec<_> = others.chain(wanted).collect();
    server.publish(project, "input-stream.dlq", &letters).unwrap();
    let replayed = Command::new(env!("CARGO_BIN_EXE_host"))
        .args([
            "dead-letters",
            "replay",
            "--broker",
            "pubsub",
            project,
            "--code",
            "timeout",
            "--format",
            "json",
        ])
        .env("PUBSUB_EMULATOR_HOST", server.address())
        .output()
        .unwrap();
    assert!(replayed.status.success(), "{replayed:?}");
    let counts: serde_json::Value = serde_json::from_slice(&replayed.stdout).unwrap();
    assert_eq!(counts, serde_json::json!({"replayed": 20, "left_out": 2000}));
    assert_eq!(server.messages(project, "input-stream").unwrap().len(), 20);
    let stats = server.stats(project, "input-stream.dlq-sub").unwrap();
    assert_eq!((stats.acked, stats.outstanding), (20, 0), "{stats:?}");
}

#[test]
fn letters_that_were_looked_at_are_handed_back() {
    let Some(broker) = pubsub::fixture() else { return };
    let (server, project) = (&broker.server, broker.project());
    server.create_topic(project, "input-stream.dlq").unwrap();
    let plain = SubscriptionOptions::default();
    server
        .create_subscription(project, "input-stream.dlq-sub", "input-stream.dlq", &plain)
        .unwrap();
    let letters: Vec<_> = (0..12).map(|number| letter("bad-image", number)).collect();
    let ids = server.publish(project, "input-stream.dlq", &letters).unwrap();
    let look = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_host"))
            .arg("dead-letters")
            .args(arguments)
            .args(["--broker", "pubsub", "--format", "json"])
            .env("PUBSUB_EMULATOR_HOST", server.address())
            .env("GOOGLE_CLOUD_PROJECT", project)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    for _ in 0..2 {
        let list = look(&[]);
        assert_eq!(
            (&list["letters"], &list["codes"][0]["code"]),
            (&12.into(), &"bad-image".into())
        );
    }
    let shown = look(&["show", &ids[7]]);
    assert_eq!(shown["reason"]["code"], "bad-image");
    assert_eq!(shown["position"], format!("input-stream.dlq-sub/{}", ids[7]));
    let stats = server.stats(project, "input-stream.dlq-sub").unwrap();
    assert_eq!((stats.acked, stats.outstanding), (0, 0), "{stats:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_deleted_with_its_own_subscription_and_no_other() {
    let Some(broker) = pubsub::fixture() else { return };
    broker.create(1).await;
    let plain = SubscriptionOptions::default();
    broker
        .server
        .create_subscription(broker.project(), "audit", INPUT, &plain)
        .unwrap();
    let admin = broker.broker().await;
    assert_eq!(admin.delete(INPUT, false).await.unwrap(), [format!("{INPUT}-sub")]);
    let gone = admin.delete(INPUT, false).await;
    assert!(matches!(gone, Err(BrokerError::UnknownTopic { .. })), "{gone:?}");
    assert!(admin.list().await.unwrap().is_empty());
    // Its messages are still there for whoever reads it.
    broker.server.stats(broker.project(), "audit").unwrap();
    assert!(broker.server.stats(broker.project(), &format!("{INPUT}-sub")).is_err());
}
