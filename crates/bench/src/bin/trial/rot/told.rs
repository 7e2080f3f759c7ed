//! What a damaged store says and does: at its opening, at reads, at a scrub, and after a new put.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use base::{Code, ContentHash};
use blobs::{Blobs, Limits, OpenError, Opening, ScrubOptions};

use wire::blobs::SMALL_BYTES_MAX;

use super::places::{Kind, Place};
use super::{Content, OTHER, Way};
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
    /// A scrub named what lies beside bytes, and made it again.
    Mended,
    /// The opening told of the head of a segment that it had mended.
    MendedAtOpening,
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
            Self::Mended => "mended by a scrub",
            Self::MendedAtOpening => "mended at the opening",
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
    (kind, place): (Kind, &Place),
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
    let is_first = place.mask & 0x55 != 0 || kind.is_beside_bytes();
    let Scrubbed {
        damaged: scrubbed,
        mended,
        ..
    } = match is_first {
        true => scrub(&blobs).await?,
        false => Scrubbed::default(),
    };
    let reads = read(&blobs, content).await?;
    let told = || {
        let named = some(&scrubbed);
        format!("{reads:?}, a scrub named {named} and mended {mended}, {opening:?}")
    };
    anyhow::ensure!(
        !is_first || !kind.is_for_scrub(way) || !scrubbed.is_empty() || mended > 0,
        "a scrub did not notice it: {}",
        told()
    );
    if !is_told {
        names_are_right(&blobs, content).await.with_context(told)?;
    }
    scrub_again(&blobs, is_first, &reads)
        .await
        .with_context(told)?;
    compare(&reads, &scrubbed, is_told, place).with_context(told)?;
    files_are_kept(folder, &reads.missing, content).with_context(told)?;
    are_listed(&blobs, &reads).await.with_context(told)?;
    let found = match () {
        () if is_told => Found::Opened,
        () if !scrubbed.is_empty() => Found::Scrub,
        () if mended > 0 => Found::Mended,
        () => found_else(&opening, &reads, way),
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

/// Every blob that could not be read is in the list of the damaged.
async fn are_listed(blobs: &Blobs, reads: &Reads) -> anyhow::Result<()> {
    let listed = blobs.list_damaged(None, 100).await?;
    for hash in &reads.damaged {
        let is_listed = listed.iter().any(|listed| listed.hash == *hash);
        anyhow::ensure!(is_listed, "{hash} is not listed");
    }
    Ok(())
}

/// What noticed the bit when neither opening named damage nor a scrub did.
fn found_else(opening: &Opening, reads: &Reads, way: Way) -> Found {
    match () {
        () if opening.mended_heads > 0 => Found::MendedAtOpening,
        () if !reads.damaged.is_empty() => Found::Read,
        () if way == Way::Index && opening.index_rebuilt.is_some() => Found::Rebuilt,
        () => Found::Harmless,
    }
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

/// What a scrub named.
#[derive(Default)]
struct Scrubbed {
    damaged: Vec<ContentHash>,
    /// What lies beside bytes and was made again.
    mended: u64,
    /// What is damaged when it is over, also from before.
    standing: Vec<ContentHash>,
}

/// Scrubs the whole store; returns what it named.
async fn scrub(blobs: &Blobs) -> anyhow::Result<Scrubbed> {
    let options = ScrubOptions {
        bytes_per_sec: 0,
        is_resumed: false,
    };
    let scrubbed = blobs.scrub(options, |_| {}).await.context("scrub")?;
    let report = scrubbed.report;
    anyhow::ensure!(report.is_whole, "the scrub did not end: {report:?}");
    let unmended = report.faults_named.iter().find(|fault| !fault.is_mended);
    anyhow::ensure!(unmended.is_none(), "it could not be mended: {unmended:?}");
    anyhow::ensure!(
        report.unread.blobs == 0,
        "the scrub could not read all: {report:?}"
    );
    Ok(Scrubbed {
        damaged: report.damaged_named.iter().map(|item| item.hash).collect(),
        mended: report.mended.blobs + report.faults,
        standing: scrubbed
            .standing_named
            .iter()
            .map(|item| item.hash)
            .collect(),
    })
}

/// Scrubs once more: what was found before is named again as long as it is not healed, and what was mended is right.
async fn scrub_again(blobs: &Blobs, was_scrubbed: bool, reads: &Reads) -> anyhow::Result<()> {
    let again = scrub(blobs).await?;
    for hash in &reads.damaged {
        let is_named = again.standing.contains(hash);
        anyhow::ensure!(is_named, "a later scrub says nothing of {hash}");
    }
    if was_scrubbed {
        let found = again.damaged.len() as u64 + again.mended;
        anyhow::ensure!(found == 0, "a second scrub found more");
        let standing = again.standing.len();
        anyhow::ensure!(standing == reads.damaged.len(), "{standing} are damaged");
    }
    Ok(())
}

/// Checks that tags, the lease and the namespaces are what they were.
async fn names_are_right(blobs: &Blobs, content: &Content) -> anyhow::Result<()> {
    let tags = blobs.tags(None, 1_000, "").await?;
    let tags: BTreeMap<String, ContentHash> = tags
        .into_iter()
        .map(|tagged| (tagged.name.to_string(), tagged.hash))
        .collect();
    anyhow::ensure!(tags == content.tags, "the tags are {tags:?}");
    let leased = content.leased.context("a blob has a lease")?;
    let status = blobs.status(&leased).await?;
    let leases = status.map_or(0, |status| status.leases.len());
    anyhow::ensure!(leases == 1, "there are {leases} leases");
    let names: Vec<String> = blobs.namespaces().iter().map(ToString::to_string).collect();
    anyhow::ensure!(
        names.iter().any(|name| name == OTHER),
        "there are the namespaces {names:?}"
    );
    Ok(())
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
