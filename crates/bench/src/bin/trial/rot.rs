//! One bit is turned over in the files of a closed store, in each kind of byte there is, one at a time.
//!
//! A damaged store is opened in three ways: with its index, without it, and without it by somebody who would rather be
//! refused. Damaged bytes are never given out; what cannot be given out is called damaged by its name or was told when
//! the store was opened; everything else is served; a new put of the same bytes heals.

mod places;
mod told;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base::ContentHash;
use blobs::{Blobs, Limits, OnCorruption, Put};
use bytes::Bytes;
use storage_core::gc::Holds;

use crate::content::{self, Draw, number};
use crate::space::limits;
use places::{Kind, Place};
use told::{Found, Told};

/// What lies in the store.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// The bytes of each blob.
    pub(super) blobs: BTreeMap<ContentHash, Bytes>,
    /// The manifest of a folder.
    pub(super) manifest: Option<ContentHash>,
    /// What each tag names.
    pub(super) tags: BTreeMap<String, ContentHash>,
    /// A blob that somebody keeps by a lease.
    pub(super) leased: Option<ContentHash>,
}

/// The namespace that is there beside the first.
pub(super) const OTHER: &str = "school";

/// How a damaged store is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// With its index; damage is set aside.
    Index,
    /// The index is made again from the log; damage is set aside.
    Log,
    /// The index is made again from the log; damage is refused.
    Strict,
}

const WAYS: [Way; 3] = [Way::Index, Way::Log, Way::Strict];

/// What came of all bits.
#[derive(Debug, Default)]
struct Counted {
    table: BTreeMap<Kind, BTreeMap<Way, BTreeMap<Found, u64>>>,
    faults: Vec<String>,
    bits: u64,
    healed: u64,
    read: u64,
}

/// Runs the trial.
pub(crate) fn run(folder: &Path, flips: u64, seed: u64) -> anyhow::Result<String> {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let whole = folder.join("whole");
    let content = tokio.block_on(fill(&whole, seed)).context("fill a store")?;
    let places = places::find(&whole, &content).context("find the bytes of each kind")?;
    let mut draw = Draw::new(seed);
    let mut counted = Counted::default();
    for (kind, places) in places {
        for _ in 0..flips {
            let place = draw_place(&mut draw, &places);
            let found = tokio.block_on(flip(folder, kind, &place, &content, &mut counted))?;
            if !found && !kind.may_be_harmless() {
                let fault = format!("{}: nobody noticed the bit at {place}", kind.name());
                counted.faults.push(fault);
            }
        }
    }
    print(&counted.table);
    let Counted {
        table,
        faults,
        bits,
        healed,
        read,
    } = counted;
    anyhow::ensure!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
    let kinds = Kind::all();
    anyhow::ensure!(
        table.keys().copied().eq(kinds.iter().copied()),
        "not all of {kinds:?} were tried"
    );
    Ok(format!(
        "{bits} bits in {} kinds of bytes, with the index, without it, and refusing: damaged bytes were never given \
         out, {read} reads were compared, and {healed} blobs were healed by a new put",
        table.len()
    ))
}

/// Tries one bit in each way; tells whether anybody noticed it.
async fn flip(
    folder: &Path,
    kind: Kind,
    place: &Place,
    content: &Content,
    counted: &mut Counted,
) -> anyhow::Result<bool> {
    counted.bits += 1;
    let mut is_found = false;
    for way in WAYS {
        if kind == Kind::Index && way != Way::Index {
            // It is taken away: there is nothing to damage.
            continue;
        }
        let damaged = folder.join("damaged");
        if damaged.exists() {
            std::fs::remove_dir_all(&damaged).context("remove a damaged store")?;
        }
        let whole = folder.join("whole");
        let told = match try_out(&whole, &damaged, (kind, place), way, content).await {
            Ok(told) => told,
            Err(error) => {
                let fault = format!("{}, {way:?}, {place}: {error:#}", kind.name());
                counted.faults.push(fault);
                is_found = true;
                continue;
            }
        };
        is_found |= told.found != Found::Harmless;
        counted.healed += told.healed;
        counted.read += told.read;
        let ways = counted.table.entry(kind).or_default();
        let found = ways.entry(way).or_default().entry(told.found);
        *found.or_default() += 1;
    }
    Ok(is_found)
}

/// Draws a bit.
fn draw_place(draw: &mut Draw, places: &[Place]) -> Place {
    let index = usize::try_from(draw.below(places.len() as u64)).expect("it is below a length");
    let mut place = places[index].clone();
    place.offset += draw.below(place.bytes);
    place.bytes = 1;
    place.mask = 1 << draw.below(8);
    place
}

fn print(table: &BTreeMap<Kind, BTreeMap<Way, BTreeMap<Found, u64>>>) {
    let cell = |counts: Option<&BTreeMap<Found, u64>>| {
        let counts = counts.into_iter().flatten();
        let words: Vec<String> = counts
            .map(|(found, count)| format!("{count} {}", found.name()))
            .collect();
        words.join(", ")
    };
    println!("| kind of byte | with its index | index made again | refusing |");
    println!("|---|---|---|---|");
    for (kind, ways) in table {
        let [index, log, strict] = WAYS.map(|way| cell(ways.get(&way)));
        println!("| {} | {index} | {log} | {strict} |", kind.name());
    }
}

fn bounds(way: Way) -> Limits {
    Limits {
        segment_bytes: 4 * 1_024 * 1_024,
        on_corruption: match way {
            Way::Index | Way::Log => OnCorruption::Quarantine,
            Way::Strict => OnCorruption::Refuse,
        },
        ..limits()
    }
}

/// Fills a store with blobs of all kinds and closes it.
async fn fill(folder: &Path, seed: u64) -> anyhow::Result<Content> {
    let blobs = Blobs::open(folder, bounds(Way::Index))?;
    let mut content = Content::default();
    let mut lengths = vec![700; 30];
    lengths.extend([
        40_000, 700_000, 2_500_000, 40_000, 700_000, 700_000, 1_200_000,
    ]);
    lengths.extend(vec![1_500; 20]);
    // Enough for a second segment.
    lengths.extend([900_000, 900_000, 900_000, 40_000, 900_000]);
    lengths.extend(vec![300; 30]);
    for (index, bytes) in lengths.into_iter().enumerate() {
        let bytes = content::bytes(number(&[seed, index as u64]), bytes);
        let put = Put {
            tag: (index % 3 == 0)
                .then(|| format!("kept/{index}").parse())
                .transpose()?,
            ..Put::default()
        };
        let tag = put.tag.clone();
        let hash = blobs.put_with(bytes.clone(), put).await?.hash;
        content.blobs.insert(hash, bytes);
        content.tags.extend(tag.map(|tag| (tag.to_string(), hash)));
        if index % 7 == 1 && index < 60 {
            // Touched, it has a state of its own.
            blobs.restore(&hash).await?;
        }
        if index == 40 {
            let span = base::Duration::from_secs(1_000_000);
            blobs.lease(&hash, span, "press", Holds::Blob).await?;
            content.leased = Some(hash);
            blobs.within(&OTHER.parse()?).await?;
        }
        if index == 60 {
            let manifest = manifest(&content)?;
            let put = Put {
                tag: Some("folder".parse()?),
                holds: Some(Holds::Folder),
                ..Put::default()
            };
            let hash = blobs.put_with(manifest.clone(), put).await?.hash;
            content.blobs.insert(hash, manifest);
            content.tags.insert("folder".to_owned(), hash);
            content.manifest = Some(hash);
        }
    }
    blobs.close().await;
    Ok(content)
}

/// Makes the manifest of a folder with a few of the blobs.
fn manifest(content: &Content) -> anyhow::Result<Bytes> {
    use storage_core::folder::{Entry, File, Folder, FolderPath, Limits};
    let limits = Limits::default();
    let mut entries = Vec::new();
    for (index, (hash, bytes)) in content.blobs.iter().take(8).enumerate() {
        entries.push(Entry::File(File {
            path: FolderPath::parse(&format!("file-{index}"), &limits)?,
            bytes: bytes.len() as u64,
            is_executable: false,
            hash: *hash,
        }));
    }
    Ok(Bytes::from(Folder::new(entries, &limits)?.encode()))
}

/// Damages a copy of the store and sees what it says and does.
async fn try_out(
    whole: &Path,
    damaged: &Path,
    (kind, place): (Kind, &Place),
    way: Way,
    content: &Content,
) -> anyhow::Result<Told> {
    copy(whole, damaged)?;
    place.flip(damaged)?;
    if way != Way::Index {
        std::fs::remove_file(damaged.join("index.redb")).context("take the index away")?;
    }
    told::look(damaged, bounds(way), (kind, place), way, content).await
}

/// Copies a folder with all that is in it.
fn copy(source: &Path, target: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(target)?;
    let mut folders: Vec<PathBuf> = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(source.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.metadata()?.is_dir() {
                std::fs::create_dir_all(target.join(&path))?;
                folders.push(path);
            } else {
                std::fs::copy(entry.path(), target.join(&path))
                    .with_context(|| format!("copy {}", path.display()))?;
            }
        }
    }
    Ok(())
}
