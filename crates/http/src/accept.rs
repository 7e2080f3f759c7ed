//! Which of the forms that we can make the reader prefers (RFC 9110 §12.5.1).

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// Longest `Accept` that is looked at, in bytes; of longer ones the rest is ignored.
const ACCEPT_BYTES_MAX: usize = 4_096;

/// Returns the index of the media type that the reader likes best, the first one of several equals; `None` when it
/// accepts none of them. Without `Accept` everything is liked the same.
#[must_use]
pub fn negotiate(headers: &HeaderMap, offers: &[&str]) -> Option<usize> {
    let ranges = ranges(headers);
    if ranges.is_empty() {
        return (!offers.is_empty()).then_some(0);
    }
    let qualities = offers.iter().map(|offer| quality(&ranges, offer));
    let mut best: Option<(usize, u16)> = None;
    for (index, quality) in qualities.enumerate() {
        if quality > best.map_or(0, |(_, quality)| quality) {
            best = Some((index, quality));
        }
    }
    best.map(|(index, _)| index)
}

/// Tells whether the reader is a browser that shows pages: it likes HTML better than JSON.
#[must_use]
pub fn prefers_html(headers: &HeaderMap) -> bool {
    negotiate(headers, &["application/json", "text/html"]) == Some(1)
}

/// A media range of an `Accept` header.
struct MediaRange {
    kind: String,
    /// Thousandths.
    quality: u16,
}

fn ranges(headers: &HeaderMap) -> Vec<MediaRange> {
    let mut left = ACCEPT_BYTES_MAX;
    let mut ranges = Vec::new();
    for line in headers.get_all(ACCEPT) {
        let Ok(text) = line.to_str() else { continue };
        let text = text.get(..left.min(text.len())).unwrap_or_default();
        left -= text.len();
        ranges.extend(text.split(',').filter_map(parse));
    }
    ranges
}

fn parse(item: &str) -> Option<MediaRange> {
    let mut parts = item.split(';').map(str::trim);
    let kind = parts.next().filter(|kind| kind.contains('/'))?;
    let quality = parts
        .find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
        .map_or(Some(1_000), parse_quality)?;
    Some(MediaRange {
        kind: kind.to_ascii_lowercase(),
        quality,
    })
}

/// Reads a weight (RFC 9110 §12.4.2) as thousandths.
fn parse_quality(text: &str) -> Option<u16> {
    let weight: f32 = text.parse().ok()?;
    (0.0..=1.0)
        .contains(&weight)
        .then_some((weight * 1_000.0).round() as u16)
}

/// Returns the weight of a media type: the most specific range that names it counts.
fn quality(ranges: &[MediaRange], offer: &str) -> u16 {
    let family = offer.split('/').next().unwrap_or_default();
    let rank = |range: &MediaRange| {
        if range.kind == offer {
            Some(2)
        } else if range.kind.strip_suffix("/*") == Some(family) {
            Some(1)
        } else if range.kind == "*/*" {
            Some(0)
        } else {
            None
        }
    };
    let best = ranges
        .iter()
        .filter_map(|range| Some((rank(range)?, range.quality)))
        .max();
    best.map_or(0, |(_, quality)| quality)
}

#[cfg(test)]
mod tests;
