#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::time::Duration;

use super::*;
use crate::evaluation::{ImageName, Mistake, Tally, Unclassified};
use crate::pipeline::Warnings;

fn about(labels: &[&str]) -> About {
    About {
        model: Description {
            name: "net".into(),
            version: "1".into(),
            model_sha256: "ab".into(),
            height: 2,
            width: 2,
            channels: 1,
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            scores: "as they are".into(),
            max_images: 1,
            accepts: vec![],
            produces: vec![],
        },
        data: "photos".into(),
        images: 9,
        left_out: 0,
    }
}

fn evaluation(pairs: &[(u32, u32)]) -> Evaluation {
    let mut tally = Tally::default();
    for &(class, answered) in pairs {
        tally.add(class, answered);
    }
    Evaluation {
        tally,
        mistakes: vec![],
        unclassified: 0,
        first_unclassified: vec![],
        warnings: Warnings::default(),
        took: Duration::from_secs(1),
    }
}

/// Of class 0 three images, one of them taken for 2; of class 2 one; class 1 does not occur.
fn four() -> Evaluation {
    evaluation(&[(0, 0), (0, 0), (0, 2), (2, 2)])
}

#[test]
fn text_has_the_figures_the_classes_that_occur_and_an_aligned_matrix() {
    let about = about(&["Shirt", "Hat", "Ankle boot"]);
    let evaluation = four();
    let expected = "\
model     net 1
sha256    ab
data      photos
images    4
right     3
accuracy  75.00 % (95 % interval 30.06 % to 95.44 %)

CLASS        IMAGES     RECALL  PRECISION  MOST OFTEN TAKEN FOR
Shirt             3    66.67 %   100.00 %  Ankle boot (1)
Ankle boot        1   100.00 %    50.00 %

Rows: what it is; columns: what was answered.
                 Shirt  Ankle boot
Shirt                2           1
Ankle boot           .           1
";
    assert_eq!(Report::new(&about, &evaluation).text(), expected);
}

#[test]
fn json_has_every_class_of_the_matrix_and_the_mistakes() {
    let about = about(&["Shirt", "Hat", "Ankle boot"]);
    let mut evaluation = four();
    evaluation.mistakes.push(Mistake {
        image: ImageName::Index(2),
        class: 0,
        answered: 2,
        score: Some(0.5),
        look: None,
    });
    evaluation.unclassified = 1;
    evaluation.first_unclassified.push(Unclassified {
        image: ImageName::File("Hat/1.png".into()),
        reason: "why".into(),
    });
    let json = Report::new(&about, &evaluation).json();
    assert_eq!(json["matrix"], json!([[2, 0, 1], [0, 0, 0], [0, 0, 1]]));
    assert_eq!(json["labels"], json!(["Shirt", "Hat", "Ankle boot"]));
    assert_eq!(
        (&json["images"], &json["right"], &json["accuracy"]),
        (&json!(4), &json!(3), &json!(0.75))
    );
    assert_eq!(
        json["classes"][0]["most_often_taken_for"],
        json!({"label": "Ankle boot", "images": 1})
    );
    assert_eq!(json["classes"][1]["class"], 2);
    assert_eq!(
        json["most_wrong"],
        json!([{"image": 2, "label": "Shirt", "answered": "Ankle boot", "score": 0.5}])
    );
    assert_eq!(json["unclassified"], 1);
    assert_eq!(
        json["first_unclassified"],
        json!([{"image": "Hat/1.png", "reason": "why"}])
    );
}

#[test]
fn without_an_answer_there_are_no_figures() {
    let about = about(&["Shirt"]);
    let mut evaluation = evaluation(&[]);
    evaluation.unclassified = 9;
    let report = Report::new(&about, &evaluation);
    let text = report.text();
    assert!(
        text.contains("images    0, 9 more were not classified\n") && text.ends_with("accuracy  none\n"),
        "{text}"
    );
    assert_eq!(
        (&report.json()["accuracy"], &report.json()["interval"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn columns_whose_shortened_labels_are_the_same_have_class_numbers() {
    let labels: Vec<_> = (0..20).map(|number| format!("a very long label {number}")).collect();
    let labels: Vec<_> = labels.iter().map(String::as_str).collect();
    let about = about(&labels);
    let pairs: Vec<_> = (0..20).map(|class| (class, class)).collect();
    let evaluation = evaluation(&pairs);
    let text = Report::new(&about, &evaluation).text();
    let matrix: Vec<_> = text
        .lines()
        .skip_while(|line| !line.starts_with("Rows"))
        .skip(1)
        .collect();
    assert!(
        matrix.iter().any(|line| line.starts_with("  19 a very long label 19")),
        "{text}"
    );
    assert!(
        matrix
            .first()
            .is_some_and(|heads| heads.trim_start().starts_with('0') && heads.ends_with(" 19")),
        "{text}"
    );
}

#[test]
fn shortened_labels_that_differ_stay() {
    let labels: Vec<_> = (0..12).map(|number| format!("{number} is a long label")).collect();
    let labels: Vec<_> = labels.iter().map(String::as_str).collect();
    let about = about(&labels);
    let pairs: Vec<_> = (0..12).map(|class| (class, class)).collect();
    let evaluation = evaluation(&pairs);
    let text = Report::new(&about, &evaluation).text();
    assert!(text.contains("  11 i…\n") || text.contains("  11 is…\n"), "{text}");
}

#[test]
fn a_matrix_of_many_classes_is_left_to_json_and_one_of_thousands_of_labels_is_nowhere() {
    let labels = vec!["x"; 2_000];
    let about = about(&labels);
    let pairs: Vec<_> = (0..31).map(|class| (class, class)).collect();
    let evaluation = evaluation(&pairs);
    let report = Report::new(&about, &evaluation);
    let text = report.text();
    assert!(
        text.ends_with(
            "The confusion matrix of 31 classes is not shown here: --picture FILE has the classes most mistaken.\n"
        ),
        "{text}"
    );
    assert_eq!(report.json()["matrix"], Value::Null);
    assert_eq!(report.json()["classes"].as_array().map(Vec::len), Some(31));
}
