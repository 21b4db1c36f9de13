//! The codes that the contract lists are those of the component's sources: its author reads the contract, and metrics and dead
//! letters keep the codes.

use std::collections::BTreeSet;

use super::sources::read;

/// Texts between `open` and `close`, on one line.
fn between<'a>(text: &'a str, open: &str, close: &str) -> BTreeSet<&'a str> {
    let parts = text.split(open).skip(1);
    parts.filter_map(|part| Some(part.split_once(close)?.0)).collect()
}

#[test]
fn the_contract_lists_every_code_of_the_component_and_no_other() {
    let contract = read("wit/classifier.wit");
    let list = contract.split("- of a message:").nth(1).unwrap();
    let (list, rest) = list.split_once("A component may have more.").unwrap();
    // Every second part is what stands between backticks.
    let listed: BTreeSet<_> = list.split('`').skip(1).step_by(2).collect();

    let rejects = read("classifier-wasm/codec/src/reject.rs");
    let warnings = read("classifier-wasm/codec/src/warning.rs");
    let rejects = between(&rejects, " => \"", "\",");
    let warnings = between(&warnings, " => \"", "\",");
    assert!(rejects.len() > 15 && warnings.len() > 3);
    assert_eq!(listed, &rejects | &warnings);

    let host = rest.split_once("code: string").unwrap().0;
    let ours = host.split('`').skip(1).step_by(2);
    let instance = read("host/src/classifier/instance.rs") + &read("host/src/classifier/check.rs");
    let missing: Vec<_> = ours.filter(|code| !instance.contains(&format!("\"{code}\""))).collect();
    assert!(missing.is_empty(), "the host has no code {missing:?}");
}
