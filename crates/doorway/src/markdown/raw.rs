//! Reads the HTML that authors write into Markdown and says what becomes of each tag.
//!
//! Invariants: linear in the length of the input; no tag is decided by its attributes alone;
//! a name that HTML does not know is text (`<your name>`), never lost.
//! The sanitiser looks at the result once more; this module makes that the second lock, not the
//! only one.

use super::escape;

/// What the author wrote, piece by piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece<'s> {
    /// HTML text; entities are still entities.
    Text(&'s str),
    /// A `<` that opens nothing, with what belongs to it, to be shown as it is.
    Literal(&'s str),
    Open(Tag),
    /// `</name>`
    Close(String),
}

/// An opening tag with its attributes in order, names in lower case, values decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
}

impl Tag {
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }
}

/// What becomes of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Kept wherever text may stand.
    Inline,
    /// Kept where blocks may stand, else only its content.
    Block,
    /// Kept; it has no content.
    Void,
    /// A heading, moved to the level that fits.
    Heading(u8),
    /// A link.
    Link,
    /// A picture, a video or a sound.
    Exhibit,
    /// A frame: a link to what it would have shown.
    Frame,
    /// Gone, its content stays.
    Unwrap,
    /// Gone with its content.
    Drop,
    /// No HTML at all: shown as it is written.
    Literal,
}

/// Returns what becomes of elements of this name.
pub(super) fn fate(name: &str) -> Fate {
    match name {
        "abbr" | "b" | "bdi" | "cite" | "code" | "del" | "dfn" | "em" | "i" | "ins" | "kbd"
        | "mark" | "q" | "s" | "samp" | "small" | "span" | "strong" | "sub" | "sup" | "u"
        | "var" => Fate::Inline,
        "blockquote" | "caption" | "dd" | "details" | "div" | "dl" | "dt" | "figcaption"
        | "figure" | "li" | "ol" | "p" | "pre" | "summary" | "table" | "tbody" | "td" | "tfoot"
        | "th" | "thead" | "tr" | "ul" => Fate::Block,
        "br" | "hr" | "wbr" => Fate::Void,
        "h1" => Fate::Heading(1),
        "h2" => Fate::Heading(2),
        "h3" => Fate::Heading(3),
        "h4" => Fate::Heading(4),
        "h5" => Fate::Heading(5),
        "h6" => Fate::Heading(6),
        "a" => Fate::Link,
        "img" | "video" | "audio" => Fate::Exhibit,
        "iframe" => Fate::Frame,
        "address" | "article" | "aside" | "big" | "body" | "button" | "center" | "col"
        | "colgroup" | "data" | "fieldset" | "font" | "footer" | "form" | "header" | "hgroup"
        | "html" | "input" | "label" | "legend" | "main" | "marquee" | "meter" | "nav" | "nobr"
        | "output" | "picture" | "progress" | "rp" | "rt" | "ruby" | "search" | "section"
        | "slot" | "source" | "strike" | "time" | "track" | "tt" => Fate::Unwrap,
        "applet" | "area" | "base" | "basefont" | "canvas" | "datalist" | "embed" | "frame"
        | "frameset" | "head" | "link" | "map" | "math" | "meta" | "noembed" | "noframes"
        | "noscript" | "object" | "optgroup" | "option" | "param" | "plaintext" | "script"
        | "select" | "style" | "svg" | "template" | "textarea" | "title" | "xmp" => Fate::Drop,
        _ => Fate::Literal,
    }
}

/// Whether an element that is dropped has content that goes with it.
pub(super) fn has_content(name: &str) -> bool {
    !matches!(
        name,
        "area" | "base" | "basefont" | "embed" | "frame" | "link" | "meta" | "param"
    )
}

/// Whether an element of a table holds only other parts of the table.
pub(super) fn is_table_frame(name: &str) -> bool {
    matches!(name, "table" | "thead" | "tbody" | "tfoot" | "tr")
}

/// Whether an element may stand right inside a frame of a table.
///
/// A browser moves everything else in front of the table, and what has been moved reads
/// differently the next time.
pub(super) fn fits_table_frame(name: &str, frame: Option<&str>) -> bool {
    match name {
        "caption" | "thead" | "tbody" | "tfoot" => frame == Some("table"),
        "tr" => matches!(frame, Some("table" | "thead" | "tbody" | "tfoot")),
        "td" | "th" => frame == Some("tr"),
        _ => true,
    }
}

/// Cuts HTML into pieces; comments, declarations and processing instructions are left out.
pub(super) fn pieces(source: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let mut rest = source;
    let mut ends = Ends {
        comment: true,
        bracket: true,
    };
    while let Some(at) = rest.find('<') {
        if at > 0 {
            out.push(Piece::Text(&rest[..at]));
        }
        rest = &rest[at..];
        let len = if let Some(len) = ends.skipped(rest) {
            len
        } else if let Some((piece, len)) = tag(rest) {
            out.push(piece);
            len
        } else {
            out.push(Piece::Literal("<"));
            1
        };
        rest = &rest[len..];
    }
    if !rest.is_empty() {
        out.push(Piece::Text(rest));
    }
    out
}

/// Remembers which ends no longer come, so that looking for them costs nothing a second time.
struct Ends {
    comment: bool,
    bracket: bool,
}

impl Ends {
    /// Returns the length of the comment or declaration that starts here.
    fn skipped(&mut self, rest: &str) -> Option<usize> {
        if rest.starts_with("<!--") {
            let found = if self.comment { rest.find("-->") } else { None };
            self.comment = found.is_some();
            found.map(|at| at + 3)
        } else if rest.starts_with("<!") || rest.starts_with("<?") {
            let found = if self.bracket { rest.find('>') } else { None };
            self.bracket = found.is_some();
            found.map(|at| at + 1)
        } else {
            None
        }
    }
}

fn tag(source: &str) -> Option<(Piece<'_>, usize)> {
    let mut cursor = Cursor { source, at: 1 };
    let is_closing = cursor.eat('/');
    let name = cursor.take_while(|c| c.is_ascii_alphanumeric() || c == '-');
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let attributes = cursor.attributes()?;
    let len = cursor.at;
    if fate(&name) == Fate::Literal {
        return Some((Piece::Literal(&source[..len]), len));
    }
    let piece = if is_closing {
        Piece::Close(name)
    } else {
        Piece::Open(Tag { name, attributes })
    };
    Some((piece, len))
}

struct Cursor<'s> {
    source: &'s str,
    at: usize,
}

impl<'s> Cursor<'s> {
    fn peek(&self) -> Option<char> {
        self.source[self.at..].chars().next()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn take_while(&mut self, accepts: impl Fn(char) -> bool) -> &'s str {
        let start = self.at;
        while let Some(character) = self.peek().filter(|character| accepts(*character)) {
            self.at += character.len_utf8();
        }
        &self.source[start..self.at]
    }

    /// Reads up to and with the closing bracket.
    fn attributes(&mut self) -> Option<Vec<(String, String)>> {
        let mut found = Vec::new();
        loop {
            let _ = self.take_while(|c| c.is_whitespace() || c == '/');
            if self.eat('>') {
                return Some(found);
            }
            let name = self.take_while(|c| {
                !c.is_whitespace() && !matches!(c, '=' | '>' | '/' | '<' | '"' | '\'' | '\0')
            });
            if name.is_empty() {
                return None;
            }
            let _ = self.take_while(char::is_whitespace);
            let value = if self.eat('=') {
                let _ = self.take_while(char::is_whitespace);
                self.value()?
            } else {
                ""
            };
            found.push((name.to_ascii_lowercase(), escape::decode(value)));
        }
    }

    fn value(&mut self) -> Option<&'s str> {
        let quote = self.peek()?;
        if quote != '"' && quote != '\'' {
            return Some(
                self.take_while(|c| !c.is_whitespace() && !matches!(c, '>' | '<' | '"' | '\'')),
            );
        }
        self.at += 1;
        let value = self.take_while(|c| c != quote);
        self.eat(quote).then_some(value)
    }
}
