//! The confusion matrix as a heat map: a row a true class, a column an answer.

use super::canvas::{BLACK, Canvas, Colour, Font, GREY, WHITE, between, readable_on, shortened};
use crate::evaluation::tally::{ClassTally, Tally};

/// More classes would make squares too small to tell apart.
const MOST_CLASSES: usize = 60;
/// Of a label.
const MOST_CHARACTERS: usize = 18;
const EMPTY: Colour = [246, 246, 247];
const RIGHT: Colour = [29, 95, 168];
const WRONG: Colour = [196, 30, 36];
const GAP: u32 = 10;

/// A heat map that is measured and not drawn yet.
pub struct HeatMap<'a> {
    tally: &'a Tally,
    classes: Vec<ClassTally>,
    labels: Vec<String>,
    left_out: usize,
    cell: u32,
    label_width: u32,
}

impl<'a> HeatMap<'a> {
    /// Of the classes that occur, or of those with the most wrong answers where they are too many.
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
        let names: Vec<_> = names.collect();
        let label_width = names.iter().map(|name| Font::Plain.width(name)).max().unwrap_or(0);
        Self {
            tally,
            left_out: all - classes.len(),
            cell: match classes.len() {
                0..=12 => 72,
                13..=20 => 42,
                21..=32 => 30,
                _ => 22,
            },
            classes,
            labels: names,
            label_width,
        }
    }

    /// Width and height.
    pub fn size(&self) -> [u32; 2] {
        let cells = self.cell * self.classes.len() as u32;
        let share = Font::Plain.width("100.0 %");
        let width = self.label_width + GAP + cells + GAP + share;
        let height = self.heads() + cells + Font::Small.height() + 2 * GAP;
        [width.max(Font::Plain.width(HEAD)), height]
    }

    /// The height of what stands above the squares.
    fn heads(&self) -> u32 {
        Font::Bold.height() + Font::Plain.height() + GAP + self.label_width + GAP
    }

    /// Draws it with its upper left corner there.
    pub fn draw(&self, canvas: &mut Canvas, [left, top]: [u32; 2]) {
        canvas.text([left, top], "Confusion matrix", Font::Bold, BLACK);
        let below = top + Font::Bold.height() + 2;
        canvas.text([left, below], HEAD, Font::Plain, GREY);
        let first = [left + self.label_width + GAP, top + self.heads()];
        let [x, y] = first;
        let end = x + self.cell * self.classes.len() as u32 + GAP;
        canvas.text([end, y - GAP - Font::Plain.height()], "recall", Font::Plain, GREY);
        for (place, (class, label)) in (0..).zip(self.classes.iter().zip(&self.labels)) {
            let along = place * self.cell;
            let middle = (self.cell - Font::Plain.height()) / 2;
            canvas.text_upwards([x + along + middle, y - GAP / 2], label, Font::Plain, BLACK);
            let start = x - GAP - Font::Plain.width(label);
            canvas.text([start, y + along + middle], label, Font::Plain, BLACK);
            let recall = class
                .recall()
                .map_or("-".to_owned(), |recall| format!("{:.1} %", recall * 100.0));
            canvas.text([end, y + along + middle], &recall, Font::Plain, GREY);
            self.draw_row(canvas, [x, y + along], class);
        }
        if self.left_out > 0 {
            let all = self.left_out + self.classes.len();
            let note = format!(
                "{} of {all} classes: those with the most wrong answers",
                self.classes.len()
            );
            let under = y + self.cell * self.classes.len() as u32 + GAP;
            canvas.text([left, under], &note, Font::Small, GREY);
        }
    }

    fn draw_row(&self, canvas: &mut Canvas, [left, top]: [u32; 2], row: &ClassTally) {
        for (place, column) in (0..).zip(&self.classes) {
            let count = self.tally.count(row.class, column.class);
            let share = count as f64 / row.images.max(1) as f64;
            let ground = match (count, row.class == column.class) {
                (0, _) => EMPTY,
                (_, true) => between(WHITE, RIGHT, 0.15 + 0.85 * share),
                // The root makes rare mistakes visible.
                (_, false) => between(WHITE, WRONG, 0.08 + 0.92 * share.sqrt()),
            };
            let corner = [left + place * self.cell, top];
            canvas.fill(corner, [self.cell - 1; 2], ground);
            if let Some((text, font)) = self.number(count) {
                let [x, y] = corner;
                let inset = (self.cell - font.width(&text)) / 2;
                let middle = (self.cell - font.height()) / 2;
                canvas.text([x + inset, y + middle], &text, font, readable_on(ground));
            }
        }
    }

    /// How a count is written so that it fits a square; none where it does not, or there is nothing to say.
    fn number(&self, count: u64) -> Option<(String, Font)> {
        if count == 0 {
            return None;
        }
        let written = match count {
            0..10_000 => vec![count.to_string()],
            10_000..10_000_000 => vec![count.to_string(), format!("{}k", count / 1_000)],
            _ => vec![count.to_string(), format!("{}M", count / 1_000_000)],
        };
        let fonts = [Font::Bold, Font::Plain, Font::Small, Font::Tiny];
        let mut ways = written.iter().flat_map(|text| fonts.map(|font| (text.clone(), font)));
        ways.find(|(text, font)| font.width(text) + 2 <= self.cell)
    }
}

const HEAD: &str = "rows: what it is; columns: what was answered";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn labels(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("label {number}")).collect()
    }

    #[test]
    fn right_answers_are_blue_wrong_ones_red_and_none_is_pale() {
        let mut tally = Tally::default();
        for (class, answered) in [(0, 0), (0, 1), (1, 1)] {
            tally.add(class, answered);
        }
        let labels = labels(2);
        let map = HeatMap::new(&tally, &labels);
        let [width, height] = map.size();
        let mut canvas = Canvas::new(width, height);
        map.draw(&mut canvas, [0, 0]);
        let image = canvas.into_image();
        let square = |row: u32, column: u32| {
            let x = map.label_width + GAP + column * map.cell + 2;
            image.get_pixel(x, map.heads() + row * map.cell + 2).0
        };
        let [red, _, blue] = square(0, 0);
        assert!(blue > red);
        let [red, _, blue] = square(0, 1);
        assert!(red > blue);
        assert_eq!(square(1, 0), EMPTY);
        assert_eq!(square(1, 1), RIGHT);
    }

    #[test]
    fn of_hundreds_of_classes_those_with_the_most_wrong_answers_are_shown() {
        let mut tally = Tally::default();
        for class in 0..500 {
            tally.add(class, class);
        }
        tally.add(400, 450);
        let labels = labels(500);
        let map = HeatMap::new(&tally, &labels);
        assert_eq!((map.classes.len(), map.left_out), (MOST_CLASSES, 440));
        let shown: Vec<_> = map.classes.iter().map(|class| class.class).collect();
        assert!(shown.contains(&400) && shown.contains(&450) && shown.is_sorted());
        let [width, height] = map.size();
        assert!(width < 1700 && height < 1700, "{width} x {height}");
    }

    #[test]
    fn a_number_that_does_not_fit_is_rounded_down_or_left_out() {
        let mut tally = Tally::default();
        for class in 0..40 {
            tally.add(class, class);
        }
        let labels = labels(40);
        let map = HeatMap::new(&tally, &labels);
        let number = |count| map.number(count).map(|(text, _)| text);
        assert_eq!(number(0), None);
        assert_eq!(number(999).unwrap(), "999");
        assert_eq!(number(9_999), None);
        assert_eq!(number(12_345).unwrap(), "12k");
        assert_eq!(number(987_654_321), None);
    }
}
