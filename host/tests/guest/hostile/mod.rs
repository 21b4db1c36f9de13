//! Guests that mean harm, each in a stream of honest messages: whatever it does, the honest messages are answered, each once, and the host's
//! memory and threads are back where they were.
//!
//! `cargo xtask hostile` prints the table.

mod made;
mod stream;
mod told;

use std::fmt;
use std::path::Path;

use crate::components::component;
use stream::{Stream, Usage};

/// A guest, and what becomes of it.
struct Case {
    /// What it does, as the table says it.
    does: &'static str,
    guest: Guest,
    /// Further options of `host run`.
    options: &'static [&'static str],
    fate: Fate,
}

enum Guest {
    /// The puppet, which does it when it gets this message, so often.
    Told(&'static str, usize),
    /// A component that need not be told. What it makes is kept until the end.
    Made(fn(&Path) -> Box<dyn AsRef<Path>>),
}

/// What becomes of a message, or of a component.
enum Fate {
    /// The host answers all messages, with fresh instances where that is needed.
    Answered,
    /// Each message that told the guest to do it becomes a dead letter with this code.
    DeadLetter(&'static str),
    /// The host ends before its first message, with this exit code and these words.
    Refused(i32, &'static str),
}

/// What happened, for the table.
struct Row {
    does: &'static str,
    host: String,
    answered: u64,
    dead_letters: u64,
    usage: Option<(Usage, Usage)>,
}

/// Messages that only want an answer, before and between the others.
const HONEST: usize = 20;
/// More than the allocator keeps for the next time. MiB.
const SLACK: u64 = 32;
/// What the instances may take that are kept, because they have answered. MiB.
const KEPT: u64 = 2 * 64;

impl Case {
    /// Runs it, and fails unless it comes out as it should.
    fn run(&self) -> Row {
        match &self.guest {
            Guest::Told(command, times) => self.tell(command, *times),
            Guest::Made(make) => self.refuse(*make),
        }
    }

    fn tell(&self, command: &str, times: usize) -> Row {
        let mut stream = Stream::new();
        stream.send((0..HONEST).map(|number| format!("echo:before {number}")));
        let limits = ["--attempts", "2", "--workers", "2", "--max-failures", "0"];
        stream.start(&component("puppet"), &[&limits[..], self.options].concat());
        stream.wait_for_settled(HONEST);
        let before = stream.usage();
        // Spread, so that there are honest ones before and behind each, and in the same call.
        let every = times.div_ceil(HONEST).max(1);
        let mut sent = Vec::new();
        for number in 0..HONEST {
            let harm = (number * every..(number + 1) * every).filter(|number| *number < times);
            sent.extend(harm.map(|_| command.to_owned()));
            sent.push(format!("echo:between {number}"));
        }
        sent.push("echo:last".to_owned());
        let all = HONEST + sent.len();
        stream.send(sent);
        stream.wait_for_settled(all);
        let kept = match self.fate {
            Fate::Answered => KEPT,
            _ => 0,
        };
        let memory = before.memory + SLACK + kept;
        let after = stream.wait_for_usage(|now| now.memory <= memory && now.threads <= before.threads);
        stream.stop();
        let (answers, letters) = (stream.answers(), stream.letters());
        for number in 0..HONEST {
            for place in ["before", "between"] {
                let honest = format!("{place} {number}");
                assert_eq!(
                    answers.iter().filter(|answer| **answer == honest).count(),
                    1,
                    "{}: {honest}",
                    self.does
                );
            }
        }
        let host = match self.fate {
            Fate::Answered => {
                assert_eq!(letters, Vec::<String>::new(), "{}", self.does);
                "answered".to_owned()
            }
            Fate::DeadLetter(code) => {
                assert_eq!(letters, vec![code; times], "{}", self.does);
                format!("dead letter `{code}`")
            }
            Fate::Refused(..) => panic!("a puppet that was told is not refused"),
        };
        Row {
            does: self.does,
            host,
            answered: answers.len() as u64,
            dead_letters: letters.len() as u64,
            usage: Some((before, after)),
        }
    }

    /// Nothing is consumed by a host whose component is refused, and the next answers all.
    fn refuse(&self, make: fn(&Path) -> Box<dyn AsRef<Path>>) -> Row {
        let Fate::Refused(code, words) = self.fate else {
            panic!("a component that is made so is refused");
        };
        let mut stream = Stream::new();
        stream.send((0..HONEST).map(|number| format!("echo:{number}")));
        let made = make(stream.folder());
        stream.start((*made).as_ref(), self.options);
        let (ended, said) = stream.wait_for_end();
        assert_eq!(ended, Some(code), "{}: {said}", self.does);
        assert!(said.contains(words), "{}: '{words}' is not in '{said}'", self.does);
        assert_eq!(
            (stream.answers().len(), stream.letters().len()),
            (0, 0),
            "{}",
            self.does
        );
        stream.start(&component("puppet"), &[]);
        stream.wait_for_settled(HONEST);
        stream.stop();
        assert_eq!(stream.answers().len(), HONEST, "{}", self.does);
        Row {
            does: self.does,
            host: format!("ends with exit code {code}: {words}"),
            answered: 0,
            dead_letters: 0,
            usage: None,
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            does,
            host,
            answered,
            dead_letters,
            usage,
        } = self;
        write!(f, "| {does} | {host} | {answered} | {dead_letters} |")?;
        match usage {
            Some((before, after)) => write!(
                f,
                " {} / {} | {} / {} |",
                before.memory, after.memory, before.threads, after.threads
            ),
            None => write!(f, " | |"),
        }
    }
}

/// A test for each case, and all of them for the table.
macro_rules! cases {
    ($($name:ident: $case:expr;)*) => {
        $(#[test] fn $name() { $case.run(); })*
        pub(super) fn all() -> Vec<super::Case> { vec![$($case),*] }
    };
}
use cases;

#[test]
#[ignore = "it runs all the others again, one after the other: cargo xtask hostile"]
#[allow(clippy::print_stdout, reason = "it is the table")]
fn the_table_of_hostile_guests() {
    let cases = told::all().into_iter().chain(made::all());
    println!();
    println!("| the guest | the host | answered | dead letters | MiB before / after | threads |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for case in cases {
        println!("{}", case.run());
    }
}
