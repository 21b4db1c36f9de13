//! One transaction while it is being filled: which commits succeed, and which do not.

use std::collections::HashSet;

use rusqlite::{Result, Transaction};

use super::{Commit, Verdict, size};
use crate::broker::local::Broker;
use crate::broker::local::lanes::Consumed;
use crate::broker::local::log::{self, Spread};
use crate::broker::local::retention::{Room, laggards, make_room};

pub(super) struct Group<'a> {
    transaction: &'a Transaction<'a>,
    broker: &'a Broker,
    /// The next partition for a record with neither key nor input.
    turn: &'a mut u64,
    /// Topics that were already reported as full.
    warned: &'a mut HashSet<String>,
    /// A topic without room has more to drop.
    pub is_dropping: bool,
    /// Topics without room, and partitions with a postponed commit, which later commits must not overtake.
    full: HashSet<&'a str>,
    held_up: HashSet<(&'a str, i64)>,
}

impl<'a> Group<'a> {
    pub fn new(
        transaction: &'a Transaction<'a>,
        broker: &'a Broker,
        turn: &'a mut u64,
        warned: &'a mut HashSet<String>,
    ) -> Self {
        Self {
            transaction,
            broker,
            turn,
            warned,
            is_dropping: false,
            full: HashSet::new(),
            held_up: HashSet::new(),
        }
    }

    /// Carries out one commit, or nothing of it.
    pub fn judge(&mut self, commit: &'a Commit) -> Result<Verdict> {
        let lane = commit
            .consumed
            .as_ref()
            .map(|consumed| (consumed.lanes.group.as_str(), consumed.partition));
        let overtakes = lane.is_some_and(|lane| self.held_up.contains(&lane));
        if overtakes || !self.has_room(commit)? {
            self.full.extend(commit.records.iter().map(|record| &*record.topic));
            self.held_up.extend(lane);
            return Ok(Verdict::PutOff);
        }
        if let Some(consumed) = &commit.consumed
            && !self.consume(consumed)?
        {
            return Ok(Verdict::Refused);
        }
        for record in &commit.records {
            let spread = match record.lane {
                Some(number) => Spread::Follow(number),
                None => {
                    *self.turn += 1;
                    Spread::Turn(*self.turn - 1)
                }
            };
            log::append(self.transaction, self.topic(&record.topic)?, &record.message, spread)?;
        }
        Ok(Verdict::Done)
    }

    fn topic(&self, name: &str) -> Result<i64> {
        log::find_or_create_topic(self.transaction, name, self.broker.config.partitions)
    }

    /// The only statement that moves a group's offset. It requires the fence and the offset that the commit expects,
    /// or does nothing: it refuses a member that has lost the lane, and everything after a failed commit.
    fn consume(&self, consumed: &Consumed) -> Result<bool> {
        let mut statement = self.transaction.prepare_cached(
            "UPDATE consumption SET next_offset = ?5
             WHERE group_name = ?1 AND partition = ?2 AND fence = ?3 AND next_offset = ?4",
        )?;
        let Consumed {
            lanes,
            partition,
            fence,
            from,
            to,
            ..
        } = consumed;
        Ok(statement.execute((&lanes.group, partition, fence, from, to))? == 1)
    }

    fn has_room(&mut self, commit: &'a Commit) -> Result<bool> {
        for record in &commit.records {
            let name = &*record.topic;
            // Consuming from this topic is what makes room in it: waiting would be for ever.
            let is_its_own = commit
                .consumed
                .as_ref()
                .is_some_and(|consumed| consumed.lanes.topic == name);
            if self.full.contains(name) && !is_its_own {
                return Ok(false);
            }
            let same = commit.records.iter().filter(|other| *other.topic == *name);
            let size = same.map(|record| size(&record.message)).sum();
            let topic = self.topic(name)?;
            let limit = self.broker.config.retention_bytes;
            let room = make_room(self.transaction, topic, size, limit)?;
            if room == Room::Yes || is_its_own {
                continue;
            }
            self.full.insert(name);
            match room {
                Room::NotYet => self.is_dropping = true,
                _ => self.warn(name, topic)?,
            }
            return Ok(false);
        }
        Ok(true)
    }

    fn warn(&mut self, name: &str, topic: i64) -> Result<()> {
        if self.warned.insert(name.to_owned()) {
            tracing::warn!(
                topic = name,
                retention_bytes = self.broker.config.retention_bytes,
                laggards = laggards(self.transaction, topic, self.broker.config.lease)?,
                "the topic is full of messages that are not consumed yet: waiting; let a group consume them, raise \
                 --local-retention, or remove an unused group with 'host topics forget-group'"
            );
        }
        Ok(())
    }
}
