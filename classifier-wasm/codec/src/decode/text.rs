//! Text, be it JSON, Base64 or markup: byte order marks and white space.

/// Some Windows programs write it before UTF-8; so does Python's `utf-8-sig`.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The text from its first token.
pub fn start(body: &[u8]) -> &[u8] {
    without_mark(body).trim_ascii_start()
}

/// Without a byte order mark.
pub fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body)
}

/// UTF-8 without control characters but white space.
pub fn is_text(body: &[u8]) -> bool {
    body.iter().all(|byte| *byte >= b' ' || b"\t\n\r".contains(byte)) && str::from_utf8(body).is_ok()
}
