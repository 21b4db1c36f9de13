//! Guests that run well until a message tells them not to.

use super::Fate::{Answered, DeadLetter};
use super::{Case, Fate, Guest, cases};

const fn told(does: &'static str, command: &'static str, fate: Fate) -> Case {
    often(does, command, 3, fate)
}

const fn often(does: &'static str, command: &'static str, times: usize, fate: Fate) -> Case {
    Case {
        does,
        guest: Guest::Told(command, times),
        options: &["--guest-memory", "64MiB"],
        fate,
    }
}

/// With a time that is long enough for an honest call on a busy machine, and no longer, since it is waited for.
const fn endless(does: &'static str, command: &'static str, fate: Fate) -> Case {
    Case {
        options: &["--guest-memory", "64MiB", "--guest-timeout", "3s"],
        ..told(does, command, fate)
    }
}

cases! {
    computing_for_ever: endless("computes for ever", "loop", DeadLetter("timeout"));
    waiting_for_ever: endless("waits for ever in a clock of the host", "sleep:3600000", DeadLetter("timeout"));
    computing_while_its_reply_is_freed:
        endless("computes for ever while the host frees its reply", "loop-when-freed", DeadLetter("timeout"));
    computing_while_the_next_request_is_placed:
        endless("computes for ever while the host places its next request", "loop-afterwards", Answered);
    a_stack_without_end: told("calls itself for ever", "recurse", DeadLetter("trap"));
    a_trap: told("traps", "trap", DeadLetter("trap"));
    an_exit: told("ends the program with success", "exit:0", DeadLetter("exit"));
    a_trap_after_a_thousand_messages:
        often("answers 1,000 messages and traps then, again and again", "trap-on:1000", 2_200, Answered);
    memory_without_end: told("takes memory without end", "allocate", DeadLetter("out-of-memory"));
    a_slow_leak: often("loses 1 MiB with each message", "leak:1", 200, Answered);
    an_answer_of_a_gigabyte: Case {
        options: &["--guest-memory", "3GiB"],
        ..told("answers 1 GB", "huge-reply:1000000000", DeadLetter("bad-reply"))
    };
    a_body_that_lies_elsewhere:
        told("gives a body outside of its memory", "body-elsewhere", DeadLetter("bad-reply"));
    a_body_that_ends_elsewhere:
        told("gives a body of 2 GB in a memory of 2 MB", "body-without-end", DeadLetter("bad-reply"));
    text_that_is_none: told("gives text that is none", "not-utf8", DeadLetter("bad-reply"));
    two_answers_for_one: told("answers twice", "two-results", DeadLetter("bad-reply"));
    images_that_nobody_sent: told("claims 4,294,967,295 images", "claim-images:4294967295", DeadLetter("bad-reply"));
    ten_thousand_warnings: told("warns 10,000 times", "warn-often:10000", Answered);
    timers_without_end: told("takes timers of the host without end", "hoard", DeadLetter("trap"));
    random_bytes_without_end:
        told("asks for 1,000,000,000,000 random bytes", "random-bytes:1000000000000", DeadLetter("trap"));
    a_flood_of_the_log: often("writes 10 MB into the log with each message", "flood:10000000", 40, Answered);
}
