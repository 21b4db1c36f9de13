//! Which file of a crate uses which other, as its `use` lines say.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{Source, without_tests};

/// Files that use each other in a circle, with what is between two circles. A module and those within it are one to this.
pub fn circles(sources: Vec<Source>) -> BTreeSet<String> {
    let files: BTreeMap<_, _> = without_tests(sources)
        .into_iter()
        .map(|source| (module(&source.path), source.text))
        .collect();
    let is_within = |one: &str, other: &str| one.starts_with(&format!("{other}/"));
    let uses: Vec<(&str, String)> = files
        .iter()
        .flat_map(|(from, text)| imports(text).map(|path| (from.as_str(), resolve(&files, from, &path))))
        .filter(|(from, to)| from != to && !is_within(from, to) && !is_within(to, from))
        .collect();
    let mut left: BTreeSet<_> = files.keys().cloned().collect();
    loop {
        let before = left.len();
        let within: Vec<_> = uses
            .iter()
            .filter(|(from, to)| left.contains(*from) && left.contains(to))
            .collect();
        let (users, used): (BTreeSet<_>, BTreeSet<_>) = within.into_iter().map(|(from, to)| (*from, to)).unzip();
        left.retain(|file| users.contains(file.as_str()) && used.contains(file));
        if left.len() == before {
            return left;
        }
    }
}

/// `broker/kafka` for `host/src/broker/kafka/mod.rs`; empty for the root of a crate.
fn module(path: &str) -> String {
    let path = path.split_once("src/").map_or(path, |(_, path)| path);
    let path = path.trim_end_matches(".rs");
    match path.strip_suffix("mod").unwrap_or(path).trim_end_matches('/') {
        "lib" | "main" => String::new(),
        path => path.to_owned(),
    }
}

/// The paths of all `use` lines.
fn imports(text: &str) -> impl Iterator<Item = String> {
    let statements = text.match_indices("use ").filter_map(|(at, _)| {
        let line = text[..at].rsplit('\n').next().unwrap_or_default();
        ["", "pub ", "pub(super) ", "pub(crate) "]
            .contains(&line)
            .then(|| text[at + 4..].split(';').next())?
    });
    statements.flat_map(|statement| expand(&statement.split_whitespace().collect::<String>()))
}

/// `a::b` and `a::c` of `a::{b,c}`.
fn expand(path: &str) -> Vec<String> {
    let Some((prefix, rest)) = path.split_once('{') else {
        return vec![path.to_owned()];
    };
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for character in rest.strip_suffix('}').unwrap_or(rest).chars() {
        depth += i32::from(character == '{') - i32::from(character == '}');
        match character {
            ',' if depth == 0 => parts.push(String::new()),
            character => parts.last_mut().unwrap().push(character),
        }
    }
    parts
        .iter()
        .flat_map(|part| expand(&format!("{prefix}{part}")))
        .collect()
}

/// The file that a path of another leads to; that other itself, where it leads out of the crate.
fn resolve(files: &BTreeMap<String, String>, from: &str, path: &str) -> String {
    let mut place: Vec<_> = from.split('/').filter(|part| !part.is_empty()).collect();
    for (index, part) in path.split("::").enumerate() {
        match part {
            "crate" => place.clear(),
            "super" => drop(place.pop()),
            "self" => {}
            _ if index == 0 => return from.to_owned(),
            part if files.contains_key(&[&place[..], &[part]].concat().join("/")) => place.push(part),
            _ => break,
        }
    }
    place.join("/")
}

#[test]
fn files_that_use_each_other_are_found_and_those_that_only_use_are_not() {
    let source = |path: &str, text: &str| Source {
        path: format!("host/src/{path}"),
        text: text.to_owned(),
    };
    let sources = vec![
        source("lib.rs", "pub mod cli;\nuse crate::cli::Cli;\n"),
        source("cli.rs", "use crate::config::{Size, kafka::{Start, property}};\n"),
        source("config/mod.rs", "mod kafka;\n//! use crate::cli;\n"),
        source(
            "config/kafka.rs",
            "use std::fmt;\nuse super::super::cli;\nuse super::Size;\n",
        ),
        source("config/ends.rs", "use super::kafka::Start;\n"),
        source("exit.rs", "mod tests {\n    use crate::config::ends;\n}\n"),
    ];
    assert_eq!(Vec::from_iter(circles(sources)), ["cli", "config/kafka"]);
}
