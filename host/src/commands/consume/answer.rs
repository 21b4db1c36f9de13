//! What an answer says, for people: the classes by name, and how often each was given.
//!
//! Names come from the answer itself, beside each class or in the header `component-labels`; if it has none, from the file of
//! `--labels`; otherwise classes are numbers.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::message::Message;
use crate::pipeline::COMPONENT_LABELS;
use crate::terminal::counted;

/// The most labels that a component may have: a larger number is not a class.
const CLASSES: u64 = 65_536;

/// One image's class.
#[derive(Deserialize)]
struct Said {
    class: u64,
    label: Option<String>,
    score: Option<f64>,
}

#[derive(Deserialize)]
struct Scores {
    predictions: Vec<Said>,
}

/// Such as `40 images: Ankle boot 6, Bag 5`. None: it is not an answer, or not in a form that every host understands.
pub fn summary(message: &Message, labels: &[String]) -> Option<String> {
    let classes = classes(message).filter(|classes| !classes.is_empty())?;
    let own: Option<Vec<String>> = message
        .header(COMPONENT_LABELS)
        .and_then(|value| serde_json::from_slice(value).ok());
    let labels = own.as_deref().unwrap_or(labels);
    let name = |said: &Said| {
        let known = usize::try_from(said.class).ok().and_then(|class| labels.get(class));
        said.label.clone().or_else(|| known.cloned())
    };
    let images = counted(classes.len() as u64, "image", "images");
    if let [one] = classes.as_slice() {
        let name = name(one).unwrap_or_else(|| format!("class {}", one.class));
        return Some(match one.score {
            Some(score) => format!("{images}: {name} {:.1} %", score * 100.0),
            None => format!("{images}: {name}"),
        });
    }
    let mut counts: BTreeMap<u64, (Option<String>, u64)> = BTreeMap::new();
    for said in &classes {
        counts.entry(said.class).or_insert_with(|| (name(said), 0)).1 += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    // Stable: of two that come as often, the lower class is first.
    counts.sort_by_key(|(_, (_, count))| std::cmp::Reverse(*count));
    let counts = counts.into_iter().map(|(class, (name, count))| match name {
        Some(name) => format!("{name} {count}"),
        None => format!("class {class}: {count}"),
    });
    Some(format!("{images}: {}", counts.collect::<Vec<_>>().join(", ")))
}

fn classes(message: &Message) -> Option<Vec<Said>> {
    let is_json = message.content_type().is_none_or(|media| {
        let essence = media.split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case("application/json")
    });
    let body = message.body().trim_ascii_start();
    match body.first()? {
        b'[' if is_json => {
            let classes: Vec<u64> = serde_json::from_slice(body).ok()?;
            let are_classes = classes.iter().all(|class| *class < CLASSES);
            let said = classes.into_iter().map(|class| Said {
                class,
                label: None,
                score: None,
            });
            are_classes.then(|| said.collect())
        }
        b'{' if is_json => {
            let scores: Scores = serde_json::from_slice(body).ok()?;
            Some(scores.predictions)
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["Trouser", "Bag", "Ankle boot"].map(str::to_owned).to_vec()
    }

    #[test]
    fn classes_are_counted_by_name_the_most_frequent_first() {
        let answer = Message::new("[2, 0, 2, 1, 0, 2]");
        assert_eq!(
            summary(&answer, &names()).unwrap(),
            "6 images: Ankle boot 3, Trouser 2, Bag 1"
        );
        assert_eq!(summary(&Message::new("[1]"), &names()).unwrap(), "1 image: Bag");
    }

    #[test]
    fn what_nobody_has_named_is_a_number_and_never_another_model_s_name() {
        let answer = Message::new("[2, 0, 2]");
        assert_eq!(summary(&answer, &[]).unwrap(), "3 images: class 2: 2, class 0: 1");
        let mut own = Message::new("[2, 0, 7]");
        own.set_header(COMPONENT_LABELS, r#"["cat","dog","bird"]"#);
        assert_eq!(summary(&own, &names()).unwrap(), "3 images: cat 1, bird 1, class 7: 1");
    }

    #[test]
    fn an_answer_with_scores_names_its_classes_itself() {
        let one = Message::new(r#"{"predictions": [{"class": 9, "label": "Ankle boot", "score": 0.9261, "top": []}]}"#);
        assert_eq!(summary(&one, &[]).unwrap(), "1 image: Ankle boot 92.6 %");
        let two = Message::new(r#"{"predictions": [{"class": 1, "label": "b"}, {"class": 0}]}"#);
        assert_eq!(summary(&two, &[]).unwrap(), "2 images: class 0: 1, b 1");
    }

    #[test]
    fn what_is_no_answer_is_not_taken_for_one() {
        for body in [
            "",
            "[]",
            "[[1], [2]]",
            "[1.5]",
            "[70000]",
            "{\"array\": [1]}",
            "\"[1]\"",
            "hello",
        ] {
            assert_eq!(summary(&Message::new(body), &[]), None, "{body}");
        }
        let mut text = Message::new("[1]");
        text.set_header("content-type", "text/plain");
        assert_eq!(summary(&text, &[]), None);
    }
}
