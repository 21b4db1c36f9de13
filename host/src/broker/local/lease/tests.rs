use super::*;
use crate::broker::local::admin::lags;
use crate::broker::local::testing::{LONG, Place};
use crate::broker::{Demand, Event};

fn held(member: &Membership) -> usize {
    member.lanes.held().unwrap().len()
}

#[test]
fn a_newcomer_gets_its_share_once_the_holder_has_drained() {
    let place = Place::new(4);
    let mut first = place.join(LONG);
    assert_eq!(held(&first), 4);
    let mut second = place.join(LONG);
    assert_eq!(held(&second), 0);
    first.tick().unwrap();
    let Some(Event::Revoked(lanes, drained)) = first.lanes.next_event(Demand::EventsOnly).unwrap() else {
        panic!("nothing was revoked");
    };
    assert_eq!(lanes.len(), 2);
    first.tick().unwrap();
    second.tick().unwrap();
    assert_eq!((held(&first), held(&second)), (4, 0));
    drop(drained);
    first.tick().unwrap();
    second.tick().unwrap();
    assert_eq!((held(&first), held(&second)), (2, 2));
}

#[test]
fn an_expired_member_that_nobody_replaced_keeps_its_partitions_and_fences() {
    let place = Place::new(4);
    let mut member = place.join(Duration::ZERO);
    let before = place.fences();
    place.expire_all();
    member.tick().unwrap();
    assert_eq!(held(&member), 4);
    assert_eq!(place.fences(), before);
}

#[test]
fn an_expired_member_that_was_replaced_loses_its_partitions_and_is_told() {
    let place = Place::new(4);
    let mut zombie = place.join(LONG);
    let before = place.fences();
    place.expire_all();
    let heir = place.join(LONG);
    assert_eq!(held(&heir), 4);
    let after = place.fences();
    assert!(before.iter().max() < after.iter().min(), "{before:?} {after:?}");
    zombie.tick().unwrap();
    assert_eq!(held(&zombie), 0);
    let event = zombie.lanes.next_event(Demand::EventsOnly).unwrap();
    assert!(matches!(event, Some(Event::Revoked(lanes, _)) if lanes.len() == 4));
}

#[test]
fn a_lease_from_before_the_clock_was_set_back_holds_nothing() {
    let place = Place::new(4);
    let dead = place.join(LONG);
    place.set_clock_back(Duration::from_secs(1));
    let heir = place.join(LONG);
    assert_eq!((held(&dead), held(&heir)), (4, 4));
    let groups = lags(&place.connect(), 1, LONG).unwrap();
    assert_eq!(
        groups.first().unwrap().members,
        Some(1),
        "the dead one does not count any more"
    );
}

#[test]
fn a_live_member_shares_with_who_came_after_the_clock_was_set_back() {
    let place = Place::new(4);
    let mut first = place.join(LONG);
    place.set_clock_back(LONG);
    let mut second = place.join(LONG);
    first.tick().unwrap();
    assert!(held(&first) == 0 && held(&second) == 4);
    second.tick().unwrap();
    let Some(Event::Revoked(_, drained)) = second.lanes.next_event(Demand::EventsOnly).unwrap() else {
        panic!("nothing was revoked");
    };
    drop(drained);
    second.tick().unwrap();
    first.tick().unwrap();
    assert_eq!((held(&first), held(&second)), (2, 2));
}

#[test]
fn a_revocation_that_nobody_answers_is_over_after_a_while() {
    let place = Place::new(4);
    let mut first = place.join(LONG);
    let mut second = place.join(LONG);
    first.tick().unwrap();
    first.tick().unwrap();
    assert_eq!(held(&first), 4, "its time is not over yet");
    first.lease = Duration::ZERO;
    assert!(first.release_drained());
    (first.lease, first.renewed) = (LONG, None);
    first.tick().unwrap();
    second.tick().unwrap();
    assert_eq!((held(&first), held(&second)), (2, 2));
}
