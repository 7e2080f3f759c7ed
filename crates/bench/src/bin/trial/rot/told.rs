//! What a damaged store says and does: at its opening, at reads, at a scrub, and after a new put.

use std::path::Path;

use anyhow::Context as _;
use base::{Code, ContentHash};
use blobs::{Blobs, Limits, OpenError, ScrubOptions};

use wire::blobs::SMALL_BYTES_MAX;

use super::places::Place;
use super::{Content, Way};
use crate::space::read_all;

/// Who found the damage first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Found {
    /// The store was not opened, with a code.
    Refused(Code),
    /// The opening told of damaged records.
    Opened,
    /// The index was found to be damaged and made again.
    Rebuilt,
    /// A read named the blob.
    Read,
    /// A scrub named the blob.
    Scrub,
    /// Everything was served right.
    Harmless,
}

/// What came of one bit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) found: Found,
    /// How many reads were compared.
    pub(super) read: u64,
    /// How many blobs a new put brought back.
    pub(super) healed: u64,
}

impl Found {
    pub(super) fn name(self) -> String {
        let name = match self {
            Self::Refused(code) => return format!("refused with {code}"),
            Self::Opened => "told at the opening",
            Self::Rebuilt => "index made again",
            Self::Read => "named by a read",
            Self::Scrub => "named by a scrub",
            Self::Harmless => "served right",
        };
        name.to_owned()
    }
}

/// What reading everything brought.
#[derive(Clone, Default)]
struct Reads {
    right: u64,
    damaged: Vec<ContentHash>,
    missing: Vec<ContentHash>,
}

impl std::fmt::Debug for Reads {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (damaged, missing) = (some(&self.damaged), some(&self.missing));
        write!(
            formatter,
            "{} right, damaged {damaged}, missing {missing}",
            self.right
        )
    }
}

/// Says how many there are, and the first few.
fn some(hashes: &[ContentHash]) -> String {
    let first: Vec<String> = hashes.iter().take(3).map(ToString::to_string).collect();
    format!("{} ({})", hashes.len(), first.join(", "))
}

/// Opens a damaged store, reads, scrubs and heals it.
pub(super) async fn look(
    folder: &Path,
    limits: Limits,
    place: &Place,
    way: Way,
    content: &Content,
) -> anyhow::Result<Told> {
    let blobs = match Blobs::open(folder, limits) {
        Ok(blobs) => blobs,
        Err(error) => return refused(&error, folder, place),
    };
    let opening = blobs.opening().clone();
    let is_told = opening.damaged_records > 0;
    anyhow::ensure!(
        opening.torn_bytes == 0,
        "damage is taken for a torn tail: {opening:?}"
    );
    anyhow::ensure!(
        !is_told || way != Way::Strict,
        "it was to refuse: {opening:?}"
    );
    // Every other bit is looked for by a scrub before anything is read.
    let scrubbed = match place.mask & 0x55 {
        0 => Vec::new(),
        _ => scrub(&blobs).await?,
    };
    let reads = read(&blobs, content).await?;
    let told = || format!("{reads:?}, a scrub named {}, {opening:?}", some(&scrubbed));
    compare(&reads, &scrubbed, is_told, place).with_context(told)?;
    files_are_kept(folder, &reads.missing, content).with_context(told)?;
    let listed = blobs.list_damaged(None, 100).await?;
    for hash in &reads.damaged {
        anyhow::ensure!(
            listed.iter().any(|listed| listed.hash == *hash),
            "{hash} is not listed: {}",
            told()
        );
    }
    let found = match () {
        () if is_told => Found::Opened,
        () if !scrubbed.is_empty() => Found::Scrub,
        () if !reads.damaged.is_empty() => Found::Read,
        () if way == Way::Index && opening.index_rebuilt.is_some() => Found::Rebuilt,
        () => Found::Harmless,
    };
    let healed = heal(blobs, (folder, place), limits, &reads, content)
        .await
        .with_context(|| format!("heal; before: {}", told()))?;
    Ok(Told {
        found,
        read: reads.right,
        healed,
    })
}

/// A store that is not opened says which file is damaged.
fn refused(error: &OpenError, folder: &Path, place: &Place) -> anyhow::Result<Told> {
    let problem = error.problem();
    let said = format!("{error}: {problem:?}");
    let is_named = [place.file.as_path(), folder]
        .iter()
        .any(|path| said.contains(&*path.to_string_lossy()));
    anyhow::ensure!(is_named, "it is refused, and the file is not named: {said}");
    Ok(Told {
        found: Found::Refused(problem.code),
        read: 0,
        healed: 0,
    })
}

/// Scrubs the whole store; returns what it named.
async fn scrub(blobs: &Blobs) -> anyhow::Result<Vec<ContentHash>> {
    let options = ScrubOptions {
        bytes_per_sec: 0,
        is_resumed: false,
    };
    let report = blobs.scrub(options, |_| {}).await.context("scrub")?;
    anyhow::ensure!(
        report.unread.blobs == 0,
        "the scrub could not read all: {report:?}"
    );
    Ok(report.damaged_named.iter().map(|item| item.hash).collect())
}

/// Compares what suffers with what may, and what is not served with what was told.
fn compare(
    reads: &Reads,
    scrubbed: &[ContentHash],
    is_told: bool,
    place: &Place,
) -> anyhow::Result<()> {
    if place.is_confined {
        for hash in reads.damaged.iter().chain(&reads.missing).chain(scrubbed) {
            anyhow::ensure!(place.victim == Some(*hash), "another blob suffers, {hash}");
        }
    }
    anyhow::ensure!(
        reads.missing.is_empty() || is_told,
        "blobs are missing, and nobody said so"
    );
    for hash in scrubbed {
        anyhow::ensure!(
            reads.damaged.contains(hash),
            "the scrub named {hash}, and it is read"
        );
    }
    Ok(())
}

/// Reads every blob; wrong bytes are a fault.
async fn read(blobs: &Blobs, content: &Content) -> anyhow::Result<Reads> {
    let mut reads = Reads::default();
    for (hash, bytes) in &content.blobs {
        match read_all(blobs, hash).await {
            Ok(Some(read)) => {
                anyhow::ensure!(read == *bytes, "wrong bytes were given out as {hash}");
                reads.right += 1;
            }
            Ok(None) => {
                // What was set aside is not served any more, and its state says why.
                let status = blobs
                    .status(hash)
                    .await
                    .with_context(|| format!("ask for {hash}"))?;
                match status.is_some_and(|status| status.is_damaged) {
                    true => reads.damaged.push(*hash),
                    false => reads.missing.push(*hash),
                }
            }
            Err(error) => {
                let problem = error.problem();
                let is_named = problem.code == Code::BlobCorrupt
                    && format!("{problem:?}").contains(&hash.to_string());
                anyhow::ensure!(is_named, "reading {hash}: {error}: {problem:?}");
                reads.damaged.push(*hash);
            }
        }
    }
    Ok(reads)
}

/// Puts again what is not served, and reads it now, after a restart, and after a restart without the index.
async fn heal(
    blobs: Blobs,
    (folder, place): (&Path, &Place),
    limits: Limits,
    reads: &Reads,
    content: &Content,
) -> anyhow::Result<u64> {
    // Damage that was set aside stays in the log until its segment is compacted.
    let limits = Limits {
        on_corruption: blobs::OnCorruption::Quarantine,
        ..limits
    };
    let lost: Vec<ContentHash> = reads
        .damaged
        .iter()
        .chain(&reads.missing)
        .copied()
        .collect();
    for hash in &lost {
        let stored = blobs
            .put(content.blobs[hash].clone())
            .await
            .context("put it again")?;
        anyhow::ensure!(stored.hash == *hash, "it got another hash");
    }
    let whole = read(&blobs, content).await?;
    anyhow::ensure!(
        whole.right == content.blobs.len() as u64,
        "after a new put: {whole:?}"
    );
    blobs.close().await;
    if lost.is_empty() {
        return Ok(0);
    }
    for is_without in [false, true] {
        if is_without {
            std::fs::remove_file(folder.join("index.redb")).context("take the index away")?;
        }
        let blobs = Blobs::open(folder, limits).context("open it again")?;
        let mut whole = read(&blobs, content).await?;
        let opening = blobs.opening().clone();
        let told = || format!("after a restart, without the index: {is_without}: {opening:?}");
        // Only where more than one blob suffers may it be another one without the index than with it.
        if is_without && !place.is_confined && opening.damaged_records > 0 {
            files_are_kept(folder, &whole.missing, content).with_context(told)?;
            for hash in &whole.missing {
                blobs
                    .put(content.blobs[hash].clone())
                    .await
                    .with_context(told)?;
            }
            whole = read(&blobs, content).await?;
        }
        anyhow::ensure!(
            whole.right == content.blobs.len() as u64,
            "{}: {whole:?}",
            told()
        );
        blobs.close().await;
    }
    Ok(lost.len() as u64)
}

/// Checks that the files of blobs are not destroyed because a record was: their bytes are whole.
fn files_are_kept(folder: &Path, missing: &[ContentHash], content: &Content) -> anyhow::Result<()> {
    for hash in missing {
        let name = hash.to_string();
        let places = [
            Path::new("large").join(&name[..2]).join(&name),
            Path::new("damaged").join(&name),
        ];
        let is_large = content.blobs[hash].len() > SMALL_BYTES_MAX;
        let is_kept = places.iter().any(|place| folder.join(place).is_file());
        anyhow::ensure!(
            !is_large || is_kept,
            "the file of {hash} was whole and was removed"
        );
    }
    Ok(())
}
