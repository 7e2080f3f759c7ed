//! `commonhold blob import`: a folder that export made, checked file by file before anything is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base::{Code, ContentHash, Problem};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use indicatif::HumanBytes;
use serde_json::{Value, json};

use crate::blob::args::ImportArgs;
use crate::blob::export::{FORMAT, INDEX, VERSION, path_of};
use crate::blob::interrupt::{Interruptible, Moving};
use crate::blob::place::Place;
use crate::blob::source::{Links, Source};
use crate::blob::tally::{Counted, Stop, Tally};
use crate::blob::{blocking, what};
use crate::dial::Progress;
use crate::output::{Outcome, Output, count};

/// Largest index, in bytes.
const INDEX_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Blobs that are sent at once, and files that are hashed at once.
const SENDS_MAX: usize = 8;
const HASHES_MAX: usize = 4;

/// What an index lists.
#[derive(Debug, Default, PartialEq, Eq)]
struct Index {
    namespace: String,
    blobs: BTreeMap<ContentHash, u64>,
    tags: Vec<(String, ContentHash)>,
    /// What the export itself says that it lacks: how many bytes it had, and why.
    lacks: BTreeMap<ContentHash, (u64, String)>,
}

/// What was imported.
struct Imported {
    blobs: u64,
    bytes: u64,
    tags: u64,
    missing_blobs: u64,
    missing_bytes: u64,
    damaged: Vec<Problem>,
}

/// The tools of an import.
struct Import<'a> {
    place: &'a Place,
    progress: &'a Progress,
    tally: &'a Tally,
    stop: &'a Stop,
    args: &'a ImportArgs,
}

/// Runs `commonhold blob import`.
pub(crate) async fn run(args: &ImportArgs, output: &Output) -> Outcome {
    let index = read_index(&args.folder)?;
    let progress = Progress::new(*output);
    let place = Place::open(&args.target, &progress).await?;
    let (tally, stop) = (Tally::default(), Stop::default());
    let import = Import {
        place: &place,
        progress: &progress,
        tally: &tally,
        stop: &stop,
        args,
    };
    let interruptible = Interruptible {
        output,
        place: &place,
        tally: &tally,
        stop: &stop,
        moving: Moving::There,
    };
    let imported = interruptible.run(import.all(index)).await?;
    place.close().await?;
    imported.tell(output, tally.counted(), args.dry_run);
    Ok(())
}

fn read_index(folder: &Path) -> Result<Index, Problem> {
    let path = folder.join(INDEX);
    let shown = path.display().to_string();
    let unreadable = |detail: String| Problem::new(Code::SourceUnreadable, detail);
    let bytes = disk::read_path(&path, INDEX_BYTES_MAX);
    let bytes = bytes.map_err(|error| error.problem())?;
    let bytes = bytes.ok_or_else(|| {
        let detail = "it does not exist, so this is no whole export";
        unreadable(detail.to_owned()).at(shown.as_str(), 0)
    })?;
    parse(&bytes).map_err(|(line, detail)| unreadable(detail).at(shown.as_str(), line))
}

/// Reads an index; a fault is told with its line.
fn parse(bytes: &[u8]) -> Result<Index, (u32, String)> {
    let mut index = Index::default();
    let mut line_number = 0;
    for line in bytes.split(|byte| *byte == b'\n') {
        line_number += 1;
        if line.is_empty() {
            continue;
        }
        let at = |detail: String| (line_number, detail);
        let value: Value = serde_json::from_slice(line).map_err(|error| at(error.to_string()))?;
        if line_number == 1 {
            if value["format"] != FORMAT {
                return Err(at(format!("this is no index of the format {FORMAT}")));
            }
            if value["version"] != VERSION {
                let detail = format!(
                    "version {} is not known here, only {VERSION}",
                    value["version"]
                );
                return Err(at(detail));
            }
            index.namespace = value["namespace"].as_str().unwrap_or_default().to_owned();
            continue;
        }
        let hash = value["hash"].as_str().unwrap_or_default();
        let hash: ContentHash = hash
            .parse()
            .map_err(|error| at(format!("{hash:?} is {error}")))?;
        if let Some(tag) = value["tag"].as_str() {
            what::tag_name(tag).map_err(|problem| at(problem.detail))?;
            index.tags.push((tag.to_owned(), hash));
        } else if let (Some(bytes), Some(why)) = (value["bytes"].as_u64(), value["lacks"].as_str())
        {
            index.lacks.insert(hash, (bytes, why.to_owned()));
        } else if let Some(bytes) = value["bytes"].as_u64() {
            index.blobs.insert(hash, bytes);
        } else {
            return Err(at(
                "a line is about a blob with its bytes, or about a tag".to_owned()
            ));
        }
    }
    if line_number <= 1 && index == Index::default() {
        return Err((1, format!("this is no index of the format {FORMAT}")));
    }
    Ok(index)
}

impl Import<'_> {
    async fn all(&self, mut index: Index) -> Outcome<Imported> {
        let there = self.lacking(&mut index).await?;
        let checked = self.check(&index).await?;
        let (mut sound, mut damaged) = (BTreeMap::new(), Vec::new());
        for (hash, source) in checked {
            match source {
                Ok(source) => {
                    sound.insert(hash, source);
                }
                Err(problem) => damaged.push(problem),
            }
        }
        damaged.extend(index.lacks.iter().map(|(hash, (_, why))| {
            let detail = format!("the export lacks the blob {hash}: it was {why} in the store");
            Problem::new(Code::BlobCorrupt, detail)
        }));
        if !damaged.is_empty() && !self.args.skip_damaged {
            return Err(damaged.into());
        }
        let hashes: Vec<ContentHash> = sound.keys().copied().collect();
        let have = self.place.have(&hashes).await?;
        let missing: Vec<(&ContentHash, &Source)> = sound
            .iter()
            .zip(&have)
            .filter_map(|(pair, is_there)| (!is_there).then_some(pair))
            .collect();
        let missing_bytes = missing.iter().map(|(_, source)| source.bytes()).sum();
        let bytes = sound.values().map(Source::bytes).sum::<u64>();
        let here = (sound.len() - missing.len()) as u64;
        self.tally.there(here, bytes - missing_bytes);
        let known: BTreeSet<&ContentHash> = sound.keys().chain(&there).collect();
        let is_known = |(_, hash): &&(String, ContentHash)| known.contains(hash);
        let (tags, without): (Vec<_>, Vec<_>) = index.tags.iter().partition(is_known);
        damaged.extend(without.iter().map(|(tag, hash)| {
            let detail = format!("the tag {tag} is left out with its blob {hash}");
            Problem::new(Code::BlobCorrupt, detail)
        }));
        if !self.args.dry_run {
            self.send(&missing, missing_bytes).await?;
            for (tag, hash) in &tags {
                self.place.set_tag(tag, hash).await?;
            }
        }
        Ok(Imported {
            blobs: sound.len() as u64,
            bytes,
            tags: tags.len() as u64,
            missing_blobs: missing.len() as u64,
            missing_bytes,
            damaged,
        })
    }

    /// Looks for what the export lacks: a file that somebody has put there since is checked with the others; what the
    /// store has is not needed, and is returned.
    async fn lacking(&self, index: &mut Index) -> Result<Vec<ContentHash>, Problem> {
        if index.lacks.is_empty() {
            return Ok(Vec::new());
        }
        let folder = self.args.folder.clone();
        let mut lacks = std::mem::take(&mut index.lacks);
        let (lacks, found) = blocking(move || {
            let mut found = BTreeMap::new();
            lacks.retain(|hash, _| {
                let path = folder.join(path_of(hash));
                let shown = path.display().to_string();
                let source = Source::look(&path, shown, Links::Refuse);
                found.extend(source.ok().map(|source| (*hash, source.bytes())));
                !found.contains_key(hash)
            });
            Ok::<_, Problem>((lacks, found))
        })
        .await?;
        index.blobs.extend(found);
        index.lacks = lacks;
        let hashes: Vec<ContentHash> = index.lacks.keys().copied().collect();
        let have = self.place.have(&hashes).await?;
        let there = hashes.into_iter().zip(have);
        let there: Vec<ContentHash> = there
            .filter_map(|(hash, is_there)| is_there.then_some(hash))
            .collect();
        index.lacks.retain(|hash, _| !there.contains(hash));
        Ok(there)
    }

    /// Compares every file with the hash in its name.
    async fn check(
        &self,
        index: &Index,
    ) -> Result<Vec<(ContentHash, Result<Source, Problem>)>, Problem> {
        let total = index.blobs.values().sum();
        let bar = self.progress.begin("checking", total, true);
        let at_once = std::thread::available_parallelism().map_or(1, usize::from);
        let checked = stream::iter(&index.blobs)
            .map(|(hash, bytes)| {
                let (hash, bytes, bar) = (*hash, *bytes, bar.clone());
                let path = self.args.folder.join(path_of(&hash));
                let stop = self.stop.clone();
                blocking(move || {
                    let checked = sound(&path, &hash, bytes, &stop, &|read| bar.inc(read));
                    stop.check()?;
                    Ok((hash, checked))
                })
            })
            .buffered(at_once.min(HASHES_MAX))
            .try_collect()
            .await;
        bar.finish_and_clear();
        checked
    }

    async fn send(&self, missing: &[(&ContentHash, &Source)], total: u64) -> Result<(), Problem> {
        self.tally.show(self.progress.begin("sending", total, true));
        let sent = stream::iter(missing.iter().map(Ok))
            .try_for_each_concurrent(SENDS_MAX, |(hash, source)| {
                self.place.send_file(hash, source, self.tally)
            })
            .await;
        self.tally.hide();
        sent
    }
}

/// Compares a file with its hash and length.
fn sound(
    path: &Path,
    hash: &ContentHash,
    bytes: u64,
    stop: &Stop,
    on_bytes: &dyn Fn(u64),
) -> Result<Source, Problem> {
    let shown = path.display().to_string();
    let source = Source::look(path, shown.clone(), Links::Refuse)?;
    let differs = |detail: String| Problem::new(Code::HashDiffers, detail).at(shown.as_str(), 0);
    if source.bytes() != bytes {
        let found = source.bytes();
        return Err(differs(format!("it has {found} bytes, and had {bytes}")));
    }
    let found = source.hash(stop, on_bytes)?;
    if found != *hash {
        return Err(differs(
            "it is damaged: its bytes have another hash than its name".to_owned(),
        ));
    }
    Ok(source)
}

impl Imported {
    fn tell(&self, output: &Output, counted: Counted, is_dry_run: bool) {
        let damaged: Vec<Value> = self
            .damaged
            .iter()
            .map(|problem| json!({ "code": problem.code.to_string(), "what": problem.to_string() }))
            .collect();
        let document = json!({
            "ok": true,
            "blobs": self.blobs,
            "bytes": self.bytes,
            "tags": self.tags,
            "blobs_missing": self.missing_blobs,
            "bytes_missing": self.missing_bytes,
            "blobs_sent": counted.blobs,
            "bytes_sent": counted.bytes,
            "left_out": damaged,
            "dry_run": is_dry_run,
        });
        for problem in &self.damaged {
            output.warn(problem);
        }
        let blobs = count(self.blobs, "blob", "blobs");
        let tags = count(self.tags, "tag", "tags");
        let size = HumanBytes(self.bytes);
        let line = if is_dry_run {
            let missing = count(self.missing_blobs, "blob", "blobs");
            let wanted = HumanBytes(self.missing_bytes);
            let sound = match self.damaged.len() as u64 {
                0 => "All are sound".to_owned(),
                left => format!("Sound, and {} left out", count(left, "thing", "things")),
            };
            format!("{sound}: {blobs}, {size}, {tags}. Would send {missing}, {wanted}.")
        } else {
            let sent = count(counted.blobs, "blob", "blobs");
            let moved = HumanBytes(counted.bytes);
            format!("Accepted: {blobs}, {size}, {tags}. Sent {sent}, {moved}.")
        };
        output.done(&document, &[line]);
    }
}

#[cfg(test)]
mod tests;
