//! Pictures of pages, read far enough to tell whether anything is on them.
//!
//! PNG with eight bits per channel and no interlacing, as a browser writes them (W3C PNG §§ 9 and 11).

use std::collections::BTreeSet;
use std::io::Read as _;

use anyhow::Context as _;
use flate2::read::ZlibDecoder;

/// A decoded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    /// Width in pixels.
    pub(super) width: u32,
    /// Height in pixels.
    pub(super) height: u32,
    channels: usize,
    pixels: Vec<u8>,
}

impl Picture {
    /// Decodes a PNG file.
    pub(super) fn decode(png: &[u8]) -> anyhow::Result<Self> {
        let mut rest = png
            .strip_prefix(b"\x89PNG\r\n\x1a\n")
            .context("it is no PNG")?;
        let mut header = None;
        let mut packed = Vec::new();
        while let Some((len, after)) = rest.split_first_chunk::<4>() {
            let len = u32::from_be_bytes(*len) as usize;
            let (kind, after) = after
                .split_first_chunk::<4>()
                .context("a chunk has a kind")?;
            anyhow::ensure!(after.len() >= len + 4, "a chunk was cut off");
            let (body, after) = after.split_at(len);
            match kind {
                b"IHDR" => header = Some(Header::read(body)?),
                b"IDAT" => packed.extend_from_slice(body),
                _ => {}
            }
            rest = &after[4..];
        }
        let Header {
            width,
            height,
            channels,
        } = header.context("it has no header")?;
        let mut filtered = Vec::new();
        ZlibDecoder::new(packed.as_slice())
            .read_to_end(&mut filtered)
            .context("unpack the pixels")?;
        let stride = width as usize * channels;
        anyhow::ensure!(
            filtered.len() == (stride + 1) * height as usize,
            "the pixels do not fill the picture"
        );
        Ok(Self {
            width,
            height,
            channels,
            pixels: unfilter(&filtered, stride, channels)?,
        })
    }

    /// Counts the different colours.
    pub(super) fn colours(&self) -> usize {
        let colours: BTreeSet<&[u8]> = self.pixels.chunks_exact(self.channels).collect();
        colours.len()
    }

    /// Returns how bright it is on average, from 0 for black to 255 for white.
    pub(super) fn brightness(&self) -> u64 {
        let shades = self
            .pixels
            .chunks_exact(self.channels)
            .flat_map(|pixel| &pixel[..3]);
        let sum: u64 = shades.map(|shade| u64::from(*shade)).sum();
        sum / (u64::from(self.width) * u64::from(self.height) * 3).max(1)
    }
}

struct Header {
    width: u32,
    height: u32,
    channels: usize,
}

impl Header {
    fn read(body: &[u8]) -> anyhow::Result<Self> {
        let (width, rest) = body
            .split_first_chunk::<4>()
            .context("a header has a width")?;
        let (height, rest) = rest
            .split_first_chunk::<4>()
            .context("a header has a height")?;
        let channels = match rest {
            [8, 2, 0, 0, 0] => 3,
            [8, 6, 0, 0, 0] => 4,
            other => anyhow::bail!("pictures of the kind {other:?} are not read"),
        };
        Ok(Self {
            width: u32::from_be_bytes(*width),
            height: u32::from_be_bytes(*height),
            channels,
        })
    }
}

/// Undoes the filter of each line (§ 9.2).
fn unfilter(filtered: &[u8], stride: usize, channels: usize) -> anyhow::Result<Vec<u8>> {
    let mut pixels: Vec<u8> = Vec::with_capacity(filtered.len());
    let mut above = vec![0; stride];
    for line in filtered.chunks_exact(stride + 1) {
        let (filter, line) = line.split_first().context("a line has a filter")?;
        let mut current: Vec<u8> = Vec::with_capacity(stride);
        for (index, byte) in line.iter().enumerate() {
            let left = index
                .checked_sub(channels)
                .map_or(0, |index| current[index]);
            let corner = index.checked_sub(channels).map_or(0, |index| above[index]);
            let guess = match filter {
                0 => 0,
                1 => left,
                2 => above[index],
                3 => u8::midpoint(left, above[index]),
                4 => nearest(left, above[index], corner),
                other => anyhow::bail!("there is no filter {other}"),
            };
            current.push(byte.wrapping_add(guess));
        }
        pixels.extend_from_slice(&current);
        above = current;
    }
    Ok(pixels)
}

/// Paeth's predictor (§ 9.4).
fn nearest(left: u8, above: u8, corner: u8) -> u8 {
    let estimate = i16::from(left) + i16::from(above) - i16::from(corner);
    let distance = |shade: u8| (estimate - i16::from(shade)).abs();
    if distance(left) <= distance(above) && distance(left) <= distance(corner) {
        left
    } else if distance(above) <= distance(corner) {
        above
    } else {
        corner
    }
}

#[cfg(test)]
mod tests;
