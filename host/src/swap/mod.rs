//! A classifier that is replaced while it serves a stream.
//!
//! A call ends on the classifier on which it began, so messages in flight are not disturbed. A new classifier is on [trial](Trial)
//! for its first messages: what it cannot answer, the one before it is asked. So a bad one costs time, and no message.

mod trial;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::message::Message;
use crate::pipeline::{Answers, Classify, Maker, Serve};
pub use trial::{Bounds, Verdict};
use trial::{Trial, fails};

/// One classifier after the other.
pub struct Swappable<C> {
    now: Mutex<Now<C>>,
    /// Of the first: the others have as many workers.
    at_once: usize,
}

struct Now<C> {
    serving: Arc<C>,
    /// While it is new.
    trial: Option<Arc<Trial<C>>>,
}

impl<C: Classify> Swappable<C> {
    /// The first needs no trial: there is none before it.
    pub fn new(first: C) -> Self {
        Self {
            at_once: first.concurrency(),
            now: Mutex::new(Now {
                serving: Arc::new(first),
                trial: None,
            }),
        }
    }

    /// The classifier that the next call goes to.
    pub fn serving_now(&self) -> Arc<C> {
        Arc::clone(&self.lock().serving)
    }

    /// The classifier that has proven itself: the one before a trial, as long as it lasts.
    pub fn proven(&self) -> Arc<C> {
        let now = self.lock();
        let trial = now.trial.as_ref();
        Arc::clone(trial.map_or(&now.serving, |trial| &trial.before))
    }

    /// Lets `next` serve from the next call on, and says what becomes of it. If the one before is still on trial itself, that trial ends,
    /// and the proven one goes on to answer for it.
    pub fn swap(&self, next: C, bounds: Bounds) -> watch::Receiver<Verdict> {
        let before = self.proven();
        let next = Arc::new(next);
        let (trial, verdict) = Trial::new(before, bounds);
        let trial = (bounds.messages > 0).then(|| Arc::new(trial));
        let mut now = self.lock();
        if let Some(ended) = now.trial.take() {
            ended.end(Verdict::Superseded);
        }
        *now = Now { serving: next, trial };
        verdict
    }

    fn lock(&self) -> MutexGuard<'_, Now<C>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> (Arc<C>, Option<Arc<Trial<C>>>) {
        let now = self.lock();
        (Arc::clone(&now.serving), now.trial.clone())
    }

    /// The end of a trial, unless another one has begun.
    fn end(&self, trial: &Arc<Trial<C>>, verdict: Verdict) {
        let mut now = self.lock();
        if !now.trial.as_ref().is_some_and(|current| Arc::ptr_eq(current, trial)) {
            return;
        }
        match &verdict {
            Verdict::RolledBack(why) => {
                now.serving = Arc::clone(&trial.before);
                tracing::error!("rolled back to the one before: {why}");
            }
            _ => tracing::info!("the trial of the new one is over: it is kept"),
        }
        now.trial = None;
        drop(now);
        trial.end(verdict);
    }
}

#[async_trait]
impl<C: Classify> Serve for Swappable<C> {
    async fn serve(&self, messages: &[&Message]) -> (Arc<Maker>, Answers) {
        let (serving, trial) = self.now();
        let answers = serving.classify_all(messages).await;
        let Some(trial) = trial else {
            return (serving.maker(), answers);
        };
        if !fails(&answers, messages.len()) {
            if let Some(verdict) = trial.passed(messages.len()) {
                self.end(&trial, verdict);
            }
            return (serving.maker(), answers);
        }
        let instead = trial.before.classify_all(messages).await;
        if let Some(verdict) = trial.compared(&answers, &instead, messages.len()) {
            self.end(&trial, verdict);
        }
        (trial.before.maker(), instead)
    }

    fn serving(&self) -> Arc<Maker> {
        self.serving_now().maker()
    }

    fn at_once(&self) -> usize {
        self.at_once
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::pipeline::{Answer, Cause, ClassifyError};

    /// Answers each message with its own name, unless the message contains what it cannot answer.
    struct Fake {
        name: &'static str,
        rejects: &'static str,
        traps: &'static str,
        is_broken: bool,
    }

    impl Fake {
        fn good(name: &'static str) -> Self {
            Self {
                name,
                rejects: "nothing",
                traps: "nothing",
                is_broken: false,
            }
        }
    }

    fn cause(code: &str) -> Cause {
        Cause {
            code: code.to_owned(),
            detail: String::new(),
        }
    }

    #[async_trait]
    impl Classify for Fake {
        async fn classify(&self, message: &Message) -> Result<Answer, ClassifyError> {
            self.classify_all(&[message]).await?.pop().unwrap()
        }

        async fn classify_all(&self, messages: &[&Message]) -> Answers {
            if self.is_broken {
                return Err(ClassifyError::Broken(cause("no-instance")));
            }
            let has = |message: &Message, word: &str| String::from_utf8_lossy(message.body()).contains(word);
            if messages.iter().any(|message| has(message, self.traps)) {
                return Err(ClassifyError::Retry(cause("trap")));
            }
            let answer = |message: &&Message| match has(message, self.rejects) {
                true => Err(ClassifyError::Reject(cause("bad-shape"))),
                false => Ok(Answer {
                    payload: self.name.into(),
                    content_type: String::new(),
                    images: 1,
                    warnings: Vec::new(),
                }),
            };
            Ok(messages.iter().map(answer).collect())
        }

        fn concurrency(&self) -> usize {
            2
        }

        fn maker(&self) -> Arc<Maker> {
            Arc::new(Maker::new(self.name, None, &[]))
        }
    }

    const TEN: Bounds = Bounds {
        messages: 10,
        failures: 1,
    };

    /// What these messages get by one call, and by whom.
    async fn ask(swappable: &Swappable<Fake>, bodies: &[&'static str]) -> (String, Vec<String>) {
        let messages: Vec<_> = bodies.iter().map(|body| Message::new(*body)).collect();
        let (by, answers) = swappable.serve(&Vec::from_iter(&messages)).await;
        let told = |answer: Result<Answer, ClassifyError>| match answer {
            Ok(answer) => String::from_utf8_lossy(&answer.payload).into_owned(),
            Err(error) => error.into_cause().code,
        };
        let answers = match answers {
            Ok(answers) => answers.into_iter().map(told).collect(),
            Err(error) => vec![error.into_cause().code],
        };
        (String::from_utf8_lossy(&by.component).into_owned(), answers)
    }

    fn answered(by: &str, answers: &[&str]) -> (String, Vec<String>) {
        (
            by.to_owned(),
            answers.iter().map(|answer| (*answer).to_owned()).collect(),
        )
    }

    #[tokio::test]
    async fn a_good_one_serves_at_once_and_is_kept_after_its_trial() {
        let swappable = Swappable::new(Fake::good("old"));
        assert_eq!(ask(&swappable, &["a"]).await, answered("old", &["old"]));
        let verdict = swappable.swap(Fake::good("new"), TEN);
        for _ in 0..4 {
            assert_eq!(ask(&swappable, &["a", "b"]).await, answered("new", &["new", "new"]));
        }
        assert_eq!(*verdict.borrow(), Verdict::OnTrial { left: 2 });
        assert_eq!(swappable.proven().name, "old");
        ask(&swappable, &["a", "b", "c"]).await;
        assert_eq!(*verdict.borrow(), Verdict::Kept);
        assert_eq!(swappable.proven().name, "new");
    }

    #[tokio::test]
    async fn what_a_new_one_cannot_answer_the_one_before_does_until_it_is_rolled_back() {
        for bad in [
            Fake {
                rejects: "b",
                ..Fake::good("new")
            },
            Fake {
                traps: "b",
                ..Fake::good("new")
            },
        ] {
            let swappable = Swappable::new(Fake::good("old"));
            let verdict = swappable.swap(bad, TEN);
            assert_eq!(ask(&swappable, &["a"]).await, answered("new", &["new"]));
            assert_eq!(ask(&swappable, &["a", "b"]).await, answered("old", &["old", "old"]));
            assert_eq!(
                *verdict.borrow(),
                Verdict::OnTrial { left: 7 },
                "one failure is within the bound"
            );
            assert_eq!(ask(&swappable, &["b"]).await, answered("old", &["old"]));
            let why = match &*verdict.borrow() {
                Verdict::RolledBack(why) => why.clone(),
                other => format!("{other:?}"),
            };
            assert!(why.contains("it failed 2 that the one before it answers"), "{why}");
            assert!(why.contains("bad-shape") || why.contains("trap"), "{why}");
            assert_eq!(ask(&swappable, &["a"]).await, answered("old", &["old"]));
        }
    }

    #[tokio::test]
    async fn a_broken_one_is_rolled_back_at_once() {
        let swappable = Swappable::new(Fake::good("old"));
        let verdict = swappable.swap(
            Fake {
                is_broken: true,
                ..Fake::good("new")
            },
            TEN,
        );
        assert_eq!(ask(&swappable, &["a"]).await, answered("old", &["old"]));
        assert!(matches!(*verdict.borrow(), Verdict::RolledBack(_)));
    }

    #[tokio::test]
    async fn what_neither_can_answer_is_no_reason_to_roll_back() {
        let bad = |name| Fake {
            rejects: "b",
            ..Fake::good(name)
        };
        let swappable = Swappable::new(bad("old"));
        let verdict = swappable.swap(bad("new"), TEN);
        for _ in 0..9 {
            assert_eq!(ask(&swappable, &["b"]).await, answered("old", &["bad-shape"]));
        }
        assert_eq!(*verdict.borrow(), Verdict::OnTrial { left: 1 });
        ask(&swappable, &["b"]).await;
        assert_eq!(*verdict.borrow(), Verdict::Kept);
        assert_eq!(ask(&swappable, &["b"]).await, answered("new", &["bad-shape"]));
    }

    #[tokio::test]
    async fn the_next_one_takes_the_place_of_one_on_trial_and_the_proven_one_answers_for_both() {
        let swappable = Swappable::new(Fake::good("old"));
        let first = swappable.swap(Fake::good("first"), TEN);
        let second = swappable.swap(
            Fake {
                rejects: "b",
                ..Fake::good("second")
            },
            TEN,
        );
        assert_eq!(*first.borrow(), Verdict::Superseded);
        assert_eq!(ask(&swappable, &["b", "b"]).await, answered("old", &["old", "old"]));
        assert!(matches!(*second.borrow(), Verdict::RolledBack(_)));
        assert_eq!(swappable.proven().name, "old");
    }

    #[tokio::test]
    async fn without_a_trial_the_new_one_answers_for_itself() {
        let swappable = Swappable::new(Fake::good("old"));
        let bad = Fake {
            rejects: "b",
            ..Fake::good("new")
        };
        let verdict = swappable.swap(bad, Bounds { messages: 0, ..TEN });
        assert_eq!(*verdict.borrow(), Verdict::Kept);
        assert_eq!(ask(&swappable, &["b"]).await, answered("new", &["bad-shape"]));
    }
}
