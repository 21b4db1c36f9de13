//! `host topics`: create, list, describe, and forget groups.

use serde_json::{Value, json};

use super::sandbox::{Sandbox, wait_for};

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
fn looking_makes_no_file() {
    let sandbox = Sandbox::new();
    let ended = sandbox.host(&["topics", "list"]);
    assert_eq!((ended.code, ended.stdout.len()), (Some(0), 0));
    ended.assert_says("no topics yet in ./host.db");
    assert_eq!(sandbox.succeed(&["topics", "list", "--format", "json"]), "[]\n");
    for looking in [
        ["topics", "describe", "images"].as_slice(),
        &["topics", "forget-group", "images", "g"],
        &["topics", "delete", "images", "--yes"],
        &["consume", "--tail", "3"],
        &["consume", "--topic", "images", "--from", "earliest"],
        &["dead-letters", "--topic", "images"],
        &["dead-letters", "show", "0", "--topic", "images"],
        &["dead-letters", "replay", "--topic", "images"],
    ] {
        let said = sandbox.fail(4, looking);
        assert!(
            said.contains("./host.db, which does not exist yet"),
            "{looking:?}: {said}"
        );
    }
    assert!(!sandbox.path("host.db").exists());
    // Nor does it fill an empty one.
    sandbox.write("host.db", "");
    sandbox.fail(4, &["consume", "--tail", "3"]);
    assert_eq!(std::fs::read(sandbox.path("host.db")).unwrap(), b"");
}

#[test]
fn a_topic_is_deleted_with_its_messages_and_its_groups_places() {
    let sandbox = Sandbox::new();
    sandbox.succeed(&["produce", "--limit", "3", "--batch", "1", "--interval", "0"]);
    sandbox.succeed(&["consume", "--topic", "input-stream", "--limit", "3"]);
    sandbox.succeed(&["topics", "create", "other"]);
    let delete = ["topics", "delete", "input-stream", "--yes"];
    assert_eq!(sandbox.succeed(&delete), "deleted input-stream\n");
    let said = sandbox.fail(4, &delete);
    assert!(said.contains("'input-stream'"), "{said}");
    let list: Value = serde_json::from_str(&sandbox.succeed(&["topics", "list", "--format", "json"])).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    // Made anew it is another one: empty, and its group begins at its beginning.
    sandbox.succeed(&["produce", "--limit", "2", "--batch", "1", "--interval", "0"]);
    let again = sandbox.succeed(&["consume", "--topic", "input-stream", "--limit", "2", "--format", "json"]);
    assert!(
        again.lines().next().unwrap().contains("\"input-stream/0/0\""),
        "{again}"
    );
}

#[test]
fn a_topic_is_not_deleted_unasked_nor_with_what_a_group_has_yet_to_consume() {
    let sandbox = Sandbox::new();
    sandbox.succeed(&["produce", "--limit", "3", "--batch", "1", "--interval", "0"]);
    let said = sandbox.fail(2, &["topics", "delete", "input-stream"]);
    assert!(said.contains("--yes"), "{said}");
    let delete = ["topics", "delete", "input-stream", "--yes"];
    let said = sandbox.fail(4, &delete);
    assert!(
        said.contains("no group has ever read the 3 messages") && said.contains("--force"),
        "{said}"
    );
    sandbox.succeed(&["consume", "--topic", "input-stream", "--limit", "1"]);
    let said = sandbox.fail(4, &delete);
    assert!(said.contains("'my-group' has yet to consume 2 messages"), "{said}");
    let force = [&delete[..], &["--force", "--format", "json"]].concat();
    let printed = std::fs::File::create(sandbox.path("printed")).unwrap();
    let reader = sandbox.spawn(&["consume", "--topic", "input-stream"], printed.into());
    wait_for("the rest to be read", || {
        let printed = std::fs::read_to_string(sandbox.path("printed")).unwrap();
        (printed.lines().count() == 2).then_some(())
    });
    let said = sandbox.fail(4, &force);
    assert!(said.contains("is being read"), "{said}");
    reader.signal("INT");
    reader.end();
    let deleted = sandbox.succeed(&force);
    assert_eq!(
        deleted,
        "{\"deleted\":true,\"subscriptions\":[],\"topic\":\"input-stream\"}\n"
    );
}

#[test]
fn an_unknown_topic_is_named_with_the_remedy() {
    let sandbox = Sandbox::new();
    sandbox.succeed(&["topics", "create", "something"]);
    let said = sandbox.fail(4, &["topics", "describe", "nothing"]);
    assert!(
        said.contains("'nothing'") && said.contains("host topics create nothing"),
        "{said}"
    );
}
