//! Content codings (RFC 9110 §8.4.1, RFC 7932, RFC 8878) and which of them a reader takes (§12.5.3).

use std::io::Write as _;

use axum::http::header::ACCEPT_ENCODING;
use axum::http::{HeaderMap, HeaderValue};

/// Smaller bodies are not worth a coding, in bytes.
pub(super) const BODY_BYTES_MIN: usize = 512;

/// Larger bodies are packed a little less, because the best quality takes longest for them, in bytes.
const BEST_BYTES_MAX: usize = 256 * 1_024;

/// Longest `Accept-Encoding` that is read, in parts; what stands behind is no wish.
const PARTS_MAX: usize = 16;

/// A way of packing a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
}

impl Coding {
    /// All, the ones that pack best first.
    pub(crate) const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// Returns its name in headers.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    pub(super) const fn header(self) -> HeaderValue {
        HeaderValue::from_static(self.name())
    }

    /// Packs a body; nothing when that is not worth it: it must become a tenth smaller at least. Takes a while.
    pub(super) fn pack(self, body: &[u8]) -> Option<Vec<u8>> {
        if body.len() < BODY_BYTES_MIN {
            return None;
        }
        let packed = match self {
            Self::Gzip => gzip(body),
            Self::Brotli => brotli(body),
            Self::Zstd => zstd::bulk::compress(body, 19),
        };
        let packed = packed
            .inspect_err(
                |error| tracing::error!(coding = self.name(), %error, "body cannot be packed"),
            )
            .ok()?;
        (packed.len() <= body.len() - body.len() / 10).then_some(packed)
    }
}

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(body)?;
    encoder.finish()
}

fn brotli(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let quality = if body.len() <= BEST_BYTES_MAX { 11 } else { 9 };
    let params = brotli::enc::BrotliEncoderParams {
        quality,
        size_hint: body.len(),
        ..Default::default()
    };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &*body, &mut packed, &params)?;
    Ok(packed)
}

/// What a reader says about codings: weights in thousandths, nothing where it is silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wishes {
    gzip: Option<u16>,
    brotli: Option<u16>,
    zstd: Option<u16>,
    identity: Option<u16>,
    others: Option<u16>,
}

impl Wishes {
    fn read(headers: &HeaderMap) -> Self {
        let mut wishes = Self::default();
        let lines = headers.get_all(ACCEPT_ENCODING).iter();
        let lines = lines.filter_map(|line| line.to_str().ok());
        for part in lines.flat_map(|line| line.split(',')).take(PARTS_MAX) {
            let (name, rest) = part.split_once(';').unwrap_or((part, ""));
            let Some(weight) = weight(rest) else { continue };
            let name = name.trim();
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            let place = if is("br") {
                &mut wishes.brotli
            } else if is("gzip") || is("x-gzip") {
                &mut wishes.gzip
            } else if is("zstd") {
                &mut wishes.zstd
            } else if is("identity") {
                &mut wishes.identity
            } else if name == "*" {
                &mut wishes.others
            } else {
                continue;
            };
            *place = Some(weight);
        }
        wishes
    }

    fn of(&self, coding: Coding) -> u16 {
        let said = match coding {
            Coding::Gzip => self.gzip,
            Coding::Brotli => self.brotli,
            Coding::Zstd => self.zstd,
        };
        said.or(self.others).unwrap_or(0)
    }
}

/// Reads the weight behind a coding (RFC 9110 §12.4.2) as thousandths: 1,000 where there is none, nothing when it is
/// malformed.
fn weight(text: &str) -> Option<u16> {
    let text = text.trim();
    if text.is_empty() {
        return Some(1_000);
    }
    let text = text
        .strip_prefix("q=")
        .or_else(|| text.strip_prefix("Q="))?;
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = match part {
        "" => 0,
        digits => digits.parse::<u16>().ok()? * 10_u16.pow(3 - digits.len() as u32),
    };
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1_000),
        _ => None,
    }
}

/// Chooses one of the codings that there are, best first, by its index; nothing for the body as it is.
///
/// A reader who accepts a coding gets it unless it likes the body as it is better. Who refuses everything that there
/// is gets the body as it is (§12.5.3).
pub(super) fn choose(headers: &HeaderMap, offers: impl Iterator<Item = Coding>) -> Option<usize> {
    if !headers.contains_key(ACCEPT_ENCODING) {
        return None;
    }
    let wishes = Wishes::read(headers);
    let mut best = (wishes.identity.unwrap_or(1), None);
    for (index, coding) in offers.enumerate() {
        let weight = wishes.of(coding);
        let is_better = weight > best.0 || (weight == best.0 && best.1.is_none() && weight > 0);
        if is_better {
            best = (weight, Some(index));
        }
    }
    best.1
}

#[cfg(test)]
mod tests;
