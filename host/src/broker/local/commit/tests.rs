use super::*;
use crate::broker::local::testing::{Ended, LONG, Place, commit, next};

fn committer(place: &Place) -> Committer {
    Committer::new(place.broker.clone(), place.connect())
}

fn ended(mut ended: Ended) -> Option<std::result::Result<(), SettleError>> {
    ended.try_recv().ok()
}

const ANSWERS: &str = "SELECT count(*) FROM record WHERE id >> 40 > (SELECT max(id) FROM partition WHERE topic = 1)";
const CONSUMED: &str = "SELECT sum(next_offset) FROM consumption";

#[test]
fn a_commit_whose_fence_is_not_current_is_left_out_and_the_others_go_through() {
    let place = Place::new(2);
    place.fill(2);
    let zombie = place.join(LONG);
    place.read(&zombie.lanes);
    let deliveries = [next(&zombie.lanes).unwrap(), next(&zombie.lanes).unwrap()];
    let acts = deliveries.map(|delivery| commit(Some(delivery), "answers", Message::new("answer")).unwrap());
    let [stale, current] = acts;
    // Another member took the first lane only.
    place
        .connect()
        .execute("UPDATE consumption SET fence = fence + 10 WHERE partition = 1", ())
        .unwrap();

    committer(&place).commit(vec![stale.0, current.0]);
    let result = ended(stale.1).unwrap();
    assert!(
        matches!(&result, Err(SettleError::Rewound(lanes)) if lanes[0].to_string() == "topic/0"),
        "{result:?}"
    );
    ended(current.1).unwrap().unwrap();
    assert_eq!((place.number(ANSWERS), place.number(CONSUMED)), (1, 1));
}

#[test]
fn a_zombie_whose_lease_ended_unnoticed_commits_nothing() {
    let place = Place::new(1);
    place.fill(2);
    let zombie = place.join(LONG);
    place.read(&zombie.lanes);
    let claimed = next(&zombie.lanes).unwrap();
    place.expire_all();
    let heir = place.join(LONG);
    place.read(&heir.lanes);
    // Their claims have the same offset, and both believe that they hold the lane.
    let (late, late_ended) = commit(Some(claimed), "answers", Message::new("late")).unwrap();
    let (right, right_ended) = commit(next(&heir.lanes), "answers", Message::new("right")).unwrap();
    committer(&place).commit(vec![late, right]);
    assert!(matches!(ended(late_ended).unwrap(), Err(SettleError::Rewound(_))));
    ended(right_ended).unwrap().unwrap();
    assert_eq!((place.number(ANSWERS), place.number(CONSUMED)), (1, 1));
}

#[test]
fn a_commit_that_does_not_begin_where_the_group_is_commits_nothing() {
    let place = Place::new(1);
    place.fill(3);
    let member = place.join(LONG);
    place.read(&member.lanes);
    place.read(&member.lanes);
    let (first, first_ended) = commit(next(&member.lanes), "answers", Message::new("0")).unwrap();
    let (second, second_ended) = commit(next(&member.lanes), "answers", Message::new("1")).unwrap();
    let mut committer = committer(&place);
    // As after a failed transaction whose first commit this was.
    committer.commit(vec![second]);
    assert!(matches!(ended(second_ended).unwrap(), Err(SettleError::Rewound(_))));
    committer.commit(vec![first]);
    ended(first_ended).unwrap().unwrap();
    assert_eq!((place.number(ANSWERS), place.number(CONSUMED)), (1, 1));
}

#[test]
fn on_a_full_disk_a_commit_fails_whole_and_goes_through_once_there_is_room() {
    let place = Place::new(1);
    place.fill(1);
    let member = place.join(LONG);
    place.read(&member.lanes);
    let mut committer = committer(&place);
    let pages = place.number("SELECT page_count FROM pragma_page_count");
    committer
        .connection
        .pragma_update(None, "max_page_count", pages + 5)
        .unwrap();
    let big = || Message::new(vec![7; 100_000]);
    let delivery = next(&member.lanes).unwrap();
    let epoch = delivery.claim.epoch;
    let (small, small_ended) = commit(None, "others", Message::new("small")).unwrap();
    let (full, full_ended) = commit(Some(delivery), "answers", big()).unwrap();
    committer.commit(vec![small, full]);
    for ended in [ended(small_ended), ended(full_ended)] {
        let error = ended.unwrap().unwrap_err().to_string();
        assert!(
            error.contains("no room on the disk") && error.contains("host.db"),
            "{error}"
        );
    }
    assert_eq!((place.number(ANSWERS), place.number(CONSUMED)), (0, 0));

    committer
        .connection
        .pragma_update(None, "max_page_count", pages + 500)
        .unwrap();
    let cursor = member.lanes.cursors().unwrap().0[0];
    assert_eq!(cursor.position, None, "the lane went back to what the file says");
    member.lanes.reload(cursor, 0);
    place.read(&member.lanes);
    let again = next(&member.lanes).unwrap();
    assert!(again.claim.epoch > epoch);
    let (commit, commit_ended) = commit(Some(again), "answers", big()).unwrap();
    committer.commit(vec![commit]);
    ended(commit_ended).unwrap().unwrap();
    assert_eq!((place.number(ANSWERS), place.number(CONSUMED)), (1, 1));
}

#[test]
fn what_is_put_off_for_want_of_room_is_not_overtaken_in_its_topic_or_its_lane() {
    let place = Place::new(1);
    place.fill(2);
    let member = place.join(LONG);
    place.read(&member.lanes);
    place.read(&member.lanes);
    let half = || Message::new(vec![7; 600 << 10]);
    let (first, first_ended) = commit(None, "answers", half()).unwrap();
    let (full, full_ended) = commit(next(&member.lanes), "answers", half()).unwrap();
    let (small, small_ended) = commit(None, "answers", Message::new("small")).unwrap();
    let (same_lane, same_lane_ended) = commit(next(&member.lanes), "others", Message::new("small")).unwrap();
    let (other, other_ended) = commit(None, "others", Message::new("small")).unwrap();
    let mut committer = committer(&place);
    committer.commit(vec![first, full, small, same_lane]);
    committer.commit(vec![other]);
    ended(first_ended).unwrap().unwrap();
    assert_eq!(committer.put_off.len(), 3);
    assert!(ended(other_ended).is_some());

    place.connect().execute("UPDATE partition SET bytes = 0", ()).unwrap();
    let put_off = std::mem::take(&mut committer.put_off);
    committer.commit(put_off);
    for ended in [ended(full_ended), ended(small_ended), ended(same_lane_ended)] {
        ended.unwrap().unwrap();
    }
    assert_eq!(place.number(CONSUMED), 2);
}
