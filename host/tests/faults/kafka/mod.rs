//! The faults of Kafka.

mod outputs;
mod wire;

use std::net::TcpListener;
use std::sync::OnceLock;
use std::time::Duration;

use test_brokers::{Cluster, Distribution, Options};

use self::wire::{Delivery, Kafka};
use crate::proxy::Proxy;
use crate::stream::Stream;
use crate::waiting::at_once;
use crate::{
    WAITING, again_and_again, among_good_ones, come_and_go, cuts, further, judge, kills, stands_still, times, turn,
    work,
};

const BOTH: [Delivery; 2] = [Delivery::ExactlyOnce, Delivery::AtLeastOnce];

fn start(options: Options) -> Option<Cluster> {
    let distribution = Distribution::for_tests().unwrap()?;
    Some(Cluster::start(&distribution, &options).unwrap())
}

/// One node, for all faults that leave it as it was. None: there is no Kafka, and this is not CI.
fn one() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    // Requested by each test, so that each is counted as skipped.
    Distribution::for_tests().unwrap()?;
    CLUSTER.get_or_init(|| start(Options::default())).as_ref()
}

fn stream(cluster: &Cluster, delivery: Delivery) -> Stream {
    Stream::new(Kafka::new(&cluster.bootstrap(), &cluster.bootstrap(), 1, delivery))
}

/// A host with the same instance name takes over the partitions, and the open transaction, of the one that was
/// killed.
const NAMES: [&[&str]; 2] = [&["--instance", "host-0"], &["--instance", "host-1"]];

#[test]
fn a_host_killed_at_random_moments_loses_repeats_and_reorders_nothing_in_transactions() {
    let Some(cluster) = one() else { return };
    let _turn = turn();
    kills(stream(cluster, Delivery::ExactlyOnce), &NAMES[..1], times(50, 3));
}

#[test]
fn a_host_killed_at_random_moments_loses_and_reorders_nothing_at_least_once() {
    let Some(cluster) = one() else { return };
    let _turn = turn();
    kills(stream(cluster, Delivery::AtLeastOnce), &NAMES[..1], times(50, 3));
}

#[test]
fn two_hosts_killed_in_turn_lose_repeat_and_reorder_nothing_in_transactions() {
    let Some(cluster) = one() else { return };
    let _turn = turn();
    kills(stream(cluster, Delivery::ExactlyOnce), &NAMES, times(50, 2));
}

#[test]
fn hosts_that_join_and_leave_lose_repeat_and_reorder_nothing_in_transactions() {
    let Some(cluster) = one() else { return };
    let _turn = turn();
    come_and_go(stream(cluster, Delivery::ExactlyOnce), 2, times(20, 2));
    come_and_go(stream(cluster, Delivery::ExactlyOnce), 3, times(20, 3));
}

#[test]
fn hosts_that_join_and_leave_lose_and_reorder_nothing_at_least_once() {
    let Some(cluster) = one() else { return };
    let _turn = turn();
    come_and_go(stream(cluster, Delivery::AtLeastOnce), 3, times(20, 3));
}

#[test]
fn a_broker_that_is_killed_and_comes_back_loses_nothing_of_ours() {
    let _turn = turn();
    let Some(cluster) = start(Options::default()) else {
        return;
    };
    for delivery in BOTH {
        let stream = stream(&cluster, delivery);
        again_and_again("the broker killed and restarted", stream, times(10, 1), |_, _| {
            cluster.kill(1).unwrap();
            cluster.restart(1).unwrap();
        });
    }
}

#[test]
fn one_of_three_brokers_killed_loses_nothing_of_ours() {
    let _turn = turn();
    let three = Options {
        nodes: 3,
        ..Options::default()
    };
    let Some(cluster) = start(three) else { return };
    for delivery in BOTH {
        let wire = Kafka::new(&cluster.bootstrap(), &cluster.bootstrap(), 3, delivery);
        let mut round = 0;
        let repetitions = times(9, 1);
        again_and_again(
            "one of three brokers killed",
            Stream::new(wire),
            repetitions,
            |stream, _| {
                let node = 1 + round % 3;
                round += 1;
                cluster.kill(node).unwrap();
                further(stream);
                cluster.restart(node).unwrap();
            },
        );
    }
}

#[test]
fn a_broker_that_stands_still_loses_nothing_of_ours() {
    let _turn = turn();
    at_once(BOTH, |delivery| {
        let Some(cluster) = start(Options::default()) else {
            return;
        };
        stands_still(
            stream(&cluster, delivery),
            || cluster.pause(1).unwrap(),
            || cluster.resume(1).unwrap(),
        );
    });
}

#[test]
fn a_connection_cut_in_the_middle_of_a_message_loses_nothing() {
    let _turn = turn();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = Options {
        port: Some(port),
        // The broker advertises the proxy as its own address, so that all connections go through it.
        properties: vec![("advertised.listeners".to_owned(), format!("PLAINTEXT://{address}"))],
        ..Options::default()
    };
    let Some(cluster) = start(options) else { return };
    let proxy = Proxy::start(listener, port);
    for delivery in BOTH {
        let wire = Kafka::new(&address, &cluster.bootstrap(), 1, delivery);
        cuts(Stream::new(wire), &proxy);
    }
}

#[test]
fn poison_among_good_messages_becomes_dead_letters_and_holds_up_nothing() {
    let Some(cluster) = one() else { return };
    let _turn = turn();
    for delivery in BOTH {
        let poison = "reject:poison:as it was told";
        among_good_ones("a poison message in ten", poison, stream(cluster, delivery));
    }
}

#[test]
fn a_guest_that_traps_on_every_tenth_message_costs_that_message() {
    let Some(cluster) = one() else { return };
    let _turn = turn();
    for delivery in BOTH {
        among_good_ones("a guest that traps on one in ten", "trap", stream(cluster, delivery));
    }
}

#[test]
fn an_answer_over_what_the_output_topic_takes_becomes_a_dead_letter() {
    let Some(cluster) = one() else { return };
    let _turn = turn();
    for delivery in BOTH {
        // Within the host's own limit, and over Kafka's.
        let huge = "huge-reply:1200000";
        among_good_ones(
            "one answer in ten is over the topic's limit",
            huge,
            stream(cluster, delivery),
        );
    }
}

#[test]
fn a_guest_slower_than_the_poll_interval_keeps_its_place_in_the_group() {
    let Some(cluster) = one() else { return };
    let _turn = turn();
    at_once(BOTH, |delivery| {
        let mut stream = stream(cluster, delivery);
        let interval = ["--set", "kafka.max.poll.interval.ms=6000"];
        let _host = stream.host(&interval);
        let _other = stream.host(&interval);
        stream.send(4, |_| "sleep:8000".to_owned());
        stream.send(WAITING, work);
        let verdict = judge("a guest slower than max.poll.interval", &mut stream, 4, 4);
        assert_eq!(verdict.duplicated, 0, "a member that polls is not put out of its group");
    });
}

#[test]
fn a_host_that_stood_still_past_its_transactions_time_goes_on() {
    let Some(cluster) = one() else { return };
    let _turn = turn();
    let mut stream = stream(cluster, Delivery::ExactlyOnce);
    stream.send(2 * WAITING, work);
    // The broker aborts the transaction, open for two seconds, and from then on treats the producer as a zombie.
    let host = stream.host(&[
        "--set",
        "kafka.transaction.timeout.ms=2000",
        "--set",
        "kafka.message.timeout.ms=2000",
    ]);
    let mut in_flight = 0;
    let repetitions = times(10, 2);
    for _ in 0..repetitions {
        further(&mut stream);
        host.signal("STOP");
        in_flight += host.in_flight();
        // The test waits for the time itself.
        std::thread::sleep(Duration::from_secs(4));
        host.signal("CONT");
    }
    judge(
        "a host stopped past its transaction's time",
        &mut stream,
        repetitions,
        in_flight,
    );
}

#[test]
fn a_host_whose_transaction_outlives_its_hold_on_its_partitions_repeats_nothing() {
    let Some(cluster) = one() else { return };
    let _turn = turn();
    let mut stream = stream(cluster, Delivery::ExactlyOnce);
    stream.send(2 * WAITING, work);
    // Longer than a host waits before it gives partitions back whose answers nobody has confirmed.
    let slow = stream.host(&[
        "--set",
        "kafka.linger.ms=9000",
        "--set",
        "kafka.message.timeout.ms=60000",
        "--set",
        "kafka.transaction.timeout.ms=60000",
    ]);
    let undone = || slow.log().matches("a transaction was aborted").count();
    let mut in_flight = 0;
    let repetitions = times(10, 1);
    for _ in 0..repetitions {
        // Its last transaction has ended, and the next one takes its time.
        further(&mut stream);
        in_flight += slow.in_flight();
        let before = undone();
        let other = stream.host(&[]);
        stream.wait_until("a transaction is undone", || undone() > before);
        assert_eq!(other.stop(), Some(0));
    }
    // The slow one would need minutes for the rest.
    let _last = stream.host(&[]);
    assert_eq!(slow.stop(), Some(0));
    judge(
        "a host joins while outputs wait for their confirmation",
        &mut stream,
        repetitions,
        in_flight,
    );
}

#[test]
fn a_group_that_began_at_the_end_misses_nothing_that_came_meanwhile_or_to_new_partitions() {
    // With each of these numbers a key moves to a new partition.
    const PARTITIONS: [usize; 6] = [4, 5, 8, 10, 14, 16];
    let Some(cluster) = one() else { return };
    let _turn = turn();
    for delivery in BOTH {
        let wire = Kafka::new(&cluster.bootstrap(), &cluster.bootstrap(), 1, delivery);
        let group = wire.group();
        let mut stream = Stream::new(wire);
        let latest = [
            "--from",
            "latest",
            "--set",
            "kafka.topic.metadata.refresh.interval.ms=1000",
        ];
        let mut host = stream.host(&latest);
        stream.wait_until("the group has begun", || group.has_begun());
        let mut in_flight = 0;
        let repetitions = times(PARTITIONS.len() - 1, 1);
        for counts in PARTITIONS.windows(2).take(repetitions) {
            in_flight += host.kill();
            stream.send(WAITING, work);
            host = stream.host(&latest);
            // A key keeps its order only while it goes to one partition.
            stream.wait_for_answers(stream.sent);
            group.add_partitions(counts[1]);
            while (counts[0]..counts[1]).all(|partition| group.messages(partition) == 0) {
                stream.send(1, work);
            }
            stream.wait_for_answers(stream.sent);
        }
        judge(
            "a new group at the end is killed, and partitions are added",
            &mut stream,
            repetitions,
            in_flight,
        );
    }
}

#[test]
fn a_zombie_with_an_old_transactional_id_is_fenced() {
    let Some(cluster) = one() else { return };
    let _turn = turn();
    let mut stream = stream(cluster, Delivery::ExactlyOnce);
    stream.send(2 * WAITING, work);
    let mut in_flight = 0;
    let repetitions = times(10, 1);
    for _ in 0..repetitions {
        let mut zombie = stream.host(&["--instance", "the-same"]);
        further(&mut stream);
        in_flight += zombie.in_flight();
        zombie.signal("STOP");
        let heir = stream.host(&["--instance", "the-same"]);
        further(&mut stream);
        zombie.signal("CONT");
        assert_eq!(zombie.end(), Some(4), "{}", zombie.log());
        assert!(zombie.log().contains("--instance"), "{}", zombie.log());
        assert_eq!(heir.stop(), Some(0));
    }
    let _last = stream.host(&[]);
    judge(
        "a zombie with an old transactional id",
        &mut stream,
        repetitions,
        in_flight,
    );
}
