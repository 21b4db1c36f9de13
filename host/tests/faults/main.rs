//! Faults to survive, against a real Kafka: after each, a reader that knows every message counts what was lost, came twice
//! or came out of order.
//!
//! `cargo xtask faults` makes the full table, with many repetitions; otherwise each fault happens a few times.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

#[path = "../components/mod.rs"]
mod components;
mod proxy;
mod stream;

use std::net::TcpListener;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use proxy::Proxy;
use stream::{Delivery, Host, Stream, Verdict};
use test_brokers::{Cluster, Distribution, Options};

/// Messages that wait at least, whenever something is done.
const WAITING: u64 = 300;

fn is_long() -> bool {
    std::env::var("HOST_FAULTS").is_ok_and(|value| value == "long")
}

/// How often: in the full table, and otherwise.
fn times(long: usize, short: usize) -> usize {
    if is_long() { long } else { short }
}

/// One fault at a time: each takes the machine, and some the broker, for itself.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start(options: Options) -> Option<Cluster> {
    let distribution = Distribution::for_tests().unwrap()?;
    Some(Cluster::start(&distribution, &options).unwrap())
}

/// One node, for all faults that leave it as it was. None: there is no Kafka here, and this is not CI.
fn one() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    // Asked by each test, so that each is counted as skipped.
    Distribution::for_tests().unwrap()?;
    CLUSTER.get_or_init(|| start(Options::default())).as_ref()
}

fn stream(cluster: &Cluster, delivery: Delivery) -> Stream {
    Stream::new(&cluster.bootstrap(), &cluster.bootstrap(), 1, delivery)
}

/// Some milliseconds of work.
fn work(number: u64) -> String {
    format!("sleep:{}", 5 + number % 10)
}

/// Prints a line of the table, and holds the verdict against what is promised.
fn judge(fault: &str, delivery: Delivery, repetitions: usize, in_flight: usize, verdict: &Verdict) {
    let Verdict {
        messages,
        lost,
        duplicated,
        reordered,
        dead_letters,
    } = verdict;
    println!(
        "| {fault} | {delivery:?} | {repetitions} | {messages} | {in_flight} | {lost} | {duplicated} | {reordered} | {dead_letters} |"
    );
    assert_eq!((*lost, *reordered), (0, 0), "{fault}, {delivery:?}");
    if delivery == Delivery::ExactlyOnce {
        assert_eq!(*duplicated, 0, "{fault}");
    }
}

/// Waits for a random few more answers, with many messages still waiting behind them.
fn further(stream: &mut Stream) {
    let answered = stream.answered();
    stream.send((2 * WAITING).saturating_sub(stream.sent - answered), work);
    stream.wait_for_answers(answered + fastrand::u64(1..=10));
    let waiting = stream.sent - stream.answered();
    assert!(waiting > 0, "nothing was waiting: the fault proves nothing");
}

fn kills(hosts: usize, delivery: Delivery, repetitions: usize) {
    let Some(cluster) = one() else { return };
    let _turn = turn();
    let mut stream = stream(cluster, delivery);
    stream.send(2 * WAITING, work);
    // With a name of its own a host takes its partitions, and its open transaction, over from the one that was killed.
    let instances: Vec<_> = (0..hosts).map(|host| format!("host-{host}")).collect();
    let mut running: Vec<Option<Host>> = Vec::new();
    for instance in &instances {
        running.push(Some(stream.host(&["--instance", instance])));
    }
    let mut in_flight = 0;
    for kill in 0..repetitions {
        further(&mut stream);
        let victim = kill % hosts;
        in_flight += running[victim].take().unwrap().kill();
        running[victim] = Some(stream.host(&["--instance", &instances[victim]]));
    }
    let verdict = stream.verify();
    judge(
        &format!("kill -9 of one of {hosts} hosts"),
        delivery,
        repetitions,
        in_flight,
        &verdict,
    );
    assert!(in_flight > 0, "nothing was in flight at any kill: they prove nothing");
}

#[test]
fn a_host_killed_at_random_moments_loses_repeats_and_reorders_nothing_in_transactions() {
    kills(1, Delivery::ExactlyOnce, times(50, 3));
}

#[test]
fn a_host_killed_at_random_moments_loses_and_reorders_nothing_at_least_once() {
    kills(1, Delivery::AtLeastOnce, times(50, 3));
}

#[test]
fn two_hosts_killed_in_turn_lose_repeat_and_reorder_nothing_in_transactions() {
    kills(2, Delivery::ExactlyOnce, times(50, 2));
}

/// Hosts join and leave, each as it should.
fn come_and_go(hosts: usize, delivery: Delivery, repetitions: usize) {
    let Some(cluster) = one() else { return };
    let _turn = turn();
    let mut stream = stream(cluster, delivery);
    stream.send(2 * WAITING, work);
    let mut running: Vec<Option<Host>> = (0..hosts).map(|_| Some(stream.host(&[]))).collect();
    let mut in_flight = 0;
    for round in 0..repetitions {
        further(&mut stream);
        let leaving = running[round % hosts].take().unwrap();
        in_flight += leaving.in_flight();
        assert_eq!(leaving.stop(), Some(0));
        running[round % hosts] = Some(stream.host(&[]));
    }
    let verdict = stream.verify();
    judge(
        &format!("{hosts} hosts join and leave"),
        delivery,
        repetitions,
        in_flight,
        &verdict,
    );
}

#[test]
fn hosts_that_join_and_leave_lose_repeat_and_reorder_nothing_in_transactions() {
    come_and_go(2, Delivery::ExactlyOnce, times(20, 2));
    come_and_go(3, Delivery::ExactlyOnce, times(20, 3));
}

#[test]
fn hosts_that_join_and_leave_lose_and_reorder_nothing_at_least_once() {
    come_and_go(3, Delivery::AtLeastOnce, times(20, 3));
}

#[test]
fn a_broker_that_is_killed_and_comes_back_loses_nothing_of_ours() {
    let Some(cluster) = one() else { return };
    let _turn = turn();
    for delivery in [Delivery::ExactlyOnce, Delivery::AtLeastOnce] {
        let mut stream = stream(cluster, delivery);
        stream.send(2 * WAITING, work);
        let host = stream.host(&[]);
        let mut in_flight = 0;
        let repetitions = times(10, 1);
        for _ in 0..repetitions {
            further(&mut stream);
            in_flight += host.in_flight();
            cluster.kill(1).unwrap();
            cluster.restart(1).unwrap();
        }
        let verdict = stream.verify();
        judge(
            "the broker killed and restarted",
            delivery,
            repetitions,
            in_flight,
            &verdict,
        );
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
    for delivery in [Delivery::ExactlyOnce, Delivery::AtLeastOnce] {
        let mut stream = Stream::new(&cluster.bootstrap(), &cluster.bootstrap(), 3, delivery);
        stream.send(2 * WAITING, work);
        let host = stream.host(&["--replication", "3"]);
        let mut in_flight = 0;
        let repetitions = times(9, 1);
        for round in 0..repetitions {
            further(&mut stream);
            in_flight += host.in_flight();
            let node = 1 + round % 3;
            cluster.kill(node).unwrap();
            further(&mut stream);
            cluster.restart(node).unwrap();
        }
        let verdict = stream.verify();
        judge(
            "one of three brokers killed",
            delivery,
            repetitions,
            in_flight,
            &verdict,
        );
    }
}

#[test]
fn a_broker_that_stands_still_loses_nothing_of_ours() {
    let Some(cluster) = one() else { return };
    let _turn = turn();
    let still = if is_long() { 60 } else { 12 };
    for delivery in [Delivery::ExactlyOnce, Delivery::AtLeastOnce] {
        let mut stream = stream(cluster, delivery);
        stream.send(2 * WAITING, work);
        let host = stream.host(&[]);
        further(&mut stream);
        let in_flight = host.in_flight();
        cluster.pause(1).unwrap();
        // What is waited for is the time itself.
        std::thread::sleep(Duration::from_secs(still));
        cluster.resume(1).unwrap();
        stream.send(WAITING, work);
        let verdict = stream.verify();
        judge(
            &format!("the broker stopped for {still} s"),
            delivery,
            1,
            in_flight,
            &verdict,
        );
    }
}

#[test]
fn a_connection_cut_in_the_middle_of_a_message_loses_nothing() {
    let _turn = turn();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    // The broker names the proxy as its own address, so everybody comes by it.
    let options = Options {
        properties: vec![("advertised.listeners".to_owned(), format!("PLAINTEXT://{address}"))],
        ..Options::default()
    };
    let Some(distribution) = Distribution::for_tests().unwrap() else {
        return;
    };
    let port = free_port();
    let proxy = Proxy::start(listener, port);
    let options = Options {
        port: Some(port),
        ..options
    };
    let cluster = Cluster::start(&distribution, &options).unwrap();
    for delivery in [Delivery::ExactlyOnce, Delivery::AtLeastOnce] {
        let mut stream = Stream::new(&address, &cluster.bootstrap(), 1, delivery);
        stream.send(2 * WAITING, work);
        let host = stream.host(&[]);
        let mut in_flight = 0;
        let repetitions = times(30, 3);
        for _ in 0..repetitions {
            further(&mut stream);
            in_flight += host.in_flight();
            proxy.cut_after(fastrand::usize(1..2000));
            let began = Instant::now();
            while !proxy.has_cut() {
                stream.send(1, work);
                assert!(began.elapsed() < Duration::from_secs(60), "nothing came by the proxy");
            }
        }
        let verdict = stream.verify();
        judge(
            "the connection cut within a message",
            delivery,
            repetitions,
            in_flight,
            &verdict,
        );
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A tenth of the messages cannot be answered.
fn among_good_ones(fault: &str, bad: &str) {
    let Some(cluster) = one() else { return };
    let _turn = turn();
    for delivery in [Delivery::ExactlyOnce, Delivery::AtLeastOnce] {
        let mut stream = stream(cluster, delivery);
        let messages = times(2000, 200) as u64;
        let _host = stream.host(&[]);
        stream.send(messages, |number| match number % 10 {
            3 => bad.to_owned(),
            _ => "echo:good".to_owned(),
        });
        let verdict = stream.verify();
        judge(fault, delivery, messages as usize / 10, 0, &verdict);
        assert_eq!((verdict.dead_letters, verdict.duplicated), (messages / 10, 0));
    }
}

#[test]
fn poison_among_good_messages_becomes_dead_letters_and_holds_up_nothing() {
    among_good_ones("a poison message in ten", "reject:poison:as it was told");
}

#[test]
fn a_guest_that_traps_on_every_tenth_message_costs_that_message() {
    among_good_ones("a guest that traps on one in ten", "trap");
}

#[test]
fn an_answer_over_what_the_output_topic_takes_becomes_a_dead_letter() {
    // Under the host's own limit, and over Kafka's.
    among_good_ones("an answer in ten is over what the topic takes", "huge-reply:1200000");
}

#[test]
fn a_guest_slower_than_the_poll_interval_keeps_its_place_in_the_group() {
    let Some(cluster) = one() else { return };
    let _turn = turn();
    for delivery in [Delivery::ExactlyOnce, Delivery::AtLeastOnce] {
        let mut stream = stream(cluster, delivery);
        let interval = ["--set", "kafka.max.poll.interval.ms=6000"];
        let _host = stream.host(&interval);
        let _other = stream.host(&interval);
        stream.send(4, |_| "sleep:8000".to_owned());
        stream.send(WAITING, work);
        let verdict = stream.verify();
        judge("a guest slower than max.poll.interval", delivery, 4, 4, &verdict);
        assert_eq!(verdict.duplicated, 0, "a member that polls is not put out of its group");
    }
}

#[test]
fn a_host_that_stood_still_past_its_transactions_time_goes_on() {
    let Some(cluster) = one() else { return };
    let _turn = turn();
    let mut stream = stream(cluster, Delivery::ExactlyOnce);
    stream.send(2 * WAITING, work);
    // The broker undoes what is open for two seconds, and takes the producer for a zombie from then on.
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
        // What is waited for is the time itself.
        std::thread::sleep(Duration::from_secs(4));
        host.signal("CONT");
    }
    let verdict = stream.verify();
    judge(
        "a host stopped past its transaction's time",
        Delivery::ExactlyOnce,
        repetitions,
        in_flight,
        &verdict,
    );
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
    let verdict = stream.verify();
    judge(
        "a zombie with an old transactional id",
        Delivery::ExactlyOnce,
        repetitions,
        in_flight,
        &verdict,
    );
}
