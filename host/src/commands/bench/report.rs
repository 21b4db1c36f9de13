//! What `host bench` has measured: for people as a table, for programs as JSON with every round.

use serde::Serialize;
use serde_json::{Value, json};

use super::machine::processor;
use super::side::{Round, Side};
use crate::commands::table::{Column, figures, table};

/// A name for people, how it is written, and where a round has it. None: that round has none.
type Figure = (&'static str, fn(f64) -> String, fn(&Round) -> Option<f64>);

const FIGURES: [Figure; 9] = [
    ("images/s", whole, |round| Some(round.images_per_second)),
    ("MB/s", tenths, |round| Some(round.megabytes_per_second)),
    ("p50 ms", tenths, |round| Some(round.p50_ms)),
    ("p99 ms", tenths, |round| Some(round.p99_ms)),
    ("predict", percent, |round| Some(round.predict)),
    ("decode", percent, |round| round.decode),
    ("the rest", percent, |round| Some(round.codec - round.decode?)),
    ("one thread, images/s", whole, |round| {
        Some(round.thread_images_per_second)
    }),
    ("network alone, images/s", whole, |round| {
        Some(round.network_images_per_second)
    }),
];

/// The figures of one component, or of two.
pub struct Report {
    about: String,
    sides: Vec<Side>,
}

/// Of several rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Spread {
    median: f64,
    minimum: f64,
    maximum: f64,
}

impl Spread {
    /// None without values.
    fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (minimum, maximum) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let upper = *sorted.get(middle)?;
        let median = match sorted.len() % 2 {
            0 => (upper + *sorted.get(middle - 1)?) / 2.0,
            _ => upper,
        };
        Some(Self {
            median,
            minimum,
            maximum,
        })
    }
}

impl Report {
    /// `about` says how it was measured.
    pub fn new(about: String, sides: Vec<Side>) -> Self {
        Self { about, sides }
    }

    /// One object, with every round.
    pub fn json(&self) -> Value {
        let sides = self.sides.iter().map(|side| {
            json!({
                "name": side.name,
                "message_bytes": side.message_bytes,
                "start_seconds": side.started.as_secs_f64(),
                "memory_bytes": side.memory_bytes,
                "images_per_second": Spread::of(side.rounds.iter().map(|round| round.images_per_second)),
                "rounds": side.rounds,
            })
        });
        json!({
            "processor": processor(),
            "measured": self.about,
            "components": sides.collect::<Vec<_>>(),
            "ratio": self.ratio(),
        })
    }

    /// A table for each component, and how the second compares with the first.
    pub fn text(&self) -> String {
        let mut text = figures([
            ("processor", processor().into()),
            ("measured", self.about.as_str().into()),
        ]);
        for side in &self.sides {
            text += "\n";
            text += &figures([
                ("component", side.name.as_str().into()),
                (
                    "messages",
                    format!("{} bytes", indicatif::HumanCount(side.message_bytes as u64)).into(),
                ),
                ("start", format!("{:.2} s", side.started.as_secs_f64()).into()),
                (
                    "memory",
                    format!("{} an instance", indicatif::BinaryBytes(side.memory_bytes as u64)).into(),
                ),
            ]);
            text += "\n";
            let rows = FIGURES.iter().filter_map(|(name, write, figure)| {
                let spread = Spread::of(side.rounds.iter().filter_map(figure))?;
                let values = [spread.median, spread.minimum, spread.maximum];
                Some(
                    [(*name).into()]
                        .into_iter()
                        .chain(values.map(|value| write(value).into()))
                        .collect(),
                )
            });
            text += &table(&columns("FIGURE"), rows);
        }
        if let Some(ratio) = self.ratio() {
            let values = [ratio.median, ratio.minimum, ratio.maximum].map(|value| format!("{value:.2}").into());
            let row = ["second / first".into()].into_iter().chain(values).collect();
            text += "\n";
            text += &table(&columns("IMAGES/S"), [row]);
        }
        text
    }

    /// The second's images/s over the first's, round by round.
    fn ratio(&self) -> Option<Spread> {
        let [first, second] = self.sides.as_slice() else {
            return None;
        };
        let pairs = first.rounds.iter().zip(&second.rounds);
        Spread::of(pairs.map(|(first, second)| second.images_per_second / first.images_per_second))
    }
}

fn columns(first: &str) -> [Column<'_>; 4] {
    let numbers = ["MEDIAN", "MINIMUM", "MAXIMUM"].map(Column::Number);
    let [median, minimum, maximum] = numbers;
    [Column::Text(first), median, minimum, maximum]
}

fn whole(value: f64) -> String {
    indicatif::HumanCount(value as u64).to_string()
}

fn tenths(value: f64) -> String {
    format!("{value:.1}")
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        let spread = Spread::of([4.0, 1.0, 2.0, 3.0]).unwrap();
        assert_eq!((spread.median, spread.minimum, spread.maximum), (2.5, 1.0, 4.0));
        assert_eq!(Spread::of([3.0, 1.0, 2.0]).unwrap().median, 2.0);
        assert_eq!(Spread::of([]), None);
    }
}
