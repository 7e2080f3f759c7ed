//! Reads the tags in a piece of HTML, as far as links, anchors and sizes need it.
//!
//! Invariants: every range lies inside of the piece and on character borders; comments, declarations and the text
//! between tags are passed over; work is linear in the length. It is a scanner and no parser: it does not know which
//! tags belong together, and it never decides what a browser may see (the doorway's sanitiser does).

use std::ops::Range;

/// A start tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StartTag {
    /// The element's name in lower case.
    pub(crate) name: String,
    /// Where the tag stands.
    pub(crate) range: Range<usize>,
    /// Its attributes in order.
    pub(crate) attributes: Vec<Attribute>,
}

/// An attribute with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    /// The name in lower case.
    pub(crate) name: String,
    /// The value with its character references resolved.
    pub(crate) value: String,
    /// Where the value stands, quotes included.
    pub(crate) value_range: Range<usize>,
    /// Where name and value stand.
    pub(crate) range: Range<usize>,
}

impl StartTag {
    /// Returns the value of an attribute.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let found = self
            .attributes
            .iter()
            .find(|attribute| attribute.name == name)?;
        Some(found.value.as_str())
    }
}

/// Returns the start tags in `html`, in order. A tag that never closes is left out with all that follows,
/// as a browser would take the rest for its attributes.
pub(crate) fn start_tags(html: &str) -> Vec<StartTag> {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(offset) = html[at..].find('<') {
        let start = at + offset;
        let rest = &html[start..];
        at = if let Some(len) = aside(rest) {
            start + len
        } else if rest[1..].starts_with(|letter: char| letter.is_ascii_alphabetic()) {
            let Some(tag) = start_tag(html, start) else {
                break;
            };
            let end = tag.range.end;
            tags.push(tag);
            end
        } else {
            start + 1
        };
    }
    tags
}

/// Returns the length of a comment, declaration or processing instruction at the start of `rest`.
fn aside(rest: &str) -> Option<usize> {
    let close = if rest.starts_with("<!--") {
        "-->"
    } else if rest.starts_with("<![CDATA[") {
        "]]>"
    } else if rest.starts_with("<?") {
        "?>"
    } else if rest.starts_with("<!") {
        ">"
    } else {
        return None;
    };
    Some(rest.find(close).map_or(rest.len(), |end| end + close.len()))
}

/// Reads the tag at `start`, where `<` and a letter stand; `None` when it never closes.
fn start_tag(html: &str, start: usize) -> Option<StartTag> {
    let mut cursor = Cursor {
        html,
        at: start + 1,
    };
    let name = cursor.take(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b':');
    let mut attributes = Vec::new();
    loop {
        cursor.take(|byte| byte.is_ascii_whitespace() || byte == b'/');
        match cursor.peek()? {
            b'>' => break,
            _ => attributes.extend(cursor.attribute()?),
        }
    }
    Some(StartTag {
        name: html[name].to_ascii_lowercase(),
        range: start..cursor.at + 1,
        attributes,
    })
}

struct Cursor<'h> {
    html: &'h str,
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.html.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, fits: impl Fn(u8) -> bool) -> Range<usize> {
        let start = self.at;
        while self.peek().is_some_and(&fits) {
            self.at += 1;
        }
        start..self.at
    }

    /// Reads one attribute; `Some(None)` when it has no value, `None` when the piece ends inside of it.
    fn attribute(&mut self) -> Option<Option<Attribute>> {
        let start = self.at;
        self.at += 1;
        self.take(|byte| !byte.is_ascii_whitespace() && !b"=>/".contains(&byte));
        let name = self.html[start..self.at].to_ascii_lowercase();
        let after_name = self.at;
        self.take(|byte| byte.is_ascii_whitespace());
        if self.peek()? != b'=' {
            self.at = after_name;
            return Some(None);
        }
        self.at += 1;
        self.take(|byte| byte.is_ascii_whitespace());
        let value_start = self.at;
        let inner = match self.peek()? {
            quote @ (b'"' | b'\'') => {
                self.at += 1;
                let inner = self.take(|byte| byte != quote);
                self.peek()?;
                self.at += 1;
                inner
            }
            _ => self.take(|byte| !byte.is_ascii_whitespace() && byte != b'>'),
        };
        Some(Some(Attribute {
            name,
            value: resolve(&self.html[inner]),
            value_range: value_start..self.at,
            range: start..self.at,
        }))
    }
}

/// Resolves the character references that occur in addresses: numbers and the five names of XML.
fn resolve(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        // The longest reference that is looked at is `&#x10FFFF;`.
        let end = rest.bytes().take(12).position(|byte| byte == b';');
        match end.and_then(|end| Some((end, reference(&rest[1..end])?))) {
            Some((end, letter)) => {
                out.push(letter);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn reference(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let hex = number.strip_prefix(['x', 'X']);
        let code = match hex {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return char::from_u32(code.ok()?);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "colon" => ':',
        "Tab" => '\t',
        "NewLine" => '\n',
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
