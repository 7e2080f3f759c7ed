//! Decides what an address in a page means inside of the published folder, and what it becomes on the web.
//!
//! A relative address means a file: a page, or the page of which it is the web twin (`01-basics.html`, `../learners/`),
//! or media. Other sites, mail addresses and the doorway's own pages stay as they are.
//! Invariants: an address that climbs out of the folder or goes through a symbolic link is never followed; what comes
//! out of [`written`] needs no escaping in Markdown or in an attribute. Does not know what is in the files.

use base::Code;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::file_path::{self, FilePath};
use super::source::Source;

/// What an address means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Another site, a mail address, or a page of the doorway: it stays as it is.
    Elsewhere,
    /// A place in the page itself.
    Here {
        /// The name behind `#`, decoded; empty for the top.
        fragment: String,
    },
    /// A page of the folder.
    Page {
        /// Its file.
        file: FilePath,
        /// Query and fragment.
        tail: Tail,
    },
    /// The folder itself.
    Root {
        /// Query and fragment.
        tail: Tail,
    },
    /// A file that is no page.
    Media {
        /// Its file.
        file: FilePath,
        /// Query and fragment.
        tail: Tail,
    },
    /// Something is wrong with it.
    Fault {
        /// Under which code it is told.
        code: Code,
        /// What is wrong.
        detail: String,
    },
}

/// Query and fragment of an address, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tail {
    query: String,
    fragment: String,
}

/// Under which code a person is told that a page holds something that browsers would run.
pub(crate) const ACTIVE_CONTENT: Code = Code::ActiveContent;

/// Schemes that browsers run.
const RUN: [&str; 4] = ["javascript", "vbscript", "livescript", "data"];

/// Addresses that every doorway answers itself.
const DOORWAY: [&str; 14] = [
    "/courses/",
    "/pages/",
    "/store/",
    "/search",
    "/authors/",
    "/api/",
    "/errors/",
    "/items/",
    "/proofs/",
    "/history/",
    "/openapi.json",
    "/health",
    "/ready",
    "/version",
];

/// Folders of a Carpentries lesson whose pages share one folder on the web.
pub(crate) const LESSON_FOLDERS: [&str; 4] = ["episodes", "learners", "instructors", "profiles"];

/// Folders inside of `episodes` that stand beside the pages on the web.
const LESSON_MEDIA: [&str; 3] = ["fig", "files", "data"];

/// What must not stand as it is in an address inside of Markdown or of an attribute.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'\'')
    .add(b'<')
    .add(b'>')
    .add(b'(')
    .add(b')')
    .add(b'[')
    .add(b']')
    .add(b'\\')
    .add(b'`')
    .add(b'|')
    .add(b'*')
    .add(b'_')
    .add(b'$')
    .add(b'~')
    .add(b'{')
    .add(b'}')
    .add(b'^');

/// Says what the address `dest` in the page `from` means.
pub(crate) fn resolve(dest: &str, from: &FilePath, source: &Source) -> Target {
    if let Some(target) = without_folder(dest) {
        return target;
    }
    let (path, tail) = Tail::split(dest.trim());
    let Ok(path) = percent_decode_str(path).decode_utf8() else {
        return broken(dest, "its percent signs make no UTF-8");
    };
    let path = path.replace('\\', "/");
    if path.contains('\0') {
        return broken(dest, "it holds a zero byte");
    }
    let folder = if path.starts_with('/') {
        ""
    } else {
        from.folder()
    };
    let Ok(joined) = file_path::join(folder, &path) else {
        return outside(format!("{} leads out of the folder", shown(dest)));
    };
    if let Some(link) = source
        .symlinks
        .iter()
        .find(|link| is_at_or_below(&joined, link.as_str()))
    {
        return outside(format!(
            "{} goes through {link}, a symbolic link, which is not followed",
            shown(dest)
        ));
    }
    match locate(&joined, source).or_else(|| lesson_twin(&joined, source)) {
        Some(Found::Page(file)) => Target::Page { file, tail },
        Some(Found::Media(file)) => Target::Media { file, tail },
        Some(Found::Root) => Target::Root { tail },
        None => broken(dest, &missing(&joined, source)),
    }
}

/// Answers for addresses that have nothing to do with the folder.
fn without_folder(dest: &str) -> Option<Target> {
    // Browsers drop blanks in front and tabs and line ends everywhere before they look for the scheme.
    let plain: String = dest
        .chars()
        .filter(|letter| !letter.is_control() && *letter != ' ')
        .collect();
    if let Some(scheme) = scheme(&plain) {
        return Some(if RUN.contains(&scheme.as_str()) {
            Target::Fault {
                code: ACTIVE_CONTENT,
                detail: format!("{} is an address that browsers run", shown(dest)),
            }
        } else if scheme == "file" || scheme.len() == 1 {
            outside(format!("{} leads to a file of one machine", shown(dest)))
        } else {
            Target::Elsewhere
        });
    }
    if plain.is_empty() {
        return Some(broken(dest, "it is empty"));
    }
    let bytes = plain.as_bytes();
    let is_slash = |idx: usize| {
        bytes
            .get(idx)
            .is_some_and(|byte| matches!(byte, b'/' | b'\\'))
    };
    let is_doorway = plain == "/" || DOORWAY.iter().any(|start| plain.starts_with(start));
    if (is_slash(0) && is_slash(1)) || is_doorway || plain.starts_with('?') {
        return Some(Target::Elsewhere);
    }
    let fragment = plain.strip_prefix('#')?;
    Some(Target::Here {
        fragment: decoded(fragment),
    })
}

/// Returns the scheme of an absolute address in lower case (RFC 3986 §3.1).
fn scheme(address: &str) -> Option<String> {
    let end = address.find([':', '/', '?', '#', '\\'])?;
    let name = &address[..end];
    let is_scheme = address[end..].starts_with(':')
        && name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|letter| letter.is_ascii_alphanumeric() || b"+-.".contains(&letter));
    is_scheme.then(|| name.to_ascii_lowercase())
}

enum Found {
    Page(FilePath),
    Media(FilePath),
    Root,
}

/// Finds what a path below the root means; it is empty for the root itself.
fn locate(path: &str, source: &Source) -> Option<Found> {
    let Some(file) = FilePath::new(path) else {
        return Some(Found::Root);
    };
    if source.texts.contains_key(&file) {
        return Some(Found::Page(file));
    }
    if let Some(stem) = web_stem(path) {
        let index = ["/index", "index"]
            .iter()
            .find_map(|name| stem.strip_suffix(name));
        let of_index =
            |folder: &str| index_of(folder, source).or_else(|| page_of_stem(folder, source));
        let twin = page_of_stem(stem, source).or_else(|| index.and_then(of_index));
        if twin.is_some() {
            return twin;
        }
        if stem == "index" {
            return Some(Found::Root);
        }
    }
    if source.files.contains_key(&file) {
        return Some(Found::Media(file));
    }
    if source.folders.contains(&file)
        && let Some(index) = index_of(path, source)
    {
        return Some(index);
    }
    page_of_stem(path, source)
}

/// Returns an address without the ending that pages have on the web.
fn web_stem(path: &str) -> Option<&str> {
    [".html", ".htm"]
        .iter()
        .find_map(|ending| path.strip_suffix(ending))
}

fn page_of_stem(stem: &str, source: &Source) -> Option<Found> {
    let names = [".md", ".markdown", ".MD"]
        .iter()
        .filter_map(|ending| FilePath::new(&format!("{stem}{ending}")));
    names
        .into_iter()
        .find(|file| source.texts.contains_key(file))
        .map(Found::Page)
}

fn index_of(folder: &str, source: &Source) -> Option<Found> {
    index_file(folder, source).map(|file| Found::Page(file.clone()))
}

/// Returns the page that stands for a folder: `index.md`, or else `README.md`.
pub(crate) fn index_file<'s>(folder: &str, source: &'s Source) -> Option<&'s FilePath> {
    let inside = source
        .texts
        .keys()
        .filter(|file| file.folder() == folder && file.is_index());
    inside.min_by_key(|file| !file.stem().eq_ignore_ascii_case("index"))
}

/// On the web all pages of a Carpentries lesson stand in one folder, and lessons link as if they did here.
fn lesson_twin(path: &str, source: &Source) -> Option<Found> {
    if !LESSON_FOLDERS
        .iter()
        .any(|folder| source.folders.iter().any(|known| known.as_str() == *folder))
    {
        return None;
    }
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !LESSON_FOLDERS.contains(part))
        .collect();
    if parts
        .first()
        .is_some_and(|part| LESSON_MEDIA.contains(part))
    {
        let file = FilePath::new(&format!("episodes/{}", parts.join("/")))?;
        return source
            .files
            .contains_key(&file)
            .then_some(Found::Media(file));
    }
    let name = match parts.as_slice() {
        [name] | [name, "index.html"] => *name,
        _ => return None,
    };
    let folders = ["episodes", "learners", "instructors", "profiles", ""];
    folders
        .iter()
        .find_map(|folder| match locate(&format!("{folder}/{name}"), source) {
            Some(Found::Page(file)) => Some(Found::Page(file)),
            Some(Found::Media(_) | Found::Root) | None => None,
        })
}

fn is_at_or_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Says what is missing, and what the author may have meant.
fn missing(path: &str, source: &Source) -> String {
    let all = source.texts.keys().chain(source.files.keys());
    let near = all
        .map(FilePath::as_str)
        .find(|file| file.eq_ignore_ascii_case(path));
    let is_folder = source.folders.iter().any(|folder| folder.as_str() == path);
    let path = brief(path);
    match near {
        Some(near) => format!("there is no file {path}; did you mean {near}"),
        None if is_folder => format!("{path} is a folder without an index.md"),
        None => format!("there is no file {path}"),
    }
}

fn broken(dest: &str, why: &str) -> Target {
    Target::Fault {
        code: Code::BrokenLink,
        detail: format!("{} leads nowhere: {why}", shown(dest)),
    }
}

const fn outside(detail: String) -> Target {
    Target::Fault {
        code: Code::OutsideFolder,
        detail,
    }
}

fn shown(dest: &str) -> String {
    format!("the link \"{}\"", brief(dest))
}

/// What an author wrote as a message shows it: short, and harmless on a terminal.
fn brief(text: &str) -> String {
    let mut shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

impl Tail {
    /// Splits an address into its path and what follows.
    fn split(dest: &str) -> (&str, Self) {
        let (rest, fragment) = dest.split_once('#').unwrap_or((dest, ""));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let tail = Self {
            query: query.to_owned(),
            fragment: fragment.to_owned(),
        };
        (path, tail)
    }

    /// Returns the name behind `#`, decoded; empty when there is none.
    pub(crate) fn fragment(&self) -> String {
        decoded(&self.fragment)
    }

    /// Returns query and fragment as they stand behind a page's address.
    pub(crate) fn of_page(&self) -> String {
        let query = if self.query.is_empty() {
            String::new()
        } else {
            format!("?{}", safe(&self.query))
        };
        format!("{query}{}", self.of_media())
    }

    /// Returns the fragment alone; a blob has no queries.
    pub(crate) fn of_media(&self) -> String {
        if self.fragment.is_empty() {
            String::new()
        } else {
            format!("#{}", safe(&self.fragment))
        }
    }
}

fn safe(text: &str) -> String {
    utf8_percent_encode(text, UNSAFE)
        .to_string()
        .replace('&', "&amp;")
}

/// Returns whether a fragment surely names nothing among `anchors`; anchors that the doorway makes itself always pass.
pub(crate) fn is_lost(fragment: &str, anchors: &std::collections::BTreeSet<String>) -> bool {
    let is_made = fragment.starts_with("fn") || fragment.contains('=');
    !fragment.is_empty() && !is_made && !anchors.contains(fragment)
}

#[cfg(test)]
mod tests;
