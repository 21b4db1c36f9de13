//! What a guest can reach: a clock, random numbers and the log.

use std::time::SystemTime;

use host::classifier::{Access, inspect};
use host::message::{CONTENT_TYPE, Message};
use host::pipeline::Classify;

use crate::components::component;
use crate::{Puppet, config};

#[tokio::test]
async fn a_guest_sees_no_environment_and_no_arguments() {
    assert!(std::env::vars().next().is_some(), "the host has some");
    assert_eq!(Puppet::start().await.ask("environment").await, "[] []");
}

#[tokio::test]
async fn a_guest_has_no_files() {
    let puppet = Puppet::start().await;
    let written = std::env::temp_dir().join(format!("written-by-a-guest-{}", std::process::id()));
    for command in [
        "read-file:/etc/passwd".to_owned(),
        "read-file:Cargo.toml".to_owned(),
        "list-folder:/".to_owned(),
        "list-folder:.".to_owned(),
        format!("write-file:{}", written.display()),
    ] {
        let said = puppet.ask(&command).await;
        assert!(said.starts_with("refused: "), "{command}: {said}");
    }
    assert!(!written.exists());
}

#[tokio::test]
async fn a_guest_reads_nothing_of_the_host_s_input() {
    assert_eq!(Puppet::start().await.ask("read-input").await, "\"\"");
}

#[tokio::test]
async fn a_guest_knows_the_time() {
    let said: u64 = Puppet::start().await.ask("clock").await.parse().unwrap();
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!(now.abs_diff(said) < 60, "{said} is not {now}");
}

#[tokio::test]
async fn every_instance_gets_random_numbers_of_its_own() {
    let puppet = Puppet::start().await;
    let first = puppet.ask("random").await;
    puppet.fail("trap").await;
    assert_ne!(puppet.ask("random").await, first);
}

#[tokio::test]
async fn a_guest_learns_a_message_s_content_type_and_what_is_wanted_of_it() {
    let mut config = config(component("puppet"));
    let mut typed = Message::new("wishes");
    typed.set_header(CONTENT_TYPE, "image/png");

    let puppet = Puppet::start_with(config.clone()).await;
    assert_eq!(puppet.ask("wishes").await, "- - -");
    assert_eq!(puppet.0.classify(&typed).await.unwrap().payload, "image/png - -");

    config.accept = Some("application/json;top-k=3".to_owned());
    config.prepare = Some("scale=1".to_owned());
    let puppet = Puppet::start_with(config).await;
    assert_eq!(puppet.ask("wishes").await, "- application/json;top-k=3 scale=1");
    assert_eq!(
        puppet.0.classify(&typed).await.unwrap().payload,
        "image/png application/json;top-k=3 scale=1"
    );
}

#[tokio::test]
async fn an_inspection_lists_what_a_component_asks_for_and_offers() {
    let inspection = inspect(&config(component("puppet"))).await.unwrap();
    assert_eq!(inspection.size, component("puppet").metadata().unwrap().len() as usize);
    assert_eq!(inspection.digest.len(), 64);
    assert_eq!(inspection.description.expect("it runs").name, "puppet");
    assert_eq!(
        inspection.exports,
        ["messages", "model", "self-test", "tensors"].map(|name| format!("image-stream:classifier/{name}@0.2.0"))
    );
    assert_eq!(inspection.contract.as_deref(), Some("0.2.0"));
    assert!(!inspection.imports.is_empty());
    for import in &inspection.imports {
        let is_ours = import.name.starts_with("image-stream:classifier/types@");
        let access = if is_ours { Access::Types } else { Access::Linked };
        assert_eq!(import.access, access, "{import:?}");
    }
    let tools = inspection.tools.iter();
    assert!(
        tools.clone().any(|tool| tool.name == "wit-component"),
        "{:?}",
        inspection.tools
    );
}
