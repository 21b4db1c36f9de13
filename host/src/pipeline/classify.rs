//! The trait between a message and its answer.

use async_trait::async_trait;
use bytes::Bytes;

use crate::message::Message;

/// Why an input was not answered, or why its answer may be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Stable and kebab-case, for metrics and dead letters: `bad-shape`, `trap`, `timeout`.
    pub code: String,
    /// For people: names the value and, where there is one, the remedy.
    pub detail: String,
}

/// A message that was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClassifyError {
    /// The same message will fail again.
    #[error("rejected, {}: {}", .0.code, .0.detail)]
    Reject(Cause),
    /// Repeating may succeed: a trap, a time-out, or the component said so.
    #[error("failed, {}: {}", .0.code, .0.detail)]
    Retry(Cause),
    /// The classifier cannot answer anything any more; the message is not at fault.
    #[error("the component is broken, {}: {}", .0.code, .0.detail)]
    Broken(Cause),
}

impl ClassifyError {
    /// Why the message was not answered.
    pub fn into_cause(self) -> Cause {
        match self {
            Self::Reject(cause) | Self::Retry(cause) | Self::Broken(cause) => cause,
        }
    }
}

/// An answer, and what it took to get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The body of the answer.
    pub payload: Bytes,
    /// Its media type.
    pub content_type: String,
    /// How many images it classifies.
    pub images: u32,
    /// Why the answer may be wrong.
    pub warnings: Vec<Cause>,
}

/// Message in, message or error out. Called concurrently; the future may be dropped.
#[async_trait]
pub trait Classify: Send + Sync {
    /// Answers one message.
    async fn classify(&self, message: &Message) -> Result<Answer, ClassifyError>;

    /// Answers several messages by one call: a result for each, in order. Fails if the call failed and nobody knows by which message;
    /// then they may be tried one by one. The default is for a classifier that gains nothing from several.
    async fn classify_all(&self, messages: &[&Message]) -> Result<Vec<Result<Answer, ClassifyError>>, ClassifyError> {
        let mut answers = Vec::with_capacity(messages.len());
        for message in messages {
            answers.push(self.classify(message).await);
        }
        Ok(answers)
    }

    /// How many calls it accepts at once, at least 1. More would only wait inside it, where a stop counts them as
    /// begun.
    fn concurrency(&self) -> usize;

    /// Names the classifier in dead letters: the component's digest.
    fn digest(&self) -> &str;

    /// What its classes are called; the index is the class. None: nobody knows.
    fn labels(&self) -> &[String] {
        &[]
    }
}
