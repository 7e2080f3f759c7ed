//! Opens the store and compares it with the books; where the books leave it open, they learn what came of it.

use std::path::Path;

use anyhow::Context as _;
use base::ContentHash;
use blobs::Blobs;
use storage_core::tag::TagName;

use super::books::{Books, Known, Visible};
use crate::content;
use crate::space::{limits, read_all};

/// What a look brought.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checked {
    pub(super) is_torn: bool,
    pub(super) is_rebuilt: bool,
    pub(super) orphans: u64,
    pub(super) looked_at: u64,
}

/// Compares: every blob when `is_whole`, else those that changed in the last rounds. Names, and how many blobs and bytes
/// there are, are always compared.
pub(super) async fn check(
    folder: &Path,
    books: &mut Books,
    is_whole: bool,
) -> anyhow::Result<Checked> {
    let blobs = Blobs::open(folder, limits()).context("open the store")?;
    let opening = blobs.opening().clone();
    anyhow::ensure!(
        opening.damaged_records == 0,
        "records in the middle are damaged: {opening:?}"
    );
    let hashes = books.due(is_whole);
    let looked_at = (hashes.len() + books.tags.len()) as u64;
    for hash in hashes {
        let known = books.blobs[&hash];
        let is_there = compare(&blobs, &hash, &known).await.with_context(|| {
            let said = books.said_of(&hash);
            format!("blob {hash}: {known:?}; in this round it was said {said:?}; {opening:?}")
        })?;
        if let Some(known) = books.blobs.get_mut(&hash) {
            known.visible = if is_there { Visible::Yes } else { Visible::No };
            known.is_compared |= is_there;
        }
    }
    for (name, values) in &mut books.tags {
        let tag: TagName = name.parse()?;
        let found = blobs.tagged(&tag).await?.map(|tagged| tagged.hash);
        anyhow::ensure!(
            values.contains(&found),
            "tag {name} names {found:?}, and not one of {values:?}; {opening:?}"
        );
        *values = vec![found];
    }
    let usage = blobs.usage();
    let (live, bytes) = books.live();
    anyhow::ensure!(
        (usage.live.blobs, usage.live.bytes) == (live, bytes),
        "there are {live} blobs with {bytes} bytes, and the store counts {usage:?}; {opening:?}",
    );
    blobs.close().await;
    Ok(Checked {
        is_torn: opening.torn_bytes > 0,
        is_rebuilt: opening.index_rebuilt.is_some(),
        orphans: opening.orphans,
        looked_at,
    })
}

/// Compares one blob; tells whether it can be read.
async fn compare(blobs: &Blobs, hash: &ContentHash, known: &Known) -> anyhow::Result<bool> {
    let Some(read) = read_all(blobs, hash).await? else {
        anyhow::ensure!(
            known.visible != Visible::Yes,
            "it was acknowledged and is not there"
        );
        return Ok(false);
    };
    anyhow::ensure!(
        known.visible != Visible::No,
        "its removal was acknowledged and it is there"
    );
    if known.is_compared {
        anyhow::ensure!(ContentHash::of(&read) == *hash, "its bytes are wrong");
    } else {
        anyhow::ensure!(
            content::bytes(known.number, known.bytes) == read,
            "its bytes are wrong"
        );
    }
    Ok(true)
}
