//! What the roles allow: Publisher and Subscriber suffice if the topics exist, and a missing role is named.

use super::access::{Access, TOPICS};

/// What Google denies to an account with only the roles Publisher and Subscriber.
const ADMIN: [&str; 10] = [
    "CreateSubscription",
    "CreateTopic",
    "DeleteSubscription",
    "DeleteTopic",
    "GetSubscription",
    "GetTopic",
    "ListSubscriptions",
    "ListTopicSubscriptions",
    "ListTopics",
    "UpdateSubscription",
];

#[test]
fn publisher_and_subscriber_suffice_where_topics_and_subscriptions_are_there() {
    let Some(access) = Access::with_topics() else { return };
    access.server.deny(&ADMIN).unwrap();
    access.goes_through(&[]);
    for topic in TOPICS {
        access.wait_for_acknowledgements(&format!("{topic}-sub"), 1);
    }
}

#[test]
fn whoever_may_not_publish_is_told_the_role_that_is_missing() {
    let Some(access) = Access::with_topics() else { return };
    access.server.deny(&["Publish"]).unwrap();
    let publisher = [access.email(), "'my-project'", "the role roles/pubsub.publisher"];
    access.refuse(3, &["produce", "--limit", "1"], &publisher);

    access.server.deny(&[]).unwrap();
    access.succeed(&["produce", "--limit", "1"]);
    access.server.deny(&["Publish"]).unwrap();
    let said = access
        .sandbox
        .fail(3, &super::sandbox::line(&["run"], &access.access(), &[]));
    for words in publisher {
        assert!(said.contains(words), "{said}");
    }
    // A message that could not be answered is not consumed.
    assert_eq!(access.server.stats("my-project", "input-stream-sub").unwrap().acked, 0);
}

#[test]
fn whoever_may_not_read_is_told_the_role_that_is_missing() {
    let Some(access) = Access::with_topics() else { return };
    access.server.deny(&["StreamingPull"]).unwrap();
    let subscriber = [access.email(), "'my-project'", "the role roles/pubsub.subscriber"];
    access.refuse(3, &["consume", "--limit", "1"], &subscriber);
    let said = access
        .sandbox
        .fail(3, &super::sandbox::line(&["run"], &access.access(), &[]));
    for words in subscriber {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn whoever_may_not_look_or_make_is_told_the_role_that_is_missing() {
    let Some(access) = Access::with_topics() else { return };
    access.server.deny(&ADMIN).unwrap();
    let says = |role| [access.email(), "'my-project'", role];
    access.refuse(3, &["topics", "list"], &says("roles/pubsub.viewer"));
    access.refuse(3, &["topics", "describe", "input-stream"], &says("roles/pubsub.viewer"));
    for topic in ["input-stream", "another"] {
        access.refuse(3, &["topics", "create", topic], &says("roles/pubsub.editor"));
    }
}

#[test]
fn whoever_may_look_and_not_make_is_told_of_a_topic_that_is_there() {
    let Some(access) = Access::with_topics() else { return };
    access.server.deny(&["CreateTopic", "CreateSubscription"]).unwrap();
    let said = access.succeed(&["topics", "create", "input-stream"]);
    assert_eq!(said, "input-stream was there already\n");
    access.refuse(
        3,
        &["topics", "create", "another"],
        &["'another'", "roles/pubsub.editor"],
    );
}
