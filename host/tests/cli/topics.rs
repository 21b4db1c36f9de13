//! `host topics`: create, list, describe, and forget groups.

use serde_json::{Value, json};

use super::sandbox::Sandbox;

#[test]
fn a_topic_is_created_once_and_keeps_its_partitions() {
    let sandbox = Sandbox::new();
    let create = ["topics", "create", "images", "--partitions", "3"];
    assert_eq!(sandbox.succeed(&create), "created images\n");
    assert_eq!(sandbox.succeed(&create), "images was there already\n");
    let said = sandbox.fail(4, &["topics", "create", "images", "--partitions", "4"]);
    assert!(said.contains("images") && said.contains('3'), "{said}");
    let created = sandbox.succeed(&["topics", "create", "more", "--format", "json"]);
    assert_eq!(created, "{\"created\":true,\"topic\":\"more\"}\n");
}

#[test]
fn topics_are_listed_with_what_they_hold() {
    let sandbox = Sandbox::new();
    sandbox.succeed(&["topics", "create", "images"]);
    sandbox.succeed(&["produce", "--limit", "80", "--interval", "0"]);
    let list = sandbox.succeed(&["topics", "list"]);
    let rows: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["TOPIC", "PARTITIONS", "MESSAGES", "SIZE", "GROUPS"]);
    assert_eq!(rows[1][..3], ["images", "1", "0"]);
    assert_eq!(rows[2][..3], ["input-stream", "1", "2"]);
    let list: Value = serde_json::from_str(&sandbox.succeed(&["topics", "list", "--format", "json"])).unwrap();
    assert_eq!(list[1]["partitions"][0]["end"], 2);
}

#[test]
fn a_group_shows_its_lag_until_it_is_forgotten() {
    let sandbox = Sandbox::new();
    sandbox.succeed(&["produce", "--limit", "3", "--batch", "1", "--interval", "0"]);
    sandbox.succeed(&["consume", "--topic", "input-stream", "--limit", "1", "--group", "g"]);
    let describe = ["topics", "describe", "input-stream", "--format", "json"];
    let topic: Value = serde_json::from_str(&sandbox.succeed(&describe)).unwrap();
    assert_eq!(topic["groups"], json!([{"group": "g", "lag": 2, "members": 0}]));
    let text = sandbox.succeed(&["topics", "describe", "input-stream"]);
    assert!(text.contains("GROUP  LAG  MEMBERS\ng        2        0\n"), "{text}");

    let forget = ["topics", "forget-group", "input-stream", "g"];
    assert_eq!(sandbox.succeed(&forget), "forgot g in input-stream\n");
    assert_eq!(sandbox.succeed(&forget), "g had consumed nothing of input-stream\n");
    let topic: Value = serde_json::from_str(&sandbox.succeed(&describe)).unwrap();
    assert_eq!(topic["groups"], json!([]));
}

#[test]
fn an_unknown_topic_is_named_with_the_remedy() {
    let sandbox = Sandbox::new();
    let said = sandbox.fail(4, &["topics", "describe", "nothing"]);
    assert!(
        said.contains("'nothing'") && said.contains("host topics create nothing"),
        "{said}"
    );
}
