//! The files that pages need, embedded in the binary.
//!
//! Invariants: an address holds the hash of the bytes behind it, so whatever is served under it
//! never changes and may be kept for ever; nothing outside the embedded folder can be reached.
//! The style sheet names a font only when its file is embedded.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};

use super::mark;

/// What `Cache-Control` may say about everything under `/assets/`.
pub const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/assets");

/// Fonts that pages use when they are embedded: file below `assets/`, family, style.
const FONTS: [(&str, &str, &str); 4] = [
    ("fonts/source-serif-4.woff2", "Source Serif 4", "normal"),
    (
        "fonts/source-serif-4-italic.woff2",
        "Source Serif 4",
        "italic",
    ),
    ("fonts/inter.woff2", "Inter", "normal"),
    ("fonts/jetbrains-mono.woff2", "JetBrains Mono", "normal"),
];

/// An embedded file.
#[derive(Clone, Debug)]
pub struct Asset {
    /// The file's content.
    pub bytes: &'static [u8],
    /// For `Content-Type`.
    pub media_type: &'static str,
    /// A strong entity tag with its quotes.
    pub etag: String,
}

struct Shelf {
    by_path: HashMap<String, Asset>,
    style_href: String,
    icon_href: String,
}

static SHELF: LazyLock<Shelf> = LazyLock::new(Shelf::fill);

/// Returns the file at a path such as `/assets/style-0f3a9c21.css`.
#[must_use]
pub fn find(path: &str) -> Option<Asset> {
    SHELF.by_path.get(path).cloned()
}

/// Returns the address of the style sheet.
#[must_use]
pub fn style_href() -> &'static str {
    &SHELF.style_href
}

/// Returns the address of the icon.
#[must_use]
pub fn icon_href() -> &'static str {
    &SHELF.icon_href
}

/// Returns the addresses of the fonts that every page on a wide screen shows at once; empty when none is embedded.
#[must_use]
pub fn preloads() -> Vec<String> {
    ["fonts/source-serif-4.woff2", "fonts/inter.woff2"]
        .into_iter()
        .filter_map(|file| Some(hashed_path(file, FILES.get_file(file)?.contents())))
        .collect()
}

/// Returns the addresses of everything embedded, in order, for a crawler's test or a cache's warming.
#[must_use]
pub fn paths() -> Vec<&'static str> {
    let mut paths: Vec<&str> = SHELF.by_path.keys().map(String::as_str).collect();
    paths.sort_unstable();
    paths
}

/// Returns the style sheet as it is served: fonts first where they are embedded, without comments.
#[must_use]
pub fn stylesheet() -> String {
    let source = FILES
        .get_file("style.css")
        .and_then(|file| file.contents_utf8());
    let mut out = String::new();
    for (file, family, style) in FONTS {
        if let Some(font) = FILES.get_file(file) {
            let href = hashed_path(file, font.contents());
            // `optional` never moves a text that is already being read.
            out.push_str(&format!(
                "@font-face{{font-family:\"{family}\";font-style:{style};font-weight:200 900;\
                 font-display:optional;src:url({href}) format(\"woff2\")}}\n"
            ));
        }
    }
    out.push_str(&compact(
        source.expect("assets/style.css is embedded by the build"),
    ));
    out
}

impl Shelf {
    fn fill() -> Self {
        let style = stylesheet().into_bytes();
        let icon = icon().into_bytes();
        let mut shelf = Self {
            style_href: hashed_path("style.css", &style),
            icon_href: hashed_path("favicon.svg", &icon),
            by_path: HashMap::new(),
        };
        shelf.put(
            shelf.style_href.clone(),
            "text/css; charset=utf-8",
            Cow::Owned(style),
        );
        shelf.put(shelf.icon_href.clone(), "image/svg+xml", Cow::Owned(icon));
        for (file, _, _) in FONTS {
            if let Some(font) = FILES.get_file(file) {
                shelf.put(
                    hashed_path(file, font.contents()),
                    "font/woff2",
                    Cow::Borrowed(font.contents()),
                );
            }
        }
        shelf
    }

    /// Made once per process, so what is not part of the binary may stay for its lifetime.
    fn put(&mut self, path: String, media_type: &'static str, bytes: Cow<'static, [u8]>) {
        let bytes: &'static [u8] = match bytes {
            Cow::Borrowed(bytes) => bytes,
            Cow::Owned(bytes) => Vec::leak(bytes),
        };
        let etag = format!("\"{}\"", hex(&Sha256::digest(bytes)[..16]));
        self.by_path.insert(
            path,
            Asset {
                bytes,
                media_type,
                etag,
            },
        );
    }
}

/// `fonts/inter.woff2` becomes `/assets/fonts/inter-0f3a9c21.woff2`.
fn hashed_path(file: &str, bytes: &[u8]) -> String {
    let hash = hex(&Sha256::digest(bytes)[..4]);
    match file.rsplit_once('.') {
        Some((stem, ending)) => format!("/assets/{stem}-{hash}.{ending}"),
        None => format!("/assets/{file}-{hash}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The sign as an icon that follows the reader's light and dark.
fn icon() -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><style>path{{stroke:#1F5A43}}\
         @media (prefers-color-scheme:dark){{path{{stroke:#6FBF9A}}}}</style><path d=\"{}\" fill=\"none\" \
         stroke-width=\"3.5\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/></svg>",
        mark::PATH
    )
}

/// Leaves out comments and blanks that mean nothing; quoted strings keep theirs.
fn compact(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    let mut quote = None;
    let mut rest = css.chars().peekable();
    while let Some(character) = rest.next() {
        if let Some(open) = quote {
            out.push(character);
            if character == open {
                quote = None;
            }
        } else if character == '/' && rest.peek() == Some(&'*') {
            let mut last = ' ';
            // The star that opens the comment must not close it.
            rest.next();
            while let Some(skipped) = rest.next().filter(|next| !(last == '*' && *next == '/')) {
                last = skipped;
            }
        } else if character.is_whitespace() {
            let is_needed = !out.is_empty() && !out.ends_with([' ', '\n', '{', '}', ';', ':', ',']);
            let is_followed = rest
                .peek()
                .is_some_and(|next| !next.is_whitespace() && !"{};,".contains(*next));
            if is_needed && is_followed {
                out.push(' ');
            }
        } else {
            if character == '}' && out.ends_with(';') {
                out.pop();
            }
            out.push(character);
            if character == '}' {
                out.push('\n');
            }
            quote = (character == '"').then_some(character);
        }
    }
    out
}

#[cfg(test)]
mod tests;
