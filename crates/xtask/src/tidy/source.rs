//! Reads a Rust file just far enough to judge it: what is code, what is a comment or a literal, where functions and
//! public types begin and end.
//!
//! Invariant: [`Source::code`] has the same length and the same line breaks as the text, so that a place in one is a
//! place in the other.
//! It is a scanner, not a parser: it does not know types, macros' meanings or what a `cfg` leaves out.

use std::path::Path;

use anyhow::Context as _;

/// A Rust file, as text and with comments and literals blanked out.
pub(crate) struct Source {
    /// The path below the root, with `/`.
    pub(crate) path: String,
    /// The file as it is.
    pub(crate) text: String,
    /// The file with every byte of a comment, string or character literal replaced by a space.
    pub(crate) code: String,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// The line of `fn`, counted from 1.
    pub(crate) line: usize,
    /// From the line of `fn` to the line of the closing brace, both counted.
    pub(crate) lines: usize,
}

/// A type that other crates can name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PublicType {
    /// Its name.
    pub(crate) name: String,
    /// The line, counted from 1.
    pub(crate) line: usize,
}

impl Source {
    /// Reads the file at `path` below `root`.
    pub(crate) fn read(root: &Path, path: &str) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(root.join(path)).with_context(|| format!("read {path}"))?;
        Ok(Self::new(path, text))
    }

    /// Takes a text as the file at `path`.
    pub(crate) fn new(path: &str, text: impl Into<String>) -> Self {
        let text = text.into();
        let code = blank(&text);
        Self {
            path: path.to_owned(),
            text,
            code,
        }
    }

    /// Returns the line, counted from 1, of a byte offset.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        1 + self.code.as_bytes()[..offset]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
    }

    /// Tells whether the whole file is test code, or an example, which never ships either.
    pub(crate) fn is_test(&self) -> bool {
        self.path.contains("/tests/")
            || self.path.contains("/examples/")
            || self.path.ends_with("/tests.rs")
    }

    /// Returns the code before the first inline test module.
    ///
    /// Such a module stands last in a file (STYLE 18), so that what follows it is test code.
    pub(crate) fn product_code(&self) -> &str {
        let end = self
            .code
            .match_indices("#[cfg(test)]")
            .map(|(offset, _)| offset)
            .find(|offset| {
                let rest = self.code[offset + "#[cfg(test)]".len()..].trim_start();
                let opens = rest
                    .find(['{', ';'])
                    .is_some_and(|at| rest[at..].starts_with('{'));
                rest.starts_with("mod ") && opens
            });
        &self.code[..end.unwrap_or(self.code.len())]
    }

    /// Returns all functions with a body, nested ones included.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        for offset in words(&self.code, "fn") {
            let name = identifier(self.code[offset + 2..].trim_start());
            let Some((start, end)) = body(&self.code, offset) else {
                continue;
            };
            if !name.is_empty() && start < end {
                let line = self.line_of(offset);
                found.push(Function {
                    name,
                    line,
                    lines: self.line_of(end) - line + 1,
                });
            }
        }
        found
    }

    /// Returns the types that are `pub` without restriction.
    pub(crate) fn public_types(&self) -> Vec<PublicType> {
        let mut found = Vec::new();
        for offset in words(&self.code, "pub") {
            let mut rest = self.code[offset + 3..].trim_start();
            if let Some(after) = rest.strip_prefix("unsafe ") {
                rest = after.trim_start();
            }
            for keyword in ["struct ", "enum ", "trait ", "type ", "union "] {
                let Some(after) = rest.strip_prefix(keyword) else {
                    continue;
                };
                found.push(PublicType {
                    name: identifier(after.trim_start()),
                    line: self.line_of(offset),
                });
            }
        }
        found
    }
}

/// Returns the offsets at which `word` stands as a whole identifier.
pub(crate) fn words(code: &str, word: &str) -> Vec<usize> {
    let bytes = code.as_bytes();
    code.match_indices(word)
        .map(|(offset, _)| offset)
        .filter(|&offset| {
            let before = offset.checked_sub(1).map(|index| bytes[index]);
            let after = bytes.get(offset + word.len()).copied();
            !before.is_some_and(is_identifier) && !after.is_some_and(is_identifier)
        })
        .collect()
}

/// Returns the identifier at the start of `code`, which may be empty.
pub(crate) fn identifier(code: &str) -> String {
    code.bytes()
        .take_while(|byte| is_identifier(*byte))
        .map(char::from)
        .collect()
}

fn is_identifier(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Returns where the body of the item at `from` opens and closes; `None` for an item that ends with a semicolon.
fn body(code: &str, from: usize) -> Option<(usize, usize)> {
    let bytes = code.as_bytes();
    let mut depth = 0_i32;
    let mut open = None;
    for (offset, byte) in bytes.iter().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b';' if open.is_none() && depth <= 0 => return None,
            b'{' => {
                if open.is_none() && depth <= 0 {
                    open = Some(offset);
                    depth = 0;
                }
                depth += 1;
            }
            b'}' => {
                depth -= 1;
                if let Some(start) = open
                    && depth == 0
                {
                    return Some((start, offset));
                }
                if depth < 0 {
                    return None;
                }
            }
            _ => {}
        }
    }
    None
}

/// Replaces comments, strings and character literals by spaces; line breaks stay.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_end(bytes, at);
        match end {
            Some(end) => {
                for byte in &mut code[at..end] {
                    if *byte != b'\n' {
                        *byte = b' ';
                    }
                }
                at = end;
            }
            None => {
                if !bytes[at].is_ascii() {
                    code[at] = b' ';
                }
                at += 1;
            }
        }
    }
    String::from_utf8(code).expect("only ASCII bytes are left")
}

/// Returns where the comment or literal that starts at `at` ends; `None` when code stands there.
fn literal_end(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    let after_identifier = at > 0 && is_identifier(bytes[at - 1]);
    if rest.starts_with(b"//") {
        return Some(
            at + rest
                .iter()
                .position(|byte| *byte == b'\n')
                .unwrap_or(rest.len()),
        );
    }
    if rest.starts_with(b"/*") {
        return Some(at + block_comment(rest));
    }
    if rest[0] == b'"' {
        return Some(at + quoted(rest, 1));
    }
    if rest[0] == b'\'' {
        return character(rest).map(|len| at + len);
    }
    if after_identifier {
        return None;
    }
    let prefix = rest
        .iter()
        .take_while(|byte| matches!(byte, b'b' | b'c' | b'r'))
        .count();
    if prefix == 0 || prefix > 2 {
        return None;
    }
    let tail = &rest[prefix..];
    if rest[..prefix].contains(&b'r') {
        return raw(tail).map(|len| at + prefix + len);
    }
    match tail.first() {
        Some(b'"') => Some(at + prefix + quoted(tail, 1)),
        Some(b'\'') => character(tail).map(|len| at + prefix + len),
        _ => None,
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// Returns the length of a quoted string whose quote opened before `at`.
fn quoted(rest: &[u8], mut at: usize) -> usize {
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Returns the length of a raw string after its `r`; `None` for a raw identifier.
fn raw(tail: &[u8]) -> Option<usize> {
    let hashes = tail.iter().take_while(|byte| **byte == b'#').count();
    if tail.get(hashes) != Some(&b'"') {
        return None;
    }
    let mut close = vec![b'"'];
    close.resize(hashes + 1, b'#');
    let from = hashes + 1;
    let found = tail[from..]
        .windows(close.len())
        .position(|window| window == close);
    Some(found.map_or(tail.len(), |offset| from + offset + close.len()))
}

/// Returns the length of a character literal; `None` for a lifetime or a label.
fn character(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        let close = rest.iter().skip(3).position(|byte| *byte == b'\'')?;
        return Some(close + 4);
    }
    let width = rest.get(1).map(|first| match first {
        0xf0.. => 4,
        0xe0..=0xef => 3,
        0xc0..=0xdf => 2,
        _ => 1,
    })?;
    (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
}

#[cfg(test)]
mod tests;
