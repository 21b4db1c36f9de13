//! The traits between a message and its answer.

use std::sync::Arc;

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

/// A result for each message of a call, in order, or why the whole call failed.
pub type Answers = Result<Vec<Result<Answer, ClassifyError>>, ClassifyError>;

/// Who answers: what an answer's headers say of it, ready to be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maker {
    /// The SHA-256 of the component, in lower-case hex.
    pub component: Bytes,
    /// The same of its model. None: it has none.
    pub model: Option<Bytes>,
    /// What its classes are called, as a JSON list; the index is the class. None: nobody knows, or the list is longer than
    /// [`LABELS_BYTES`].
    pub labels: Option<Bytes>,
}

/// As long as an attribute of a Pub/Sub message may be.
const LABELS_BYTES: usize = 1024;

impl Maker {
    /// By the digests of component and model, and the names of the classes.
    pub fn new(component: &str, model: Option<&str>, labels: &[String]) -> Self {
        let names = serde_json::to_vec(labels).ok();
        let names = names.filter(|names| !labels.is_empty() && names.len() <= LABELS_BYTES);
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        Self {
            component: bytes(component),
            model: model.map(bytes),
            labels: names.map(Bytes::from),
        }
    }
}

/// Message in, message or error out. Called concurrently; the future may be dropped.
#[async_trait]
pub trait Classify: Send + Sync {
    /// Answers one message.
    async fn classify(&self, message: &Message) -> Result<Answer, ClassifyError>;

    /// Answers several messages by one call: a result for each, in order. Fails if the call failed and nobody knows by which message;
    /// then they may be tried one by one. The default is for a classifier that gains nothing from several.
    async fn classify_all(&self, messages: &[&Message]) -> Answers {
        let mut answers = Vec::with_capacity(messages.len());
        for message in messages {
            answers.push(self.classify(message).await);
        }
        Ok(answers)
    }

    /// How many calls it accepts at once, at least 1. More would only wait inside it, where a stop counts them as
    /// begun.
    fn concurrency(&self) -> usize;

    /// What its answers say of it.
    fn maker(&self) -> Arc<Maker>;
}

/// What gives a stream its answers: a classifier, or one after the other.
#[async_trait]
pub trait Serve: Send + Sync {
    /// Answers several messages as [`Classify::classify_all`] does, and says who did.
    async fn serve(&self, messages: &[&Message]) -> (Arc<Maker>, Answers);

    /// Who would answer now.
    fn serving(&self) -> Arc<Maker>;

    /// How many calls it accepts at once, as [`Classify::concurrency`]; it never changes.
    fn at_once(&self) -> usize;
}

#[async_trait]
impl<C: Classify> Serve for C {
    async fn serve(&self, messages: &[&Message]) -> (Arc<Maker>, Answers) {
        (self.maker(), self.classify_all(messages).await)
    }

    fn serving(&self) -> Arc<Maker> {
        self.maker()
    }

    fn at_once(&self) -> usize {
        self.concurrency()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn labels_travel_with_an_answer_unless_they_are_long() {
        let labels = |labels: &[String]| Maker::new("abc", None, labels).labels;
        let value = labels(&["T-shirt/top".to_owned(), "a \"b\", c".to_owned()]).unwrap();
        assert_eq!(value, r#"["T-shirt/top","a \"b\", c"]"#);
        assert_eq!(labels(&[]), None);
        let many: Vec<_> = (0..1000).map(|class| format!("class {class}")).collect();
        assert_eq!(labels(&many), None);
    }
}
