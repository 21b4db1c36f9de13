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
            model_sha256: Some("ab".into()),
            height: 2,
            width: 2,
            channels: 1,
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            scores: Some("as they are".into()),
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

/// As somebody without colours sees it.
fn text(report: &Report, columns: Option<usize>) -> String {
    strip_str(&report.text(columns)).to_string()
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
CLASS       IMAGES    RECALL  PRECISION  MOST OFTEN TAKEN FOR
Shirt            3   66.67 %   100.00 %  Ankle boot (1)
Ankle boot       1  100.00 %    50.00 %

Rows: true class; columns: predicted class, by number.
#  CLASS       0  2
0  Shirt       2  1
2  Ankle boot  .  1

model     net 1
sha256    ab
data      photos
images    4
right     3
accuracy  75.00 % (95 % interval 30.06 % to 95.44 %)
";
    assert_eq!(text(&Report::new(&about, &evaluation), Some(80)), expected);
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
    let text = text(&report, None);
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
fn a_matrix_of_ten_classes_with_a_thousand_images_each_fits_80_columns() {
    let labels = [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ];
    let about = about(&labels);
    let pairs: Vec<_> = (0..10)
        .flat_map(|class| std::iter::repeat_n((class, class), 1_000))
        .collect();
    let text = text(&Report::new(&about, &evaluation(&pairs)), Some(80));
    assert!(text.lines().all(|line| line.width() <= 80), "{text}");
    let last = text.lines().find(|line| line.starts_with("9  Ankle boot "));
    assert!(last.is_some_and(|last| last.ends_with(" 1000")), "{text}");
}

#[test]
fn a_matrix_that_the_terminal_would_break_up_is_not_shown() {
    let labels: Vec<_> = (0..20).map(|number| format!("a very long label {number}")).collect();
    let labels: Vec<_> = labels.iter().map(String::as_str).collect();
    let about = about(&labels);
    let pairs: Vec<_> = (0..20).map(|class| (class, class)).collect();
    let evaluation = evaluation(&pairs);
    let report = Report::new(&about, &evaluation);
    let narrow = text(&report, Some(80));
    assert!(
        narrow.contains("The confusion matrix of 20 classes is not shown here: --format json has all"),
        "{narrow}"
    );
    for columns in [Some(200), None] {
        let wide = text(&report, columns);
        assert!(wide.contains("\n19  a very long label 19 "), "{wide}");
    }
}

#[test]
fn what_is_wrong_is_red_and_what_is_right_is_green() {
    let about = about(&["Shirt", "Hat", "Ankle boot"]);
    let evaluation = four();
    let text = Report::new(&about, &evaluation).text(None);
    assert!(
        text.contains("\x1b[32m2\x1b[0m") && text.contains("\x1b[31m1\x1b[0m"),
        "{text:?}"
    );
}

#[test]
fn a_matrix_of_many_classes_is_left_to_json_and_one_of_thousands_of_labels_is_nowhere() {
    let labels = vec!["x"; 2_000];
    let about = about(&labels);
    let pairs: Vec<_> = (0..31).map(|class| (class, class)).collect();
    let evaluation = evaluation(&pairs);
    let report = Report::new(&about, &evaluation);
    let text = text(&report, None);
    assert!(
        text.contains(
            "The confusion matrix of 31 classes is not shown here: --picture FILE has the classes most mistaken.\n"
        ),
        "{text}"
    );
    assert_eq!(report.json()["matrix"], Value::Null);
    assert_eq!(report.json()["classes"].as_array().map(Vec::len), Some(31));
}
