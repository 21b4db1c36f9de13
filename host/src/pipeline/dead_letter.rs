//! Dead letters: a message that could not be answered, with the reason as headers.

use std::sync::Arc;

use bytes::Bytes;

use super::in_flight::Failed;
use super::provenance::{self, Provenance};
use super::{Cause, ClassifyError, Maker};
use crate::message::Message;

/// `reject` or `retry`: whether sending it again unchanged can help.
pub const ERROR_KIND: &str = "error-kind";
/// The stable code, such as `bad-shape` or `trap`.
pub const ERROR_CODE: &str = "error-code";
/// The detail, for people.
pub const ERROR_DETAIL: &str = "error-detail";
/// How often it was tried.
pub const ERROR_ATTEMPTS: &str = "error-attempts";
/// Where the message came from: `topic/partition/offset`.
pub const ERROR_SOURCE: &str = "error-source";
/// When it was published there, in the format of an answer's `source-time`.
pub const ERROR_SOURCE_TIME: &str = "error-source-time";
/// The SHA-256 of the component that could not answer.
pub const ERROR_COMPONENT: &str = "error-component";
/// What the letter lacks because its topic would not accept all of it, each part with its size in bytes.
pub const ERROR_TRUNCATED: &str = "error-truncated";

const REASON: [&str; 8] = [
    ERROR_KIND,
    ERROR_CODE,
    ERROR_DETAIL,
    ERROR_ATTEMPTS,
    ERROR_SOURCE,
    ERROR_SOURCE_TIME,
    ERROR_COMPONENT,
    ERROR_TRUNCATED,
];

/// What is kept of the reason if there is little room.
const LEAST: [&str; 3] = [ERROR_CODE, ERROR_SOURCE, ERROR_TRUNCATED];

/// Room for [`ERROR_TRUNCATED`].
const NOTE: usize = 128;

/// Removes the reason from a dead letter.
pub fn revive(letter: &mut Message) {
    for header in REASON {
        letter.remove_header(header);
    }
}

/// Why a message becomes a dead letter, and how much of it the letter has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub error: ClassifyError,
    /// Who could not answer it.
    pub by: Arc<Maker>,
    /// How often it was tried.
    pub attempts: u32,
    pub extent: Extent,
}

/// How much of a message its dead letter has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Extent {
    /// As much as its topic accepts: all of it, or no headers, or cut at the end.
    #[default]
    Whole,
    /// Its key and the reason: the topic accepts less than it says.
    Reason,
    /// The code, and where the message came from.
    Least,
}

impl Extent {
    /// The next smaller extent, if any.
    pub fn smaller(self) -> Option<Self> {
        match self {
            Self::Whole => Some(Self::Reason),
            Self::Reason => Some(Self::Least),
            Self::Least => None,
        }
    }
}

impl Failure {
    /// One whose letter has the whole message, as far as its topic accepts it.
    pub fn of(Failed { error, by }: Failed, attempts: u32) -> Self {
        Self {
            error,
            by,
            attempts,
            extent: Extent::Whole,
        }
    }

    /// Payload, key and headers as they came, and the reason in headers of its own, which replace those of an earlier
    /// failure.
    pub fn letter(&self, message: &Message, position: &str) -> Message {
        let (kind, Cause { code, detail }) = match &self.error {
            ClassifyError::Reject(cause) => ("reject", cause),
            ClassifyError::Retry(cause) | ClassifyError::Broken(cause) => ("retry", cause),
        };
        let mut letter = message.clone();
        letter.timestamp_ms = None;
        revive(&mut letter);
        letter.set_header(ERROR_KIND, kind);
        letter.set_header(ERROR_CODE, code.clone());
        letter.set_header(ERROR_DETAIL, detail.clone());
        letter.set_header(ERROR_ATTEMPTS, self.attempts.to_string());
        letter.set_header(ERROR_SOURCE, position.to_owned());
        if let Some(time) = message.timestamp_ms.and_then(provenance::time) {
            letter.set_header(ERROR_SOURCE_TIME, time);
        }
        letter.set_header(ERROR_COMPONENT, self.by.component.clone());
        letter
    }

    /// Cuts a letter to its topic's limit in bytes, and to the extent, and notes what is missing.
    pub fn fit(&self, letter: &mut Message, limit: Option<usize>) {
        let limit = limit.unwrap_or(usize::MAX);
        if self.extent == Extent::Whole && letter.size() <= limit {
            return;
        }
        let mut missing = Vec::new();
        let whole = letter.size();
        let is_own = |name: &str| REASON.contains(&name) || Provenance::HEADERS.contains(&name);
        letter.headers.retain(|(name, _)| match self.extent {
            Extent::Least => LEAST.contains(&&**name),
            Extent::Whole | Extent::Reason => is_own(name),
        });
        note(&mut missing, "headers", whole - letter.size());
        let room = match self.extent {
            Extent::Whole => limit.saturating_sub(letter.size() - letter.body().len() + NOTE),
            Extent::Reason | Extent::Least => 0,
        };
        if let Some(payload) = letter.payload.as_mut().filter(|payload| payload.len() > room) {
            note(&mut missing, "payload", payload.len());
            payload.truncate(room);
        }
        let is_too_long = letter.size().saturating_add(NOTE) > limit;
        if let Some(key) = letter.key.take_if(|_| is_too_long || self.extent == Extent::Least) {
            note(&mut missing, "key", key.len());
        }
        letter.set_header(ERROR_TRUNCATED, Bytes::from(missing.join(";")));
    }
}

fn note(missing: &mut Vec<String>, part: &str, bytes: usize) {
    if bytes > 0 {
        missing.push(format!("{part}={bytes}"));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn failure(extent: Extent) -> Failure {
        let cause = Cause {
            code: "bad-shape".into(),
            detail: "3 is not 28".into(),
        };
        Failure {
            error: ClassifyError::Reject(cause),
            by: Arc::new(Maker::new("abc", None, &[])),
            attempts: 1,
            extent,
        }
    }

    fn message() -> Message {
        let mut message = Message::new("not an image");
        message.key = Some("k".into());
        message.set_header("trace", "t1");
        message.timestamp_ms = Some(1_700_000_000_123);
        message
    }

    fn text(letter: &Message, name: &str) -> Option<String> {
        let value = letter.header(name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    #[test]
    fn a_dead_letter_keeps_the_message_and_names_the_reason_once() {
        let message = message();
        let first = failure(Extent::Whole).letter(&message, "in/0/7");
        assert_eq!(
            text(&first, ERROR_SOURCE_TIME).as_deref(),
            Some("2023-11-14T22:13:20.123Z")
        );
        let second = Failure {
            error: ClassifyError::Retry(Cause {
                code: "trap".into(),
                detail: String::new(),
            }),
            by: Arc::new(Maker::new("def", None, &[])),
            attempts: 3,
            extent: Extent::Whole,
        };
        let again = second.letter(&first, "in.dlq/0/0");
        assert_eq!(again.payload, message.payload);
        assert_eq!(again.key, message.key);
        assert_eq!(text(&again, "trace").as_deref(), Some("t1"));
        assert_eq!(text(&again, ERROR_KIND).as_deref(), Some("retry"));
        assert_eq!(text(&again, ERROR_ATTEMPTS).as_deref(), Some("3"));
        assert_eq!(text(&again, ERROR_COMPONENT).as_deref(), Some("def"));
        assert_eq!(text(&again, ERROR_SOURCE).as_deref(), Some("in.dlq/0/0"));
        assert_eq!(
            again.headers.len(),
            1 + 6,
            "the letter of a letter has no time of its own to tell"
        );
        let mut revived = again;
        revive(&mut revived);
        assert_eq!(revived.headers, message.headers);
    }

    #[test]
    fn a_letter_has_the_time_of_its_own_publishing() {
        assert_eq!(failure(Extent::Whole).letter(&message(), "in/0/7").timestamp_ms, None);
    }

    #[test]
    fn a_letter_that_does_not_fit_loses_its_headers_then_its_end_then_its_key_and_says_so() {
        let mut message = message();
        message.payload = Some(vec![7; 5000].into());
        message.set_header("trace", vec![b't'; 500]);
        let letter = failure(Extent::Whole).letter(&message, "in/0/7");
        let fitted = |limit: usize| {
            let mut letter = letter.clone();
            failure(Extent::Whole).fit(&mut letter, Some(limit));
            assert!(letter.size() <= limit, "{} over {limit}", letter.size());
            letter
        };
        assert_eq!(fitted(letter.size()), letter);
        let headless = fitted(letter.size() - 1);
        assert_eq!(text(&headless, ERROR_TRUNCATED).as_deref(), Some("headers=505"));
        assert_eq!((headless.body().len(), &headless.key), (5000, &message.key));
        let cut = fitted(1000);
        assert_eq!(text(&cut, ERROR_TRUNCATED).as_deref(), Some("headers=505;payload=5000"));
        assert!(cut.body().len() > 500 && cut.key.is_some());
        assert_eq!(text(&cut, ERROR_CODE).as_deref(), Some("bad-shape"));
        message.key = Some(vec![b'k'; 2000].into());
        let mut keyed = failure(Extent::Whole).letter(&message, "in/0/7");
        failure(Extent::Whole).fit(&mut keyed, Some(1000));
        assert!(keyed.size() <= 1000 && keyed.key.is_none(), "{}", keyed.size());
        assert_eq!(
            text(&keyed, ERROR_TRUNCATED).as_deref(),
            Some("headers=505;payload=5000;key=2000")
        );
    }

    #[test]
    fn a_letter_gets_smaller_until_there_is_nothing_left_to_leave_out() {
        let mut message = message();
        message.set_header("trace", vec![b't'; 500]);
        let letter = failure(Extent::Whole).letter(&message, "in/0/7");
        let mut extent = Extent::Whole;
        let mut size = letter.size();
        while let Some(smaller) = extent.smaller() {
            extent = smaller;
            let mut letter = letter.clone();
            failure(extent).fit(&mut letter, None);
            assert!(letter.size() < size, "{extent:?}");
            assert_eq!(text(&letter, ERROR_SOURCE).as_deref(), Some("in/0/7"));
            size = letter.size();
        }
        assert_eq!(extent, Extent::Least);
    }
}
