//! What a component's file says of itself, without running any of it: with which tools it was made.

use std::collections::BTreeSet;

use serde::Serialize;
use wasmparser::{KnownCustom, Parser, Payload};

use super::check;

/// The most tools that are told.
const TOLD: usize = 64;

/// A language, or a tool, by the sections `producers` of a component and its modules (WebAssembly's tool conventions). Anybody may write
/// anything there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Tool {
    /// `language`, `processed-by` or `sdk`.
    pub role: String,
    /// Its name.
    pub name: String,
    /// Its version. May be empty.
    pub version: String,
}

/// Every tool that is named in `bytes`, once, in order. What cannot be read names none.
pub(super) fn tools(bytes: &[u8]) -> Vec<Tool> {
    let mut tools = BTreeSet::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload {
            Ok(Payload::CustomSection(section)) => {
                if let KnownCustom::Producers(fields) = section.as_known() {
                    for field in fields.into_iter().flatten() {
                        tools.extend(field.values.into_iter().flatten().map(|value| Tool {
                            role: check::text(field.name),
                            name: check::text(value.name),
                            version: check::text(value.version),
                        }));
                    }
                }
            }
            Ok(_) => {}
            Err(_) => break,
        }
        if tools.len() >= TOLD {
            break;
        }
    }
    tools.into_iter().take(TOLD).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    /// A component with one section `producers`.
    fn with_producers(content: &[u8]) -> Vec<u8> {
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        bytes.extend([0, (content.len() + 10) as u8, 9]);
        bytes.extend(b"producers");
        bytes.extend(content);
        bytes
    }

    #[test]
    fn the_language_and_the_tools_are_read_with_their_versions() {
        let bytes = with_producers(b"\x02\x08language\x01\x04Rust\x00\x0cprocessed-by\x01\x05rustc\x041.95");
        let tool = |role: &str, name: &str, version: &str| Tool {
            role: role.to_owned(),
            name: name.to_owned(),
            version: version.to_owned(),
        };
        assert_eq!(
            tools(&bytes),
            [tool("language", "Rust", ""), tool("processed-by", "rustc", "1.95")]
        );
    }

    #[test]
    fn a_section_that_is_cut_or_lies_names_what_can_be_read_and_nothing_else() {
        let whole = b"\x02\x08language\x01\x04Rust\x00\x0cprocessed-by\x01\x05rustc\x041.95";
        for length in 0..whole.len() {
            assert!(tools(&with_producers(&whole[..length])).len() <= 1);
        }
        assert!(tools(&with_producers(b"\xff\xff\xff\xff\x0f")).is_empty());
        assert!(tools(b"no component").is_empty());
        let many: Vec<u8> = (0..30).flat_map(|n| [1, b'a' + n, 0]).collect();
        let bytes = with_producers(&[&b"\x01\x08language\x1e"[..], &many].concat());
        assert_eq!(tools(&bytes).len(), 30);
    }
}
