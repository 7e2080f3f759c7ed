//! `commonhold blob export`: a namespace as a plain folder that any program can read.
//!
//! `blobs/<first two digits>/<hash>` are the bytes; `index.jsonl` has a line about the export, one for each blob and
//! one for each tag. The index is written last, so a folder with an index is whole.

use std::path::Path;

use base::{Code, ContentHash, Problem};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use indicatif::HumanBytes;
use serde_json::{Value, json};

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
}

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
    exported.tell(folder, output, tally.counted());
    Ok(())
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
    let done = blobs(fetch, &root, &mut exported, &mut index).await;
    fetch.tally.hide();
    done?;
    for tag in all_tags(fetch.place, "").await? {
        exported.tags += 1;
        let line = json!({ "tag": tag.name, "hash": tag.hash });
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

/// Fetches all blobs, page by page.
async fn blobs(
    fetch: Fetch<'_>,
    root: &Root,
    exported: &mut Exported,
    index: &mut String,
) -> Result<(), Problem> {
    let mut after: Option<String> = None;
    loop {
        let page = fetch.place.list(after.as_deref(), PAGE_ITEMS, "").await?;
        let fetched: Vec<Option<Fetched>> = stream::iter(page.items)
            .map(|item| one(fetch, root, item.hash, item.bytes))
            .buffered(FETCHES_MAX)
            .try_collect()
            .await?;
        for fetched in fetched {
            let Some(Fetched {
                line,
                bytes,
                is_kept,
            }) = fetched
            else {
                exported.gone += 1;
                continue;
            };
            index.push_str(&format!("{line}\n"));
            exported.blobs += 1;
            exported.bytes += bytes;
            exported.kept += u64::from(is_kept);
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

struct Fetched {
    line: Value,
    bytes: u64,
    is_kept: bool,
}

/// Fetches one blob, unless it is there; nothing when it was collected in the meantime.
async fn one(
    fetch: Fetch<'_>,
    root: &Root,
    hash: String,
    bytes: u64,
) -> Result<Option<Fetched>, Problem> {
    let hash: ContentHash = hash.parse().map_err(|error| {
        Problem::new(
            Code::ServerAnswer,
            format!("a list holds {hash:?}: {error}"),
        )
    })?;
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
    let line = json!({ "hash": hash.to_string(), "bytes": bytes });
    let fetched = Fetched {
        line,
        bytes,
        is_kept,
    };
    if is_kept {
        fetch.tally.there(1, bytes);
        fetch.tally.advance(bytes);
        return Ok(Some(fetched));
    }
    let wanted = Wanted {
        hash,
        spot,
        is_executable: false,
        is_synced: false,
    };
    match fetch.file(wanted).await {
        Ok(()) => Ok(Some(fetched)),
        Err(problem) if problem.code == Code::NotFound => Ok(None),
        Err(problem) => Err(problem),
    }
}

impl Exported {
    fn tell(&self, folder: &Path, output: &Output, counted: Counted) {
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
        output.done(&document, &lines);
    }
}
