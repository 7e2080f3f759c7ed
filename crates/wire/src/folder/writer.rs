//! From entries to bytes.

use super::{BYTES_MAX, Entry, FIRST};

/// Writes the manifest of these entries, in the order in which they come.
///
/// # Panics
/// When a file is longer than [`BYTES_MAX`].
#[must_use]
pub fn encode<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<u8> {
    let mut bytes = FIRST.to_vec();
    for (idx, entry) in entries.into_iter().enumerate() {
        if idx > 0 {
            bytes.push(b',');
        }
        write_entry(&mut bytes, entry);
    }
    bytes.extend_from_slice(b"]}");
    bytes
}

fn write_entry(bytes: &mut Vec<u8>, entry: &Entry) {
    match entry {
        Entry::File {
            path,
            bytes: len,
            is_executable,
            hash,
        } => {
            assert!(*len <= BYTES_MAX, "a file of {len} bytes has no manifest");
            let executable = if *is_executable {
                r#""executable":true,"#
            } else {
                ""
            };
            let start = format!(r#"{{"bytes":{len},{executable}"hash":"{hash}","path":"#);
            bytes.extend_from_slice(start.as_bytes());
            write_text(bytes, path);
        }
        Entry::Folder { path } => {
            bytes.extend_from_slice(br#"{"folder":true,"path":"#);
            write_text(bytes, path);
        }
    }
    bytes.push(b'}');
}

/// Writes a text as RFC 8785 §3.2.2.2 does: what must be escaped in the shortest way, everything else as it is.
fn write_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(b'"');
    for byte in text.bytes() {
        match short_escape(byte) {
            Some(letter) => bytes.extend_from_slice(&[b'\\', letter]),
            None if byte < 0x20 => bytes.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            None => bytes.push(byte),
        }
    }
    bytes.push(b'"');
}

/// Returns the letter that stands for a byte after a backslash.
pub(super) const fn short_escape(byte: u8) -> Option<u8> {
    match byte {
        b'"' => Some(b'"'),
        b'\\' => Some(b'\\'),
        0x08 => Some(b'b'),
        b'\t' => Some(b't'),
        b'\n' => Some(b'n'),
        0x0c => Some(b'f'),
        b'\r' => Some(b'r'),
        _ => None,
    }
}
