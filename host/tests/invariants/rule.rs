//! How a rule is checked, with samples that break rules and samples that only look like it.

use crate::sources::Source;

/// A pattern that may appear in few places.
pub struct Rule<'a> {
    /// Such as `tokio::spawn`; a `*` at the end stands for any end of the last word.
    pub patterns: &'a [&'a str],
    /// Files, or folders with `/` at the end, in which they may appear.
    pub allowed: &'a [&'a str],
    /// What to do instead.
    pub remedy: &'a str,
}

impl Rule<'_> {
    pub fn holds_in(&self, sources: &[Source]) {
        assert!(!sources.is_empty(), "no sources were found");
        let broken = self.violations(sources);
        assert!(broken.is_empty(), "{}\n{}", broken.join("\n"), self.remedy);
    }

    /// It matches in every file or folder in which it is allowed.
    pub fn is_met_in(&self, sources: &[Source]) {
        for allowed in self.allowed {
            let place = sources.iter().filter(|source| source.path.starts_with(allowed));
            let is_met = place.flat_map(|source| self.found(source)).next().is_some();
            assert!(is_met, "none of {:?} is in {allowed}: mend this rule", self.patterns);
        }
    }

    fn violations(&self, sources: &[Source]) -> Vec<String> {
        let elsewhere = sources
            .iter()
            .filter(|source| !self.allowed.iter().any(|allowed| source.path.starts_with(allowed)));
        elsewhere.flat_map(|source| self.found(source)).collect()
    }

    /// `path:line: pattern`, for each line that has one.
    fn found(&self, source: &Source) -> Vec<String> {
        let mut found = Vec::new();
        for (index, line) in source.text.lines().enumerate() {
            let words = words(code(line));
            for pattern in self.patterns {
                if stands_in(pattern, &words) {
                    found.push(format!("{}:{}: {pattern}", source.path, index + 1));
                }
            }
        }
        found
    }
}

/// A line without its comment. Text after `//` in a string is lost too, which no rule minds.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// Identifiers, and every other character but white space by itself.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end.max(first.len_utf8()));
        if !word.trim().is_empty() {
            words.push(word);
        }
        rest = after;
    }
    words
}

fn stands_in(pattern: &str, line: &[&str]) -> bool {
    let (pattern, is_prefix) = match pattern.strip_suffix('*') {
        Some(prefix) => (words(prefix), true),
        None => (words(pattern), false),
    };
    let (last, before) = pattern.split_last().unwrap();
    line.windows(pattern.len()).any(|window| {
        let (end, start) = window.split_last().unwrap();
        start == before && (end == last || is_prefix && end.starts_with(last))
    })
}

/// An attribute that lifts a lint, does not stand right under `#[cfg(test)]`, and is no exception of clippy.toml with its reason.
pub fn lifts_a_lint(text: &str) -> bool {
    let starts = ["#[allow(", "#![allow(", "#[expect(", "#![expect("];
    let lifting = |start| {
        text.match_indices(start).any(|(at, _)| {
            let (before, attribute) = text.split_at(at);
            let attribute = attribute.split(")]").next().unwrap();
            let is_of_a_test = before.trim_end().ends_with("#[cfg(test)]");
            let is_exception = attribute.contains("clippy::disallowed_") && attribute.contains("reason = ");
            !is_of_a_test && !is_exception
        })
    };
    starts.into_iter().any(lifting)
}

pub fn in_section(manifest: &str, section: &str, line: &str) -> bool {
    let lines = manifest.lines().skip_while(|line| *line != section).skip(1);
    lines
        .take_while(|line| !line.starts_with('['))
        .any(|found| found == line)
}

/// The members of a workspace, by their folders.
pub fn members(workspace: &str) -> Vec<&str> {
    let line = workspace.lines().find(|line| line.starts_with("members = ")).unwrap();
    let members: Vec<_> = line.split('"').skip(1).step_by(2).collect();
    assert!(!members.is_empty(), "no members in `{line}`");
    members
}

/// Names in backticks of five words or more.
pub fn test_names(markdown: &str) -> Vec<&str> {
    let is_name = |text: &&str| {
        let mut bytes = text.bytes();
        bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            && text.matches('_').count() >= 4
    };
    let quoted = markdown.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    quoted.filter(is_name).collect()
}

mod checks {
    use super::*;

    fn sample(path: &str, text: &str) -> Source {
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    fn found(patterns: &[&str], text: &str) -> Vec<String> {
        let rule = Rule {
            patterns,
            allowed: &["host/src/allowed/"],
            remedy: "",
        };
        rule.violations(&[
            sample("host/src/allowed/mod.rs", text),
            sample("host/src/other.rs", text),
        ])
    }

    #[test]
    fn a_name_is_found_in_code_with_its_line_and_only_where_it_is_not_allowed() {
        let text = "//! Why.\nuse rusqlite::Connection;\n";
        assert_eq!(found(&["rusqlite*"], text), ["host/src/other.rs:2: rusqlite*"]);
        assert_eq!(
            found(&["wasmtime*"], "let x = wasmtime_wasi::WasiCtx::builder();").len(),
            1
        );
        assert_eq!(found(&["tokio::spawn"], "    tokio::spawn(async move {").len(), 1);
        assert_eq!(found(&["println!"], "match x { _ => println!(\"{x}\") }").len(), 1);
        assert_eq!(
            found(&["mpsc::channel()"], "let (a, b) = std::sync::mpsc::channel();").len(),
            1
        );
    }

    #[test]
    fn comments_longer_names_and_other_calls_are_no_violations() {
        assert!(
            found(
                &["rusqlite*"],
                "// rusqlite would do\n/// Like rusqlite.\nlet x = 1; // rusqlite"
            )
            .is_empty()
        );
        assert!(found(&["print!"], "sprint!(x); print(x); println!(x)").is_empty());
        assert!(found(&["tokio::spawn"], "tokio::task::spawn_blocking(work)").is_empty());
        assert!(found(&["task::spawn"], "tokio::task::spawn_blocking(work)").is_empty());
        assert!(found(&["mpsc::channel()"], "mpsc::channel(2); oneshot::channel()").is_empty());
        assert!(found(&["local"], "localhost(locale)").is_empty());
    }

    #[test]
    #[should_panic(expected = "mend this rule")]
    fn a_rule_that_is_met_nowhere_is_told() {
        let rule = Rule {
            patterns: &["rusqlite"],
            allowed: &["host/src/broker/"],
            remedy: "",
        };
        rule.is_met_in(&[sample("host/src/broker/mod.rs", "use redb::Database;")]);
    }

    #[test]
    fn a_lint_may_be_lifted_under_cfg_test_or_with_a_reason_only() {
        assert!(!lifts_a_lint(
            "#[cfg(test)]\n#[allow(clippy::unwrap_used)]\nmod tests {}"
        ));
        assert!(lifts_a_lint("#[allow(clippy::unwrap_used)]\nfn f() {}"));
        assert!(lifts_a_lint("    #[expect(clippy::panic, reason = \"why not\")]"));
        assert!(lifts_a_lint("#[expect(clippy::disallowed_methods)]"));
        assert!(!lifts_a_lint(
            "#[expect(\n    clippy::disallowed_methods,\n    reason = \"it ends\"\n)]"
        ));
    }

    #[test]
    fn a_line_counts_in_its_own_section_only() {
        let manifest = "[package]\nname = \"x\"\n\n[lints]\nworkspace = true\n";
        assert!(in_section(manifest, "[lints]", "workspace = true"));
        assert!(!in_section(manifest, "[package]", "workspace = true"));
        assert!(!in_section(manifest, "[lints.rust]", "workspace = true"));
    }

    #[test]
    fn the_names_of_tests_are_told_from_other_words_in_backticks() {
        let text = "Held by `a_stale_claim_does_nothing`, not `host run`, `next_offset` or `broker/mod.rs`.";
        assert_eq!(test_names(text), ["a_stale_claim_does_nothing"]);
    }
}
