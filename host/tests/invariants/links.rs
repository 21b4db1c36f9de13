//! Links of the documentation lead somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::sources::{files, root};

/// The targets of a page's links and pictures, outside of code blocks.
fn targets(markdown: &str) -> Vec<&str> {
    let lines = markdown.lines().filter(|line| !line.starts_with("    "));
    let ends = lines.flat_map(|line| line.split("](").skip(1));
    ends.filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
        .collect()
}

/// What GitHub calls the headings of a page in a link.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let headings = markdown.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).collect()
}

fn anchor(heading: &str) -> String {
    let kept = heading
        .trim()
        .chars()
        .filter(|sign| sign.is_alphanumeric() || " -_".contains(*sign));
    kept.map(|sign| if sign == ' ' { '-' } else { sign.to_ascii_lowercase() })
        .collect()
}

/// Without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = plain.pop(),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// What is wrong with a link from `page`.
fn mistake(page: &Path, target: &str) -> Option<String> {
    if target.starts_with("https://") {
        return None;
    }
    let (path, heading) = target.split_once('#').unwrap_or((target, ""));
    let file = match path {
        "" => page.to_owned(),
        path => plain(&page.parent().unwrap().join(path)),
    };
    if !file.starts_with(root()) || !file.exists() {
        return Some(format!("{}: there is no {target}", page.display()));
    }
    let is_there = heading.is_empty() || anchors(&fs::read_to_string(&file).unwrap()).contains(heading);
    (!is_there).then(|| format!("{}: {} has no heading #{heading}", page.display(), file.display()))
}

#[test]
fn every_link_in_the_documentation_leads_to_a_file_and_a_heading_that_exist() {
    let pages = files(&root(), ".md");
    let mut links = 0;
    let mut mistakes = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for target in targets(&text) {
            links += 1;
            mistakes.extend(mistake(&page, target));
        }
    }
    assert!(mistakes.is_empty(), "{mistakes:#?}");
    assert!(links > 20, "only {links} links were found");
}

#[test]
fn every_page_of_the_docs_is_linked_from_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let linked: BTreeSet<_> = targets(&readme).into_iter().collect();
    for page in files(&root().join("docs"), ".md") {
        let name = format!("docs/{}", page.file_name().unwrap().to_str().unwrap());
        assert!(linked.contains(name.as_str()), "README.md does not link {name}");
    }
}

mod checks {
    use super::*;

    #[test]
    fn a_link_to_a_file_or_a_heading_that_is_missing_is_a_mistake() {
        let readme = root().join("README.md");
        assert_eq!(mistake(&readme, "docs/kafka.md#what-is-promised"), None);
        assert_eq!(mistake(&readme, "docs/../ARCHITECTURE.md"), None);
        for wrong in ["docs/none.md", "docs/kafka.md#none", "#none", "../../etc/passwd"] {
            assert!(mistake(&readme, wrong).is_some(), "{wrong}");
        }
    }

    #[test]
    fn links_are_read_outside_of_code_and_headings_as_github_names_them() {
        let text = "a [b](c.md) ![d](e.png)\n    [f](g.md)\n## What `K` is: a/b\n";
        assert_eq!(targets(text), ["c.md", "e.png"]);
        assert_eq!(anchors(text), BTreeSet::from(["what-k-is-ab".to_owned()]));
    }
}
