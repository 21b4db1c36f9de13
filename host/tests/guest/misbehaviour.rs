//! What a call can do wrong, and what happens to the message and the instance.

use std::num::NonZeroUsize;

use futures_util::future::join_all;
use host::message::{CONTENT_TYPE, Message};
use host::pipeline::{Cause, Classify, ClassifyError};

use crate::components::component;
use crate::{MIB, Puppet, config};

fn cause(code: &str, detail: &str) -> Cause {
    Cause {
        code: code.to_owned(),
        detail: detail.to_owned(),
    }
}

#[tokio::test]
async fn an_instance_that_behaves_is_kept_for_the_next_message() {
    let puppet = Puppet::start().await;
    for call in 1..=5 {
        assert_eq!(puppet.ask("count").await, call.to_string());
    }
}

#[tokio::test]
async fn the_guest_says_whether_repeating_can_help_and_its_instance_is_kept() {
    let puppet = Puppet::start().await;
    let rejected = puppet.tell("reject:bad-shape:3 is not 28").await;
    assert_eq!(rejected, Err(ClassifyError::Reject(cause("bad-shape", "3 is not 28"))));
    let retried = puppet.tell("retry:not-now:later").await;
    assert_eq!(retried, Err(ClassifyError::Retry(cause("not-now", "later"))));
    assert_eq!(puppet.ask("count").await, "3");
}

#[tokio::test]
async fn a_cause_is_made_fit_for_a_header_whatever_the_guest_puts_into_it() {
    let puppet = Puppet::start().await;
    for code in ["Not Kebab", "", "line\r\nend", &"c".repeat(65)] {
        let rejected = puppet.tell(&format!("reject:{code}:why")).await;
        assert_eq!(
            rejected,
            Err(ClassifyError::Reject(cause("bad-code", "why"))),
            "{code:?}"
        );
    }
    let hostile = format!("reject:code:\x1b[2J\r\n{}", "long ".repeat(100_000));
    let Err(ClassifyError::Reject(Cause { detail, .. })) = puppet.tell(&hostile).await else {
        panic!("it was told to reject");
    };
    assert!(detail.len() < 10_000, "{} bytes", detail.len());
    assert!(!detail.contains(char::is_control), "{detail}");
}

#[tokio::test]
async fn an_answer_keeps_its_guest_s_warnings_in_number_and_words_fit_for_a_log() {
    let puppet = Puppet::start().await;
    let warned = puppet.tell("warn:too-dark:\x1b[2J is dark").await.unwrap();
    assert_eq!(warned.payload, "warned");
    assert_eq!(warned.warnings, [cause("too-dark", "\\u{1b}[2J is dark")]);
    let often = puppet.tell("warn-often:10000").await.unwrap();
    assert_eq!(often.warnings, vec![cause("often", ""); 16]);
    assert_eq!(puppet.tell("count").await.unwrap().warnings, []);
}

#[tokio::test]
async fn a_trap_costs_one_message_and_the_instance() {
    let puppet = Puppet::start().await;
    let cause = puppet.spoils("trap", "trap").await;
    assert!(cause.detail.contains("unreachable"), "{}", cause.detail);
    puppet.spoils("panic", "trap").await;
}

#[tokio::test]
async fn a_stack_that_overflows_is_a_trap() {
    Puppet::start().await.spoils("recurse", "trap").await;
}

#[tokio::test]
async fn state_that_a_guest_keeps_is_lost_with_its_instance() {
    let puppet = Puppet::start().await;
    for _ in 0..3 {
        assert_eq!(puppet.ask("trap-on:3").await, "1");
        assert_eq!(puppet.ask("trap-on:3").await, "2");
        assert_eq!(puppet.fail("trap-on:3").await.code, "trap");
    }
}

#[tokio::test]
async fn a_guest_that_exits_takes_only_itself_along() {
    let puppet = Puppet::start().await;
    puppet.spoils("exit:0", "exit").await;
    puppet.spoils("exit:1", "exit").await;
}

#[tokio::test]
async fn memory_is_bounded_and_the_death_by_it_is_named() {
    let puppet = Puppet::start().await;
    for _ in 0..3 {
        let cause = puppet.spoils("allocate", "out-of-memory").await;
        assert!(cause.detail.contains("--guest-memory"), "{}", cause.detail);
    }
}

#[tokio::test]
async fn a_guest_gets_about_the_memory_that_it_is_granted_and_never_more() {
    let puppet = Puppet::start().await;
    let taken: usize = puppet.ask("allocate-politely").await.parse().unwrap();
    assert!((32..64).contains(&taken), "{taken} MiB of 64");
}

#[tokio::test]
async fn a_trap_after_a_refusal_that_was_taken_well_is_not_blamed_on_memory() {
    let puppet = Puppet::start().await;
    puppet.ask("allocate-politely").await;
    puppet.spoils("trap", "trap").await;
}

#[tokio::test]
async fn a_message_larger_than_the_guest_s_memory_is_an_error_of_that_message() {
    let puppet = Puppet::start().await;
    let cause = puppet.fail(&format!("echo:{}", "x".repeat(65 * MIB))).await;
    assert_eq!(cause.code, "out-of-memory", "{}", cause.detail);
    assert_eq!(puppet.ask("count").await, "1");
}

#[tokio::test]
async fn one_request_gets_one_result() {
    let puppet = Puppet::start().await;
    puppet.spoils("no-results", "bad-reply").await;
    puppet.spoils("two-results", "bad-reply").await;
}

#[tokio::test]
async fn a_reply_up_to_the_limit_is_taken() {
    let puppet = Puppet::start().await;
    assert_eq!(puppet.ask(&format!("huge-reply:{MIB}")).await.len(), MIB);
}

#[tokio::test]
async fn a_reply_over_the_limit_is_refused_however_large_it_is() {
    let puppet = Puppet::start().await;
    for size in [MIB + 1, 2 * MIB, 16 * MIB] {
        puppet.spoils(&format!("huge-reply:{size}"), "bad-reply").await;
    }
}

#[tokio::test]
async fn a_content_type_that_cannot_stand_in_a_header_is_refused() {
    let puppet = Puppet::start().await;
    let long = "t".repeat(100_000);
    for content_type in ["", "text/plain\r\nx: y", &long] {
        puppet
            .spoils(&format!("content-type:{content_type}"), "bad-reply")
            .await;
    }
    let answer = puppet.tell("content-type:image/png").await.unwrap();
    assert_eq!(answer.content_type, "image/png");
}

#[tokio::test]
async fn text_that_is_not_utf8_is_refused() {
    Puppet::start().await.spoils("not-utf8", "bad-reply").await;
}

#[tokio::test]
async fn a_reply_for_more_images_than_a_request_may_carry_is_refused() {
    let puppet = Puppet::start().await;
    assert_eq!(puppet.tell("claim-images:100").await.unwrap().images, 100);
    puppet.spoils("claim-images:101", "bad-reply").await;
    puppet.spoils("claim-images:4294967295", "bad-reply").await;
}

#[tokio::test]
async fn a_reply_for_more_images_than_were_sent_is_refused_where_that_can_be_told() {
    let puppet = Puppet::start().await;
    let sent = |images: usize| {
        let mut message = Message::new(format!("claim-images:{images}{}", " ".repeat(2 * 784)));
        message.set_header(CONTENT_TYPE, "application/octet-stream;shape=2,28,28,1");
        message
    };
    assert_eq!(puppet.0.classify(&sent(2)).await.unwrap().images, 2);
    let three = puppet.0.classify(&sent(3)).await;
    assert!(
        matches!(&three, Err(ClassifyError::Retry(cause)) if cause.code == "bad-reply"),
        "{three:?}"
    );
}

#[tokio::test]
async fn what_a_guest_may_take_of_the_host_is_bounded() {
    let puppet = Puppet::start().await;
    puppet.spoils("hoard", "trap").await;
    puppet.spoils("random-bytes:1000000000000", "trap").await;
}

#[tokio::test]
async fn failures_of_some_messages_do_not_touch_the_others() {
    let mut config = config(component("puppet"));
    config.workers = NonZeroUsize::new(2).unwrap();
    let puppet = Puppet::start_with(config).await;
    let told = (0..60).map(|number| {
        let puppet = &puppet;
        async move {
            match number % 3 {
                0 => assert_eq!(puppet.fail("trap").await.code, "trap"),
                1 => assert_eq!(puppet.fail("exit:1").await.code, "exit"),
                _ => assert_eq!(puppet.ask(&format!("echo:{number}")).await, number.to_string()),
            }
        }
    });
    join_all(told).await;
}

#[tokio::test]
async fn a_guest_that_says_it_is_broken_is_replaced_once_and_believed_the_second_time() {
    let puppet = Puppet::start().await;
    assert_eq!(puppet.ask("count").await, "1");
    assert_eq!(puppet.ask("fatal-on:2").await, "1", "the fresh instance answers");
    assert_eq!(
        puppet.tell("fatal:worn-out:the weights are lost").await,
        Err(ClassifyError::Broken(cause("worn-out", "the weights are lost")))
    );
    assert_eq!(puppet.ask("count").await, "1", "it is a fresh one that is asked next");
}

#[tokio::test]
async fn messages_that_share_a_call_with_one_that_breaks_the_guest_are_answered_by_a_fresh_instance() {
    let puppet = Puppet::start().await;
    let messages = ["fatal-on:2", "fatal-on:2"].map(Message::new);
    let Err(ClassifyError::Broken(said)) = puppet.0.classify_all(&[&messages[0], &messages[1]]).await else {
        panic!("the second call of every instance says that it is broken");
    };
    assert_eq!(said.code, "worn-out");
    for message in &messages {
        assert_eq!(
            puppet.0.classify(message).await.unwrap().payload,
            "1",
            "alone each is answered"
        );
        assert_eq!(puppet.fail("trap").await.code, "trap");
    }
}
