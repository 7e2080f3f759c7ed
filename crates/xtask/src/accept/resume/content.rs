//! The folder that is sent: files of very different lengths, with bytes that no compression makes smaller.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::accept::files;

/// How much is written and compared at once, in bytes.
const STEP_BYTES: usize = 1024 * 1024;

/// How many files of which length there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    large: u64,
    large_bytes: u64,
    middling: u64,
    middling_bytes: u64,
    small: u64,
    small_bytes: u64,
}

impl Size {
    /// 200 MiB.
    pub(super) const SMALL: Self = Self {
        large: 3,
        large_bytes: 50 * 1024 * 1024 + 1,
        middling: 12,
        middling_bytes: 3 * 1024 * 1024 + 77,
        small: 700,
        small_bytes: 20_000,
    };

    /// 5 GiB.
    pub(super) const FULL: Self = Self {
        large: 4,
        large_bytes: 1024 * 1024 * 1024 + 1,
        middling: 200,
        middling_bytes: 4 * 1024 * 1024 + 77,
        small: 10_000,
        small_bytes: 22_000,
    };
}

/// What was written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Made {
    /// Files.
    pub(super) files: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    /// Their bytes, where the same file twice counts once.
    pub(super) unique_bytes: u64,
}

/// A generator of bytes: SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators").
struct Noise(u64);

impl Noise {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = self.0;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let word = (word ^ (word >> 31)).to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}

/// One file of the folder.
#[derive(Clone, Debug)]
struct Piece {
    path: PathBuf,
    seed: u64,
    bytes: u64,
}

/// Lists the files of the folder.
fn pieces(size: Size) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let kinds = [
        ("film", size.large, size.large_bytes),
        ("song", size.middling, size.middling_bytes),
        ("note", size.small, size.small_bytes),
    ];
    for (kind, count, bytes) in kinds {
        for number in 0..count {
            let shelf = Path::new(kind).join(format!("{:02}", number % 20));
            pieces.push(Piece {
                path: shelf.join(format!("{kind}-{number}")),
                seed: pieces.len() as u64 + 1,
                // Lengths differ a little, so that no two files end at the same place.
                bytes: bytes + number % 97,
            });
        }
    }
    // Twice the same song is sent once.
    let song = pieces.iter().find(|piece| piece.path.starts_with("song"));
    let copy = song.map(|song| Piece {
        path: PathBuf::from("song/copy"),
        ..song.clone()
    });
    pieces.extend(copy);
    pieces.push(Piece {
        path: PathBuf::from("empty"),
        seed: 0,
        bytes: 0,
    });
    pieces
}

/// Writes the folder.
pub(super) fn write(folder: &Path, size: Size) -> anyhow::Result<Made> {
    let mut made = Made::default();
    let mut seeds = BTreeSet::new();
    for piece in pieces(size) {
        let path = folder.join(&piece.path);
        let shelf = path.parent().context("it lies in the folder")?;
        std::fs::create_dir_all(shelf)?;
        let file = File::create(&path).with_context(|| format!("make {}", path.display()))?;
        let mut writer = BufWriter::with_capacity(STEP_BYTES, file);
        steps(&piece, |step| Ok(writer.write_all(step)?))?;
        writer.flush()?;
        made.files += 1;
        made.bytes += piece.bytes;
        made.unique_bytes += if seeds.insert(piece.seed) {
            piece.bytes
        } else {
            0
        };
    }
    Ok(made)
}

/// Compares a folder with what [`write`] writes; returns how many files it has, and fails at the first difference.
///
/// The bytes are made again, so that the folder that was written need not be there any more.
pub(super) fn compare(folder: &Path, size: Size) -> anyhow::Result<u64> {
    let mut pieces = pieces(size);
    pieces.sort_by(|one, other| one.path.cmp(&other.path));
    let wanted: Vec<&PathBuf> = pieces.iter().map(|piece| &piece.path).collect();
    let found = files::below(folder)?;
    let is_same = wanted.iter().copied().eq(&found);
    anyhow::ensure!(
        is_same,
        "the folders hold other files: {wanted:?} and {found:?}"
    );
    for piece in &pieces {
        let shown = piece.path.display();
        let file = File::open(folder.join(&piece.path)).with_context(|| format!("open {shown}"))?;
        let len = file.metadata()?.len();
        anyhow::ensure!(
            len == piece.bytes,
            "{shown} has {len} bytes, not {}",
            piece.bytes
        );
        let mut reader = BufReader::with_capacity(STEP_BYTES, file);
        let mut found = vec![0; STEP_BYTES];
        steps(piece, |step| {
            let found = &mut found[..step.len()];
            reader.read_exact(found)?;
            anyhow::ensure!(found == step, "{shown} is different");
            Ok(())
        })?;
    }
    Ok(pieces.len() as u64)
}

/// Makes the bytes of a file, step by step.
fn steps(piece: &Piece, mut take: impl FnMut(&[u8]) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut noise = Noise(piece.seed << 32);
    let mut step = vec![0; STEP_BYTES];
    let mut left = piece.bytes;
    while left > 0 {
        let len = usize::try_from(left).map_or(STEP_BYTES, |left| left.min(STEP_BYTES));
        noise.fill(&mut step[..len]);
        take(&step[..len])?;
        left -= len as u64;
    }
    Ok(())
}
