//! Which lists a value stands in, and how many of them end with it, like the wheels of an odometer.

use crate::images::MAX_RANK;

/// The lists around a value, outermost first: how many values each has before it, and how long those of its depth are.
#[derive(Debug, Default)]
pub struct Levels {
    depth: usize,
    before: [usize; MAX_RANK],
    lengths: [Option<usize>; MAX_RANK],
}

impl Levels {
    /// How many lists there are around it.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Whether nothing is before it in its list.
    pub fn is_first(&self) -> bool {
        self.innermost() == Some(0)
    }

    /// The length at each depth, once the outermost list has ended.
    pub fn shape(self) -> Vec<usize> {
        self.lengths.into_iter().flatten().collect()
    }

    /// Begins a list; there are fewer than [`MAX_RANK`].
    pub fn enter(&mut self) {
        self.depth += 1;
        self.set_innermost(0);
    }

    /// Counts a value that has ended.
    pub fn count(&mut self) {
        if let Some(before) = self.innermost() {
            self.set_innermost(before + 1);
        }
    }

    /// Ends a list; its length, and that of the first list of its depth.
    pub fn leave(&mut self) -> (usize, usize) {
        let length = self.innermost().unwrap_or_default();
        self.depth = self.depth.saturating_sub(1);
        let first = self.lengths.get_mut(self.depth);
        (length, first.map_or(length, |first| *first.get_or_insert(length)))
    }

    /// How many lists end with the value if all are as long as the first of their depth, and with how many values from this
    /// one on just as many end. None: the value is the last of all, or in a list that is already too long.
    pub fn ahead(&self) -> Option<(usize, usize)> {
        let levels = self.before.iter().zip(&self.lengths).take(self.depth).rev();
        // Whether the lists that end have one value each.
        let mut are_single = true;
        for (turns, (&before, &length)) in levels.enumerate() {
            let Some(length) = length else {
                return Some((turns, if are_single { usize::MAX } else { 1 }));
            };
            match length.checked_sub(before + 1)? {
                0 => are_single &= before == 0,
                left => return Some((turns, if are_single { left } else { 1 })),
            }
        }
        None
    }

    /// Goes on by `values`, with each of which `turns` lists end and as many begin.
    pub fn go_on(&mut self, turns: usize, values: usize) {
        let mut levels = self.before.iter_mut().take(self.depth).rev();
        levels.by_ref().take(turns).for_each(|before| *before = 0);
        if let Some(before) = levels.next() {
            *before += values;
        }
    }

    fn innermost(&self) -> Option<usize> {
        self.before.get(self.depth.checked_sub(1)?).copied()
    }

    fn set_innermost(&mut self, before: usize) {
        if let Some(place) = self.depth.checked_sub(1).and_then(|depth| self.before.get_mut(depth)) {
            *place = before;
        }
    }
}
