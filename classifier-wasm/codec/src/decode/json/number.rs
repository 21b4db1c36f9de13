//! The grammar of numbers.

/// The bytes of the number at the start of `text`; None: there is none of JSON's grammar.
pub fn number_length(text: &[u8]) -> Option<usize> {
    let mut length = usize::from(text.first() == Some(&b'-'));
    let digits = |from: usize| text.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    match digits(length) {
        0 => return None,
        more if more > 1 && text.get(length) == Some(&b'0') => return None,
        more => length += more,
    }
    if text.get(length) == Some(&b'.') {
        match digits(length + 1) {
            0 => return None,
            more => length += 1 + more,
        }
    }
    if let Some(b'e' | b'E') = text.get(length) {
        let sign = usize::from(matches!(text.get(length + 1), Some(b'+' | b'-')));
        match digits(length + 1 + sign) {
            0 => return None,
            more => length += 1 + sign + more,
        }
    }
    Some(length)
}
