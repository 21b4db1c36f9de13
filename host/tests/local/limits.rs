//! A message that is too large for the broker becomes a dead letter, and never ends the run.

use std::sync::Arc;

use async_trait::async_trait;
use host::broker::{Demand, Event, Source, Subscription};
use host::message::Message;
use host::pipeline::{Answer, Classify, ClassifyError, Maker, Progress};
use host::shutdown::Shutdown;

use crate::pipe::{DEAD_LETTERS, pipe};
use crate::support::local::{Local, fixture};
use crate::support::{Fixture, GROUP};

const LIMIT: usize = 1000;

/// Answers with as many bytes as the message says; its text is a number.
struct AsLargeAsAsked;

#[async_trait]
impl Classify for AsLargeAsAsked {
    async fn classify(&self, message: &Message) -> Result<Answer, ClassifyError> {
        let size = std::str::from_utf8(message.body()).unwrap().trim().parse().unwrap();
        Ok(Answer {
            payload: vec![b'x'; size].into(),
            content_type: "text/plain".to_owned(),
            images: 1,
            warnings: Vec::new(),
        })
    }

    fn concurrency(&self) -> usize {
        4
    }

    fn maker(&self) -> Arc<Maker> {
        Arc::new(Maker::new("a digest", None, &[]))
    }
}

/// Runs over the input topic, and returns the progress and the codes of the dead letters.
async fn run(local: &Local, messages: usize) -> (Progress, Vec<String>) {
    let shutdown = Shutdown::new();
    let observe = |progress: &Progress| {
        if progress.answered + progress.dead_letters == messages as u64 {
            shutdown.stop();
        }
    };
    let progress = pipe(local, LIMIT, &AsLargeAsAsked, &shutdown, observe).await;
    let letters = local.read(DEAD_LETTERS).await;
    let code = |letter: &Message| String::from_utf8(letter.header("error-code").unwrap().to_vec()).unwrap();
    (progress, letters.iter().map(code).collect())
}

/// A number, padded to the size of the largest message.
fn padded(number: usize, size: usize) -> Message {
    Message::new(format!("{number:<size$}"))
}

#[tokio::test]
async fn an_answer_over_the_limit_is_a_dead_letter_and_the_next_message_is_answered() {
    let local = fixture();
    local.create(1).await;
    let header = "content-type".len() + "text/plain".len();
    let sizes = [LIMIT - header, LIMIT - header + 1, LIMIT, 1];
    local
        .append(sizes.map(|size| Message::new(size.to_string())).to_vec())
        .await;
    let (progress, letters) = run(&local, sizes.len()).await;
    assert_eq!((progress.answered, progress.dead_letters), (2, 2));
    assert_eq!(letters, ["too-large", "too-large"]);
}

#[tokio::test]
async fn a_message_over_the_limit_is_a_dead_letter_though_that_is_larger_still() {
    let local = fixture();
    local.create(1).await;
    let messages = [
        padded(1, LIMIT),
        padded(1, LIMIT + 1),
        padded(5 * LIMIT, LIMIT),
        padded(1, 1),
    ];
    local.append(messages.to_vec()).await;
    let (progress, letters) = run(&local, messages.len()).await;
    assert_eq!((progress.answered, progress.dead_letters), (2, 2));
    assert_eq!(letters, ["too-large", "too-large"]);
}

#[tokio::test]
async fn a_dead_letter_larger_than_a_topic_keeps_has_one_to_itself() {
    let mut local = fixture();
    local.config.retention_bytes = LIMIT as u64;
    local.create(1).await;
    local.append(vec![padded(LIMIT, LIMIT)]).await;
    let (progress, letters) = run(&local, 1).await;
    assert_eq!((progress.dead_letters, letters.len()), (1, 1));
    let broker = local.broker().await;
    let mut source = broker
        .subscribe(&Subscription {
            topic: "dead".to_owned(),
            group: GROUP.to_owned(),
            create: false,
        })
        .await
        .unwrap();
    let Event::Delivery(letter) = source.recv(Demand::Deliveries).await.unwrap() else {
        panic!("nobody else is in this group");
    };
    assert!(letter.message.size() > LIMIT);
}
