//! The results of an evaluation: for people as tables, for programs as JSON.

use anstream::adapter::strip_str;
use indicatif::HumanCount;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::classifier::Description;
use crate::commands::table::{Cell, Column, figures, percent, share_style, table};
use crate::evaluation::{ClassTally, Evaluation};
use crate::terminal::{BAD, FAINT, GOOD, counted};

/// Above this many classes the confusion matrix is not written as text.
const MOST_CLASSES: usize = 30;
/// Above this many labels the confusion matrix is not written as JSON: it would be millions of zeros.
const MOST_LABELS: usize = 1_024;

/// What was evaluated.
pub struct About {
    /// The component's model.
    pub model: Description,
    /// For people.
    pub data: String,
    /// All of them.
    pub images: u64,
    /// Entries of a folder that are not pictures.
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

    /// A table by class, the confusion matrix and, last, the totals, so that they are visible on a small screen. With styles. A matrix
    /// that is wider than the terminal's `columns` is left out.
    pub fn text(&self, columns: Option<usize>) -> String {
        let tally = &self.evaluation.tally;
        let model = &self.about.model;
        let images = HumanCount(tally.images()).to_string();
        let images = match self.evaluation.unclassified {
            0 => Cell::from(images),
            unclassified => Cell::new(
                &format!("{images}, {} more were not classified", HumanCount(unclassified)),
                BAD,
            ),
        };
        let mut totals = vec![("model", format!("{} {}", model.name, model.version).into())];
        if let Some(sha256) = &model.model_sha256 {
            totals.push(("sha256", sha256.as_str().into()));
        }
        totals.extend([
            ("data", self.about.data.as_str().into()),
            ("images", images),
            ("right", HumanCount(tally.right()).to_string().into()),
            ("accuracy", self.accuracy().into()),
        ]);
        let totals = figures(totals);
        match self.classes.is_empty() {
            true => totals,
            false => format!("{}\n{}\n{totals}", self.by_class(), self.matrix_or_remedy(columns)),
        }
    }

    fn matrix_or_remedy(&self, columns: Option<usize>) -> String {
        let classes = self.classes.len();
        if classes <= MOST_CLASSES {
            let matrix = self.matrix();
            let widest = strip_str(&matrix).to_string().lines().map(UnicodeWidthStr::width).max();
            if columns >= widest || columns.is_none() {
                return matrix;
            }
        }
        let all = match self.about.model.labels.len() <= MOST_LABELS {
            true => "--format json has all of it, and ",
            false => "",
        };
        format!(
            "The confusion matrix of {classes} classes is not shown here: {all}--picture FILE has the classes most mistaken.\n"
        )
    }

    /// Three lines for a picture.
    pub fn title(&self) -> [String; 3] {
        let model = &self.about.model;
        let images = counted(self.evaluation.tally.images(), "image", "images");
        let title = format!("{} {}: right in {}", model.name, model.version, self.accuracy());
        [
            title,
            format!("{images}: {}", self.about.data),
            match &model.model_sha256 {
                Some(sha256) => format!("model sha256 {sha256}"),
                None => "no model file".to_owned(),
            },
        ]
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
        let share = |share: Option<f64>| match share {
            Some(share) => Cell::new(&percent(share), share_style(share)),
            None => Cell::from("-"),
        };
        let rows = self.classes.iter().map(|class| {
            let taken_for = class
                .taken_for
                .map(|(other, images)| format!("{} ({})", self.label(other), HumanCount(images)));
            vec![
                self.label(class.class).into(),
                HumanCount(class.images).to_string().into(),
                share(class.recall()),
                share(class.precision()),
                taken_for.unwrap_or_default().into(),
            ]
        });
        let columns = [
            Column::Text("CLASS"),
            Column::Number("IMAGES"),
            Column::Number("RECALL"),
            Column::Number("PRECISION"),
            Column::Text("MOST OFTEN TAKEN FOR"),
        ];
        table(&columns, rows)
    }

    /// The confusion matrix: a row for each true class and a column for each predicted class, which is headed by its number.
    fn matrix(&self) -> String {
        let numbers: Vec<_> = self.classes.iter().map(|class| class.class.to_string()).collect();
        let heads = numbers.iter().map(|number| Column::Number(number));
        let columns: Vec<_> = [Column::Number("#"), Column::Text("CLASS")]
            .into_iter()
            .chain(heads)
            .collect();
        let rows = self.classes.iter().zip(&numbers).map(|(class, number)| {
            let counts = self.classes.iter().map(|column| {
                let count = self.evaluation.tally.count(class.class, column.class);
                match count {
                    _ if class.class == column.class => Cell::new(&count.to_string(), GOOD),
                    0 => Cell::new(".", FAINT),
                    // At least a tenth of the class.
                    _ if count * 10 >= class.images => Cell::new(&count.to_string(), BAD),
                    _ => count.to_string().into(),
                }
            });
            let name = [number.as_str(), self.label(class.class)].map(Cell::from);
            name.into_iter().chain(counts).collect()
        });
        format!(
            "Rows: true class; columns: predicted class, by number.\n{}",
            table(&columns, rows)
        )
    }
}

#[cfg(test)]
mod tests;
