//! The first messages of a new classifier, beside the one before it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::pipeline::{Answers, ClassifyError};
use crate::terminal::counted;

/// How a new classifier is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// For this many messages. 0: not at all.
    pub messages: u64,
    /// It may fail this many of them that the one before it answers.
    pub failures: u64,
}

/// What becomes of a new classifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It serves.
    OnTrial {
        /// Until this many further messages have shown what it can do.
        left: u64,
    },
    /// It serves, and the one before it is gone.
    Kept,
    /// The one before it serves again: why.
    RolledBack(String),
    /// Another one came before its trial was over.
    Superseded,
}

/// A new classifier's trial.
pub(super) struct Trial<C> {
    /// Answers what the new one cannot.
    pub before: Arc<C>,
    bounds: Bounds,
    seen: Mutex<Seen>,
    verdict: watch::Sender<Verdict>,
}

#[derive(Default)]
struct Seen {
    messages: u64,
    failures: u64,
}

impl<C> Trial<C> {
    pub fn new(before: Arc<C>, bounds: Bounds) -> (Self, watch::Receiver<Verdict>) {
        let first = match bounds.messages {
            0 => Verdict::Kept,
            left => Verdict::OnTrial { left },
        };
        let (verdict, told) = watch::channel(first);
        let trial = Self {
            before,
            bounds,
            seen: Mutex::default(),
            verdict,
        };
        (trial, told)
    }

    /// It answered all of these messages. Some: that ends the trial.
    pub fn passed(&self, messages: usize) -> Option<Verdict> {
        self.judge(messages, 0, None)
    }

    /// What it made of these messages, and the one before it. Some: that ends the trial.
    pub fn compared(&self, answers: &Answers, instead: &Answers, messages: usize) -> Option<Verdict> {
        let (failures, cause) = worse(answers, instead);
        self.judge(messages, failures, cause)
    }

    fn judge(&self, messages: usize, failures: u64, cause: Option<&ClassifyError>) -> Option<Verdict> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.messages += messages as u64;
        seen.failures += failures;
        let is_broken = matches!(cause, Some(ClassifyError::Broken(_)));
        if let Some(cause) = cause.filter(|_| is_broken || seen.failures > self.bounds.failures) {
            let (of, failed) = (counted(seen.messages, "message", "messages"), seen.failures);
            let why = format!("of {of} it failed {failed} that the one before it answers; the last one: {cause}");
            return Some(Verdict::RolledBack(why));
        }
        match self.bounds.messages.saturating_sub(seen.messages) {
            0 => Some(Verdict::Kept),
            left => {
                self.verdict.send_replace(Verdict::OnTrial { left });
                None
            }
        }
    }

    pub fn end(&self, verdict: Verdict) {
        self.verdict.send_replace(verdict);
    }
}

/// Whether any of these messages has no answer.
pub(super) fn fails(answers: &Answers, messages: usize) -> bool {
    match answers {
        Ok(answers) => answers.len() != messages || answers.iter().any(Result::is_err),
        Err(_) => true,
    }
}

/// How many messages the other one answers that this one does not, and why it does not answer the last of them. A call that failed as a
/// whole counts as one message: nobody knows which of them it failed over.
fn worse<'a>(answers: &'a Answers, instead: &Answers) -> (u64, Option<&'a ClassifyError>) {
    let Ok(instead) = instead else { return (0, None) };
    match answers {
        Err(error) if instead.iter().any(Result::is_ok) => (1, Some(error)),
        Err(_) => (0, None),
        Ok(answers) => {
            let pairs = answers.iter().zip(instead);
            let failed = pairs.filter_map(|(answer, instead)| answer.as_ref().err().filter(|_| instead.is_ok()));
            failed.fold((0, None), |(count, _), error| (count + 1, Some(error)))
        }
    }
}
