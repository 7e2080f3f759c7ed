//! Looks at a media file: its hash, its length, what it is, and how large a picture it shows.
//!
//! Invariants: a file is read once from start to end in pieces, whatever its length; sizes are hints for browsers, so
//! a file whose size cannot be read is still published. Does not know which pages show it.

#![allow(
    clippy::disallowed_methods,
    reason = "a folder to publish belongs to its author and is only read: it is no state of ours"
)]

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use base::ContentHasher;
use base::{Code, ContentHash, Problem};
use chain::kind::{BlobManifest, BlobRef, ReachWord};

use super::file_path::FilePath;
use super::html;
use super::source::reason;

/// A file that pages show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Media {
    /// Where it lies below the folder.
    pub(crate) file: FilePath,
    /// Where it lies on this machine.
    pub(crate) path: PathBuf,
    /// What it is and who may see it.
    pub(crate) manifest: BlobManifest,
    /// Width of a picture in pixels; 0 when it has none.
    pub(crate) width: u32,
    /// Height of a picture in pixels; 0 when it has none.
    pub(crate) height: u32,
}

/// What a file is when its name does not tell (RFC 2046 §4.5.1).
const UNKNOWN: &str = "application/octet-stream";

/// How much of an SVG file is searched for its size, in bytes.
const SVG_HEAD_BYTES: u64 = 64 << 10;

/// How much is read at once, in bytes.
const PIECE_BYTES: usize = 64 << 10;

/// Longest name that a manifest carries, in characters.
const NAME_CHARS_MAX: usize = 255;

impl Media {
    /// Returns the blob's id.
    pub(crate) const fn id(&self) -> ContentHash {
        self.manifest.id()
    }

    /// Returns what a page says about it.
    pub(crate) fn blob_ref(&self) -> BlobRef {
        BlobRef {
            hash: self.manifest.hash,
            bytes: self.manifest.bytes,
            media_type: self.manifest.media_type.clone(),
            name: self.manifest.name.clone(),
            width: self.width,
            height: self.height,
        }
    }
}

/// Reads the file at `file` below `root`; its reach is private until a page says more.
///
/// # Errors
/// A problem when it cannot be read or is larger than `bytes_max`.
pub(crate) fn read(root: &Path, file: &FilePath, bytes_max: u64) -> Result<Media, Problem> {
    let path = root.join(file.as_str());
    let unreadable = |cause: io::Error| {
        Problem::new(Code::SourceUnreadable, reason(&cause)).at(file.as_str(), 0)
    };
    let Some((hash, bytes)) = hash(&path, bytes_max).map_err(unreadable)? else {
        let detail = format!("the file is larger than {bytes_max} bytes");
        return Err(Problem::new(Code::FileTooLarge, detail).at(file.as_str(), 0));
    };
    let media_type = media_type(file);
    let (width, height) = match media_type {
        "image/svg+xml" => svg_file_size(&path).unwrap_or_default(),
        _ if media_type.starts_with("image/") => picture_size(&path).unwrap_or_default(),
        _ => (0, 0),
    };
    Ok(Media {
        file: file.clone(),
        path,
        manifest: BlobManifest {
            hash: *hash.as_bytes(),
            bytes,
            media_type: media_type.to_owned(),
            name: file.name().chars().take(NAME_CHARS_MAX).collect(),
            reach: ReachWord::default(),
        },
        width,
        height,
    })
}

/// Returns what a file is by the ending of its name.
pub(crate) fn media_type(file: &FilePath) -> &'static str {
    mime_guess::from_path(file.as_str())
        .first_raw()
        .unwrap_or(UNKNOWN)
}

/// Hashes a file; `None` when it is longer than `bytes_max`.
fn hash(path: &Path, bytes_max: u64) -> io::Result<Option<(ContentHash, u64)>> {
    let mut file = File::open(path)?.take(bytes_max.saturating_add(1));
    let mut hasher = ContentHasher::new();
    let mut piece = vec![0; PIECE_BYTES];
    let mut bytes = 0_u64;
    loop {
        let len = file.read(&mut piece)?;
        if len == 0 {
            return Ok((bytes <= bytes_max).then(|| (hasher.finish(), bytes)));
        }
        hasher.update(&piece[..len]);
        bytes += len as u64;
    }
}

fn picture_size(path: &Path) -> Option<(u32, u32)> {
    let size = imagesize::size(path).ok()?;
    Some((
        u32::try_from(size.width).ok()?,
        u32::try_from(size.height).ok()?,
    ))
}

fn svg_file_size(path: &Path) -> Option<(u32, u32)> {
    let mut head = Vec::new();
    File::open(path)
        .ok()?
        .take(SVG_HEAD_BYTES)
        .read_to_end(&mut head)
        .ok()?;
    svg_size(&String::from_utf8_lossy(&head))
}

/// Returns the size of an SVG picture in pixels: `width` and `height`, or else what its `viewBox` says (SVG 2 §8.2).
fn svg_size(text: &str) -> Option<(u32, u32)> {
    let tags = html::start_tags(text);
    let svg = tags
        .iter()
        .find(|tag| tag.name == "svg" || tag.name.ends_with(":svg"))?;
    let given = |name: &str| svg.value(name).and_then(pixels);
    let view_box = svg.value("viewbox").and_then(view_box);
    let (width, height) = match (given("width"), given("height"), view_box) {
        (Some(width), Some(height), _) => (width, height),
        (Some(width), None, Some((across, down))) => (width, width * down / across),
        (None, Some(height), Some((across, down))) => (height * across / down, height),
        (_, _, Some(size)) => size,
        (_, _, None) => return None,
    };
    Some((whole(width)?, whole(height)?))
}

fn view_box(value: &str) -> Option<(f64, f64)> {
    let numbers: Vec<f64> = value
        .split([',', ' ', '\t', '\n'])
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    let [_, _, width, height] = numbers.as_slice() else {
        return None;
    };
    (*width > 0.0 && *height > 0.0).then_some((*width, *height))
}

/// Reads a length with an absolute unit (CSS Values 4 §6.2).
fn pixels(value: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 6] = [
        ("px", 1.0),
        ("pt", 96.0 / 72.0),
        ("pc", 16.0),
        ("in", 96.0),
        ("cm", 96.0 / 2.54),
        ("mm", 96.0 / 25.4),
    ];
    let value = value.trim();
    let unit = UNITS
        .iter()
        .find_map(|(name, pixels)| Some((value.strip_suffix(name)?, *pixels)));
    let (number, pixels) = unit.unwrap_or((value, 1.0));
    let number: f64 = number.trim().parse().ok()?;
    (number > 0.0).then_some(number * pixels)
}

fn whole(pixels: f64) -> Option<u32> {
    let rounded = pixels.round();
    (1.0..=100_000.0)
        .contains(&rounded)
        .then_some(rounded as u32)
}

#[cfg(test)]
mod tests;
