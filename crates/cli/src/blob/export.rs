//! `commonhold blob export`: a namespace as a plain folder that any program can read.
//!
//! `blobs/<first two digits>/<hash>` are the bytes; `index.jsonl` has a line about the export, one for each blob and
//! one for each tag. The index is written last, so a folder with an index is whole, but for the blobs of which it says
//! itself that the export lacks them: those that are damaged in the store and not in the folder from before.
//!
//! Invariant: an export that lacks something ends with an error that names it, and says so in the index.

use std::collections::BTreeSet;
use std::path::Path;

use base::{Code, ContentHash, Problem};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use indicatif::HumanBytes;
use serde_json::json;

use crate::blob::args::BlobTarget;
use crate::blob::blocking;
use crate::blob::fetch::{Fetch, Wanted};
use crate::blob::interrupt::{Interruptible, Moving};
use crate::blob::list::{PAGE_ITEMS, all_tags};
use crate::blob::place::Place;
use crate::blob::tally::{Counted, Stop, Tally};
use crate::blob::target::{Found, Root};
use crate::dial::Progress;
use crate::output::{Outcome, Output, count};

/// Name of the index.
pub(super) const INDEX: &str = "index.jsonl";

/// What the first line of an index says it is.
pub(super) const FORMAT: &str = "commonhold-blobs";

/// The version of the format that is written.
pub(super) const VERSION: u64 = 1;

/// Blobs that are fetched at once.
const FETCHES_MAX: usize = 8;

/// What was exported.
#[derive(Default)]
struct Exported {
    namespace: String,
    blobs: u64,
    bytes: u64,
    tags: u64,
    /// Blobs that were there and equal.
    kept: u64,
    /// Blobs that were collected in the meantime.
    gone: u64,
    /// What the index has, so that nothing is in it twice.
    known: BTreeSet<ContentHash>,
    lacks: Vec<Lack>,
}

/// A blob that the store should have and cannot give.
struct Lack {
    hash: ContentHash,
    bytes: u64,
    /// What is wrong with it, in a word of the index.
    why: &'static str,
}

/// Its bytes are not those of its hash any more.
const DAMAGED: &str = "damaged";

/// A tag names it, and it is not there.
const MISSING: &str = "missing";

/// Returns where a blob lies in an exported folder.
pub(super) fn path_of(hash: &ContentHash) -> String {
    let hash = hash.to_string();
    format!("blobs/{}/{hash}", &hash[..2])
}

/// Runs `commonhold blob export`.
pub(crate) async fn run(folder: &Path, target: &BlobTarget, output: &Output) -> Outcome {
    let progress = Progress::new(*output);
    let place = Place::open(target, &progress).await?;
    let (tally, stop) = (Tally::default(), Stop::default());
    let fetch = Fetch {
        place: &place,
        tally: &tally,
        stop: &stop,
    };
    let interruptible = Interruptible {
        output,
        place: &place,
        tally: &tally,
        stop: &stop,
        moving: Moving::Here,
    };
    let work = async { Ok(all(fetch, &progress, folder).await?) };
    let exported = interruptible.run(work).await?;
    place.close().await?;
    exported.tell(folder, output, tally.counted())
}

async fn all(fetch: Fetch<'_>, progress: &Progress, folder: &Path) -> Result<Exported, Problem> {
    let usage = fetch.place.usage().await?;
    let path = folder.to_owned();
    let root = blocking(move || Root::make(&path)).await?;
    fetch
        .tally
        .show(progress.begin("exporting", usage.live_bytes, true));
    let mut exported = Exported {
        namespace: usage.namespace.clone(),
        ..Exported::default()
    };
    let head = json!({
        "format": FORMAT,
        "version": VERSION,
        "namespace": usage.namespace,
    });
    let mut index = format!("{head}\n");
    let done = async {
        blobs(fetch, &root, Which::Served, &mut exported, &mut index).await?;
        blobs(fetch, &root, Which::Damaged, &mut exported, &mut index).await?;
        tags(fetch, &root, &mut exported, &mut index).await
    };
    let done = done.await;
    fetch.tally.hide();
    done?;
    for lack in &exported.lacks {
        let line = json!({ "hash": lack.hash.to_string(), "bytes": lack.bytes, "lacks": lack.why });
        index.push_str(&format!("{line}\n"));
    }
    blocking(move || {
        root.sync()?;
        // It takes the place of an older one at once.
        let bytes = index.as_bytes();
        let mut half = root
            .spot(INDEX)
            .half(&ContentHash::of(bytes), &Stop::default(), &|_| {})?;
        half.reset()?;
        half.append(bytes)?;
        half.commit(false, true)
    })
    .await?;
    Ok(exported)
}

/// Which blobs are listed.
#[derive(Clone, Copy)]
enum Which {
    Served,
    Damaged,
}

/// Fetches all blobs of a list, page by page.
async fn blobs(
    fetch: Fetch<'_>,
    root: &Root,
    which: Which,
    exported: &mut Exported,
    index: &mut String,
) -> Result<(), Problem> {
    let mut after: Option<String> = None;
    loop {
        let page = match which {
            Which::Served => fetch.place.list(after.as_deref(), PAGE_ITEMS, "").await?,
            Which::Damaged => {
                let place = fetch.place;
                place.list_damaged(after.as_deref(), PAGE_ITEMS, "").await?
            }
        };
        let fetched: Vec<Fetched> = stream::iter(page.items)
            .map(|item| one(fetch, root, item.hash, item.bytes))
            .buffered(FETCHES_MAX)
            .try_collect()
            .await?;
        for fetched in fetched {
            exported.add(fetched, index);
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

/// Writes the lines of all tags. What one names is there; it may be newer than the list of blobs.
async fn tags(
    fetch: Fetch<'_>,
    root: &Root,
    exported: &mut Exported,
    index: &mut String,
) -> Result<(), Problem> {
    for tag in all_tags(fetch.place, "").await? {
        let hash = parsed(&tag.hash)?;
        if !exported.known.contains(&hash) {
            let status = fetch.place.status(&hash).await?;
            let fetched = match status.filter(|status| !status.is_trashed) {
                Some(status) => one(fetch, root, tag.hash.clone(), status.bytes).await?,
                None => Fetched::Gone,
            };
            let fetched = match fetched {
                Fetched::Gone => Fetched::Lacking(Lack {
                    hash,
                    bytes: 0,
                    why: MISSING,
                }),
                fetched => fetched,
            };
            exported.add(fetched, index);
        }
        exported.tags += 1;
        let line = json!({ "tag": tag.name, "hash": tag.hash });
        index.push_str(&format!("{line}\n"));
    }
    Ok(())
}

/// What became of one blob.
enum Fetched {
    /// It is in the folder.
    Here {
        hash: ContentHash,
        bytes: u64,
        is_kept: bool,
    },
    /// It was collected in the meantime.
    Gone,
    /// It is damaged, and the folder did not have it from before.
    Lacking(Lack),
}

impl Exported {
    /// Counts a blob and writes its line.
    fn add(&mut self, fetched: Fetched, index: &mut String) {
        match fetched {
            Fetched::Here {
                hash,
                bytes,
                is_kept,
            } => {
                if self.known.insert(hash) {
                    let line = json!({ "hash": hash.to_string(), "bytes": bytes });
                    index.push_str(&format!("{line}\n"));
                    self.blobs += 1;
                    self.bytes += bytes;
                    self.kept += u64::from(is_kept);
                }
            }
            Fetched::Gone => self.gone += 1,
            Fetched::Lacking(lack) => {
                if self.known.insert(lack.hash) {
                    self.lacks.push(lack);
                }
            }
        }
    }
}

fn parsed(hash: &str) -> Result<ContentHash, Problem> {
    hash.parse().map_err(|error| {
        Problem::new(
            Code::ServerAnswer,
            format!("a list holds {hash:?}: {error}"),
        )
    })
}

/// Fetches one blob, unless it is there. A file from before is as good as the blob when it has its hash.
async fn one(fetch: Fetch<'_>, root: &Root, hash: String, bytes: u64) -> Result<Fetched, Problem> {
    let hash = parsed(&hash)?;
    let spot = root.spot(&path_of(&hash));
    let (looked, stop) = (spot.clone(), fetch.stop.clone());
    let is_kept = blocking(move || match looked.look()? {
        Found::File { bytes: found, .. } if found == bytes => {
            let found = looked.hash(&stop, &|_| {})?;
            Ok::<_, Problem>(found == Some(hash))
        }
        Found::Nothing | Found::File { .. } | Found::Folder | Found::Other => Ok(false),
    })
    .await?;
    let fetched = Fetched::Here {
        hash,
        bytes,
        is_kept,
    };
    if is_kept {
        fetch.tally.there(1, bytes);
        fetch.tally.advance(bytes);
        return Ok(fetched);
    }
    let wanted = Wanted {
        hash,
        spot,
        is_executable: false,
        is_synced: false,
    };
    match fetch.file(wanted).await {
        Ok(()) => Ok(fetched),
        Err(problem) if problem.code == Code::BlobCorrupt => Ok(Fetched::Lacking(Lack {
            hash,
            bytes,
            why: DAMAGED,
        })),
        Err(problem) if matches!(problem.code, Code::NothingNamed | Code::NotFound) => {
            Ok(Fetched::Gone)
        }
        Err(problem) => Err(problem),
    }
}

impl Exported {
    /// Says what was exported; what is lacking is a fault.
    fn tell(&self, folder: &Path, output: &Output, counted: Counted) -> Outcome {
        let document = json!({
            "ok": true,
            "folder": folder,
            "namespace": self.namespace,
            "blobs": self.blobs,
            "bytes": self.bytes,
            "tags": self.tags,
            "blobs_kept": self.kept,
            "blobs_gone": self.gone,
            "bytes_fetched": counted.bytes,
        });
        let blobs = count(self.blobs, "blob", "blobs");
        let tags = count(self.tags, "tag", "tags");
        let (folder, size) = (folder.display(), HumanBytes(self.bytes));
        let fetched = HumanBytes(counted.bytes);
        let mut lines = vec![format!(
            "{folder} holds {blobs}, {size}, and {tags} of {}; {fetched} were fetched.",
            self.namespace
        )];
        if self.gone > 0 {
            let gone = count(self.gone, "blob was", "blobs were");
            lines.push(format!("{gone} collected in the meantime and left out."));
        }
        if self.lacks.is_empty() {
            output.done(&document, &lines);
            return Ok(());
        }
        for line in &lines {
            output.remark(line);
        }
        Err(self
            .lacks
            .iter()
            .map(Lack::problem)
            .collect::<Vec<_>>()
            .into())
    }
}

impl Lack {
    fn problem(&self) -> Problem {
        let Self { hash, why, .. } = self;
        let detail = format!("the blob {hash} is {why} in the store, and the export lacks it");
        Problem::new(Code::BlobCorrupt, detail)
    }
}
