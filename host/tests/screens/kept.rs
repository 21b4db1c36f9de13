//! Screens that are kept as text, and what of them may differ from one run to the next.
//!
//! Numbers that no two runs share stand in the files as `#` in place of each digit, so that a screen there is as wide as
//! it was. They are told by the words beside them: a time of day, a digest, what has a unit of time or of rate behind it
//! ([`UNITS`]), and what has one of [`NAMES`] before it. Two screens are the same where they are so but for the width of
//! such numbers, and of the spaces around them that make up for it.

use std::fs;
use std::path::Path;

/// What stands behind a number that varies.
const UNITS: [&str; 8] = ["ns", "µs", "ms", "s", "min", "images/s", "messages/s", "/s"];

/// What stands before a number that varies.
const NAMES: [&str; 4] = ["images/s", "p50", "p99", "process"];

/// The characters of a spinner, which turns.
const SPINNER: std::ops::RangeInclusive<char> = '\u{2801}'..='\u{28ff}';

/// From how many hex digits on a word is a digest.
const DIGEST: usize = 12;

/// Fails where a screen is not as the file of this folder has it; with `UPDATE_SCREENS=1` makes it so instead.
pub fn assert_kept(name: &str, screen: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screens").join(name);
    let seen = normalise(screen);
    if std::env::var_os("UPDATE_SCREENS").is_some_and(|set| set == "1") {
        // What is the same is left as it is: only the numbers' width would change.
        if fs::read_to_string(&path).is_ok_and(|kept| are_same(&kept, &seen)) {
            return;
        }
        return fs::write(&path, seen + "\n").unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        are_same(&kept, &seen),
        "the screen is not as host/tests/screens/{name} has it; where it is right, run these tests with UPDATE_SCREENS=1 and \
         look at the difference\n--- kept\n{kept}\n--- seen\n{seen}\n"
    );
}

/// The screen with `#` for each digit of a number that varies, and with spinners that stand still.
fn normalise(screen: &str) -> String {
    let still = |c: char| if SPINNER.contains(&c) { '⠿' } else { c };
    let screen: String = screen.chars().map(still).collect();
    let lines: Vec<_> = screen.lines().map(normalise_line).collect();
    lines.join("\n")
}

fn normalise_line(line: &str) -> String {
    let pieces: Vec<&str> = line.split_inclusive(' ').collect();
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut place: usize = 0;
    let mut normal = String::new();
    for piece in pieces {
        let Some(word) = piece.split_whitespace().next() else {
            normal += piece;
            continue;
        };
        // A name that has its number before it, as in `2,345 images/s`, is a unit.
        let is_named = place.checked_sub(1).is_some_and(|name| {
            let is_unit = name.checked_sub(1).is_some_and(|number| is_number(words[number]));
            NAMES.contains(&bare(words[name])) && !is_unit
        });
        let after = words.get(place + 1).map(|after| bare(after));
        let varies = is_time(word)
            || is_digest(word)
            || has_unit(word)
            || is_named
            || is_number(word) && after.is_some_and(|unit| UNITS.contains(&unit));
        if varies {
            let is_hidden = |c: char| c.is_ascii_digit() || is_digest(word) && c.is_ascii_hexdigit();
            normal.extend(piece.chars().map(|c| if is_hidden(c) { '#' } else { c }));
        } else {
            normal += piece;
        }
        place += 1;
    }
    normal
}

fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| ",;:()".contains(c))
}

/// `12`, `1,234`, `0.5`.
fn is_number(word: &str) -> bool {
    let word = bare(word);
    word.starts_with(|c: char| c.is_ascii_digit()) && word.chars().all(|c| c.is_ascii_digit() || ",.".contains(c))
}

/// `12s`, `0.5ms,`.
fn has_unit(word: &str) -> bool {
    let word = bare(word);
    let number = word.trim_end_matches(|c: char| c.is_alphabetic() || c == '/');
    is_number(number) && UNITS.contains(&&word[number.len()..])
}

/// `12:34:56`, with a date or without.
fn is_time(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    word.matches(':').count() >= 2 && digits >= 6 && word.chars().all(|c| c.is_ascii_digit() || ":.-+TZ".contains(c))
}

fn is_digest(word: &str) -> bool {
    let word = bare(word);
    word.len() >= DIGEST
        && word.chars().all(|c| c.is_ascii_hexdigit())
        && word.contains(|c: char| c.is_ascii_digit())
        && word.contains(|c: char| c.is_ascii_alphabetic())
}

fn are_same(kept: &str, seen: &str) -> bool {
    let squeezed = |screen: &str| screen.trim_end().lines().map(squeeze).collect::<Vec<_>>();
    squeezed(kept) == squeezed(seen)
}

/// A line with one `#` for a number that varies, and one space where there are several beside it.
fn squeeze(line: &str) -> String {
    let mut squeezed = String::new();
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '#' {
            squeezed.push(c);
            continue;
        }
        let padded = squeezed.len();
        squeezed.truncate(squeezed.trim_end_matches(' ').len());
        if squeezed.len() < padded {
            squeezed.push(' ');
        }
        squeezed.push('#');
        while rest.next_if(|c| "#,.".contains(*c)).is_some() {}
        if rest.peek() == Some(&' ') {
            squeezed.push(' ');
            while rest.next_if_eq(&' ').is_some() {}
        }
    }
    squeezed
}

#[test]
fn numbers_that_vary_are_hidden_and_all_others_stand() {
    let cases = [
        ("10,000 images in 12.3 s", "10,000 images in ##.# s"),
        ("p50 4 ms, p99 123 ms", "p50 # ms, p99 ### ms"),
        ("accuracy 94.04 %, took 1.5s", "accuracy 94.04 %, took #.#s"),
        ("12:00:01.123 INFO 5 messages", "##:##:##.### INFO 5 messages"),
        ("images/s      2,534", "images/s      #,###"),
        ("sha256 930e7d553366c968", "sha256 ################"),
        (
            "at 2,345 images/s (7 dead letters)",
            "at #,### images/s (7 dead letters)",
        ),
        ("  two  spaces  ", "  two  spaces  "),
    ];
    for (line, normal) in cases {
        assert_eq!(normalise_line(line), normal);
    }
}

#[test]
fn screens_are_the_same_but_for_the_width_of_what_varies() {
    assert!(are_same("rate    ### images/s\n", &normalise("rate  1,034 images/s")));
    assert!(are_same("in ## s  done", "in # s  done"));
    assert_eq!(normalise("⠙ waiting"), normalise("⠒ waiting"));
    assert!(!are_same("in # s  done", "in # s done"));
    assert!(!are_same("in # s", "in # s\nand more"));
    assert!(!are_same("# images/s", "# messages/s"));
    assert!(!are_same("9,404 right", "9,405 right"));
}
