//! The confusion matrix as a heat map: a row for each true class, a column for each predicted class.

use super::{CHARACTER, LINE, MOST_CHARACTERS, Svg, shortened};
use crate::evaluation::tally::{ClassTally, Tally};

/// With more classes the squares would be too small.
const MOST_CLASSES: usize = 60;
const GAP: u32 = 8;
/// The height of the heading.
const HEAD: u32 = 2 * LINE + 2 * GAP;
/// The width of the column of shares, in characters.
const SHARE: u32 = 9;
const RIGHT: &str = "#1d5fa8";
const WRONG: &str = "#c41e24";

/// A heat map: measured first, then drawn.
pub struct Confusion<'a> {
    tally: &'a Tally,
    classes: Vec<ClassTally>,
    labels: Vec<String>,
    left_out: usize,
    cell: u32,
    label_width: u32,
}

impl<'a> Confusion<'a> {
    /// The classes that occur; if these are too many, those with the most wrong answers.
    pub fn new(tally: &'a Tally, labels: &[String]) -> Self {
        let mut classes = tally.classes();
        let all = classes.len();
        if all > MOST_CLASSES {
            let wrong = |class: &ClassTally| class.images + class.answered - 2 * class.right;
            classes.sort_by_key(|class| (std::cmp::Reverse(wrong(class)), class.class));
            classes.truncate(MOST_CLASSES);
            classes.sort_by_key(|class| class.class);
        }
        let names = classes.iter().map(|class| {
            let label = labels.get(class.class as usize).map_or("?", String::as_str);
            shortened(label, MOST_CHARACTERS)
        });
        let labels: Vec<_> = names.collect();
        let longest = labels.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        Self {
            tally,
            left_out: all - classes.len(),
            cell: match classes.len() {
                0..=12 => 64,
                13..=20 => 42,
                21..=32 => 30,
                _ => 22,
            },
            classes,
            labels,
            label_width: longest as u32 * CHARACTER + GAP,
        }
    }

    fn cells(&self) -> u32 {
        self.cell * self.classes.len() as u32
    }

    /// Width and height.
    pub fn size(&self) -> [u32; 2] {
        [
            self.label_width + self.cells() + SHARE * CHARACTER,
            HEAD + self.label_width + self.cells() + LINE,
        ]
    }

    /// Draws it with its upper left corner there.
    pub fn draw(&self, svg: &mut Svg, [left, top]: [u32; 2]) {
        svg.text([left, top + LINE], "bold", "Confusion matrix");
        if self.left_out > 0 {
            let shown = self.classes.len();
            let note = format!(
                "{shown} of {} classes: those with the most wrong answers",
                self.left_out + shown
            );
            svg.text([left + 20 * CHARACTER, top + LINE], "pale", &note);
        }
        svg.text(
            [left, top + 2 * LINE],
            "pale",
            "rows: true class; columns: predicted class",
        );
        let [x, y] = [left + self.label_width, top + HEAD + self.label_width];
        let end = x + self.cells() + GAP;
        svg.text([end, y - GAP], "pale", "recall");
        for (place, (class, label)) in (0..).zip(self.classes.iter().zip(&self.labels)) {
            let middle = place * self.cell + self.cell / 2 + 5;
            let turned = format!(r#"transform="rotate(-90 {} {})""#, x + middle, y - GAP);
            svg.text_with([x + middle, y - GAP], &turned, label);
            svg.text_with([x - GAP, y + middle], r#"text-anchor="end""#, label);
            let recall = class
                .recall()
                .map_or("-".to_owned(), |recall| format!("{:.1} %", recall * 100.0));
            svg.text([end, y + middle], "pale", &recall);
            self.draw_row(svg, [x, y + place * self.cell], class, label);
        }
    }

    fn draw_row(&self, svg: &mut Svg, [left, top]: [u32; 2], row: &ClassTally, label: &str) {
        for (place, (column, predicted)) in (0..).zip(self.classes.iter().zip(&self.labels)) {
            let count = self.tally.count(row.class, column.class);
            let share = count as f64 / row.images.max(1) as f64;
            let (colour, opacity) = match (count, row.class == column.class) {
                (0, _) => ("#f6f6f7", 1.0),
                (_, true) => (RIGHT, 0.15 + 0.85 * share),
                // The square root makes rare mistakes visible.
                (_, false) => (WRONG, 0.08 + 0.92 * share.sqrt()),
            };
            let (x, side) = (left + place * self.cell, self.cell - 1);
            svg.raw(format_args!(
                r#"<rect x="{x}" y="{top}" width="{side}" height="{side}" fill="{colour}" fill-opacity="{opacity:.2}"><title>{}</title></rect>"#,
                super::Escaped(&format!("{label}, predicted as {predicted}: {count} of {}", row.images))
            ));
            let digits = count.to_string();
            // The size at which the digits fit: a character is about 0.6 of it wide.
            let size = (f64::from(self.cell - 4) / digits.len() as f64 / 0.6).min(15.0);
            if count > 0 && size >= 6.0 {
                let class = if opacity > 0.6 { "light" } else { "" };
                let look = format!(r#"text-anchor="middle" style="font-size:{size:.0}px" class="{class}""#);
                svg.text_with([x + side / 2, top + side / 2 + 5], &look, &digits);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(tally: &Tally, count: usize) -> String {
        let labels: Vec<_> = (0..count).map(|number| format!("label {number}")).collect();
        let mut svg = Svg::default();
        Confusion::new(tally, &labels).draw(&mut svg, [0, 0]);
        svg.0
    }

    #[test]
    fn right_answers_are_blue_wrong_ones_red_and_none_is_pale() {
        let mut tally = Tally::default();
        for (class, answered) in [(0, 0), (0, 1), (1, 1)] {
            tally.add(class, answered);
        }
        let svg = drawn(&tally, 2);
        let square = |what: &str| svg.lines().find(|line| line.contains(what)).unwrap_or_default();
        assert!(square("label 0, predicted as label 0: 1 of 2").contains(RIGHT), "{svg}");
        assert!(square("label 0, predicted as label 1: 1 of 2").contains(WRONG), "{svg}");
        assert!(
            square("label 1, predicted as label 0: 0 of 1").contains("#f6f6f7"),
            "{svg}"
        );
        assert!(
            svg.contains(">50.0 %</text>") && svg.contains(">100.0 %</text>"),
            "{svg}"
        );
    }

    #[test]
    fn of_hundreds_of_classes_those_with_the_most_wrong_answers_are_shown() {
        let mut tally = Tally::default();
        for class in 0..500 {
            tally.add(class, class);
        }
        tally.add(400, 450);
        let svg = drawn(&tally, 500);
        assert_eq!(svg.matches("<rect ").count(), MOST_CLASSES * MOST_CLASSES);
        assert!(svg.contains("60 of 500 classes") && svg.contains("label 400, predicted as label 450: 1 of 2"));
    }
}
