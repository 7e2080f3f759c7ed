//! `commonhold blob put`: hash first, ask what is there, send the rest, then name it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd as _;
use std::path::Path;

use base::{Code, ContentHash, Problem};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use indicatif::HumanBytes;
use serde_json::{Value, json};
use storage_core::folder::{Entry, File, Folder, FolderPath, Limits, plan_upload};
use storage_core::tag::TagName;

use crate::blob::args::PutArgs;
use crate::blob::interrupt::{Interruptible, Moving};
use crate::blob::place::Place;
use crate::blob::source::{Links, Source};
use crate::blob::tally::{Counted, Stop, Tally};
use crate::blob::walk::{self, Skipped, Walked};
use crate::blob::{blocking, what};
use crate::dial::Progress;
use crate::output::{Outcome, Output, Problems, count};

/// Blobs that are sent at once; each takes at most one piece of memory.
const SENDS_MAX: usize = 8;

/// Files that are hashed at once, at most.
const HASHES_MAX: usize = 4;

/// Longest part of a file's name that a tag made of it takes over, in characters.
const NAME_CHARS_MAX: usize = 80;

/// The tools of a put.
struct Put<'a> {
    place: &'a Place,
    progress: &'a Progress,
    output: &'a Output,
    tally: &'a Tally,
    stop: &'a Stop,
    is_dry_run: bool,
    /// Whether what a manifest cannot hold may be left out.
    may_skip: bool,
}

/// What became of it.
struct Stored {
    hash: ContentHash,
    is_folder: bool,
    /// Files, and the bytes of all of them.
    files: u64,
    bytes: u64,
    /// What is not there yet, before it was sent.
    missing_blobs: u64,
    missing_bytes: u64,
    skipped: Vec<Skipped>,
    /// How it is called where nobody gave it a tag.
    name: String,
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Stream,
    File,
    Folder,
}

/// Runs `commonhold blob put`.
pub(crate) async fn run(args: &PutArgs, output: &Output) -> Outcome {
    let given = args.tag.as_deref().map(what::tag_name).transpose()?;
    let kind = kind_of(&args.what)?;
    let progress = Progress::new(*output);
    let place = Place::open(&args.target, &progress).await?;
    let (tally, stop) = (Tally::default(), Stop::default());
    let put = Put {
        place: &place,
        progress: &progress,
        output,
        tally: &tally,
        stop: &stop,
        is_dry_run: args.dry_run,
        may_skip: args.without_links,
    };
    let work = async {
        let stored = match kind {
            Kind::Stream => put.stream().await?,
            Kind::File => put.file(&args.what).await?,
            Kind::Folder => put.folder(&args.what).await?,
        };
        let tag = given.or_else(|| (!args.no_tag).then(|| tag_of(&stored)));
        let tier = put.name(&stored, tag.as_ref()).await?;
        Ok((stored, tag, tier))
    };
    let interruptible = Interruptible {
        output,
        place: &place,
        tally: &tally,
        stop: &stop,
        moving: match kind {
            Kind::Stream => Moving::Stream,
            Kind::File | Kind::Folder => Moving::There,
        },
    };
    let (stored, tag, tier) = interruptible.run(work).await?;
    place.close().await?;
    stored.tell(output, tag.as_ref(), &tier, tally.counted(), args.dry_run);
    Ok(())
}

fn kind_of(path: &Path) -> Result<Kind, Problem> {
    if path == Path::new("-") {
        return Ok(Kind::Stream);
    }
    Ok(if path.is_dir() {
        Kind::Folder
    } else {
        Kind::File
    })
}

impl Put<'_> {
    async fn stream(&self) -> Outcome<Stored> {
        let name = "stdin".to_owned();
        let stdin = stdin()?;
        let (hash, bytes, is_missing) = if self.is_dry_run {
            let (hash, bytes) = hash_stream(stdin).await?;
            (hash, bytes, !self.place.have(&[hash]).await?[0])
        } else {
            self.tally.show(self.output.counter("sending"));
            let sent = self.place.send_stream(stdin, self.tally).await;
            self.tally.hide();
            let (hash, bytes) = sent?;
            (hash, bytes, true)
        };
        Ok(Stored {
            hash,
            is_folder: false,
            files: 1,
            bytes,
            missing_blobs: u64::from(is_missing),
            missing_bytes: if is_missing { bytes } else { 0 },
            skipped: Vec::new(),
            name,
        })
    }

    async fn file(&self, path: &Path) -> Outcome<Stored> {
        let shown = path.display().to_string();
        let source = Source::look(path, shown, Links::Follow)?;
        let bytes = source.bytes();
        let hashed = self.hash(vec![source]).await?;
        let (hash, source) = &hashed[0];
        let is_missing = !self.place.have(&[*hash]).await?[0];
        if is_missing && !self.is_dry_run {
            self.send(&[(*hash, source)], bytes).await?;
        } else if !is_missing {
            self.tally.there(1, bytes);
        }
        Ok(Stored {
            hash: *hash,
            is_folder: false,
            files: 1,
            bytes,
            missing_blobs: u64::from(is_missing),
            missing_bytes: if is_missing { bytes } else { 0 },
            skipped: Vec::new(),
            name: walk::name_of(path).unwrap_or_else(|| "file".to_owned()),
        })
    }

    async fn folder(&self, root: &Path) -> Outcome<Stored> {
        let (path, limits) = (root.to_owned(), Limits::default());
        let walk = move || walk::walk(&path, limits.entries_max).map_err(Problems::from);
        let walked = blocking(walk).await?;
        let Walked {
            files,
            empty,
            skipped,
        } = walked;
        if !self.may_skip && !skipped.is_empty() {
            return Err(skipped.iter().map(refusal).collect::<Vec<_>>().into());
        }
        let (paths, sources): (Vec<String>, Vec<Source>) = files.into_iter().unzip();
        let hashed = self.hash(sources).await?;
        let folder = manifest(&paths, &hashed, &empty, &limits)?;
        let encoded = bytes::Bytes::from(folder.encode());
        let hash = ContentHash::of(&encoded);

        let mut asked: Vec<ContentHash> = folder.blobs().into_keys().collect();
        asked.push(hash);
        let have = self.place.have(&asked).await?;
        let have: BTreeSet<ContentHash> = asked
            .into_iter()
            .zip(have)
            .filter_map(|(hash, is_there)| is_there.then_some(hash))
            .collect();
        let plan = plan_upload(&folder, |hash| have.contains(hash));
        self.tally.there(plan.here.blobs, plan.here.bytes);
        let sources: BTreeMap<ContentHash, &Source> = hashed
            .iter()
            .map(|(hash, source)| (*hash, source))
            .collect();
        let missing: Vec<(ContentHash, &Source)> = plan
            .missing
            .iter()
            .map(|piece| (piece.hash, sources[&piece.hash]))
            .collect();
        let is_missing = !have.contains(&hash);
        if !self.is_dry_run {
            self.send(&missing, plan.missing_sum.bytes).await?;
            if is_missing {
                self.place.send_bytes(&hash, &encoded, self.tally).await?;
            }
        }
        let own = u64::from(is_missing);
        Ok(Stored {
            hash,
            is_folder: true,
            files: hashed.len() as u64,
            bytes: folder.sum().bytes,
            missing_blobs: plan.missing_sum.blobs + own,
            missing_bytes: plan.missing_sum.bytes + own * encoded.len() as u64,
            skipped,
            name: walk::name_of(root).unwrap_or_else(|| "folder".to_owned()),
        })
    }

    /// Hashes files, several at once, in their order.
    async fn hash(&self, sources: Vec<Source>) -> Outcome<Vec<(ContentHash, Source)>> {
        let total = sources.iter().map(Source::bytes).sum();
        let bar = self.progress.begin("hashing", total, true);
        let at_once = std::thread::available_parallelism().map_or(1, usize::from);
        let hashed: Result<Vec<_>, Problem> = stream::iter(sources)
            .map(|source| {
                let (bar, stop) = (bar.clone(), self.stop.clone());
                blocking(move || {
                    let hash = source.hash(&stop, &|bytes| bar.inc(bytes))?;
                    Ok((hash, source))
                })
            })
            .buffered(at_once.min(HASHES_MAX))
            .try_collect()
            .await;
        bar.finish_and_clear();
        Ok(hashed?)
    }

    /// Sends what is missing, several at once.
    async fn send(&self, missing: &[(ContentHash, &Source)], total: u64) -> Result<(), Problem> {
        self.tally.show(self.progress.begin("sending", total, true));
        let sent = stream::iter(missing.iter().map(Ok))
            .try_for_each_concurrent(SENDS_MAX, |(hash, source)| {
                self.place.send_file(hash, source, self.tally)
            })
            .await;
        self.tally.hide();
        sent
    }

    /// Sets the tag; returns how safe the blob is.
    async fn name(&self, stored: &Stored, tag: Option<&TagName>) -> Result<String, Problem> {
        if self.is_dry_run {
            return Ok(String::new());
        }
        if let Some(tag) = tag {
            self.place.set_tag(tag.as_str(), &stored.hash).await?;
        }
        let status = self.place.status(&stored.hash).await?;
        let status = status.ok_or_else(|| what::missing(&stored.hash))?;
        Ok(status.tier)
    }
}

/// Says that something in a folder cannot be kept.
fn refusal(skipped: &Skipped) -> Problem {
    let what = skipped.what;
    let detail = format!("this is {what}");
    Problem::new(Code::WouldNotReturn, detail).at(skipped.path.as_str(), 0)
}

/// Makes the manifest of a folder.
fn manifest(
    paths: &[String],
    hashed: &[(ContentHash, Source)],
    empty: &[String],
    limits: &Limits,
) -> Result<Folder, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut entries = Vec::with_capacity(paths.len() + empty.len());
    let mut path_of = |path: &str| match FolderPath::parse(path, limits) {
        Ok(path) => Some(path),
        Err(error) => {
            let problem = Problem::caused(Code::SourceUnreadable, &error);
            problems.push(problem.at(path, 0));
            None
        }
    };
    for (path, (hash, source)) in paths.iter().zip(hashed) {
        if let Some(path) = path_of(path) {
            entries.push(Entry::File(File {
                path,
                bytes: source.bytes(),
                is_executable: source.is_executable(),
                hash: *hash,
            }));
        }
    }
    for path in empty {
        if let Some(path) = path_of(path) {
            entries.push(Entry::Folder(path));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Folder::new(entries, limits)
        .map_err(|error| vec![Problem::caused(Code::SourceUnreadable, &error)])
}

/// Makes a tag that no other file has: of the name, and of the hash.
fn tag_of(stored: &Stored) -> TagName {
    let shelf = if stored.is_folder { "folders" } else { "files" };
    let clean = |letter: char| {
        let is_plain = letter.is_ascii_alphanumeric() || "-_.+".contains(letter);
        if is_plain { letter } else { '-' }
    };
    let name: String = stored
        .name
        .chars()
        .take(NAME_CHARS_MAX)
        .map(clean)
        .collect();
    let hash = stored.hash.to_string();
    format!("{shelf}/{name}@{}", &hash[..12])
        .parse()
        .expect("plain letters and one slash make a tag")
}

/// Opens standard input for reading beside everything else.
fn stdin() -> Result<tokio::fs::File, Problem> {
    let opened = std::io::stdin().as_fd().try_clone_to_owned();
    let opened = opened.map_err(|error| {
        Problem::new(Code::SourceUnreadable, format!("standard input: {error}"))
    })?;
    Ok(tokio::fs::File::from_std(opened.into()))
}

/// Hashes standard input and keeps nothing of it.
async fn hash_stream(
    mut source: impl tokio::io::AsyncRead + Unpin,
) -> Result<(ContentHash, u64), Problem> {
    use tokio::io::AsyncReadExt as _;
    let (mut hasher, mut total) = (base::ContentHasher::new(), 0);
    let mut step = vec![0; 64 * 1_024];
    loop {
        let read = source.read(&mut step).await.map_err(|error| {
            Problem::new(Code::SourceUnreadable, format!("standard input: {error}"))
        })?;
        if read == 0 {
            return Ok((hasher.finish(), total));
        }
        hasher.update(&step[..read]);
        total += read as u64;
    }
}

impl Stored {
    fn tell(
        &self,
        output: &Output,
        tag: Option<&TagName>,
        tier: &str,
        counted: Counted,
        is_dry_run: bool,
    ) {
        let hash = self.hash.to_string();
        let skipped: Vec<Value> = self
            .skipped
            .iter()
            .map(|skipped| json!({ "path": skipped.path, "what": skipped.what }))
            .collect();
        let document = json!({
            "ok": true,
            "hash": hash,
            "kind": if self.is_folder { what::FOLDER } else { what::BLOB },
            "files": self.files,
            "bytes": self.bytes,
            "tag": tag.map(TagName::as_str),
            "tier": (!is_dry_run).then_some(tier),
            "blobs_missing": self.missing_blobs,
            "bytes_missing": self.missing_bytes,
            "blobs_sent": counted.blobs,
            "bytes_sent": counted.bytes,
            "skipped": skipped,
            "dry_run": is_dry_run,
        });
        let line = match tag.filter(|_| !is_dry_run) {
            Some(tag) => format!("{hash}  {tag}"),
            None => hash,
        };
        output.result(&document, &[line]);
        for Skipped { path, what } in &self.skipped {
            output.remark(&format!("Passed over: {path} is {what}."));
        }
        output.remark(&self.sentence(tier, counted, is_dry_run));
        if tag.is_none() && !is_dry_run {
            output.remark("Nothing names it, so it is collected after a while; keep it with: commonhold blob tag set NAME HASH");
        }
    }

    /// Says what was done.
    fn sentence(&self, tier: &str, counted: Counted, is_dry_run: bool) -> String {
        let files = count(self.files, "file", "files");
        let bytes = HumanBytes(self.bytes);
        if is_dry_run {
            let missing = count(self.missing_blobs, "blob", "blobs");
            let size = HumanBytes(self.missing_bytes);
            return format!("{files}, {bytes}. Would send {missing}, {size}.");
        }
        let mut tier = tier.to_owned();
        if let Some(first) = tier.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        if counted.blobs == 0 {
            return format!("{tier}: {files}, {bytes}. All of it was there already.");
        }
        let sent = count(counted.blobs, "blob", "blobs");
        format!(
            "{tier}: {files}, {bytes}. Sent {sent}, {}.",
            HumanBytes(counted.bytes)
        )
    }
}

#[cfg(test)]
mod tests;
