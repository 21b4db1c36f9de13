//! Fair shares: what one member has to do, computed from what all of them can see.

use std::collections::{BTreeMap, HashSet};

use crate::broker::local::lanes::Hold;

/// One partition, as in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub partition: i64,
    pub number: u32,
    pub holder: Option<i64>,
    pub fence: i64,
    pub next: u64,
}

/// What a member has to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Believed to be held, and is not.
    pub lose: Vec<i64>,
    /// Given back, which the file does not say yet.
    pub release: Vec<Row>,
    /// Free, and within the share.
    pub take: Vec<Row>,
    /// More than the share.
    pub give_up: Vec<i64>,
}

/// What the member `me` has to do. `live` are the members in the order in which they joined.
pub(super) fn plan(rows: &[Row], live: &[i64], me: Option<i64>, held: &BTreeMap<i64, Hold>) -> Plan {
    let share = live.iter().position(|id| Some(*id) == me).map_or(0, |rank| {
        let remainder = rows.len() % live.len();
        rows.len() / live.len() + usize::from(rank < remainder)
    });
    let mut plan = Plan::default();
    let mut kept = Vec::new();
    let mut free = Vec::new();
    for row in rows {
        let hold = held.get(&row.partition);
        let is_mine = row.holder.is_some() && row.holder == me;
        match hold {
            Some(hold) if is_mine && hold.fence == row.fence => kept.push((row.partition, hold.is_revoked)),
            _ if is_mine => plan.release.push(row.clone()),
            _ if row.holder.is_none_or(|holder| !live.contains(&holder)) => free.push(row.clone()),
            _ => {}
        }
    }
    let still_held: HashSet<_> = kept.iter().map(|(partition, _)| *partition).collect();
    plan.lose = held.keys().copied().filter(|held| !still_held.contains(held)).collect();
    plan.take = free.into_iter().take(share.saturating_sub(kept.len())).collect();
    let leaving = kept.iter().filter(|(_, is_revoked)| *is_revoked).count();
    let staying = kept.iter().rev().filter(|(_, is_revoked)| !is_revoked);
    let excess = kept.len().saturating_sub(share + leaving);
    plan.give_up = staying.take(excess).map(|(partition, _)| *partition).collect();
    plan
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Members of any number, each doing what its plan says, in any order of turns.
        #[test]
        fn every_partition_is_held_once_and_shares_differ_by_one_at_most(
            partitions in 1..12i64,
            members in 1..6i64,
            turns in prop::collection::vec(0..6i64, 0..30),
        ) {
            let mut rows: Vec<Row> = (0..partitions)
                .map(|partition| Row { partition, number: 0, holder: None, fence: 0, next: 0 })
                .collect();
            let live: Vec<i64> = (0..members).collect();
            // Whatever happened before, two full rounds settle it: one member gives back, the other takes.
            let rounds = [&*live, &*live].concat();
            for me in turns.into_iter().map(|turn| turn % members).chain(rounds) {
                let mine = rows.iter().filter(|row| row.holder == Some(me));
                let held: BTreeMap<_, _> =
                    mine.map(|row| (row.partition, Hold { fence: row.fence, is_revoked: false })).collect();
                let plan = plan(&rows, &live, Some(me), &held);
                prop_assert!(plan.lose.is_empty() && plan.release.is_empty());
                for row in &mut rows {
                    if plan.give_up.contains(&row.partition) {
                        row.holder = None;
                    }
                    if plan.take.iter().any(|taken| taken.partition == row.partition) {
                        prop_assert_eq!(row.holder, None);
                        row.holder = Some(me);
                    }
                }
            }
            let counts: BTreeSet<usize> =
                live.iter().map(|me| rows.iter().filter(|row| row.holder == Some(*me)).count()).collect();
            prop_assert!(rows.iter().all(|row| row.holder.is_some()));
            prop_assert!(counts.last().unwrap() - counts.first().unwrap() <= 1);
        }
    }
}
