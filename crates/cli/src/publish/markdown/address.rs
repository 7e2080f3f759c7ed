//! Finds the bytes of an address inside of a link that the parser has found.
//!
//! The parser tells where a link stands and what its address is, not where the address stands.
//! Invariant: ranges lie on character borders; what cannot be found for certain is `None`.

use std::ops::Range;

/// Returns where `pattern` stands first within `range`.
pub(super) fn find(text: &str, range: Range<usize>, pattern: &str) -> Option<usize> {
    let found = text.get(range.clone())?.find(pattern)?;
    Some(range.start + found)
}

/// Returns where the label of a definition and its colon end.
pub(super) fn label_end(text: &str, span: &Range<usize>) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = span.start + 1;
    while at + 1 < span.end {
        match bytes[at] {
            b'\\' => at += 2,
            b']' if bytes[at + 1] == b':' => return Some(at + 2),
            _ => at += 1,
        }
    }
    None
}

/// Returns where an address stands that starts behind blanks at the start of `range` (CommonMark §6.3).
pub(super) fn destination(text: &str, range: Range<usize>, dest: &str) -> Option<Range<usize>> {
    let bytes = &text.as_bytes()[..range.end];
    let mut start = range.start;
    while bytes.get(start).is_some_and(u8::is_ascii_whitespace) {
        start += 1;
    }
    let is_pointed = bytes.get(start) == Some(&b'<');
    let (mut end, mut parens) = (start, 0_u32);
    while let Some(byte) = bytes.get(end) {
        match byte {
            b'\\' if bytes.get(end + 1).is_some_and(u8::is_ascii_punctuation) => end += 1,
            b'>' if is_pointed => {
                end += 1;
                break;
            }
            b'(' if !is_pointed => parens += 1,
            b')' if !is_pointed && parens == 0 => break,
            b')' if !is_pointed => parens -= 1,
            _ if !is_pointed && (byte.is_ascii_whitespace() || byte.is_ascii_control()) => break,
            _ => {}
        }
        end += 1;
    }
    let raw = text.get(start..end)?;
    let is_closed = is_pointed && raw.len() > 1 && raw.ends_with('>');
    // The brackets stay: what follows them may lean on them.
    let inner = if is_closed {
        start + 1..end - 1
    } else {
        start..end
    };
    if text[inner.clone()] == *dest || raw.contains(['\\', '&']) {
        return Some(inner);
    }
    // An address that a quote's marks tear off from its bracket.
    let found = find(text, range, dest)?;
    (!dest.is_empty()).then_some(found..found + dest.len())
}
