//! Everything that a guest returns is hostile until it has passed here: sizes, counts and text.

use std::collections::HashMap;

use bytes::Bytes;

use super::bindings::exports::image_stream::classifier::messages::{Description as Described, Reply};
use super::bindings::exports::image_stream::classifier::model::Info;
use super::bindings::image_stream::classifier::types;
use super::{ComponentError, Description};
use crate::images::{media_type_of, npy};
use crate::message::Message;
use crate::pipeline::{Answer, Cause};
use crate::terminal::{counted, is_ignorable, joins, printable_chars, steers};

const CODE: usize = 64;
const TEXT: usize = 1024;
const NAME: usize = 256;
const LABELS: usize = 65_536;
/// Warnings of one reply; further ones are dropped.
const WARNINGS: usize = 16;
const MEDIA: usize = 256;
const SIDE: u32 = 65_535;
/// Of one image, all channels together: made-up images then take 64 MiB of floats at most.
const VALUES: u64 = 1 << 24;
/// Of one request.
const IMAGES: u32 = 1 << 20;

/// A reply within the limit, with a media type that is fit for a header, and for no more images than the request can
/// hold. Otherwise, what is wrong with it.
pub(super) fn reply(reply: Reply, limit: usize, most_images: u32) -> Result<Answer, String> {
    if reply.body.len() > limit {
        return Err(format!(
            "a reply of {} bytes is over the limit of {limit}",
            reply.body.len()
        ));
    }
    if !is_name(&reply.content_type) {
        return Err("the reply's content type is not a printable name".to_owned());
    }
    if reply.images > most_images {
        return Err(format!(
            "a reply for {} to a request that can hold {most_images} at most",
            counted(reply.images.into(), "image", "images")
        ));
    }
    Ok(Answer {
        payload: Bytes::from(reply.body),
        content_type: reply.content_type,
        images: reply.images,
        warnings: reply.warnings.into_iter().take(WARNINGS).map(cause).collect(),
    })
}

/// The contract's tolerance for the sum of an image's probabilities.
const SUM: f32 = 1e-3;

/// The probabilities of each image, one row after the other: as many to a row as labels, none negative, sum 1. Otherwise, what is
/// wrong with them.
pub(super) fn probabilities(rows: Vec<f32>, images: u32, labels: usize) -> Result<Vec<f32>, String> {
    if rows.len() as u64 != u64::from(images).saturating_mul(labels as u64) {
        return Err(format!(
            "{} for {} and {}",
            counted(rows.len() as u64, "probability", "probabilities"),
            counted(images.into(), "image", "images"),
            counted(labels as u64, "label", "labels")
        ));
    }
    // NaN is in no range.
    if let Some(value) = rows.iter().find(|value| !(0.0..=1.0 + SUM).contains(*value)) {
        return Err(format!("a probability of {value}"));
    }
    let mut sums = rows.chunks(labels.max(1)).map(|row| row.iter().sum::<f32>());
    if let Some(sum) = sums.find(|sum| (sum - 1.0).abs() > SUM) {
        return Err(format!("probabilities that sum to {sum}"));
    }
    Ok(rows)
}

/// A cause with a kebab-case code (`bad-code` otherwise) and a printable, bounded detail.
pub(super) fn cause(cause: types::Cause) -> Cause {
    let kebab = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let good = !cause.code.is_empty() && cause.code.len() <= CODE && cause.code.bytes().all(kebab);
    Cause {
        code: if good { cause.code } else { "bad-code".to_owned() },
        detail: text(&cause.detail),
    }
}

/// A bounded part of a guest's text, made printable.
pub(super) fn text(text: &str) -> String {
    printable_chars(text).take(TEXT).collect()
}

/// The most images that a message can hold, as far as the host can tell: a picture is one, and each value of pixels
/// takes at least a byte. For any other format it only knows the model's own limit.
pub(super) fn most_images(message: &Message, description: &Description) -> u32 {
    let media = message.content_type().unwrap_or_default().to_ascii_lowercase();
    let body = message.body();
    // Without a shape the bytes may be any file, and gzipped pixels take less than a byte each.
    let is_raw = media.starts_with("application/octet-stream") && media.contains("shape=");
    let is_pixels = is_raw && !body.starts_with(&[0x1f, 0x8b]);
    let most = if media_type_of(body).is_some() {
        1
    } else if is_pixels || body.starts_with(npy::MAGIC) {
        body.len() as u64 / description.values().max(1)
    } else {
        return description.max_images;
    };
    u32::try_from(most).map_or(description.max_images, |most| most.min(description.max_images))
}

/// A usable description, or the first thing that is wrong with it. `info` is what a component says of its model file, if it takes
/// one.
pub(super) fn description(said: Described, info: Option<Info>) -> Result<Description, ComponentError> {
    let side = 1..=SIDE;
    let mut parts = vec![
        ("name", is_name(&said.name), format!("{:?}", said.name)),
        ("version", is_name(&said.version), format!("{:?}", said.version)),
        ("height", side.contains(&said.height), said.height.to_string()),
        ("width", side.contains(&said.width), said.width.to_string()),
        ("channels", matches!(said.channels, 1 | 3), said.channels.to_string()),
        (
            "max-images",
            (1..=IMAGES).contains(&said.max_images),
            said.max_images.to_string(),
        ),
        ("accepts", are_media(&said.accepts), format!("{:?}", said.accepts)),
        ("produces", are_media(&said.produces), format!("{:?}", said.produces)),
    ];
    if let Some(info) = &info {
        parts.extend([
            ("model.sha256", is_digest(&info.sha256), format!("{:?}", info.sha256)),
            ("model.scores", is_name(&info.scores), format!("{:?}", info.scores)),
            ("model.accepts", are_media(&info.accepts), format!("{:?}", info.accepts)),
        ]);
    }
    let refused = |trouble: &str| Err(ComponentError::Description(text(trouble)));
    if let Some((part, _, value)) = parts.iter().find(|(_, good, _)| !good) {
        return refused(&format!("{part} is {value}"));
    }
    if let Some(trouble) = labels_wrong(&said.labels) {
        return refused(&trouble);
    }
    let (model_sha256, scores) = info.map(|info| (info.sha256, info.scores)).unzip();
    let description = Description {
        name: said.name,
        version: said.version,
        model_sha256,
        height: said.height,
        width: said.width,
        channels: said.channels,
        labels: said.labels,
        scores,
        max_images: said.max_images,
        accepts: said.accepts,
        produces: said.produces,
    };
    match description.values() {
        0..=VALUES => Ok(description),
        values => refused(&format!("an image has {values} values; the limit is {VALUES}")),
    }
}

fn are_media(names: &[String]) -> bool {
    (1..=MEDIA).contains(&names.len()) && names.iter().all(|name| is_name(name))
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Labels must be names, and no two may look the same.
fn labels_wrong(labels: &[String]) -> Option<String> {
    if !(1..=LABELS).contains(&labels.len()) {
        return Some(format!("it has {} labels; 1 to {LABELS} are allowed", labels.len()));
    }
    let mut seen = HashMap::new();
    for (class, label) in labels.iter().enumerate() {
        if !is_name(label) {
            return Some(format!("label {class} is {label:?}"));
        }
        let look = String::from_iter(label.chars().filter(|c| !is_ignorable(*c)));
        if let Some(first) = seen.insert(look.trim().to_owned(), class) {
            return Some(format!(
                "labels {first} and {class} are both {label:?}: give each class a name of its own"
            ));
        }
    }
    None
}

/// Short, printable, and not invisible: fit for a header, a table or a terminal. Zero-width characters may only join
/// others, as in Persian and in emoji.
fn is_name(text: &str) -> bool {
    let is_seen = |c: char| !c.is_whitespace() && !is_ignorable(c);
    text.len() <= NAME
        && text.chars().any(is_seen)
        && !text.starts_with(joins)
        && !text.chars().any(|c| steers(c) || is_ignorable(c) && !joins(c))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
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

    fn described() -> Described {
        Described {
            name: "model".to_owned(),
            version: "1".to_owned(),
            height: 28,
            width: 28,
            channels: 1,
            labels: vec!["left".to_owned(), "right".to_owned()],
            max_images: 100,
            accepts: vec!["text/plain".to_owned()],
            produces: vec!["text/plain".to_owned()],
        }
    }

    #[test]
    fn what_a_description_may_make_the_host_allocate_is_bounded() {
        let sized = |height, width, channels| {
            let said = Described {
                height,
                width,
                channels,
                ..described()
            };
            description(said, None)
        };
        assert!(sized(4096, 4096, 1).is_ok());
        for (height, width, channels) in [
            (4097, 4096, 1),
            (4096, 4096, 3),
            (65_535, 65_535, 3),
            (65_535, 65_535, 1),
        ] {
            let error = sized(height, width, channels).unwrap_err().to_string();
            assert!(error.contains("the limit is 16777216"), "{error}");
        }
        let many = Described {
            max_images: u32::MAX,
            ..described()
        };
        assert!(
            description(many, None)
                .unwrap_err()
                .to_string()
                .contains("max-images is 4294967295")
        );
    }

    #[test]
    fn a_name_has_something_to_be_seen_and_nothing_that_is_not() {
        for name in [
            "T-shirt/top",
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            "\u{2764}\u{fe0f}",
            "a b",
        ] {
            assert!(is_name(name), "{name:?}");
        }
        for name in [
            "",
            " ",
            "\u{a0}",
            "\u{200b}",
            "\u{200d}",
            "a\u{200b}b",
            "\u{feff}a",
            "so\u{ad}ft",
            "\u{fe0f}a",
            "\u{61c}a",
        ] {
            assert!(!is_name(name), "{name:?}");
        }
    }

    #[test]
    fn labels_that_look_the_same_are_refused_with_their_classes() {
        for label in ["left", " left", "le\u{200d}ft"] {
            let mut said = described();
            said.labels.push(label.to_owned());
            let error = description(said, None).unwrap_err().to_string();
            assert!(error.contains("labels 0 and 2 are both"), "{error}");
        }
    }

    #[test]
    fn a_reply_is_for_no_more_images_than_the_message_holds() {
        let model = description(described(), None).unwrap();
        let most = |body: &[u8], content_type: Option<&str>| {
            let mut message = Message::new(body.to_vec());
            if let Some(content_type) = content_type {
                message.set_header(crate::message::CONTENT_TYPE, content_type.to_owned());
            }
            most_images(&message, &model)
        };
        assert_eq!(most(b"\x89PNG\r\n\x1a\n and more", None), 1);
        assert_eq!(most(&[0xff, 0xd8, 0xff, 0xe0], Some("application/json")), 1);
        assert_eq!(most(&[0; 784 * 3], Some("application/octet-stream;shape=3,28,28,1")), 3);
        assert_eq!(most(&[0; 784 * 3], None), 100, "of what is not known nothing is");
        assert_eq!(
            most(&[0; 784 * 200], Some("Application/Octet-Stream; Shape=1,28,28,1")),
            100
        );
        assert_eq!(
            most(b"\x1f\x8b and more", Some("application/octet-stream;shape=2,28,28,1")),
            100
        );
        assert_eq!(most(b"%PDF-1.7 and more", Some("application/octet-stream")), 100);
        let mut file = npy::MAGIC.to_vec();
        file.resize(784 * 2 + 128, 0);
        assert_eq!(most(&file, None), 2);
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
        assert_eq!(probabilities(vec![0.25, 0.7501], 1, 2), Ok(vec![0.25, 0.7501]));
        assert_eq!(
            probabilities(vec![0.0, 1.0, 0.5, 0.5], 2, 2).map(|rows| rows.len()),
            Ok(4)
        );
        assert!(probabilities(vec![0.5, 1.0, 0.5, 0.0], 2, 2).is_err());
        assert!(probabilities(vec![0.5, 0.5], 2, 2).is_err());
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
            assert!(probabilities(row.clone(), 1, 2).is_err(), "{row:?}");
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
