//! What becomes of a message that could not be answered: itself, with the reason beside it.

use super::ClassifyError;
use crate::message::Message;

/// `reject` or `retry`: whether sending it round again unchanged can help.
pub const ERROR_KIND: &str = "error-kind";
/// The stable code, such as `bad-shape` or `trap`.
pub const ERROR_CODE: &str = "error-code";
/// The detail, for people.
pub const ERROR_DETAIL: &str = "error-detail";
/// How often it was tried.
pub const ERROR_ATTEMPTS: &str = "error-attempts";
/// Where the message came from: `topic/partition/offset`.
pub const ERROR_SOURCE: &str = "error-source";
/// The SHA-256 of the component that could not answer.
pub const ERROR_COMPONENT: &str = "error-component";

/// Takes the reason off a dead letter again.
pub fn revive(letter: &mut Message) {
    for header in [
        ERROR_KIND,
        ERROR_CODE,
        ERROR_DETAIL,
        ERROR_ATTEMPTS,
        ERROR_SOURCE,
        ERROR_COMPONENT,
    ] {
        letter.remove_header(header);
    }
}

/// The original payload, key, headers and time, and the reason as headers of its own; those of an earlier round are replaced.
pub(super) fn dead_letter(
    message: &Message,
    error: &ClassifyError,
    attempts: u32,
    position: &str,
    digest: &str,
) -> Message {
    let (kind, cause) = match error {
        ClassifyError::Reject(cause) => ("reject", cause),
        ClassifyError::Retry(cause) => ("retry", cause),
    };
    let mut letter = message.clone();
    letter.set_header(ERROR_KIND, kind);
    letter.set_header(ERROR_CODE, cause.code.clone());
    letter.set_header(ERROR_DETAIL, cause.detail.clone());
    letter.set_header(ERROR_ATTEMPTS, attempts.to_string());
    letter.set_header(ERROR_SOURCE, position.to_owned());
    letter.set_header(ERROR_COMPONENT, digest.to_owned());
    letter
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Cause;

    #[test]
    fn a_dead_letter_keeps_the_message_and_names_the_reason_once() {
        let mut message = Message::new("not an image");
        message.key = Some("k".into());
        message.set_header("trace", "t1");
        let cause = Cause {
            code: "bad-shape".into(),
            detail: "3 is not 28".into(),
        };
        let first = dead_letter(&message, &ClassifyError::Reject(cause.clone()), 1, "in/0/7", "abc");
        let again = dead_letter(&first, &ClassifyError::Retry(cause), 3, "in.dlq/0/0", "def");
        assert_eq!(again.payload, message.payload);
        assert_eq!(again.key, message.key);
        let text = |name| {
            again
                .header(name)
                .map(|value| String::from_utf8_lossy(value).into_owned())
        };
        assert_eq!(text("trace").as_deref(), Some("t1"));
        assert_eq!(text(ERROR_KIND).as_deref(), Some("retry"));
        assert_eq!(text(ERROR_ATTEMPTS).as_deref(), Some("3"));
        assert_eq!(text(ERROR_SOURCE).as_deref(), Some("in.dlq/0/0"));
        assert_eq!(again.headers.len(), 1 + 6);
        let mut revived = again;
        revive(&mut revived);
        assert_eq!(revived.headers, message.headers);
    }
}
