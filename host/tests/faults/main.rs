//! Faults against real brokers: after each, a reader that knows every message counts what was lost, duplicated or out
//! of order.
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
mod kafka;
mod proxy;
mod pubsub;
mod stream;
#[path = "../waiting/mod.rs"]
mod waiting;

use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use proxy::Proxy;
use stream::{Host, Stream, Verdict};
use test_brokers::DEADLINE;

/// The least number of waiting messages at every fault.
const WAITING: u64 = 120;

fn is_long() -> bool {
    std::env::var("HOST_FAULTS").is_ok_and(|value| value == "long")
}

/// How often: in the full table, and otherwise.
fn times(long: usize, short: usize) -> usize {
    if is_long() { long } else { short }
}

/// So many faults at a time: each takes a good part of the machine. One that would hurt the others has a broker of its own.
const FAULTS: usize = 3;

/// Waits until there are fewer.
fn turn() -> Turn {
    let going = GOING.lock().unwrap();
    *ENDED.wait_while(going, |going| *going == FAULTS).unwrap() += 1;
    Turn
}

static GOING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

/// Its drop lets the next one begin.
struct Turn;

impl Drop for Turn {
    fn drop(&mut self) {
        *GOING.lock().unwrap() -= 1;
        ENDED.notify_one();
    }
}

/// Some milliseconds of work.
fn work(number: u64) -> String {
    format!("sleep:{}", 5 + number % 10)
}

/// Counts the results, prints a line of the table, and compares it with the promise.
fn judge(fault: &str, stream: &mut Stream, repetitions: usize, in_flight: usize) -> Verdict {
    let verdict = stream.verify();
    let Verdict {
        messages,
        lost,
        duplicated,
        remaining,
        reordered,
        dead_letters,
    } = verdict;
    let (promise, is_exactly_once) = stream.promise();
    println!(
        "| {fault} | {promise} | {repetitions} | {messages} | {in_flight} | {lost} | {duplicated} | {remaining} | {reordered} | {dead_letters} |"
    );
    assert_eq!((lost, remaining, reordered), (0, 0, 0), "{fault}, {promise}");
    assert!(duplicated == 0 || !is_exactly_once, "{fault}, {promise}");
    verdict
}

/// Waits for a few more answers, a random number, with messages still waiting behind them: without, a fault proves nothing.
fn further(stream: &mut Stream) {
    let mut enough = 2 * WAITING;
    let began = Instant::now();
    loop {
        let answered = stream.answered();
        stream.send(enough.saturating_sub(stream.sent - answered), work);
        stream.wait_for_answers(answered + fastrand::u64(1..=10));
        if stream.answered() < stream.sent {
            return;
        }
        // On a busy machine a look may come late, when all is answered.
        enough *= 2;
        assert!(began.elapsed() < DEADLINE, "nothing was ever waiting");
    }
}

/// Kills the hosts one after the other, and restarts each with the same arguments.
fn kills(mut stream: Stream, arguments: &[&[&str]], repetitions: usize) {
    stream.send(2 * WAITING, work);
    let start = |stream: &mut Stream, host: usize| Some(stream.host(arguments[host]));
    let hosts = arguments.len();
    let mut running: Vec<Option<Host>> = (0..hosts).map(|host| start(&mut stream, host)).collect();
    let mut in_flight = 0;
    for kill in 0..repetitions {
        further(&mut stream);
        let victim = kill % hosts;
        in_flight += running[victim].take().unwrap().kill();
        running[victim] = start(&mut stream, victim);
    }
    judge(
        &format!("kill -9 of one of {hosts} hosts"),
        &mut stream,
        repetitions,
        in_flight,
    );
    assert!(in_flight > 0, "nothing was in flight at any kill: they prove nothing");
}

/// Hosts join and leave cleanly.
fn come_and_go(mut stream: Stream, hosts: usize, repetitions: usize) {
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
    judge(
        &format!("{hosts} hosts join and leave"),
        &mut stream,
        repetitions,
        in_flight,
    );
}

/// Hurts the broker or the host again and again while messages wait.
fn again_and_again(fault: &str, mut stream: Stream, repetitions: usize, mut hurt: impl FnMut(&mut Stream, &Host)) {
    stream.send(2 * WAITING, work);
    let host = stream.host(&[]);
    let mut in_flight = 0;
    for _ in 0..repetitions {
        further(&mut stream);
        in_flight += host.in_flight();
        hurt(&mut stream, &host);
    }
    judge(fault, &mut stream, repetitions, in_flight);
}

/// The broker stands still for some time. The test waits for the time itself.
fn stands_still(mut stream: Stream, pause: impl FnOnce(), resume: impl FnOnce()) {
    let still = if is_long() { 60 } else { 12 };
    stream.send(2 * WAITING, work);
    let host = stream.host(&[]);
    further(&mut stream);
    let in_flight = host.in_flight();
    pause();
    thread::sleep(Duration::from_secs(still));
    resume();
    stream.send(WAITING, work);
    judge(&format!("the broker stopped for {still} s"), &mut stream, 1, in_flight);
}

/// All connections end after a random number of bytes, again and again.
fn cuts(stream: Stream, proxy: &Proxy) {
    again_and_again(
        "the connection cut within a message",
        stream,
        times(30, 3),
        |stream, _| {
            proxy.cut_after(fastrand::usize(1..2000));
            let began = Instant::now();
            while !proxy.has_cut() {
                stream.send(1, work);
                assert!(began.elapsed() < DEADLINE, "nothing came by the proxy");
            }
        },
    );
}

/// One message in ten cannot be answered.
fn among_good_ones(fault: &str, bad: &str, mut stream: Stream) {
    let messages = times(2000, 200) as u64;
    let _host = stream.host(&[]);
    stream.send(messages, |number| match number % 10 {
        3 => bad.to_owned(),
        _ => "echo:good".to_owned(),
    });
    let verdict = judge(fault, &mut stream, messages as usize / 10, 0);
    assert_eq!((verdict.dead_letters, verdict.duplicated), (messages / 10, 0));
}
