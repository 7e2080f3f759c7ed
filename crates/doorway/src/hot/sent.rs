//! What the headers of a request say that an answer may depend on, read in one pass.
//!
//! A look into a map of headers hashes the name that is looked for; most requests carry none of these names, and to see
//! that costs less by going through those that they carry.

use axum::http::HeaderMap;

/// Which headers a request carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent(u8);

impl Sent {
    /// Names a reader, asks for a part, or for another outcome than the answer.
    const SPECIAL: u8 = 1;
    /// Says something that no answer of ours depends on, and that is no part of a plain question for bytes.
    const PERSONAL: u8 = 1 << 1;
    /// Makes it depend on what the reader has.
    const CONDITIONAL: u8 = 1 << 2;
    /// Wishes for encodings.
    const ENCODING: u8 = 1 << 3;
    /// Wishes for languages.
    const LANGUAGE: u8 = 1 << 4;

    /// Reads the names of all headers.
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let bits = |bits: u8, name: &axum::http::HeaderName| {
            bits | match name.as_str() {
                "authorization" | "range" | "if-unmodified-since" => Self::SPECIAL,
                "if-match" => Self::SPECIAL | Self::CONDITIONAL,
                "if-none-match" => Self::CONDITIONAL,
                "cookie" | "if-range" => Self::PERSONAL,
                "accept-encoding" => Self::ENCODING,
                "accept-language" => Self::LANGUAGE,
                _ => 0,
            }
        };
        Self(headers.keys().fold(0, bits))
    }

    /// Tells whether every anonymous reader could have sent them.
    pub(crate) const fn is_plain(self) -> bool {
        self.0 & Self::SPECIAL == 0
    }

    /// Tells whether they ask for the whole of something and nothing else.
    pub(crate) const fn is_bare(self) -> bool {
        self.0 & (Self::SPECIAL | Self::PERSONAL) == 0
    }

    /// Tells whether there are conditions on tags.
    pub(crate) const fn is_conditional(self) -> bool {
        self.0 & Self::CONDITIONAL != 0
    }

    /// Tells whether the reader says which encodings it takes.
    pub(crate) const fn wishes_encodings(self) -> bool {
        self.0 & Self::ENCODING != 0
    }

    /// Tells whether the reader says which languages it likes.
    pub(crate) const fn wishes_languages(self) -> bool {
        self.0 & Self::LANGUAGE != 0
    }
}
