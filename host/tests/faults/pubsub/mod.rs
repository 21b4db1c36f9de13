//! The faults of Pub/Sub: those of Kafka, if they apply, and its own. The service does not lose what it has
//! confirmed, so its server is never killed.

mod wire;

use std::net::TcpListener;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use test_brokers::{Fault, PubSub as Server, PubSubOptions, PubSubProgram};

use self::wire::PubSub;
use crate::proxy::Proxy;
use crate::stream::Stream;
use crate::waiting::at_once;
use crate::{
    WAITING, again_and_again, among_good_ones, come_and_go, cuts, further, judge, kills, stands_still, times, turn,
    work,
};

/// A plain subscription, and one with exactly-once delivery.
const BOTH: [bool; 2] = [false, true];

/// One server for all faults that leave it as it was. None: it cannot be built, and this is not CI.
fn server() -> Option<Arc<Server>> {
    static SERVER: OnceLock<Option<Arc<Server>>> = OnceLock::new();
    // Requested by each test, so that each is counted as skipped.
    PubSubProgram::for_tests().unwrap()?;
    SERVER.get_or_init(start).clone()
}

/// A server for one fault.
fn start() -> Option<Arc<Server>> {
    let program = PubSubProgram::for_tests().unwrap()?;
    Some(Arc::new(Server::start(&program, &PubSubOptions::default()).unwrap()))
}

fn stream(server: &Arc<Server>, exactly_once: bool) -> (Stream, String) {
    let wire = PubSub::new(server, &server.address(), exactly_once);
    let project = wire.project.clone();
    (Stream::new(wire), project)
}

#[test]
fn a_host_killed_at_random_moments_loses_and_reorders_nothing_over_pub_sub() {
    let Some(server) = server() else { return };
    let _turn = turn();
    for exactly_once in BOTH {
        let few = if exactly_once { 1 } else { 3 };
        kills(stream(&server, exactly_once).0, &[&[]], times(50, few));
    }
}

#[test]
fn two_hosts_killed_in_turn_lose_and_reorder_nothing_over_pub_sub() {
    let Some(server) = server() else { return };
    let _turn = turn();
    kills(stream(&server, false).0, &[&[], &[]], times(50, 2));
}

#[test]
fn hosts_that_join_and_leave_lose_repeat_and_reorder_nothing_over_pub_sub() {
    let Some(server) = server() else { return };
    let _turn = turn();
    come_and_go(stream(&server, false).0, 2, times(20, 2));
    come_and_go(stream(&server, true).0, 3, times(20, 3));
}

#[test]
fn a_service_that_stands_still_loses_nothing_of_ours() {
    let _turn = turn();
    at_once(BOTH, |exactly_once| {
        let Some(server) = start() else { return };
        stands_still(
            stream(&server, exactly_once).0,
            || server.pause().unwrap(),
            || server.resume().unwrap(),
        );
    });
}

#[test]
fn a_connection_to_pub_sub_cut_in_the_middle_of_a_message_loses_nothing() {
    let Some(server) = server() else { return };
    let _turn = turn();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    let (_, port) = server
        .address()
        .rsplit_once(':')
        .map(|(_, port)| ((), port.parse().unwrap()))
        .unwrap();
    let proxy = Proxy::start(listener, port);
    for exactly_once in BOTH {
        cuts(Stream::new(PubSub::new(&server, &address, exactly_once)), &proxy);
    }
}

#[test]
fn streams_that_the_service_closes_are_opened_anew_without_a_gap() {
    let _turn = turn();
    let Some(server) = start() else { return };
    for exactly_once in BOTH {
        // As after half an hour; as through a proxy; and as at a clean end.
        let mut codes = ["UNAVAILABLE", "CANCELLED", "OK"].iter().cycle();
        let (stream, _) = stream(&server, exactly_once);
        again_and_again("the service closes the stream", stream, times(30, 6), |_, _| {
            server.close_streams(codes.next().unwrap()).unwrap();
        });
    }
}

#[test]
fn leases_that_end_while_the_guest_works_lose_and_reorder_nothing() {
    let Some(server) = server() else { return };
    let _turn = turn();
    for exactly_once in BOTH {
        let (stream, project) = stream(&server, exactly_once);
        again_and_again("all leases end early", stream, times(30, 5), |_, _| {
            server.expire_leases(&project, "input-stream-sub").unwrap();
        });
    }
}

#[test]
fn acknowledgements_that_fail_lose_and_reorder_nothing() {
    let Some(server) = server() else { return };
    let _turn = turn();
    for failure in ["PERMANENT_FAILURE_INVALID_ACK_ID", "TRANSIENT_FAILURE_UNORDERED_ACK_ID"] {
        let (stream, project) = stream(&server, true);
        again_and_again(
            &format!("an acknowledgement fails: {failure}"),
            stream,
            times(30, 3),
            |_, _| {
                server.fail_acks(&project, "input-stream-sub", 3, failure).unwrap();
            },
        );
    }
}

#[test]
fn answers_whose_confirmation_is_lost_are_sent_again_and_known_by_their_dedupe_id() {
    let _turn = turn();
    let Some(server) = start() else { return };
    for (fault, after) in [("publishing fails", false), ("a confirmation is lost", true)] {
        let (stream, _) = stream(&server, false);
        again_and_again(fault, stream, times(30, 5), |_, _| {
            let unavailable = Fault {
                method: "Publish",
                code: "UNAVAILABLE",
                count: 1,
                after,
                ..Fault::default()
            };
            server.fail(&unavailable).unwrap();
        });
    }
}

#[test]
fn poison_among_good_messages_of_pub_sub_becomes_dead_letters() {
    let Some(server) = server() else { return };
    let _turn = turn();
    for exactly_once in BOTH {
        let poison = "reject:poison:as it was told";
        among_good_ones("a poison message in ten", poison, stream(&server, exactly_once).0);
    }
}

#[test]
fn a_guest_that_traps_on_every_tenth_message_of_pub_sub_costs_that_message() {
    let Some(server) = server() else { return };
    let _turn = turn();
    among_good_ones("a guest that traps on one in ten", "trap", stream(&server, false).0);
}

#[test]
fn an_answer_over_what_pub_sub_takes_becomes_a_dead_letter() {
    let Some(server) = server() else { return };
    let _turn = turn();
    // Within the host's own limit, and over Pub/Sub's.
    let huge = "huge-reply:10000000";
    among_good_ones(
        "one answer in ten is over the topic's limit",
        huge,
        stream(&server, false).0,
    );
}

#[test]
fn an_answer_that_a_topic_of_pub_sub_never_takes_becomes_a_dead_letter() {
    let Some(server) = server() else { return };
    let _turn = turn();
    for exactly_once in BOTH {
        let (mut stream, project) = stream(&server, exactly_once);
        server.forbid(&project, "output-stream", b"never").unwrap();
        let _host = stream.host(&[]);
        stream.send(200, |number| match number % 10 {
            3 => "echo:never".to_owned(),
            _ => "echo:good".to_owned(),
        });
        stream.wait_for_answers(180);
        let verdict = judge("one answer in ten is refused by its topic", &mut stream, 20, 0);
        // If another answer of its lane is refused behind it, a letter may be duplicated.
        assert!(verdict.dead_letters >= 20, "{verdict:?}");
    }
}

#[test]
fn a_dead_letter_that_is_larger_than_pub_sub_takes_is_cut_and_holds_up_nothing() {
    let Some(server) = server() else { return };
    let _turn = turn();
    let (mut stream, _) = stream(&server, false);
    let _host = stream.host(&[]);
    let large = format!("reject:poison:{}", "x".repeat(9_994_000));
    stream.send(100, |number| match number % 50 {
        3 => large.clone(),
        _ => "echo:good".to_owned(),
    });
    let verdict = judge("one dead letter in fifty is over its topic's limit", &mut stream, 2, 0);
    assert_eq!(verdict.dead_letters, 2);
}

#[test]
fn a_guest_slower_than_the_lease_keeps_its_messages() {
    let Some(server) = server() else { return };
    let _turn = turn();
    at_once(BOTH, |exactly_once| {
        let (mut stream, _) = stream(&server, exactly_once);
        let _host = stream.host(&["--guest-timeout", "60s"]);
        // One for each worker; the messages behind them have leases as well.
        stream.send(2, |_| "sleep:12000".to_owned());
        stream.send(WAITING, work);
        let verdict = judge("a guest slower than the lease", &mut stream, 2, 2);
        assert_eq!(verdict.duplicated, 0, "leases are extended");
    });
}

#[test]
fn a_host_that_stood_still_past_its_leases_does_no_harm_to_whoever_took_over() {
    let Some(server) = server() else { return };
    let _turn = turn();
    at_once(BOTH, |exactly_once| {
        let (mut stream, _) = stream(&server, exactly_once);
        stream.send(2 * WAITING, work);
        let mut in_flight = 0;
        let repetitions = times(10, 1);
        for _ in 0..repetitions {
            let zombie = stream.host(&[]);
            further(&mut stream);
            zombie.signal("STOP");
            in_flight += zombie.in_flight();
            let heir = stream.host(&[]);
            // The test waits for the end of the leases, and for what the next host does then.
            std::thread::sleep(Duration::from_secs(11));
            further(&mut stream);
            zombie.signal("CONT");
            assert_eq!(zombie.stop(), Some(0));
            assert_eq!(heir.stop(), Some(0));
        }
        let _last = stream.host(&[]);
        judge("a host stopped past its leases", &mut stream, repetitions, in_flight);
    });
}
