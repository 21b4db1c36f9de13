//! What was answered, held against what is true: counts, and what is read off them.

use std::collections::BTreeMap;

/// 1.96 standard deviations, more exactly: 95 % of a normal distribution lie within.
const DEVIATIONS: f64 = 1.959_963_984_540_054;

/// How often each class was answered for each. Only pairs that occurred take memory, since a component may have
/// thousands of labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    counts: BTreeMap<(u32, u32), u64>,
}

/// The figures of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassTally {
    /// Which one.
    pub class: u32,
    /// Images that are of it.
    pub images: u64,
    /// Of those, the ones that were answered so.
    pub right: u64,
    /// Images that were answered with it, rightly or wrongly.
    pub answered: u64,
    /// Which other class its images were most often taken for, and how many of them; of equals the first.
    pub taken_for: Option<(u32, u64)>,
}

impl Tally {
    /// Counts one image.
    pub fn add(&mut self, class: u32, answered: u32) {
        *self.counts.entry((class, answered)).or_default() += 1;
    }

    /// How often images of `class` were answered with `answered`.
    pub fn count(&self, class: u32, answered: u32) -> u64 {
        self.counts.get(&(class, answered)).copied().unwrap_or(0)
    }

    /// All that were counted.
    pub fn images(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Those that were answered with their own class.
    pub fn right(&self) -> u64 {
        let right = self.counts.iter().filter(|((class, answered), _)| class == answered);
        right.map(|(_, count)| count).sum()
    }

    /// The share of right answers; none without images.
    pub fn accuracy(&self) -> Option<f64> {
        share(self.right(), self.images())
    }

    /// Where the accuracy lies for images like these, with 95 % confidence; none without images.
    pub fn interval(&self) -> Option<(f64, f64)> {
        wilson(self.right(), self.images())
    }

    /// The classes that have images or were answered, in their order.
    pub fn classes(&self) -> Vec<ClassTally> {
        let mut classes: BTreeMap<u32, ClassTally> = BTreeMap::new();
        for (&(class, answered), &count) in &self.counts {
            classes.entry(answered).or_default().answered += count;
            let figures = classes.entry(class).or_default();
            figures.images += count;
            if class == answered {
                figures.right += count;
            } else if figures.taken_for.is_none_or(|(_, most)| count > most) {
                figures.taken_for = Some((answered, count));
            }
        }
        let classes = classes.into_iter();
        classes
            .map(|(class, figures)| ClassTally { class, ..figures })
            .collect()
    }
}

impl ClassTally {
    /// The share of its images that were answered so; none where it has no images.
    pub fn recall(&self) -> Option<f64> {
        share(self.right, self.images)
    }

    /// The share of its answers that were right; none where it was never answered.
    pub fn precision(&self) -> Option<f64> {
        share(self.right, self.answered)
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Wilson's interval for a share. Unlike the usual plus and minus it stays within 0 and 1, and holds for few images and for
/// shares near 1, too.
fn wilson(part: u64, whole: u64) -> Option<(f64, f64)> {
    let share = share(part, whole)?;
    let whole = whole as f64;
    let square = DEVIATIONS * DEVIATIONS;
    let centre = share + square / (2.0 * whole);
    let half = DEVIATIONS * (share * (1.0 - share) / whole + square / (4.0 * whole * whole)).sqrt();
    let scale = 1.0 + square / whole;
    Some((((centre - half) / scale).max(0.0), ((centre + half) / scale).min(1.0)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tally(pairs: &[(u32, u32)]) -> Tally {
        let mut tally = Tally::default();
        for &(class, answered) in pairs {
            tally.add(class, answered);
        }
        tally
    }

    /// Four of class 0: two right, one each taken for 1 and 2. One of class 2, taken for 0. Two of class 1, right.
    fn seven() -> Tally {
        tally(&[(0, 0), (0, 0), (0, 1), (0, 2), (2, 0), (1, 1), (1, 1)])
    }

    #[test]
    fn what_is_counted_by_hand_comes_out() {
        let seven = seven();
        assert_eq!((seven.images(), seven.right()), (7, 4));
        assert_eq!(seven.accuracy(), Some(4.0 / 7.0));
        assert_eq!((seven.count(0, 0), seven.count(0, 2), seven.count(2, 2)), (2, 1, 0));
        let [zero, one, two] = seven.classes().try_into().unwrap();
        let expected = ClassTally {
            class: 0,
            images: 4,
            right: 2,
            answered: 3,
            taken_for: Some((1, 1)),
        };
        assert_eq!(zero, expected, "of equals the first");
        assert_eq!((zero.recall(), zero.precision()), (Some(0.5), Some(2.0 / 3.0)));
        assert_eq!((one.recall(), one.precision()), (Some(1.0), Some(2.0 / 3.0)));
        assert_eq!((one.answered, one.taken_for), (3, None));
        assert_eq!((two.recall(), two.precision()), (Some(0.0), Some(0.0)));
        assert_eq!(two.taken_for, Some((0, 1)));
    }

    #[test]
    fn a_class_without_images_or_without_answers_has_no_such_share() {
        let [zero, seven] = tally(&[(0, 7)]).classes().try_into().unwrap();
        assert_eq!((zero.recall(), zero.precision()), (Some(0.0), None));
        assert_eq!((seven.class, seven.recall(), seven.precision()), (7, None, Some(0.0)));
    }

    #[test]
    fn without_images_there_are_no_figures() {
        let none = Tally::default();
        assert_eq!((none.images(), none.accuracy(), none.interval()), (0, None, None));
        assert!(none.classes().is_empty());
    }

    /// Wilson's formula, calculated elsewhere; the first three are in many a table.
    #[test]
    fn the_interval_has_the_values_that_are_known() {
        for (right, images, low, high) in [
            (0, 10, 0.0, 0.277_533),
            (10, 10, 0.722_467, 1.0),
            (5, 10, 0.236_593, 0.763_407),
            (1, 1, 0.206_549, 1.0),
            (90, 100, 0.825_634, 0.944_771),
        ] {
            let (found_low, found_high) = wilson(right, images).unwrap();
            assert!((found_low - low).abs() < 1e-6, "{right} of {images}: {found_low}");
            assert!((found_high - high).abs() < 1e-6, "{right} of {images}: {found_high}");
        }
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_share_and_stays_within_bounds(part: u32, rest: u32) {
            let whole = u64::from(part) + u64::from(rest);
            if let Some((low, high)) = wilson(u64::from(part), whole) {
                let share = f64::from(part) / whole as f64;
                prop_assert!(0.0 <= low && low <= share + 1e-12 && share <= high + 1e-12 && high <= 1.0);
            }
        }

        #[test]
        fn the_classes_add_up_to_the_whole(pairs in proptest::collection::vec((0u32..9, 0u32..9), 0..200)) {
            let tally = tally(&pairs);
            let classes = tally.classes();
            prop_assert_eq!(classes.iter().map(|class| class.images).sum::<u64>(), pairs.len() as u64);
            prop_assert_eq!(classes.iter().map(|class| class.answered).sum::<u64>(), pairs.len() as u64);
            prop_assert_eq!(classes.iter().map(|class| class.right).sum::<u64>(), tally.right());
        }
    }
}
