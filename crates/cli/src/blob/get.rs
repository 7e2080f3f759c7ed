//! `commonhold blob get`: a file to a path or to standard output, or a folder as it was.
//!
//! Invariant: a file of a folder that cannot be had keeps no other from coming, and is named at the end.

use std::collections::VecDeque;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use base::{Code, ContentHash, Problem};
use futures::stream::{self, TryStreamExt as _};
use indicatif::HumanBytes;
use serde_json::json;
use storage_core::folder::{
    Entry, ExportPlan, Folder, Limits, Step, There, is_manifest, plan_export,
};

use crate::blob::args::GetArgs;
use crate::blob::fetch::{Fetch, Wanted, is_of_one_blob};
use crate::blob::interrupt::{Interruptible, Moving};
use crate::blob::place::Place;
use crate::blob::tally::{Counted, Stop, Tally};
use crate::blob::target::{self, Found, Root};
use crate::blob::what::{Named, What};
use crate::blob::{blocking, what};
use crate::dial::Progress;
use crate::output::{Outcome, Output, Problems, count};

/// Files that are fetched at once.
const FETCHES_MAX: usize = 8;

/// Enough of a blob to tell whether it is the manifest of a folder, in bytes.
pub(super) const FIRST_BYTES: usize = 64;

/// The tools of a get.
struct Get<'a> {
    fetch: Fetch<'a>,
    progress: &'a Progress,
    args: &'a GetArgs,
}

/// What became of it.
struct Fetched {
    hash: ContentHash,
    is_folder: bool,
    /// Where it is now; standard output when it is nowhere.
    path: Option<PathBuf>,
    files: u64,
    bytes: u64,
    /// Files that were there and equal.
    kept: u64,
    /// Files that were, or would be, fetched, and their bytes.
    written: u64,
    written_bytes: u64,
}

/// Runs `commonhold blob get`.
pub(crate) async fn run(args: &GetArgs, output: &Output) -> Outcome {
    let what = What::parse(&args.what)?;
    let progress = Progress::new(*output);
    let place = Place::open(&args.target, &progress).await?;
    let (tally, stop) = (Tally::default(), Stop::default());
    let get = Get {
        fetch: Fetch {
            place: &place,
            tally: &tally,
            stop: &stop,
        },
        progress: &progress,
        args,
    };
    let interruptible = Interruptible {
        output,
        place: &place,
        tally: &tally,
        stop: &stop,
        moving: Moving::Here,
    };
    let fetched = interruptible.run(get.all(what, output)).await?;
    place.close().await?;
    fetched.tell(output, tally.counted(), args.dry_run);
    Ok(())
}

impl Get<'_> {
    async fn all(&self, what: What, output: &Output) -> Outcome<Fetched> {
        let named = what.find(self.fetch.place).await?;
        let manifest = if self.args.manifest {
            None
        } else {
            let limits = Limits::default();
            let bytes_max = limits.manifest_bytes_max as u64;
            self.fetch
                .memory(&named.hash, bytes_max, is_manifest, FIRST_BYTES)
                .await?
        };
        let is_stream = self.args.output.as_deref() == Some(Path::new("-"));
        match manifest.filter(|_| !is_stream) {
            Some(bytes) => {
                let folder = Folder::decode(&bytes, &Limits::default()).map_err(|error| {
                    let detail = format!(
                        "{} looks like a folder and is none: {error}; take it as it is with --manifest",
                        named.hash
                    );
                    Problem::new(Code::MalformedBody, detail)
                })?;
                self.folder(&named, &folder, output).await
            }
            None => self.file(&named, output).await,
        }
    }

    async fn file(&self, named: &Named, output: &Output) -> Outcome<Fetched> {
        let status = self.fetch.place.status(&named.hash).await?;
        let bytes = status.ok_or_else(|| what::missing(&named.hash))?.bytes;
        let path = self.args.output.as_deref();
        let mut fetched = Fetched {
            hash: named.hash,
            is_folder: false,
            path: None,
            files: 1,
            bytes,
            kept: 0,
            written: 1,
            written_bytes: bytes,
        };
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            self.print(named, path, output).await?;
            return Ok(fetched);
        };
        fetched.path = Some(path.to_owned());
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.filter(|_| !path.to_string_lossy().ends_with('/') && !path.is_dir());
        let Some(name) = name else {
            let why = "this is a folder; name the file that is to be written";
            return Err(target::refused(&path.display(), &why).into());
        };
        let parent = path.parent().unwrap_or(Path::new("")).to_owned();
        let root = blocking(move || Root::open(&parent)).await?;
        let Some(root) = root else {
            let why = "its folder does not exist";
            return Err(target::refused(&path.display(), &why).into());
        };
        let there = Here {
            root: root.clone(),
            stop: self.fetch.stop.clone(),
            is_dry_run: self.args.dry_run,
        };
        let entry = (named.hash, bytes, None);
        let (owned, shown) = (name.to_owned(), path.display().to_string());
        let there = blocking(move || there.compare(&owned, entry, &|_| {})).await?;
        match there {
            There::Same => {
                fetched.kept = 1;
                fetched.written = 0;
                fetched.written_bytes = 0;
                return Ok(fetched);
            }
            There::Other if !self.args.force => return Err(in_the_way(&shown).into()),
            There::Other | There::Nothing => {}
        }
        if self.args.dry_run {
            return Ok(fetched);
        }
        let wanted = Wanted {
            hash: named.hash,
            spot: root.spot(name),
            is_executable: false,
            is_synced: true,
        };
        self.fetch
            .tally
            .show(self.progress.begin("fetching", bytes, true));
        let done = self.fetch.file(wanted).await;
        self.fetch.tally.hide();
        done?;
        Ok(fetched)
    }

    async fn print(&self, named: &Named, path: Option<&Path>, output: &Output) -> Outcome {
        if output.is_json() {
            let detail = "with --json, standard output is for the document; name a file with -o";
            return Err(Problem::new(Code::PlaceTaken, detail).into());
        }
        if path.is_none() && std::io::stdout().is_terminal() {
            let detail = "a file is not written to a terminal; name one with -o, or say -o - to see it all the same";
            return Err(Problem::new(Code::PlaceTaken, detail).into());
        }
        if !self.args.dry_run {
            self.fetch.print(&named.hash).await?;
        }
        Ok(())
    }

    async fn folder(&self, named: &Named, folder: &Folder, output: &Output) -> Outcome<Fetched> {
        let path = match &self.args.output {
            Some(path) => path.clone(),
            None => PathBuf::from(name_of(named)),
        };
        let plan = self.plan(&path, folder).await?;
        if !plan.occupied.is_empty() {
            let told = |occupied| in_the_way(&path.join(occupied).display().to_string());
            let occupied = plan.occupied.iter().map(|path| path.as_str());
            return Err(occupied.map(told).collect::<Vec<_>>().into());
        }
        let sum = folder.sum();
        let fetched = Fetched {
            hash: named.hash,
            is_folder: true,
            path: Some(path.clone()),
            files: sum.blobs,
            bytes: sum.bytes,
            kept: plan.kept.blobs,
            written: plan.written.blobs,
            written_bytes: plan.written.bytes,
        };
        if !self.args.dry_run {
            let lacking = self.write(&path, plan.steps, fetched.written_bytes).await?;
            if !lacking.is_empty() {
                output.remark(&lacks(&path, fetched.files, lacking.len() as u64));
                return Err(Problems::beside_the_rest(lacking));
            }
        }
        Ok(fetched)
    }

    /// Compares what is there with what is wanted, and plans the rest.
    async fn plan(&self, path: &Path, folder: &Folder) -> Result<ExportPlan, Problem> {
        let (path, folder) = (path.to_owned(), folder.clone());
        let (stop, force) = (self.fetch.stop.clone(), self.args.force);
        let is_dry_run = self.args.dry_run;
        let bar = self.progress.begin("comparing", folder.sum().bytes, true);
        let counted = bar.clone();
        let planned = blocking(move || {
            let Some(root) = Root::open(&path)? else {
                return Ok(plan_export(&folder, |_| There::Nothing));
            };
            let here = Here {
                root,
                stop,
                is_dry_run,
            };
            let mut there = VecDeque::with_capacity(folder.entries().len());
            for entry in folder.entries() {
                let found = here.entry(entry, &|bytes| counted.inc(bytes))?;
                let is_replaced = force && found == There::Other && entry.file().is_some();
                there.push_back(if is_replaced { There::Nothing } else { found });
            }
            // It is asked once for each entry, in order.
            Ok(plan_export(&folder, |_| {
                there.pop_front().expect("each entry was looked at")
            }))
        })
        .await;
        bar.finish_and_clear();
        planned
    }

    /// Writes what is to be written; returns why files are lacking, in the order of their paths.
    async fn write(
        &self,
        path: &Path,
        steps: Vec<Step>,
        total: u64,
    ) -> Result<Vec<Problem>, Problem> {
        let path = path.to_owned();
        let root = blocking(move || Root::make(&path)).await?;
        self.fetch
            .tally
            .show(self.progress.begin("fetching", total, true));
        let lacking = Mutex::new(Vec::new());
        let done = stream::iter(steps.into_iter().map(Ok))
            .try_for_each_concurrent(FETCHES_MAX, |step| self.step(&root, step, &lacking))
            .await;
        self.fetch.tally.hide();
        done?;
        blocking(move || root.sync()).await?;
        let mut lacking = lacking.into_inner().unwrap_or_else(PoisonError::into_inner);
        lacking.sort_by(|one: &Problem, other| one.place.cmp(&other.place));
        Ok(lacking)
    }

    /// Takes one step; a file that cannot be had, while others may be, is put on the list of what is lacking.
    async fn step(
        &self,
        root: &Root,
        step: Step,
        lacking: &Mutex<Vec<Problem>>,
    ) -> Result<(), Problem> {
        match step {
            Step::MakeFolder(path) => {
                let root = root.clone();
                blocking(move || root.folder(path.as_str())).await
            }
            Step::Write(file) => {
                let spot = root.spot(file.path.as_str());
                let shown = spot.shown();
                let wanted = Wanted {
                    hash: file.hash,
                    spot,
                    is_executable: file.is_executable,
                    is_synced: false,
                };
                match self.fetch.file(wanted).await {
                    Err(problem) if is_of_one_blob(&problem) => {
                        let mut lacking = lacking.lock().unwrap_or_else(PoisonError::into_inner);
                        lacking.push(problem.at(shown, 0));
                        Ok(())
                    }
                    done => done,
                }
            }
        }
    }
}

/// What is on this machine.
struct Here {
    root: Root,
    stop: Stop,
    /// Whether nothing may be put right.
    is_dry_run: bool,
}

impl Here {
    fn entry(&self, entry: &Entry, on_bytes: &dyn Fn(u64)) -> Result<There, Problem> {
        match entry {
            Entry::File(file) => {
                let wanted = (file.hash, file.bytes, Some(file.is_executable));
                self.compare(file.path.as_str(), wanted, on_bytes)
            }
            Entry::Folder(path) => Ok(match self.root.spot(path.as_str()).look()? {
                Found::Nothing => There::Nothing,
                Found::Folder => There::Same,
                Found::File { .. } | Found::Other => There::Other,
            }),
        }
    }

    /// Compares a file; one that differs in nothing but who may run it is put right.
    fn compare(
        &self,
        path: &str,
        (hash, bytes, is_executable): (ContentHash, u64, Option<bool>),
        on_bytes: &dyn Fn(u64),
    ) -> Result<There, Problem> {
        let spot = self.root.spot(path);
        let found = match spot.look()? {
            Found::Nothing => return Ok(There::Nothing),
            Found::Folder | Found::Other => return Ok(There::Other),
            Found::File { bytes: found, .. } if found != bytes => return Ok(There::Other),
            Found::File {
                is_executable: found,
                ..
            } => found,
        };
        if spot.hash(&self.stop, on_bytes)? != Some(hash) {
            return Ok(There::Other);
        }
        let differs = |wanted: &bool| *wanted != found && !self.is_dry_run;
        if let Some(is_executable) = is_executable.filter(differs) {
            spot.set_executable(is_executable)?;
        }
        Ok(There::Same)
    }
}

/// Says that something else is where a file should be.
fn in_the_way(shown: &str) -> Problem {
    let why = "something else is there";
    target::refused(&shown, &why)
}

/// Says how much of a folder is there.
fn lacks(path: &Path, files: u64, lacking: u64) -> String {
    let path = path.display();
    let there = files - lacking;
    let files = count(files, "file", "files");
    format!("{path} holds {there} of {files}; run the command again when the others can be had.")
}

/// Names a folder where nobody does: by the last part of its tag, or by its hash.
fn name_of(named: &Named) -> String {
    let last = named
        .tag
        .as_ref()
        .and_then(|tag| tag.as_str().rsplit('/').next());
    last.map_or_else(|| named.hash.to_string()[..16].to_owned(), str::to_owned)
}

impl Fetched {
    fn tell(&self, output: &Output, counted: Counted, is_dry_run: bool) {
        let document = json!({
            "ok": true,
            "hash": self.hash.to_string(),
            "kind": if self.is_folder { what::FOLDER } else { what::BLOB },
            "path": self.path,
            "files": self.files,
            "bytes": self.bytes,
            "files_kept": self.kept,
            "files_written": self.written,
            "bytes_fetched": counted.bytes,
            "dry_run": is_dry_run,
        });
        let Some(path) = &self.path else {
            return;
        };
        let path = path.display();
        let files = count(self.written, "file", "files");
        let size = HumanBytes(self.written_bytes);
        let line = if is_dry_run {
            format!("Would write {files}, {size}, to {path}.")
        } else if self.written == 0 {
            format!("{path} is as it should be; nothing was fetched.")
        } else {
            let mut line =
                format!("{path} is here: {files}, {size}, every byte compared with its hash.");
            if counted.bytes < self.written_bytes {
                // The rest came with an earlier command.
                line += &format!(" {} of that came just now.", HumanBytes(counted.bytes));
            }
            if self.kept > 0 {
                let kept = count(self.kept, "file was", "files were");
                line += &format!(" {kept} there already.");
            }
            line
        };
        output.done(&document, &[line]);
    }
}

#[cfg(test)]
mod tests;
