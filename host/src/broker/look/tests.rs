//! Looking at a log, without any broker.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;

/// Partitions of messages by time; none: an offset without a message, such as the mark of a transaction.
#[derive(Clone)]
struct Fake {
    partitions: Vec<(u64, Vec<Option<i64>>)>,
    places: Vec<u64>,
}

fn log(partitions: &[&[Option<i64>]]) -> Fake {
    Fake {
        partitions: partitions.iter().map(|times| (0, times.to_vec())).collect(),
        places: Vec::new(),
    }
}

impl Log for Fake {
    fn extents(&mut self) -> Result<Vec<Extent>, BrokerError> {
        let extents = self.partitions.iter();
        let extents = extents.map(|(start, times)| Extent {
            start: *start,
            end: start + times.len() as u64,
        });
        Ok(extents.collect())
    }

    fn at_time(&mut self, time_ms: i64) -> Result<Vec<u64>, BrokerError> {
        let found = self.partitions.iter().map(|(start, times)| {
            let found = times.iter().position(|time| time.is_some_and(|time| time >= time_ms));
            start + found.unwrap_or(times.len()) as u64
        });
        Ok(found.collect())
    }

    fn seek(&mut self, offsets: &[u64]) -> Result<(), BrokerError> {
        self.places = offsets.to_vec();
        Ok(())
    }

    fn next(&mut self, partition: usize) -> Result<Option<(u64, Message)>, BrokerError> {
        let (start, times) = &self.partitions[partition];
        loop {
            let place = self.places[partition];
            let Some(time) = times.get(usize::try_from(place - start).unwrap()) else {
                return Ok(None);
            };
            self.places[partition] += 1;
            if let Some(time) = time {
                let mut message = Message::new("x");
                message.timestamp_ms = Some(*time);
                return Ok(Some((place, message)));
            }
        }
    }
}

async fn seen(log: Fake, begin: Begin) -> Result<Vec<String>, BrokerError> {
    let view = View {
        topic: "t".to_owned(),
        begin,
        follow: false,
    };
    let mut look = Look::at(log, view)?;
    let mut seen = Vec::new();
    while let Some(next) = look.next().await? {
        seen.push(next.position);
    }
    Ok(seen)
}

/// Two partitions whose times interleave.
fn two() -> Fake {
    log(&[&[Some(1), Some(4), Some(5)], &[Some(2), Some(3), Some(6)]])
}

#[tokio::test]
async fn partitions_are_shown_by_time_each_in_its_own_order() {
    let all = seen(two(), Begin::At(Start::Earliest)).await.unwrap();
    assert_eq!(all, ["t/0/0", "t/1/0", "t/1/1", "t/0/1", "t/0/2", "t/1/2"]);
    // A producer's clock may go back; its messages do not change places.
    let back = log(&[&[Some(5), Some(1)], &[Some(3)]]);
    assert_eq!(
        seen(back, Begin::At(Start::Earliest)).await.unwrap(),
        ["t/1/0", "t/0/0", "t/0/1"]
    );
}

#[tokio::test]
async fn the_last_are_those_that_would_be_shown_last() {
    let all = seen(two(), Begin::At(Start::Earliest)).await.unwrap();
    for count in 0..8 {
        let last = seen(two(), Begin::Last(count)).await.unwrap();
        assert_eq!(last, all[all.len().saturating_sub(count)..], "{count}");
    }
    assert!(seen(log(&[&[], &[]]), Begin::Last(3)).await.unwrap().is_empty());
}

#[tokio::test]
async fn offsets_without_a_message_do_not_count_as_the_last() {
    let mut times = vec![None; 200];
    times[0] = Some(1);
    times[3] = Some(2);
    times[190] = Some(3);
    let sparse = log(&[&times]);
    assert_eq!(
        seen(sparse.clone(), Begin::Last(2)).await.unwrap(),
        ["t/0/3", "t/0/190"]
    );
    assert_eq!(
        seen(sparse, Begin::Last(9)).await.unwrap(),
        ["t/0/0", "t/0/3", "t/0/190"]
    );
}

#[tokio::test]
async fn a_place_that_a_partition_does_not_have_is_the_nearest_one() {
    let mut dropped = two();
    dropped.partitions[0].0 = 10;
    let from = |offset| seen(dropped.clone(), Begin::At(Start::Offset(offset)));
    assert_eq!(from(2).await.unwrap(), ["t/0/10", "t/0/11", "t/0/12", "t/1/2"]);
    assert_eq!(from(11).await.unwrap(), ["t/0/11", "t/0/12"]);
    assert!(from(99).await.unwrap().is_empty());
    assert_eq!(
        seen(two(), Begin::At(Start::Time(5))).await.unwrap(),
        ["t/0/2", "t/1/2"]
    );
    assert!(seen(two(), Begin::At(Start::Latest)).await.unwrap().is_empty());
}

#[tokio::test]
async fn one_message_is_found_by_its_position_or_the_end_of_it() {
    let only = |log: Fake, position: &str| seen(log, Begin::Only(position.to_owned()));
    assert_eq!(only(two(), "t/1/2").await.unwrap(), ["t/1/2"]);
    assert_eq!(only(two(), "1/2").await.unwrap(), ["t/1/2"]);
    assert_eq!(only(log(&[&[Some(1)]]), "0").await.unwrap(), ["t/0/0"]);
    assert!(only(two(), "1/3").await.unwrap().is_empty());
    assert!(only(log(&[&[None, Some(1)]]), "0").await.unwrap().is_empty());
    for unclear in ["2", "7/0", "t/x/0", "", "u/0/0", "-1", "0/-1"] {
        let said = only(two(), unclear).await.unwrap_err().to_string();
        assert!(said.contains("PARTITION/OFFSET"), "{unclear}: {said}");
    }
}

#[test]
fn the_end_of_a_position_is_whole_parts_of_it() {
    assert!(is_end_of("17", "sub/17") && is_end_of("sub/17", "sub/17"));
    assert!(!is_end_of("7", "sub/17") && !is_end_of("x/17", "sub/17"));
}

#[tokio::test]
async fn whoever_turns_away_ends_the_reading() {
    let view = View {
        topic: "t".to_owned(),
        begin: Begin::At(Start::Earliest),
        follow: true,
    };
    let times: Vec<Option<i64>> = (0..100).map(Some).collect();
    let mut look = Look::at(log(&[&times]), view).unwrap();
    assert_eq!(look.next().await.unwrap().unwrap().position, "t/0/0");
    let Supply::Log(messages) = &look.0 else { return };
    assert!(!messages.is_closed());
    look.close().await.unwrap();
}
