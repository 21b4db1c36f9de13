//! Headers that say where an output comes from: for matching it with its input, and for dropping duplicates.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::Maker;
use crate::message::Message;

/// The input's position: `topic/partition/offset`.
pub const SOURCE: &str = "source";
/// The same for every delivery of the same input, and different for every other.
pub const DEDUPE_ID: &str = "dedupe-id";
/// The SHA-256 of the component that answered.
pub const COMPONENT: &str = "component";
/// The SHA-256 of the model with which it did; left out if the component has none.
pub const MODEL: &str = "model";
/// When the input was published, if its broker says so: RFC 3339, in UTC. The output's own time is that of its
/// publishing: with its input's, a topic might drop it at once.
pub const SOURCE_TIME: &str = "source-time";

/// The labels of the component's classes, a JSON list: so that anybody can read the numbers of an answer, at any time.
/// Left out if it is longer than an attribute of a Pub/Sub message may be.
pub const COMPONENT_LABELS: &str = "component-labels";

/// What a [`DEDUPE_ID`] has.
const ID_BYTES: usize = 32;

/// The end of the year 9999, the last in RFC 3339. Milliseconds since 1970.
const LAST_TIME: u64 = 253_402_300_799_999;

/// Where the messages of a pipeline come from.
#[derive(Clone, Debug)]
pub(super) struct Provenance {
    /// The first line of every dedupe id's text: the broker's name for itself.
    cluster: Sha256,
}

impl Provenance {
    /// What [`Provenance::mark`] sets.
    pub const HEADERS: [&'static str; 4] = [SOURCE, DEDUPE_ID, COMPONENT, MODEL];

    pub fn new(cluster: &str) -> Self {
        Self {
            cluster: Sha256::new().chain_update(cluster).chain_update("\n"),
        }
    }

    /// Marks the output that a classifier made for the message at a position, `topic/partition/offset`. Replaces the marks of an
    /// earlier stage.
    pub fn mark(&self, output: &mut Message, position: &str, maker: &Maker) {
        output.set_header(SOURCE, position.to_owned());
        output.set_header(DEDUPE_ID, Bytes::copy_from_slice(&self.dedupe_id(position)));
        output.set_header(COMPONENT, maker.component.clone());
        match &maker.model {
            Some(model) => output.set_header(MODEL, model.clone()),
            None => output.remove_header(MODEL),
        }
    }

    /// The first 128 bits, in hex, of the SHA-256 of cluster, position and the output's number, a line each. A message has one output,
    /// the number 0.
    fn dedupe_id(&self, position: &str) -> [u8; ID_BYTES] {
        let digest = self
            .cluster
            .clone()
            .chain_update(position)
            .chain_update("\n0\n")
            .finalize();
        let mut id = [0; ID_BYTES];
        // Fails for no digest that is as long.
        let _ = hex::encode_to_slice(digest.get(..ID_BYTES / 2).unwrap_or_default(), &mut id);
        id
    }
}

/// A time in milliseconds since 1970, in the format of a header. None: it has no such format, as times before 1970.
pub(super) fn time(timestamp_ms: i64) -> Option<String> {
    let since = u64::try_from(timestamp_ms).ok().filter(|since| *since <= LAST_TIME)?;
    let time = UNIX_EPOCH.checked_add(Duration::from_millis(since))?;
    Some(humantime::format_rfc3339_millis(time).to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_said_to_the_millisecond_and_one_that_no_calendar_has_is_not() {
        assert_eq!(time(0).unwrap(), "1970-01-01T00:00:00.000Z");
        assert_eq!(time(1_700_000_000_123).unwrap(), "2023-11-14T22:13:20.123Z");
        assert_eq!(time(253_402_300_799_999).unwrap(), "9999-12-31T23:59:59.999Z");
        for none in [-1, 253_402_300_800_000, i64::MAX, i64::MIN] {
            assert_eq!(time(none), None, "{none}");
        }
    }

    #[test]
    fn an_output_is_marked_once_and_every_place_has_an_id_of_its_own() {
        let mark = |cluster, position| {
            let mut output = Message::new("[9]");
            output.set_header(SOURCE, "an/earlier/0");
            Provenance::new(cluster).mark(&mut output, position, &Maker::new("abc", None, &[]));
            assert_eq!(output.headers.len(), 3);
            assert_eq!(output.header(SOURCE).unwrap(), position);
            output.header(DEDUPE_ID).unwrap().clone()
        };
        let id = mark("c", "in/0/7");
        assert_eq!(id, mark("c", "in/0/7"));
        assert_eq!(id.len(), 32);
        for other in [mark("d", "in/0/7"), mark("c", "in/0/8"), mark("c\nin", "/0/7")] {
            assert_ne!(id, other);
        }
    }

    #[test]
    fn an_output_has_the_model_of_the_one_that_made_it_and_not_that_of_an_earlier_stage() {
        let mut output = Message::new("[9]");
        for (model, said) in [(Some("def"), Some("def")), (None, None)] {
            Provenance::new("c").mark(&mut output, "in/0/7", &Maker::new("abc", model, &[]));
            assert_eq!(output.header(MODEL).map(|model| &model[..]), said.map(str::as_bytes));
        }
    }

    #[test]
    fn the_id_of_a_place_never_changes() {
        let text = Sha256::digest("c\nin/0/7\n0\n");
        assert_eq!(
            Provenance::new("c").dedupe_id("in/0/7"),
            hex::encode(&text[..16]).as_bytes()
        );
    }
}
