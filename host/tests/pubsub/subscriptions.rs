//! Which subscription is read.

use test_brokers::SubscriptionOptions;

use super::access::{Access, PROJECT};
use super::sandbox::line;

impl Access {
    fn subscribe(&self, subscription: &str, topic: &str) {
        let options = SubscriptionOptions::default();
        let made = self.server.create_subscription(PROJECT, subscription, topic, &options);
        made.unwrap();
    }
}

#[test]
fn another_subscription_is_read_where_an_option_names_it() {
    let Some(access) = Access::with_topics() else { return };
    access.subscribe("mine", "output-stream");
    access.succeed(&["produce", "--topic", "output-stream", "--limit", "1"]);
    let read = access.succeed(&["consume", "--subscription", "mine", "--limit", "1"]);
    assert!(read.contains("array"), "{read}");
    access.wait_for_acknowledgements("mine", 1);
    assert_eq!(access.server.stats(PROJECT, "output-stream-sub").unwrap().acked, 0);
}

#[test]
fn other_subscriptions_are_read_and_made_where_a_file_names_them() {
    let Some(access) = Access::start() else { return };
    let names = r#"{"input-stream": "to-classify", "output-stream": "to-print"}"#;
    access.sandbox.write("names.json", names);
    let file = access.sandbox.path("names.json");
    let named = ["--subscriptions", file.to_str().unwrap()];
    for topic in ["input-stream", "output-stream"] {
        access.succeed(&[&["topics", "create", topic], &named[..]].concat());
    }
    access.goes_through(&named);
    for subscription in ["to-classify", "to-print"] {
        access.wait_for_acknowledgements(subscription, 1);
    }
}

#[test]
fn a_subscription_of_another_topic_is_refused_by_either_way_to_name_it() {
    let Some(access) = Access::with_topics() else { return };
    access.subscribe("other", "output-stream");
    access.sandbox.write("names.json", r#"{"input-stream": "other"}"#);
    for named in [["--subscription", "other"], ["--subscriptions", "names.json"]] {
        let says = ["'other'", "projects/my-project/topics/output-stream", "--subscription"];
        let consume = [&["consume", "--topic", "input-stream"], &named[..]].concat();
        access.refuse(3, &consume, &says);
        access.refuse(3, &[&["run"], &named[..]].concat(), &says);
    }
}

#[test]
fn a_subscription_that_is_missing_is_told_with_how_to_make_it() {
    let Some(access) = Access::with_topics() else { return };
    let make = "gcloud pubsub subscriptions create none --topic output-stream";
    access.refuse(3, &["consume", "--subscription", "none"], &["'none'", make]);
    let says = ["no topic 'other'", "host topics create other"];
    access.refuse(4, &["consume", "--topic", "other"], &says);

    access.server.create_topic(PROJECT, "bare").unwrap();
    let says = ["'bare-sub'", "is lost", "host topics create bare"];
    access.refuse(3, &["consume", "--topic", "bare"], &says);
    access.subscribe("mine", "bare");
    let says = ["'bare-sub'", "--subscription (mine)", "host topics create bare"];
    access.refuse(3, &["consume", "--topic", "bare"], &says);

    // Credentials that may not look up learn it when the service says so.
    access
        .server
        .deny(&["GetSubscription", "GetTopic", "ListTopics"])
        .unwrap();
    access.refuse(
        3,
        &["consume", "--topic", "bare"],
        &["'bare-sub'", "gcloud pubsub subscriptions"],
    );
}

#[test]
fn where_no_letter_has_ever_come_that_is_said_and_nothing_is_made() {
    let Some(access) = Access::with_topics() else { return };
    for command in [&["dead-letters"][..], &["dead-letters", "replay"]] {
        let said = access.succeed(&[command, &["--format", "json"]].concat());
        assert!(said.contains(":0"), "{said}");
        let says = ["no dead letters in other.dlq", "no topic 'other'"];
        access.refuse(4, &[command, &["--topic", "other"]].concat(), &says);
    }
    access.refuse(
        3,
        &["dead-letters", "show", "1"],
        &["no dead letters in input-stream.dlq"],
    );
    assert!(!access.succeed(&["topics", "list"]).contains("other"));

    // Its letters are lost, so there is nothing to make a subscription for.
    access.server.create_topic(PROJECT, "input-stream.dlq").unwrap();
    let says = ["'input-stream.dlq-sub'", "is lost"];
    access.refuse(3, &["dead-letters", "replay"], &says);
}

#[test]
fn a_name_that_can_be_none_and_a_file_that_cannot_be_used_are_told() {
    let Some(access) = Access::with_topics() else { return };
    let path = "projects/my-project/subscriptions/output-stream-sub";
    access.refuse(3, &["consume", "--subscription", path], &["no name", path]);
    access.sandbox.write("list.json", "[]");
    for file in ["list.json", "none.json"] {
        let consume = ["consume", "--subscriptions", file];
        let typed = line(&consume, &[], &["--broker", "pubsub", PROJECT]);
        access.sandbox.refuse(3, &typed, &["--subscriptions", file]);
    }
}
