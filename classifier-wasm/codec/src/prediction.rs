//! The model's results for each image.

/// N rows of probabilities, one for each label.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    labels: usize,
    probabilities: Vec<f32>,
}

impl Predictions {
    /// `probabilities`: row-major, `labels` a row, every one finite.
    pub fn new(labels: usize, probabilities: Vec<f32>) -> Predictions {
        Predictions { labels, probabilities }
    }

    /// Each image's probabilities, in order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.probabilities.chunks_exact(self.labels.max(1)).map(Row)
    }

    /// Each image's most probable class, in order.
    pub fn classes(&self) -> impl Iterator<Item = usize> {
        self.rows().map(Row::class)
    }

    /// All probabilities, row-major N, labels.
    pub fn into_probabilities(self) -> Vec<f32> {
        self.probabilities
    }
}

/// The probabilities of one image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row<'a>(&'a [f32]);

impl<'a> Row<'a> {
    /// The most probable class; the first of equals, like NumPy's argmax.
    pub fn class(self) -> usize {
        let mut best = (0, f32::NEG_INFINITY);
        for (class, &score) in self.0.iter().enumerate() {
            if score > best.1 {
                best = (class, score);
            }
        }
        best.0
    }

    /// The `count` most probable classes with their probabilities, descending; equals in the order of their classes.
    pub fn top(self, count: usize) -> impl Iterator<Item = (usize, f32)> + use<'a> {
        let mut ranked = self.0.iter().copied().enumerate().collect::<Vec<_>>();
        ranked.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        ranked.into_iter().take(count)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_is_the_class() {
        let predictions = Predictions::new(3, vec![0.25, 0.5, 0.25, 0.4, 0.2, 0.4, 0.0, 0.0, 1.0]);
        assert_eq!(predictions.classes().collect::<Vec<_>>(), [1, 0, 2]);
    }

    #[test]
    fn the_top_falls_begins_with_the_class_and_ends_with_the_labels() {
        let row = Row(&[0.2, 0.4, 0.0, 0.4]);
        assert_eq!(row.top(3).collect::<Vec<_>>(), [(1, 0.4), (3, 0.4), (0, 0.2)]);
        assert_eq!(row.top(1).map(|(class, _)| class).collect::<Vec<_>>(), [row.class()]);
        assert_eq!(row.top(usize::MAX).count(), 4);
    }
}
