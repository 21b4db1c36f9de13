//! Outputs that a topic refuses: they hold up nothing, and become dead letters.

use host::broker::{BrokerError, Route, SettleError};
use host::message::Message;

use crate::KEYS;
use crate::outputs::echo_all;
use crate::support::{Fixture, assert_answered, key, number, numbered, wait_for_lag};

pub async fn an_output_that_its_topic_never_takes_is_told_and_another_goes_in_its_place(broker: &dyn Fixture) {
    broker.create(1).await;
    broker.append(numbered(&["a"], 5)).await;
    let mut member = broker.join().await;
    // One answer while all is well, so that the output topic exists.
    let first = member.delivery().await;
    member.answer_durably(first).await.unwrap();
    let never = broker.refuse_one().await;
    for expected in [1, 3] {
        let delivery = member.delivery().await;
        assert_eq!(number(&delivery.message), expected);
        let mut result = member.settle_by(delivery.claim, Route::Answers, never.clone()).await;
        let mut again = member.delivery().await;
        if let Err(SettleError::Rewound(_)) = result {
            // In a batch it cannot be told from the messages that fall with it.
            result = member.settle_by(again.claim, Route::Answers, never.clone()).await;
            again = member.delivery().await;
        }
        assert!(is_refused(&result), "{result:?}");
        assert_eq!(number(&again.message), expected, "it comes again, before what follows");
        let letter = again.message;
        member.settle_by(again.claim, Route::DeadLetters, letter).await.unwrap();
        let next = member.delivery().await;
        assert_eq!(number(&next.message), expected + 1);
        member.answer_durably(next).await.unwrap();
    }
    wait_for_lag(broker, 0).await;
    assert_eq!(broker.answers().await.iter().map(number).collect::<Vec<_>>(), [0, 2, 4]);
    assert_eq!(
        broker.dead_letters().await.iter().map(number).collect::<Vec<_>>(),
        [1, 3]
    );
}

/// How careful a limit may be. Bytes.
const SLACK: usize = 8 << 10;

pub async fn an_output_as_large_as_its_topic_takes_is_taken_and_a_larger_one_is_refused(broker: &dyn Fixture) {
    broker.create(1).await;
    broker.append(numbered(&["a"], 4)).await;
    let mut member = broker.join_where_letters_are_small().await;
    let mut filled = 0;
    for route in [Route::Answers, Route::DeadLetters] {
        let Some(limit) = member.settle.limits(route).await.unwrap().max_bytes else {
            // Not every topic has a limit.
            continue;
        };
        let delivery = member.delivery().await;
        let large = member
            .settle_by(delivery.claim, route, Message::new(vec![b' '; limit + SLACK]))
            .await;
        assert!(is_refused(&large), "{route:?}: {large:?}");
        let again = member.delivery().await;
        let fitting = member
            .settle_by(again.claim, route, Message::new(vec![b' '; limit]))
            .await;
        assert!(fitting.is_ok(), "{route:?}: {fitting:?}");
        filled += 1;
    }
    assert!(filled > 0);
    wait_for_lag(broker, 4 - filled).await;
}

pub async fn what_a_pipeline_cannot_publish_is_a_dead_letter_and_holds_up_nothing(broker: &dyn Fixture) {
    broker.create(2).await;
    let mut member = broker.join().await;
    broker.append(numbered(&["a"], 1)).await;
    let first = member.delivery().await;
    // While all is well, so that the output topic exists.
    member.answer_durably(first).await.unwrap();
    let never = broker.refuse_one().await;
    let mut messages: Vec<_> = numbered(&KEYS, 8).into_iter().skip(KEYS.len()).collect();
    for place in [3, 20, 21] {
        messages.insert(place, Message::new("never"));
    }
    broker.append(messages).await;
    echo_all(broker, member, never).await;

    let answers = broker.answers().await;
    let mut answers: Vec<_> = answers.iter().map(|answer| (key(answer), number(answer))).collect();
    answers.sort();
    let mut letters = broker.dead_letters().await;
    letters.sort_by_key(|letter| letter.header("error-source").cloned());
    if !broker.is_exactly_once() {
        answers.dedup();
        letters.dedup_by_key(|letter| letter.header("error-source").cloned());
    }
    let all = KEYS
        .iter()
        .flat_map(|key| (1..8).map(|number| ((*key).to_owned(), number)));
    let mut expected = vec![("a".to_owned(), 0)];
    expected.extend(all);
    assert_eq!(answers, expected);
    assert_eq!(letters.len(), 3);
    for letter in letters {
        assert_eq!(letter.body(), b"never");
        let code = letter.header("error-code").unwrap();
        assert!(["not-publishable", "too-large"].contains(&std::str::from_utf8(code).unwrap()));
    }
}

pub async fn a_dead_letter_that_does_not_fit_is_cut_and_says_so(broker: &dyn Fixture) {
    broker.create(1).await;
    let member = broker.join_where_letters_are_small().await;
    let limit = member.settle.limits(Route::DeadLetters).await.unwrap().max_bytes;
    // As large as a letter may be: with its reason it is larger.
    let size = limit.unwrap_or(60_000);
    let mut messages = numbered(&["a"], 4);
    messages.insert(2, Message::new(vec![b'x'; size]));
    broker.append(messages).await;
    echo_all(broker, member, Message::default()).await;
    assert_answered(broker, &["a"], 4).await;
    let [letter, ..] = &broker.dead_letters().await[..] else {
        panic!("no letter");
    };
    assert_eq!(letter.header("error-code").unwrap(), "too-large");
    let Some(limit) = limit else {
        assert_eq!((letter.body().len(), letter.header("error-truncated")), (size, None));
        return;
    };
    assert!(letter.size() <= limit, "{} over {limit}", letter.size());
    assert!(letter.size() > limit - 1000, "{} of {limit}", letter.size());
    let truncated = std::str::from_utf8(letter.header("error-truncated").unwrap()).unwrap();
    assert!(truncated.ends_with(&format!("payload={limit}")), "{truncated}");
}

fn is_refused(result: &Result<(), SettleError>) -> bool {
    let Err(SettleError::Broker(error)) = result else {
        return false;
    };
    matches!(error, BrokerError::Refused { .. } | BrokerError::TooLarge { .. })
}
