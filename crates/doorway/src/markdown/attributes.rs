//! Reads attribute lists in braces: Pandoc's `{#id .class key="value"}` and kramdown's `{: …}`.
//!
//! Does not know what an attribute means; the writer of the element it follows decides.

/// Longest attribute list in bytes; a longer one stays text.
const LEN_MAX: usize = 4096;

/// What one pair of braces says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) id: Option<String>,
    pub(super) classes: Vec<String>,
    pub(super) pairs: Vec<(String, String)>,
}

impl Attributes {
    /// Returns the last value given for `key`.
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        self.pairs
            .iter()
            .rev()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }
}

/// Parses the list that starts with the first byte of `source`.
///
/// Returns it with the number of bytes it takes, or `None` when the braces hold something else.
pub(super) fn parse(source: &str) -> Option<(Attributes, usize)> {
    let mut cursor = Cursor { source, at: 0 };
    cursor.eat('{')?;
    // kramdown writes a colon after the brace.
    let _ = cursor.eat(':');
    let mut found = Attributes::default();
    let mut is_empty = true;
    loop {
        cursor.skip_blanks()?;
        if cursor.eat('}').is_some() {
            return (!is_empty).then_some((found, cursor.at));
        }
        is_empty = false;
        if cursor.eat('#').is_some() {
            found.id = Some(cursor.word()?.to_owned());
        } else if cursor.eat('.').is_some() {
            found.classes.push(cursor.word()?.to_owned());
        } else if cursor.eat('-').is_some() {
            // Pandoc's `{-}` is short for `.unnumbered`.
            continue;
        } else {
            let key = cursor.word()?.to_owned();
            cursor.eat('=')?;
            let value = cursor.value()?;
            found.pairs.push((key, value));
        }
    }
}

struct Cursor<'s> {
    source: &'s str,
    at: usize,
}

impl<'s> Cursor<'s> {
    fn peek(&self) -> Option<char> {
        if self.at > LEN_MAX {
            return None;
        }
        self.source[self.at..].chars().next()
    }

    fn eat(&mut self, wanted: char) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += wanted.len_utf8())
    }

    /// Skips blanks and at most one line end in a row: a blank line ends the paragraph.
    fn skip_blanks(&mut self) -> Option<()> {
        let mut line_ends = 0;
        while let Some(character) = self.peek() {
            match character {
                '\n' => line_ends += 1,
                ' ' | '\t' => {}
                _ => break,
            }
            if line_ends > 1 {
                return None;
            }
            self.at += 1;
        }
        Some(())
    }

    fn word(&mut self) -> Option<&'s str> {
        let start = self.at;
        while let Some(character) = self.peek() {
            if character.is_alphanumeric() || matches!(character, '-' | '_' | ':' | '.') {
                self.at += character.len_utf8();
            } else {
                break;
            }
        }
        (self.at > start).then(|| &self.source[start..self.at])
    }

    fn value(&mut self) -> Option<String> {
        let quote = self.peek()?;
        if quote != '"' && quote != '\'' {
            return self.bare_value();
        }
        self.at += 1;
        let mut value = String::new();
        loop {
            let character = self.peek()?;
            self.at += character.len_utf8();
            if character == quote {
                return Some(value);
            }
            if character == '\\' {
                let escaped = self.peek()?;
                self.at += escaped.len_utf8();
                if !escaped.is_ascii_punctuation() {
                    value.push('\\');
                }
                value.push(escaped);
            } else if character == '\n' {
                if self.source[self.at..].starts_with('\n') {
                    return None;
                }
                value.push(' ');
            } else {
                value.push(character);
            }
        }
    }

    fn bare_value(&mut self) -> Option<String> {
        let start = self.at;
        while let Some(character) = self.peek() {
            if character.is_whitespace() || matches!(character, '}' | '{' | '"' | '\'' | '<' | '>')
            {
                break;
            }
            self.at += character.len_utf8();
        }
        (self.at > start).then(|| self.source[start..self.at].to_owned())
    }
}
