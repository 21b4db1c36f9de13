//! Members that join and leave: a lane has one holder, and what it holds is neither lost nor answered twice.

use std::collections::BTreeMap;
use std::time::Instant;

use host::broker::{GroupStatus, GroupWatch, SettleError};

use crate::KEYS;
use crate::support::{Fixture, POLL, assert_answered, number, numbered, within};

pub async fn a_second_member_takes_its_share_and_order_is_kept(broker: &dyn Fixture) {
    broker.create(4).await;
    broker.append(numbered(&KEYS, 10)).await;
    let mut first = broker.join().await;
    for _ in 0..7 {
        let delivery = first.delivery().await;
        first.answer_durably(delivery).await.unwrap();
    }
    let mut second = broker.join().await;
    let (lanes, drained) = first.revoked().await;
    assert_eq!(lanes.len(), 2, "half of four lanes");
    drop(drained);
    let delivery = second.delivery().await;
    assert!(lanes.contains(&delivery.claim.lane));
    second.answer_durably(delivery).await.unwrap();
    let (one, two) = tokio::join!(first.answer_all(broker), second.answer_all(broker));
    if broker.is_exactly_once() {
        assert_eq!(7 + 1 + one + two, KEYS.len() * 10);
    }
    assert_answered(broker, &KEYS, 10).await;
}

pub async fn a_revoked_lane_waits_for_what_is_in_flight(broker: &dyn Fixture) {
    broker.create(2).await;
    broker.append(numbered(&KEYS, 5)).await;
    let mut first = broker.join().await;
    let mut in_flight: BTreeMap<_, Vec<_>> = BTreeMap::new();
    while in_flight.len() < 2 {
        let delivery = first.delivery().await;
        in_flight.entry(delivery.claim.lane.clone()).or_default().push(delivery);
    }
    let mut second = broker.join().await;
    let (lanes, drained) = first.revoked().await;
    assert_eq!(lanes.len(), 1);
    // If the lane had moved before it was drained, these would not settle, or would reach the second member as well.
    let mut settled = 0;
    for delivery in in_flight.remove(&lanes[0]).unwrap() {
        settled = delivery.claim.seq;
        first.answer_durably(delivery).await.unwrap();
    }
    drop(drained);
    // All of the lane may have been in flight.
    broker.append(numbered(&KEYS, 6).split_off(5 * KEYS.len())).await;
    let next = second.delivery().await;
    assert_eq!((&next.claim.lane, next.claim.seq), (&lanes[0], settled + 1));
    second.answer_durably(next).await.unwrap();
    drop(in_flight);
    tokio::join!(first.answer_all(broker), second.answer_all(broker));
    assert_answered(broker, &KEYS, 6).await;
}

pub async fn what_is_being_settled_in_a_revoked_lane_counts(broker: &dyn Fixture) {
    broker.create(2).await;
    broker.append(numbered(&KEYS, 5)).await;
    let mut first = broker.join().await;
    let mut in_flight: BTreeMap<_, Vec<_>> = BTreeMap::new();
    while in_flight.len() < 2 || in_flight.values().any(|lane| lane.len() < 2) {
        let delivery = first.delivery().await;
        in_flight.entry(delivery.claim.lane.clone()).or_default().push(delivery);
    }
    let mut second = broker.join().await;
    let (lanes, drained) = first.revoked().await;
    let mut revoked = in_flight.remove(&lanes[0]).unwrap();
    let behind = revoked.split_off(1);
    let settling = revoked.pop().unwrap();
    let seq = settling.claim.seq;
    let durable = first.answer(settling).await.unwrap();
    drop(behind);
    within("what was accepted to be durable", durable).await.unwrap();
    drop(drained);
    let next = second.delivery().await;
    assert_eq!((&next.claim.lane, next.claim.seq), (&lanes[0], seq + 1));
    second.answer_durably(next).await.unwrap();
    drop(in_flight);
    tokio::join!(first.answer_all(broker), second.answer_all(broker));
    assert_answered(broker, &KEYS, 5).await;
}

pub async fn claims_that_were_revoked_do_nothing(broker: &dyn Fixture) {
    broker.create(1).await;
    broker.append(numbered(&["a"], 3)).await;
    let mut first = broker.join().await;
    let claimed = first.delivery().await;
    drop(first.source);
    let mut second = broker.join().await;
    let again = second.delivery().await;
    assert_eq!(number(&again.message), 0);
    second.answer_durably(again).await.unwrap();
    let late = first.settle.settle_one(claimed.claim, Vec::new()).await.await;
    assert!(matches!(late, Err(SettleError::Rewound(_))), "{late:?}");
    second.answer_all(broker).await;
    assert_answered(broker, &["a"], 3).await;
}

pub async fn a_member_that_crashed_is_replaced_after_its_lease(broker: &dyn Fixture) {
    broker.create(2).await;
    broker.append(numbered(&KEYS, 5)).await;
    let mut first = broker.join().await;
    for _ in 0..3 {
        let delivery = first.delivery().await;
        first.answer_durably(delivery).await.unwrap();
    }
    let in_flight = first.delivery().await;
    // The claim outlives its source, as in a process that hangs.
    drop(first);
    let mut second = broker.join().await;
    second.answer_all(broker).await;
    drop(in_flight);
    assert_answered(broker, &KEYS, 5).await;
}

pub async fn a_member_that_closes_is_replaced_at_once(broker: &dyn Fixture) {
    broker.create(1).await;
    broker.append(numbered(&["a"], 4)).await;
    let mut first = broker.join().await;
    let delivery = first.delivery().await;
    first.answer_durably(delivery).await.unwrap();
    let unsettled = first.delivery().await;
    // One lane, two members: the second waits.
    let mut second = broker.join().await;
    let closed = Instant::now();
    within("a member to close", first.source.close()).await.unwrap();
    let delivery = second.delivery().await;
    let took = closed.elapsed();
    assert!(took < broker.lease() / 2, "{took:?} of a lease of {:?}", broker.lease());
    assert_eq!(
        number(&delivery.message),
        1,
        "what was settled is kept, what was not comes again"
    );
    drop(unsettled);
    second.answer_durably(delivery).await.unwrap();
    second.answer_all(broker).await;
    assert_answered(broker, &["a"], 4).await;
}

/// Waits until a member is told what is expected.
async fn wait_for_status(watch: &dyn GroupWatch, what: &str, holds: impl Fn(&GroupStatus) -> bool) -> GroupStatus {
    let told = async {
        loop {
            let status = watch.status().await.unwrap();
            if holds(&status) {
                return status;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    within(what, told).await
}

pub async fn a_member_is_told_where_its_group_stands_and_who_holds_what_it_waits_for(broker: &dyn Fixture) {
    broker.create(1).await;
    broker.append(numbered(&KEYS[..1], 3)).await;
    let mut first = broker.join().await;
    let watch = first.source.watch();
    if !broker.tells_where_a_group_stands() {
        assert_eq!(watch.status().await.unwrap(), GroupStatus::default());
        return;
    }
    let delivery = first.delivery().await;
    first.answer_durably(delivery).await.unwrap();
    let alone = GroupStatus {
        lag: Some(2),
        partitions: Some((1, 1)),
        members: Some(1),
        holders: Vec::new(),
    };
    wait_for_status(&*watch, "one member with all partitions", |status| *status == alone).await;

    let second = broker.join().await;
    let watch = second.source.watch();
    // Between two assignments nobody holds anything.
    let waits = |status: &GroupStatus| status.members == Some(2) && status.holders.len() == 1;
    let status = wait_for_status(&*watch, "a second member that waits for the first", waits).await;
    assert_eq!((status.lag, status.partitions), (Some(2), Some((0, 1))));

    first.source.close().await.unwrap();
    wait_for_status(&*watch, "the second to hold all partitions", |status| *status == alone).await;
}
