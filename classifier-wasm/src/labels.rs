//! The names of a model's classes: from the caller, else from its metadata, else their numbers.
//!
//! Exporters have no common way to store labels. Accepted are one label a line, and a list or dictionary by class
//! number in JSON or Python syntax: `{0: 'cat', 1: 'dog'}`.

use std::collections::HashMap;

use classifier_codec::reject::{Code, Reject, quote};

/// The most labels of a model: they are passed to the host one by one.
pub const MAX_LABELS: usize = 65_536;

/// Longest name, version or label, in bytes.
pub const MAX_NAME: usize = 256;

/// The metadata keys of labels; the first that exists counts.
const KEYS: [&str; 2] = ["labels", "names"];

/// One label for each of this many classes: `given`, or if that is empty, the model's `metadata`.
pub fn of<'a>(
    metadata: impl Fn(&str) -> Option<&'a str>,
    given: Vec<String>,
    classes: usize,
) -> Result<Vec<String>, Reject> {
    let said = || KEYS.iter().find_map(|key| Some((*key, metadata(key)?)));
    let (labels, place) = match said() {
        _ if !given.is_empty() => (given, "the labels given".to_owned()),
        Some((key, text)) => (read(text), format!("the labels in metadata `{key}`")),
        None => return Ok((0..classes).map(|class| class.to_string()).collect()),
    };
    check(&labels, classes).map_err(|problem| {
        Reject::new(
            Code::UnsupportedModel,
            format!("{place} {problem}; change them there, or give others with the model (--labels FILE, one a line)"),
        )
    })?;
    Ok(labels)
}

/// Whether a host will show it.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_NAME && !text.chars().any(char::is_control)
}

/// What is wrong with `labels`, if anything.
fn check(labels: &[String], classes: usize) -> Result<(), String> {
    if labels.len() != classes {
        return Err(format!(
            "are {}, from {} on, and the model has {classes} classes",
            labels.len(),
            quote(labels.first().map_or("", String::as_str))
        ));
    }
    let mut places = HashMap::new();
    for (class, label) in labels.iter().enumerate() {
        if !is_name(label) {
            return Err(format!(
                "have {} for class {class}, which is empty, longer than {MAX_NAME} bytes, or has control characters",
                quote(label)
            ));
        }
        if let Some(other) = places.insert(label.as_str(), class) {
            return Err(format!(
                "have {} for both class {other} and class {class}",
                quote(label)
            ));
        }
    }
    Ok(())
}

/// The labels of a text: a list or a dictionary, otherwise one label a line.
fn read(text: &str) -> Vec<String> {
    let literal = Literal { rest: text.trim() }.labels();
    literal.unwrap_or_else(|| text.lines().map(str::to_owned).collect())
}

/// A list or dictionary in JSON or Python syntax, read from its start.
struct Literal<'a> {
    rest: &'a str,
}

impl Literal<'_> {
    /// All of it. None: it is something else.
    fn labels(mut self) -> Option<Vec<String>> {
        let is_list = self.takes('[');
        if !is_list && !self.takes('{') {
            return None;
        }
        let end = if is_list { ']' } else { '}' };
        let mut labels = Vec::new();
        while !self.takes(end) {
            let class = if is_list { labels.len() } else { self.class()? };
            labels.push((class, self.string()?));
            if !self.takes(',') && !self.rest.starts_with(end) {
                return None;
            }
        }
        labels.sort_by_key(|(class, _)| *class);
        let is_whole =
            self.rest.is_empty() && !labels.is_empty() && labels.iter().map(|(class, _)| *class).eq(0..labels.len());
        is_whole.then(|| labels.into_iter().map(|(_, label)| label).collect())
    }

    /// A number, perhaps in quotes, and the colon behind it.
    fn class(&mut self) -> Option<usize> {
        let number = match self.rest.starts_with(['\'', '"']) {
            true => self.string()?,
            false => {
                let end = self.rest.find(|c: char| !c.is_ascii_digit())?;
                let (number, rest) = self.rest.split_at(end);
                self.rest = rest.trim_start();
                number.to_owned()
            }
        };
        self.takes(':').then_some(())?;
        number.parse().ok()
    }

    fn string(&mut self) -> Option<String> {
        let quote = self.rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let mut units = Vec::new();
        let mut chars = self.rest.chars();
        chars.next();
        loop {
            let c = match chars.next()? {
                c if c == quote => break,
                '\\' => match chars.next()? {
                    'n' => '\n',
                    't' => '\t',
                    'u' => {
                        // Half of a character may be here, and the other half behind it.
                        units.push(u16::try_from(hexadecimal(&mut chars, 4)?).ok()?);
                        continue;
                    }
                    'U' => char::from_u32(hexadecimal(&mut chars, 8)?)?,
                    'x' => char::from_u32(hexadecimal(&mut chars, 2)?)?,
                    c => c,
                },
                c => c,
            };
            units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
        }
        self.rest = chars.as_str().trim_start();
        String::from_utf16(&units).ok()
    }

    /// Whether the text continues with `c`, which is then skipped, with the white space behind it.
    fn takes(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => self.rest = rest.trim_start(),
            None => return false,
        }
        true
    }
}

fn hexadecimal(chars: &mut std::str::Chars, digits: usize) -> Option<u32> {
    (0..digits).try_fold(0, |number, _| Some(number << 4 | chars.next()?.to_digit(16)?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    /// The labels of two classes of a model whose metadata are `entries`.
    fn of_two(entries: &[(&str, &str)], given: &[&str]) -> Result<Vec<String>, Reject> {
        let metadata = |key: &str| entries.iter().find(|entry| entry.0 == key).map(|entry| entry.1);
        of(metadata, given.iter().map(|&label| label.to_owned()).collect(), 2)
    }

    fn labels(key: &str, value: &str) -> Result<Vec<String>, Reject> {
        of_two(&[(key, value)], &[])
    }

    #[test]
    fn a_model_that_says_nothing_has_class_numbers() {
        assert_eq!(of_two(&[], &[]).unwrap(), ["0", "1"]);
        assert_eq!(labels("stride", "32").unwrap(), ["0", "1"]);
    }

    #[test]
    fn labels_are_read_however_an_exporter_writes_them() {
        for text in [
            "cat\ndog's \"bed\"",
            "cat\r\ndog's \"bed\"\r\n",
            r#"["cat", "dog's \"bed\""]"#,
            r#"['cat', "dog's \"bed\""]"#,
            r#"['cat', 'dog\'s "bed"',]"#,
            r#"{0: 'cat', 1: 'dog\'s "bed"'}"#,
            r#" { "1" : "dog's \u0022bed\"", "0" : "\x63at" } "#,
        ] {
            for key in ["labels", "names"] {
                assert_eq!(labels(key, text).unwrap(), ["cat", "dog's \"bed\""], "{text}");
            }
        }
        assert_eq!(
            labels("names", r#"["\ud83d\ude00", '\U0001f600!']"#).unwrap(),
            ["😀", "😀!"]
        );
    }

    #[test]
    fn what_only_looks_like_a_list_is_a_label_a_line() {
        for text in [
            "[cat]\n[dog]",
            "{\n}",
            "['cat'\n'dog']",
            "{0: 'cat', 2: 'dog'}\n.",
            "['\\ud83d']\nx",
        ] {
            assert_eq!(
                labels("labels", text).unwrap(),
                text.lines().collect::<Vec<_>>(),
                "{text}"
            );
        }
    }

    #[test]
    fn labels_that_are_given_win_over_names_and_labels_over_names() {
        let said = [("names", "['a', 'b']"), ("labels", "c\nd")];
        assert_eq!(of_two(&said, &[]).unwrap(), ["c", "d"]);
        assert_eq!(of_two(&said, &["e", "f"]).unwrap(), ["e", "f"]);
        // What is wrong with the metadata is no matter then.
        assert_eq!(of_two(&[("labels", "a\nb\nc")], &["e", "f"]).unwrap(), ["e", "f"]);
    }

    #[test]
    fn labels_that_cannot_be_the_models_are_refused_with_the_value_and_the_remedy() {
        let long = "x".repeat(257);
        for (given, says) in [
            (
                &["one"][..],
                "the labels given are 1, from `one` on, and the model has 2 classes",
            ),
            (&["a", "b", "c"], "are 3, from `a` on"),
            (&["a", ""], "have `` for class 1, which is empty"),
            (&["a", &long], "longer than 256 bytes"),
            (&["a\u{1b}[2J", "b"], "control characters"),
            (&["a", "a"], "have `a` for both class 0 and class 1"),
        ] {
            let reject = of_two(&[], given).unwrap_err();
            assert!(reject.detail.contains(says), "{says}: {reject}");
            assert!(reject.detail.contains("--labels FILE"), "{reject}");
        }
        let reject = labels("names", "{0: 'cat'}").unwrap_err();
        assert!(
            reject.detail.contains("in metadata `names` are 1, from `cat` on"),
            "{reject}"
        );
    }
}
