//! The puppet's commands. Unless stated otherwise, each answers one image and the text named here.

use std::hash::{BuildHasher, RandomState};
use std::hint::black_box;
use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::exports::image_stream::classifier::messages::{Reply, Request};
use crate::image_stream::classifier::types::{Cause, Error};

type Result = std::result::Result<Reply, Error>;

const MIB: usize = 1 << 20;

/// How many calls this instance has had, this one included.
static CALLS: AtomicU32 = AtomicU32::new(0);

/// `COMMAND:ARGUMENT`, or a command alone.
pub fn split(body: &[u8]) -> (&str, &str) {
    let text = std::str::from_utf8(body).expect("a command is text");
    text.split_once(':').unwrap_or((text, ""))
}

/// Obeys one command. An honest guest returns one result; `request` is the message, or none when a model is loaded.
pub fn obey(command: &str, argument: &str, request: Option<&Request>) -> Vec<Result> {
    let call = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    let result = match command {
        // The argument.
        "echo" => say(argument),
        // Which call of its instance this is: 1 on a fresh one.
        "count" => say(call.to_string()),
        // Like `count`, but call number N traps.
        "trap-on" if call == number(argument) => trap(),
        "trap-on" => say(call.to_string()),
        // The name of the model in use.
        "model" => say(crate::description::name()),
        // Content type, wanted type and wanted preparation, `-` for none.
        "wishes" => say(wishes(request)),

        // `CODE:DETAIL`
        "reject" => Err(Error::Reject(cause(argument))),
        "retry" => Err(Error::Retry(cause(argument))),
        "fatal" => Err(Error::Fatal(cause(argument))),
        // Like `count`, but call number N says that the puppet is broken.
        "fatal-on" if call == number(argument) => Err(Error::Fatal(crate::cause("worn-out", "told so"))),
        "fatal-on" => say(call.to_string()),
        // The same with an answer; `warn-often:N` returns N warnings.
        "warn" => warn(vec![cause(argument)]),
        "warn-often" => warn(vec![crate::cause("often", ""); number(argument)]),

        "trap" => trap(),
        "panic" => panic!("the puppet was told to panic"),
        "exit" => std::process::exit(number(argument)),
        "recurse" => say(recurse(1).to_string()),
        // Never ends, and calls no host function.
        "loop" => loop {
            black_box(());
        },
        // Waits in a clock of the host, in milliseconds.
        "sleep" => {
            std::thread::sleep(Duration::from_millis(number(argument)));
            say("slept")
        }
        // Allocates memory until it is refused, and then aborts.
        "allocate" => loop {
            black_box(vec![1u8; MIB].leak());
        },
        // The same, but survives the refusal: how many MiB it got.
        "allocate-politely" => say(allocate_politely().to_string()),
        // Loses so many MiB, and answers.
        "leak" => {
            black_box(vec![1u8; number::<usize>(argument) * MIB].leak());
            say("leaked")
        }
        // Computes for ever while the host frees this reply, or while it places the next request.
        "loop-when-freed" => say(" ".repeat(crate::heap::LOOPS_WHEN_FREED)),
        "loop-afterwards" => say(" ".repeat(crate::heap::LOOPS_AFTERWARDS)),
        // Creates timers of the host until it is refused.
        "hoard" => loop {
            std::mem::forget(wasip2::clocks::monotonic_clock::subscribe_duration(1));
        },

        // Standard error: one line; this many bytes without a line end; one line on standard output.
        "log" => {
            eprintln!("{argument}");
            say("logged")
        }
        "mutter" => {
            eprint!("{argument}");
            trap()
        }
        "flood" => {
            let line = vec![b'~'; number(argument)];
            std::io::stderr().write_all(&line).expect("stderr takes everything");
            say("flooded")
        }
        "print" => {
            println!("{argument}");
            say("printed")
        }

        // Wrong replies: bytes of a body, claimed images, a content type, invalid text.
        "huge-reply" => say("x".repeat(number(argument))),
        "claim-images" => reply("claimed", number(argument), "text/plain"),
        "content-type" => reply("typed", 1, argument),
        // SAFETY: an invalid string on purpose: the host must not trust it, and nothing here reads it.
        "not-utf8" => reply("typed", 1, &unsafe { String::from_utf8_unchecked(vec![0xff, 0xfe]) }),
        // A body that lies outside of the guest's memory, and one that begins within and ends outside.
        // SAFETY: lists of nothing on purpose: the host must not read them, and nothing here does.
        "body-elsewhere" => say(unsafe { Vec::from_raw_parts(0x7fff_0000 as *mut u8, MIB, MIB) }),
        "body-without-end" => say(unsafe { Vec::from_raw_parts(0x1_0000 as *mut u8, 0x7fff_fff0, 0x7fff_fff0) }),
        "no-results" => return Vec::new(),
        "two-results" => return vec![say("one"), say("two")],

        // What a guest can find out: a file or folder, the environment and arguments, input, the clock, random numbers.
        "read-file" => say(said(std::fs::read_to_string(argument))),
        "write-file" => say(said(std::fs::write(argument, "written").map(|()| "written".to_owned()))),
        "list-folder" => say(said(
            std::fs::read_dir(argument).map(|entries| entries.count().to_string()),
        )),
        "environment" => say(format!(
            "{:?} {:?}",
            Vec::from_iter(std::env::vars()),
            Vec::from_iter(std::env::args())
        )),
        "read-input" => say(said(
            std::io::read_to_string(std::io::stdin()).map(|text| format!("{text:?}")),
        )),
        "clock" => {
            let since = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("it is after 1970");
            say(since.as_secs().to_string())
        }
        "random" => say(RandomState::new().hash_one(0).to_string()),
        // This many random bytes in one call to the host.
        "random-bytes" => say(wasip2::random::random::get_random_bytes(number(argument))
            .len()
            .to_string()),

        other => Err(Error::Reject(crate::cause("unknown-command", other))),
    };
    vec![result]
}

fn say(text: impl Into<Vec<u8>>) -> Result {
    reply(text, 1, "text/plain")
}

fn reply(body: impl Into<Vec<u8>>, images: u32, content_type: &str) -> Result {
    Ok(Reply {
        content_type: content_type.to_owned(),
        images,
        warnings: Vec::new(),
        body: body.into(),
    })
}

fn warn(warnings: Vec<Cause>) -> Result {
    let mut reply = say("warned")?;
    reply.warnings = warnings;
    Ok(reply)
}

fn said(outcome: std::io::Result<String>) -> String {
    outcome.unwrap_or_else(|error| format!("refused: {error}"))
}

fn number<T: std::str::FromStr>(argument: &str) -> T {
    argument.trim().parse().ok().expect("the argument is a number")
}

fn cause(argument: &str) -> Cause {
    let (code, detail) = argument.split_once(':').unwrap_or((argument, ""));
    crate::cause(code, detail)
}

fn wishes(request: Option<&Request>) -> String {
    let shown = |wish: &Option<String>| wish.clone().unwrap_or_else(|| "-".to_owned());
    request.map_or_else(String::new, |request| {
        let wishes = [&request.content_type, &request.accept, &request.prepare];
        wishes.map(shown).join(" ")
    })
}

fn trap() -> ! {
    core::arch::wasm32::unreachable()
}

/// Uses up the stack. The black boxes keep the compiler from making it a loop.
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 16]);
    if frame[0] == 0 {
        0
    } else {
        recurse(depth + 1) + black_box(frame[1])
    }
}

fn allocate_politely() -> usize {
    let mut taken: Vec<Vec<u8>> = Vec::new();
    loop {
        let mut block = Vec::new();
        if taken.try_reserve(1).is_err() || block.try_reserve_exact(MIB).is_err() {
            return taken.len();
        }
        block.resize(MIB, 1);
        taken.push(block);
    }
}
