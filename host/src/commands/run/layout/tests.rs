#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::pipeline::{Cause, Meter};

fn course() -> Course {
    Course {
        input: "input-stream".to_owned(),
        model: "fashion-small".to_owned(),
        output: "output-stream".to_owned(),
        group: "my-group".to_owned(),
        max_in_flight: 1024,
    }
}

fn status(lag: u64, held: u32, holders: &[&str]) -> GroupStatus {
    GroupStatus {
        lag: Some(lag),
        partitions: Some((held, 1)),
        members: Some(2),
        holders: holders.iter().map(|holder| (*holder).to_owned()).collect(),
    }
}

fn busy() -> Moment {
    let meter = Meter::default();
    for milliseconds in [10, 11, 12, 48] {
        meter.answered(40, Duration::from_millis(milliseconds));
    }
    let cause = Cause {
        code: "not-json".to_owned(),
        detail:
            "expected a value at line 1, column 7, and found the end of a message of 6 bytes, which is no end of a list"
                .to_owned(),
    };
    meter.dead_letter(cause, Duration::from_millis(3));
    meter.set_in_flight(64);
    let reading = meter.read();
    Moment {
        recent: Recent {
            took: Duration::from_secs(10),
            rate: 1234.4,
            latency: reading.latency.clone(),
            is_idle: false,
        },
        reading,
        group: Group::Known(status(12_345, 1, &[]), Some(Trend::Shrinking(Duration::from_secs(38)))),
    }
}

fn idle(group: Group) -> Moment {
    let recent = Recent {
        is_idle: true,
        ..Recent::default()
    };
    Moment {
        reading: Reading::default(),
        recent,
        group,
    }
}

#[test]
fn a_busy_run_fits_80_columns_and_says_more_on_140() {
    let narrow = lines(&course(), &busy(), 80).join("\n");
    assert_eq!(
        narrow,
        "\
input-stream -> fashion-small -> output-stream
  rate          1,234 images/s over the last 10 s; 160 images answered
  lag           12,345 messages, shrinking, empty in about 40 s
  in flight     64 of at most 1,024 messages
  latency       p50 11 ms, p99 49 ms from received to settled
  dead letters  1, the last one not-json: expected a value at line 1, column 7,…
  group         my-group: 1 of 1 partition, 2 members"
    );
    let wide = lines(&course(), &busy(), 140).join("\n");
    assert!(
        wide.contains("  dead letters  1, the last one not-json: expected a value at line 1, column 7, and found the end of a message of 6 bytes, which is no end …"),
        "{wide}"
    );
}

#[test]
fn on_any_terminal_no_line_is_wider_than_it_is() {
    let odd = Course {
        input: "画像".repeat(30),
        model: "\u{1b}[2Jtwo\nlines".to_owned(),
        ..course()
    };
    for width in [1, 10, 40, 80, 139] {
        for line in lines(&odd, &busy(), width) {
            assert!(line.width() <= width, "{width}: {line}");
            assert!(!line.contains(char::is_control), "{line:?}");
        }
    }
}

#[test]
fn a_run_with_nothing_to_do_says_what_it_waits_for() {
    let rate = |group| lines(&course(), &idle(group), 80)[1].clone();
    assert_eq!(
        rate(Group::Asked),
        "  rate          waiting for messages; 0 images answered"
    );
    let second = Group::Known(status(0, 0, &["process 4711"]), Some(Trend::Unknown));
    assert_eq!(
        rate(second),
        "  rate          waiting for process 4711, which holds all partitions"
    );
    let third = Group::Known(status(0, 0, &["process 4711", "process 4712"]), None);
    assert_eq!(
        rate(third),
        "  rate          waiting: all partitions are held by process 4711, process 4712"
    );
}

#[test]
fn what_a_broker_does_not_tell_is_not_shown() {
    let told = lines(&course(), &idle(Group::Known(GroupStatus::default(), None)), 80).join("\n");
    assert!(
        !told.contains("lag") && !told.contains("group") && !told.contains("latency"),
        "{told}"
    );
    let silent = lines(&course(), &idle(Group::Silent), 80).join("\n");
    assert!(
        silent.contains("lag           unknown: the broker does not answer"),
        "{silent}"
    );
}

#[test]
fn a_lag_is_shown_with_where_it_is_going() {
    let lag = |lag, trend| super::lag(&Group::Known(status(lag, 1, &[]), Some(trend))).unwrap();
    assert_eq!(lag(0, Trend::Steady), "none");
    assert_eq!(lag(1, Trend::Unknown), "1 message");
    assert_eq!(lag(2000, Trend::Steady), "2,000 messages, steady");
    assert_eq!(
        lag(2000, Trend::Growing(12.3)),
        "2,000 messages, growing by 12 a second"
    );
    assert_eq!(lag(20, Trend::Growing(0.3)), "20 messages, growing");
}

#[test]
fn times_are_said_as_people_say_them() {
    let times = [
        (0, "1 s"),
        (7, "7 s"),
        (38, "40 s"),
        (100, "2 min"),
        (6000, "2 h"),
        (200_000, "3 days"),
    ];
    for (seconds, said) in times {
        assert_eq!(about(Duration::from_secs(seconds)), said);
    }
    for (micros, said) in [
        (120, "0.1 ms"),
        (9_940, "9.9 ms"),
        (45_400, "45 ms"),
        (999_600, "1.0 s"),
        (12_000_000, "12 s"),
    ] {
        assert_eq!(short(Duration::from_micros(micros)), said);
    }
}

#[test]
fn the_line_for_programs_has_all_that_is_known_by_name() {
    assert_eq!(
        status_line(&course(), &busy()),
        "status input=input-stream output=output-stream messages=4 images=160 images_per_second=1234.4 in_flight=64 dead_letters=1 \
         p50_ms=11.3 p99_ms=49.2 lag=12345 partitions_held=1 partitions=1 members=2"
    );
    assert_eq!(
        status_line(&course(), &idle(Group::Asked)),
        "status input=input-stream output=output-stream messages=0 images=0 images_per_second=0.0 in_flight=0 dead_letters=0"
    );
}
