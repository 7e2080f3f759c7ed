//! Blobs are put, touched and tagged while a collection stands between its mark and its sweep, and while it sweeps.
//!
//! The clock is moved by hand, so that grace and trash end when the trial says so. After each collection whatever was
//! touched since its mark began must be there, and whatever was not must be in the trash or purged. At the end nothing
//! has a name: two collections later nothing is left, and compaction gives the room back.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use base::{ContentHash, Duration, Timestamp};
use blobs::{Blobs, Put};
use disk::RealDisk;
use runtime::{Clock, ClockHand};
use storage_core::compaction;
use storage_core::gc::{Holds, Terms};
use storage_core::tag::TagName;
use tokio::task::JoinSet;

use crate::content::{self, Draw, OWN_BYTES, number};
use crate::space::{folder_bytes, limits, read_all};

/// How many blobs each round brings.
const NEW: u64 = 300;

/// How many tasks race.
const TASKS: usize = 16;

/// Grace and trash. A round is older than both: [`age`].
const TERMS: Terms = Terms {
    trash_for: Duration::from_secs(60 * 60),
    grace: Duration::from_secs(10 * 60),
};

/// How long a lease holds: not until the next round.
const LEASE: Duration = Duration::from_secs(5 * 60);

/// Most bytes that the files of an empty store may have: open and spare segments, and an index.
const EMPTY_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

/// A blob that nothing keeps, unless it is tagged.
#[derive(Clone, Debug)]
struct Piece {
    hash: ContentHash,
    number: u64,
    bytes: usize,
}

/// Where a blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    Live,
    Trash,
    Gone,
}

/// What was done to a blob in the race.
#[derive(Clone, Debug)]
struct Touched {
    hash: ContentHash,
    tag: Option<TagName>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    between: u64,
    beside: u64,
    withdrawn: u64,
    trashed: u64,
    purged: u64,
    restored: u64,
    segments: u64,
    peak_bytes: u64,
}

/// The store and what is known of it.
struct Trial {
    blobs: Blobs,
    hand: ClockHand,
    draw: Draw,
    seed: u64,
    pieces: BTreeMap<ContentHash, (Piece, Where)>,
    tagged: BTreeMap<TagName, ContentHash>,
    counted: Counted,
}

/// Runs the trial.
pub(crate) fn run(folder: &Path, rounds: u64, seed: u64) -> anyhow::Result<String> {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()?;
    tokio.block_on(async {
        let (clock, hand) = Clock::by_hand(Timestamp(1_750_000_000_000_000));
        let disk = RealDisk::open(folder)?;
        let blobs = Blobs::open_on(Arc::new(disk), limits(), clock).context("open the store")?;
        let mut trial = Trial {
            blobs,
            hand,
            draw: Draw::new(seed),
            seed,
            pieces: BTreeMap::new(),
            tagged: BTreeMap::new(),
            counted: Counted::default(),
        };
        for round in 0..rounds {
            trial.round(round).await.with_context(|| format!("collection {round} of {rounds}"))?;
            trial.counted.peak_bytes = trial.counted.peak_bytes.max(folder_bytes(folder)?);
        }
        let left = trial.empty(folder).await.context("when nothing has a name any more")?;
        trial.blobs.close().await;
        let Counted { between, beside, withdrawn, trashed, purged, restored, segments, peak_bytes } = trial.counted;
        anyhow::ensure!(withdrawn > 0 && restored > 0 && purged > 0 && segments > 0, "no race: {:?}", trial.counted);
        Ok(format!(
            "{rounds} collections: {between} blobs were put, touched, tagged or leased between mark and sweep and {beside} \
             during the sweep, and none was lost; {withdrawn} were taken off the plan, {restored} came back from the \
             trash, {trashed} went into it and {purged} were purged; {segments} segments were compacted, and of \
             {peak_bytes} bytes {left} were left when nothing had a name"
        ))
    })
}

impl Trial {
    async fn round(&mut self, round: u64) -> anyhow::Result<()> {
        self.bring(round).await?;
        self.age().await?;
        let candidates: Vec<Piece> = self.racers();
        let half = candidates.len() / 2;
        let plan = self.blobs.mark(TERMS, Vec::new()).await?;
        let mut touched = Vec::new();
        // The hook: the mark is over, and the sweep has not begun.
        let mut racing = self.race(&candidates[..half], round, 0);
        while let Some(ended) = racing.join_next().await {
            touched.extend(ended??);
        }
        self.counted.between += touched.len() as u64;
        let mut racing = self.race(&candidates[half..], round, 1);
        let report = self.blobs.sweep(&plan, false).await?;
        let before = touched.len();
        while let Some(ended) = racing.join_next().await {
            touched.extend(ended??);
        }
        self.counted.beside += (touched.len() - before) as u64;
        self.counted.withdrawn += report.withdrawn.blobs;
        self.counted.trashed += report.trashed.blobs;
        self.counted.purged += report.purged.blobs;
        self.settle(&touched).await?;
        let terms = compaction::Terms {
            live_permille_max: 600,
            ..compaction::Terms::default()
        };
        let compacted = self.blobs.compact(&terms).await.context("compact")?;
        self.counted.segments += compacted.segments;
        self.look().await.context("after the compaction")
    }

    /// Puts new blobs, a few of them with names.
    async fn bring(&mut self, round: u64) -> anyhow::Result<()> {
        for index in 0..NEW {
            let number = number(&[self.seed, round, index]);
            let bytes = self.draw.blob_bytes().max(OWN_BYTES);
            let tag = match index % 10 {
                0 => Some(format!("kept/{round}/{index}").parse::<TagName>()?),
                _ => None,
            };
            let put = Put {
                tag: tag.clone(),
                holds: Some(Holds::Blob),
                ..Put::default()
            };
            let stored = self
                .blobs
                .put_with(content::bytes(number, bytes), put)
                .await?;
            let hash = stored.hash;
            if let Some(tag) = tag {
                self.tagged.insert(tag, hash);
            }
            self.pieces.insert(
                hash,
                (
                    Piece {
                        hash,
                        number,
                        bytes,
                    },
                    Where::Live,
                ),
            );
        }
        Ok(())
    }

    /// Lets more time pass than grace and trash last, in steps that the store's clock believes.
    async fn age(&self) -> anyhow::Result<()> {
        for _ in 0..5 {
            self.hand.advance(Duration::from_secs(20 * 60));
            // The writer reads the clock with each batch.
            self.blobs
                .within(&"clock".parse()?)
                .await?
                .put(bytes::Bytes::from_static(b"tick"))
                .await?;
        }
        Ok(())
    }

    /// Draws who takes part: half of what nothing keeps, from the trash, too.
    fn racers(&mut self) -> Vec<Piece> {
        let named: std::collections::BTreeSet<ContentHash> =
            self.tagged.values().copied().collect();
        let loose = self
            .pieces
            .values()
            .filter(|(piece, _)| !named.contains(&piece.hash));
        let mut racers: Vec<Piece> = Vec::new();
        for (piece, at) in loose {
            if *at != Where::Gone && self.draw.below(2) == 0 {
                racers.push(piece.clone());
            }
        }
        // Not in the order of hashes, in which the sweep goes.
        for index in (1..racers.len()).rev() {
            let other =
                usize::try_from(self.draw.below(index as u64 + 1)).expect("it is below a length");
            racers.swap(index, other);
        }
        racers
    }

    /// Starts tasks that touch blobs in every way.
    fn race(
        &self,
        pieces: &[Piece],
        round: u64,
        half: u64,
    ) -> JoinSet<anyhow::Result<Vec<Touched>>> {
        let mut racing = JoinSet::new();
        for (task, pieces) in pieces
            .chunks(pieces.len().div_ceil(TASKS).max(1))
            .enumerate()
        {
            let (blobs, pieces) = (self.blobs.clone(), pieces.to_vec());
            let mut draw = Draw::new(number(&[self.seed, round, half, task as u64]));
            racing.spawn(async move {
                let mut touched = Vec::new();
                for piece in pieces {
                    let name = format!("raced/{round}/{}", piece.hash);
                    let done = touch(&blobs, &piece, name.parse()?, &mut draw).await;
                    touched.extend(done.with_context(|| format!("{piece:?}"))?);
                }
                Ok(touched)
            });
        }
        racing
    }

    /// Takes into the books what was touched, and compares every blob with where it must be.
    async fn settle(&mut self, touched: &[Touched]) -> anyhow::Result<()> {
        let named: std::collections::BTreeSet<ContentHash> =
            self.tagged.values().copied().collect();
        let since: BTreeMap<ContentHash, &Touched> = touched
            .iter()
            .map(|touched| (touched.hash, touched))
            .collect();
        for (hash, (_, at)) in &mut self.pieces {
            if since.contains_key(hash) {
                self.counted.restored += u64::from(*at == Where::Trash);
                *at = Where::Live;
            } else if !named.contains(hash) {
                *at = match *at {
                    Where::Live => Where::Trash,
                    Where::Trash | Where::Gone => Where::Gone,
                };
            }
        }
        for touched in touched {
            if let Some(tag) = &touched.tag {
                self.tagged.insert(tag.clone(), touched.hash);
            }
        }
        self.look().await
    }

    /// Compares every blob with where it must be.
    async fn look(&self) -> anyhow::Result<()> {
        for (hash, (piece, at)) in &self.pieces {
            let read = read_all(&self.blobs, hash).await?;
            let status = self.blobs.status(hash).await?;
            let found = match (&read, &status) {
                (Some(_), Some(status)) if !status.is_trashed => Where::Live,
                (None, Some(status)) if status.is_trashed => Where::Trash,
                (None, None) => Where::Gone,
                _ => anyhow::bail!("{piece:?}: it can be read: {}; {status:?}", read.is_some()),
            };
            anyhow::ensure!(
                found == *at,
                "{piece:?} must be {at:?} and is {found:?}: {status:?}"
            );
            if let Some(read) = read {
                anyhow::ensure!(
                    content::bytes(piece.number, piece.bytes) == read,
                    "{piece:?} has wrong bytes"
                );
            }
        }
        for (name, hash) in &self.tagged {
            let tagged = self.blobs.tagged(name).await?;
            anyhow::ensure!(
                tagged.is_some_and(|tagged| tagged.hash == *hash),
                "{name} does not name {hash}"
            );
        }
        Ok(())
    }

    /// Takes all names away, collects twice, compacts; returns how many bytes the files have then.
    async fn empty(&mut self, folder: &Path) -> anyhow::Result<u64> {
        for name in self.tagged.keys() {
            anyhow::ensure!(self.blobs.untag(name).await?, "{name} was there");
        }
        self.tagged.clear();
        for _ in 0..2 {
            self.age().await?;
            let plan = self.blobs.mark(TERMS, Vec::new()).await?;
            let report = self.blobs.sweep(&plan, false).await?;
            self.counted.trashed += report.trashed.blobs;
            self.counted.purged += report.purged.blobs;
            self.settle(&[]).await?;
        }
        let usage = self.blobs.usage();
        anyhow::ensure!(
            usage.live.blobs + usage.trash.blobs == 0,
            "the store counts {usage:?}"
        );
        loop {
            let compacted = self
                .blobs
                .compact(&compaction::Terms::default())
                .await
                .context("compact")?;
            if compacted.segments == 0 {
                break;
            }
            self.counted.segments += compacted.segments;
        }
        let large = folder_bytes(&folder.join("large"))?;
        anyhow::ensure!(large == 0, "{large} bytes of large blobs are left");
        let left = folder_bytes(folder)?;
        anyhow::ensure!(
            left <= EMPTY_BYTES_MAX,
            "{left} bytes are left, {:?}",
            self.blobs.tally()
        );
        Ok(left)
    }
}

/// Touches a blob in one of many ways; `None` when the store says that it is not there.
async fn touch(
    blobs: &Blobs,
    piece: &Piece,
    name: TagName,
    draw: &mut Draw,
) -> anyhow::Result<Option<Touched>> {
    let hash = piece.hash;
    let mut tag = None;
    let is_there = match draw.below(7) {
        0 => {
            blobs.put(content::bytes(piece.number, piece.bytes)).await?;
            true
        }
        1 => {
            let mut upload = blobs.upload(None).await?;
            let bytes = content::bytes(piece.number, piece.bytes);
            let middle = bytes.len() / 2;
            upload.write(bytes.slice(..middle)).await?;
            upload.write(bytes.slice(middle..)).await?;
            upload.finish(Some(hash)).await?;
            true
        }
        2 => blobs.restore(&hash).await?,
        3 => blobs.have(&[hash]).await? == [true],
        4 => blobs.lease(&hash, LEASE, "race", Holds::Blob).await?,
        5 => {
            let put = Put {
                tag: Some(name.clone()),
                expected: Some(hash),
                ..Put::default()
            };
            blobs
                .put_with(content::bytes(piece.number, piece.bytes), put)
                .await?;
            tag = Some(name);
            true
        }
        _ => {
            let is_there = blobs.tag(&name, &hash, Holds::Blob).await?;
            tag = is_there.then_some(name);
            is_there
        }
    };
    Ok(is_there.then_some(Touched { hash, tag }))
}
