//! What a guest returns is hostile until it has been through here: sizes, counts and text.

use bytes::Bytes;

use super::bindings::exports::image_stream::classifier::messages::Reply;
use super::bindings::exports::image_stream::classifier::model::Description as Described;
use super::bindings::image_stream::classifier::types;
use super::{ComponentError, Description};
use crate::pipeline::{Answer, Cause};

const CODE: usize = 64;
const TEXT: usize = 1024;
const NAME: usize = 256;
const LABELS: usize = 65_536;
/// Warnings that a reply may have; more are left out.
const WARNINGS: usize = 16;

/// A reply within the limit, of a media type that may stand in a header and for no more images than a request may carry;
/// else what is wrong with it.
pub(super) fn reply(reply: Reply, limit: usize, max_images: u32) -> Result<Answer, String> {
    if reply.body.len() > limit {
        return Err(format!(
            "a reply of {} bytes is over the limit of {limit}",
            reply.body.len()
        ));
    }
    if !is_name(&reply.content_type) {
        return Err("the reply's content type is not a printable name".to_owned());
    }
    if reply.images > max_images {
        return Err(format!(
            "a reply for {} images, where a request may carry {max_images}",
            reply.images
        ));
    }
    Ok(Answer {
        payload: Bytes::from(reply.body),
        content_type: reply.content_type,
        images: reply.images,
        warnings: reply.warnings.into_iter().take(WARNINGS).map(cause).collect(),
    })
}

/// How far from 1 the contract lets the sum of an image's probabilities be.
const SUM: f32 = 1e-3;

/// One image's probabilities: as many as labels, none negative, in all 1; else what is wrong with them.
pub(super) fn probabilities(row: Vec<f32>, labels: usize) -> Result<Vec<f32>, String> {
    if row.len() != labels {
        return Err(format!("{} probabilities for {labels} labels", row.len()));
    }
    // NaN is in no range.
    if let Some(value) = row.iter().find(|value| !(0.0..=1.0 + SUM).contains(*value)) {
        return Err(format!("a probability of {value}"));
    }
    let sum: f32 = row.iter().sum();
    if (sum - 1.0).abs() > SUM {
        return Err(format!("probabilities that sum to {sum}"));
    }
    Ok(row)
}

/// A cause whose code is kebab-case (`bad-code` where it is not) and whose detail is printable and bounded.
pub(super) fn cause(cause: types::Cause) -> Cause {
    let kebab = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let good = !cause.code.is_empty() && cause.code.len() <= CODE && cause.code.bytes().all(kebab);
    Cause {
        code: if good { cause.code } else { "bad-code".to_owned() },
        detail: text(&cause.detail),
    }
}

/// A bounded piece of a guest's text, made printable.
pub(super) fn text(text: &str) -> String {
    printable(text).take(TEXT).collect()
}

/// A guest's text with everything escaped that could steer a terminal or end a line. Quotes and backslashes get no
/// backslash of their own, since they are how a message quotes its values.
pub(super) fn printable(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(|c| {
        let backslash = usize::from(matches!(c, '"' | '\'' | '\\'));
        c.escape_debug().skip(backslash)
    })
}

/// A description that can be relied on, or the first part of it that cannot.
pub(super) fn description(said: Described) -> Result<Description, ComponentError> {
    let side = 1..=65_535;
    let is_digest = said.model_sha256.len() == 64
        && said
            .model_sha256
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let are_names = |names: &[String]| names.iter().all(|name| is_name(name));
    let parts = [
        ("name", is_name(&said.name), format!("{:?}", said.name)),
        ("version", is_name(&said.version), format!("{:?}", said.version)),
        ("model-sha256", is_digest, format!("{:?}", said.model_sha256)),
        ("height", side.contains(&said.height), said.height.to_string()),
        ("width", side.contains(&said.width), said.width.to_string()),
        ("channels", matches!(said.channels, 1 | 3), said.channels.to_string()),
        ("max-images", said.max_images > 0, said.max_images.to_string()),
        (
            "labels",
            (1..=LABELS).contains(&said.labels.len()) && are_names(&said.labels),
            format!("{:?}", said.labels),
        ),
        ("scores", is_name(&said.scores), format!("{:?}", said.scores)),
        (
            "accepts",
            !said.accepts.is_empty() && are_names(&said.accepts),
            format!("{:?}", said.accepts),
        ),
        (
            "produces",
            !said.produces.is_empty() && are_names(&said.produces),
            format!("{:?}", said.produces),
        ),
    ];
    if let Some((part, _, value)) = parts.iter().find(|(_, good, _)| !good) {
        return Err(ComponentError::Description(text(&format!("{part} is {value}"))));
    }
    Ok(Description {
        name: said.name,
        version: said.version,
        model_sha256: said.model_sha256,
        height: said.height,
        width: said.width,
        channels: said.channels,
        labels: said.labels,
        scores: said.scores,
        max_images: said.max_images,
        accepts: said.accepts,
        produces: said.produces,
    })
}

/// Short, not empty and printable: fit for a header, a table or a terminal.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= NAME && !text.chars().any(steers)
}

/// Whether a character steers a terminal, or turns the direction of the text around it.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(content_type: &str, body: Vec<u8>) -> Reply {
        let content_type = content_type.to_owned();
        Reply {
            content_type,
            images: 1,
            warnings: Vec::new(),
            body,
        }
    }

    #[test]
    fn a_reply_over_the_limit_or_with_a_control_character_in_its_type_is_refused() {
        assert!(reply(answer("text/plain", vec![0; 10]), 10, 1).is_ok());
        assert!(reply(answer("text/plain", vec![0; 11]), 10, 1).is_err());
        assert!(reply(answer("text/plain\r\nx: y", vec![]), 10, 1).is_err());
        assert!(reply(answer("", vec![]), 10, 1).is_err());
        assert!(reply(answer("text/\u{202e}plain", vec![]), 10, 1).is_err());
        assert!(
            reply(answer("text/\u{e01}\u{e34}", vec![]), 10, 1).is_ok(),
            "a mark above a letter"
        );
    }

    #[test]
    fn a_reply_for_more_images_than_a_request_may_carry_is_refused() {
        assert!(reply(answer("text/plain", vec![]), 10, 0).is_err());
    }

    #[test]
    fn warnings_are_bounded_and_made_fit_for_logs() {
        let warning = types::Cause {
            code: "Not Kebab".into(),
            detail: "\x1b[2J".into(),
        };
        let warned = Reply {
            warnings: vec![warning; WARNINGS + 1],
            ..answer("text/plain", vec![])
        };
        let warnings = reply(warned, 10, 1).map(|answer| answer.warnings).unwrap_or_default();
        assert_eq!(warnings.len(), WARNINGS);
        for warning in warnings {
            assert_eq!((&*warning.code, &*warning.detail), ("bad-code", "\\u{1b}[2J"));
        }
    }

    #[test]
    fn probabilities_are_as_many_as_labels_finite_and_in_all_1() {
        assert_eq!(probabilities(vec![0.25, 0.7501], 2), Ok(vec![0.25, 0.7501]));
        for row in [
            vec![],
            vec![1.0],
            vec![0.5, 0.25, 0.25],
            vec![0.5, 0.498],
            vec![1.5, -0.5],
            vec![f32::NAN, 1.0],
            vec![f32::INFINITY, 0.0],
            vec![f32::MAX, f32::MAX],
        ] {
            assert!(probabilities(row.clone(), 2).is_err(), "{row:?}");
        }
    }

    #[test]
    fn text_keeps_its_quotes_and_loses_its_control_characters() {
        assert_eq!(text("can't \"\\\" \x1b\u{9b}\r\n"), r#"can't "\" \u{1b}\u{9b}\r\n"#);
    }

    #[test]
    fn a_cause_is_made_fit_for_headers_and_logs() {
        let said = types::Cause {
            code: "Not Kebab\n".into(),
            detail: "\x1b[2J".repeat(2000),
        };
        let cause = cause(said);
        assert_eq!(cause.code, "bad-code");
        assert_eq!(cause.detail.chars().count(), TEXT);
        assert!(!cause.detail.contains('\x1b'));
    }
}
