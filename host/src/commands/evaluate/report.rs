//! How good it is: for people as tables, for programs as JSON.

use std::collections::HashSet;

use indicatif::HumanCount;
use serde_json::{Value, json};

use crate::classifier::Description;
use crate::commands::table::table;
use crate::evaluation::{ClassTally, Evaluation};

/// A confusion matrix of more classes is not written as text.
const MOST_CLASSES: usize = 30;
/// A confusion matrix of more labels is not written as JSON: it would be mostly zeros, and millions of them.
const MOST_LABELS: usize = 1_024;
/// Characters to a line, roughly.
const LINE: usize = 120;
/// The widest column of the matrix.
const WIDEST: usize = 12;

/// What was evaluated.
pub struct About {
    /// The component's model.
    pub model: Description,
    /// For people.
    pub data: String,
    /// All of them.
    pub images: u64,
    /// Entries of a folder that are no pictures.
    pub left_out: u64,
}

/// The figures, with their names.
pub struct Report<'a> {
    about: &'a About,
    evaluation: &'a Evaluation,
    classes: Vec<ClassTally>,
}

impl<'a> Report<'a> {
    /// Of an evaluation.
    pub fn new(about: &'a About, evaluation: &'a Evaluation) -> Self {
        let classes = evaluation.tally.classes();
        Self {
            about,
            evaluation,
            classes,
        }
    }

    /// One object, for programs.
    pub fn json(&self) -> Value {
        let Description { name, version, .. } = &self.about.model;
        let tally = &self.evaluation.tally;
        let labels = &self.about.model.labels;
        let classes = self.classes.iter().map(|class| {
            let taken_for = class
                .taken_for
                .map(|(other, images)| json!({"label": self.label(other), "images": images}));
            json!({
                "class": class.class,
                "label": self.label(class.class),
                "images": class.images,
                "right": class.right,
                "answered": class.answered,
                "recall": class.recall(),
                "precision": class.precision(),
                "most_often_taken_for": taken_for,
            })
        });
        let every = || (0..).take(labels.len());
        let matrix = (labels.len() <= MOST_LABELS).then(|| {
            let rows = every().map(|class| every().map(|answered| tally.count(class, answered)).collect());
            rows.collect::<Vec<Vec<u64>>>()
        });
        let wrong = self.evaluation.mistakes.iter().map(|mistake| {
            json!({
                "image": mistake.image,
                "label": self.label(mistake.class),
                "answered": self.label(mistake.answered),
                "score": mistake.score,
            })
        });
        json!({
            "model": {"name": name, "version": version, "sha256": self.about.model.model_sha256},
            "data": self.about.data,
            "images": tally.images(),
            "right": tally.right(),
            "accuracy": tally.accuracy(),
            "interval": tally.interval().map(|(low, high)| [low, high]),
            "classes": classes.collect::<Vec<_>>(),
            "labels": labels,
            "matrix": matrix,
            "most_wrong": wrong.collect::<Vec<_>>(),
            "left_out": self.about.left_out,
            "unclassified": self.evaluation.unclassified,
            "first_unclassified": self.evaluation.first_unclassified,
            "warnings": self.evaluation.warnings,
        })
    }

    /// Figures, a table by class and the confusion matrix, for people.
    pub fn text(&self) -> String {
        let tally = &self.evaluation.tally;
        let model = &self.about.model;
        let count = |count: u64| HumanCount(count).to_string();
        let unclassified = match self.evaluation.unclassified {
            0 => String::new(),
            unclassified => format!(", {} more were not classified", count(unclassified)),
        };
        let totals = [
            ("model", format!("{} {}", model.name, model.version)),
            ("sha256", model.model_sha256.clone()),
            ("data", self.about.data.clone()),
            ("images", count(tally.images()) + &unclassified),
            ("right", count(tally.right())),
            ("accuracy", self.accuracy()),
        ];
        let mut text = String::new();
        for (head, value) in totals {
            text += &format!("{head:<10}{value}\n");
        }
        if self.classes.is_empty() {
            return text;
        }
        text.push('\n');
        text += &self.by_class();
        text.push('\n');
        match self.classes.len() <= MOST_CLASSES {
            true => text += &self.matrix(),
            false => {
                let classes = self.classes.len();
                let all = match self.about.model.labels.len() <= MOST_LABELS {
                    true => "--format json has all of it, and ",
                    false => "",
                };
                text += &format!(
                    "The confusion matrix of {classes} classes is not shown here: {all}--picture FILE has the classes most mistaken.\n"
                );
            }
        }
        text
    }

    /// Two lines for a picture.
    pub fn title(&self) -> (String, String) {
        let model = &self.about.model;
        let images = HumanCount(self.evaluation.tally.images());
        let title = format!("{} {}: right in {}", model.name, model.version, self.accuracy());
        let subtitle = format!(
            "{images} images: {}; model sha256 {}",
            self.about.data, model.model_sha256
        );
        (title, subtitle)
    }

    fn accuracy(&self) -> String {
        let tally = &self.evaluation.tally;
        match (tally.accuracy(), tally.interval()) {
            (Some(accuracy), Some((low, high))) => format!(
                "{} (95 % interval {} to {})",
                percent(accuracy),
                percent(low),
                percent(high)
            ),
            _ => "none".to_owned(),
        }
    }

    fn label(&self, class: u32) -> &str {
        let label = self.about.model.labels.get(class as usize);
        label.map_or("", String::as_str)
    }

    fn by_class(&self) -> String {
        let share = |share: Option<f64>| share.map_or("-".to_owned(), percent);
        let rows = self.classes.iter().map(|class| {
            let taken_for = class
                .taken_for
                .map(|(other, images)| format!("{} ({})", self.label(other), HumanCount(images)));
            vec![
                self.label(class.class).to_owned(),
                format!("{:>7}", HumanCount(class.images).to_string()),
                format!("{:>9}", share(class.recall())),
                format!("{:>9}", share(class.precision())),
                taken_for.unwrap_or_default(),
            ]
        });
        let heads = ["CLASS", " IMAGES", "   RECALL", "PRECISION", "MOST OFTEN TAKEN FOR"];
        table(&heads, rows)
    }

    /// Rows are the true classes, columns the answers.
    fn matrix(&self) -> String {
        let rows: Vec<_> = self.classes.iter().map(|class| self.label(class.class)).collect();
        let side = rows.iter().map(|row| row.chars().count()).max().unwrap_or(0);
        let tally = &self.evaluation.tally;
        let largest = self.classes.iter().map(|class| class.images).max().unwrap_or(0);
        let digits = largest.to_string().len();
        let room = LINE.saturating_sub(side) / self.classes.len().max(1);
        let width = room.saturating_sub(2).clamp(digits.max(5), WIDEST.max(digits));
        let (heads, are_numbers) = self.heads(&rows, width);
        let width = heads
            .iter()
            .map(|head| head.chars().count())
            .max()
            .unwrap_or(0)
            .max(digits);
        let mut text = match are_numbers {
            false => "Rows: what it is; columns: what was answered.\n".to_owned(),
            true => "Rows: what it is; columns: what was answered, by class number.\n".to_owned(),
        };
        let side = if are_numbers { side + 5 } else { side };
        let mut line = |first: &str, cells: Vec<String>| {
            let cells: String = cells.iter().map(|cell| format!("  {cell:>width$}")).collect();
            text += format!("{first:side$}{cells}").trim_end();
            text.push('\n');
        };
        line("", heads);
        for (row, class) in rows.iter().zip(&self.classes) {
            let cells = self
                .classes
                .iter()
                .map(|column| match tally.count(class.class, column.class) {
                    0 => ".".to_owned(),
                    count => count.to_string(),
                });
            let name = match are_numbers {
                false => (*row).to_owned(),
                true => format!("{:>4} {row}", class.class),
            };
            line(&name, cells.collect());
        }
        text
    }

    /// Labels for columns of a width; class numbers, and true, where shortened labels could not be told apart.
    fn heads(&self, rows: &[&str], width: usize) -> (Vec<String>, bool) {
        let shortened = rows.iter().map(|row| match row.chars().count() > width {
            false => (*row).to_owned(),
            true => row.chars().take(width - 1).chain(['…']).collect(),
        });
        let shortened: Vec<String> = shortened.collect();
        let different: HashSet<_> = shortened.iter().collect();
        match different.len() == shortened.len() {
            true => (shortened, false),
            false => (self.classes.iter().map(|class| class.class.to_string()).collect(), true),
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

#[cfg(test)]
mod tests;
