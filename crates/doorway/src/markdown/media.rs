//! Writes pictures, videos and sounds, with the size that keeps the page from jumping.
//!
//! Invariants: an `img` always has `alt`; what is known of a blob's size is written; nothing plays
//! by itself. An address that [`links::source`] refuses leaves its description as text.

use std::collections::HashMap;

use super::attributes::Attributes;
use super::{Media, escape, links};

/// The blobs a page refers to, by hash.
pub(super) struct Library<'m> {
    by_hash: HashMap<&'m str, &'m Media>,
}

impl<'m> Library<'m> {
    pub(super) fn new(media: &'m [Media]) -> Self {
        Self {
            by_hash: media
                .iter()
                .map(|blob| (blob.hash.as_str(), blob))
                .collect(),
        }
    }

    fn find(&self, source: &str) -> Option<&'m Media> {
        self.by_hash.get(links::store_hash(source)?).copied()
    }
}

/// One picture, video or sound as a text asks for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Exhibit {
    pub(super) source: String,
    pub(super) alt: String,
    pub(super) title: Option<String>,
    /// As written: pixels or a share of the line.
    pub(super) width: Option<String>,
    /// As written, in pixels.
    pub(super) height: Option<String>,
    /// A picture that stands for a video until it plays.
    pub(super) poster: Option<String>,
    /// What the author's tag said it is, when no blob says more.
    pub(super) medium: Option<Medium>,
}

/// What a reader does with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    Picture,
    Video,
    Sound,
}

impl Exhibit {
    /// Takes over what Pandoc's braces behind an image say.
    pub(super) fn apply(&mut self, attributes: &Attributes) {
        let take = |key: &str| attributes.value(key).map(str::to_owned);
        if let Some(alt) = take("alt").or_else(|| take("fig-alt")) {
            self.alt = alt;
        }
        self.width = take("width").or_else(|| self.width.take());
        self.height = take("height").or_else(|| self.height.take());
    }
}

/// Appends the element; returns what it is, or `None` when only its description was written.
pub(super) fn write(out: &mut String, exhibit: &Exhibit, library: &Library<'_>) -> Option<Medium> {
    if links::source(&exhibit.source).is_none() {
        escape::text(out, &exhibit.alt);
        return None;
    }
    let blob = library.find(&exhibit.source);
    let medium = medium_of(exhibit, blob);
    match medium {
        Medium::Picture => write_picture(out, exhibit, blob),
        Medium::Video | Medium::Sound => write_player(out, exhibit, blob, medium),
    }
    Some(medium)
}

fn medium_of(exhibit: &Exhibit, blob: Option<&Media>) -> Medium {
    let by_type = |media_type: &str| match media_type.split('/').next() {
        Some("video") => Some(Medium::Video),
        Some("audio") => Some(Medium::Sound),
        _ => None,
    };
    let path = exhibit
        .source
        .split(['?', '#'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let ends_in = |endings: &[&str]| endings.iter().any(|ending| path.ends_with(ending));
    match blob {
        Some(blob) => by_type(&blob.media_type)
            .or(exhibit.medium)
            .unwrap_or(Medium::Picture),
        None if exhibit.medium.is_some() => exhibit.medium.unwrap_or(Medium::Picture),
        None if ends_in(&[".mp4", ".webm", ".ogv", ".mov"]) => Medium::Video,
        None if ends_in(&[".mp3", ".oga", ".ogg", ".opus", ".m4a", ".wav", ".flac"]) => {
            Medium::Sound
        }
        None => Medium::Picture,
    }
}

fn write_picture(out: &mut String, exhibit: &Exhibit, blob: Option<&Media>) {
    out.push_str("<img");
    escape::attribute(out, "src", &exhibit.source);
    escape::attribute(out, "alt", &exhibit.alt);
    write_size(out, exhibit, blob);
    if let Some(share) = exhibit.width.as_deref().and_then(share) {
        escape::attribute(out, "class", &format!("w-{share}"));
    }
    out.push_str(" loading=\"lazy\" decoding=\"async\"");
    if links::source(&exhibit.source) == Some(links::Target::Elsewhere) {
        out.push_str(" referrerpolicy=\"no-referrer\"");
    }
    out.push('>');
}

fn write_player(out: &mut String, exhibit: &Exhibit, blob: Option<&Media>, medium: Medium) {
    let name = if medium == Medium::Video {
        "video"
    } else {
        "audio"
    };
    out.push('<');
    out.push_str(name);
    out.push_str(" controls=\"\" preload=\"metadata\"");
    escape::attribute(out, "src", &exhibit.source);
    if medium == Medium::Video {
        write_size(out, exhibit, blob);
        if let Some(poster) = exhibit
            .poster
            .as_deref()
            .filter(|poster| links::source(poster).is_some())
        {
            escape::attribute(out, "poster", poster);
        }
    }
    let label = if exhibit.alt.is_empty() {
        blob.map_or("", |blob| blob.name.as_str())
    } else {
        exhibit.alt.as_str()
    };
    if !label.is_empty() {
        escape::attribute(out, "aria-label", label);
    }
    out.push('>');
    // For readers whose browser cannot play it.
    out.push_str("<a");
    escape::attribute(out, "href", &exhibit.source);
    out.push('>');
    escape::text(
        out,
        if label.is_empty() {
            exhibit.source.as_str()
        } else {
            label
        },
    );
    out.push_str("</a></");
    out.push_str(name);
    out.push('>');
}

/// The blob's own size, brought to the width the author asked for in pixels.
fn write_size(out: &mut String, exhibit: &Exhibit, blob: Option<&Media>) {
    let own = blob
        .and_then(|blob| Some((blob.width?, blob.height?)))
        .filter(|(width, height)| *width > 0 && *height > 0);
    let wanted = exhibit.width.as_deref().and_then(pixels);
    let size = match (own, wanted) {
        (Some((width, height)), Some(wanted)) if wanted < width => {
            Some((wanted, scaled(height, wanted, width)))
        }
        (Some(own), _) => Some(own),
        (None, Some(wanted)) => exhibit
            .height
            .as_deref()
            .and_then(pixels)
            .map(|height| (wanted, height)),
        (None, None) => None,
    };
    if let Some((width, height)) = size {
        escape::attribute(out, "width", &width.to_string());
        escape::attribute(out, "height", &height.to_string());
    }
}

fn scaled(height: u32, wanted: u32, width: u32) -> u32 {
    let exact = u64::from(height) * u64::from(wanted) / u64::from(width.max(1));
    u32::try_from(exact).unwrap_or(u32::MAX).max(1)
}

/// `300` or `300px`, at most five digits.
fn pixels(value: &str) -> Option<u32> {
    let digits = value.trim().trim_end_matches("px");
    (digits.len() <= 5)
        .then(|| digits.parse().ok())
        .flatten()
        .filter(|size| *size > 0)
}

/// `40%` in steps of ten, so that the style sheet needs nine classes and the page no inline style.
fn share(value: &str) -> Option<u32> {
    let percent: f32 = value.trim().strip_suffix('%')?.trim().parse().ok()?;
    let in_steps = (1..=9).find(|step| percent <= 10.0 * (*step as f32) + 5.0)?;
    (percent > 0.0).then_some(in_steps * 10)
}
