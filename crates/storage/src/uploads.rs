//! Uploads that can be resumed: tus 1.0 over [`storage_core::upload`], with the bytes in files of their own until they
//! are complete and become a blob.
//!
//! # Invariants
//!
//! * An offset is told after the bytes before it are on stable storage, and what is kept says so too.
//! * Each upload has its lock; whoever writes to its files holds it, so that a sender who was taken over from cannot
//!   write into what came after.
//! * What has begun counts against its namespace's quota until it is a blob or over.

mod append;
mod finish;
mod kept;
mod stage;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::{Code, ContentHash, Duration, Problem, Timestamp};
use blobs::Blobs;
use disk::DiskFile;
use runtime::{Blocking, Clock};
use storage_core::clock::{self, SlowClock, SlowTime};
use storage_core::namespace::Namespace;
use storage_core::upload::{Creation, Length, Limits, Phase, RestoreError, SnapshotPhase, Upload};
use tokio::sync::OwnedMutexGuard;

use crate::Config;
use crate::routes::NAME_IT;
use kept::{DecodeError, Kept};
use stage::Stage;

pub(crate) use append::Incoming;
pub(crate) use finish::promised;
pub(crate) use stage::problem as fault;

/// How many threads wait for the disk on behalf of uploads.
const FILE_TASKS_MAX: usize = 8;

/// Bytes of an id; nobody guesses it.
const ID_BYTES: usize = 16;

/// All uploads. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Uploads(Arc<Inner>);

struct Inner {
    stage: Stage,
    limits: Limits,
    /// Most of one namespace.
    uploads_max: usize,
    checkpoint_bytes: u64,
    files: Blocking,
    clock: Clock,
    slow: Mutex<SlowClock>,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

/// One upload.
pub(crate) struct Slot {
    pub(crate) id: String,
    pub(crate) namespace: Namespace,
    machine: Arc<tokio::sync::Mutex<Upload>>,
    /// How much of the quota it holds, in bytes.
    reserved: AtomicU64,
    /// Whether its hash was told before its bytes.
    is_named: bool,
    /// Whether it brings what the namespace had when it was begun, and so takes nothing of the quota.
    is_known: bool,
    /// While it is neither a blob nor over.
    open: AtomicBool,
    /// Whether what is written down is older than what is known; nothing is told before that is made up for.
    unsaved: AtomicBool,
    /// Whether it is a blob or over, and its bytes are still to be removed.
    is_untidy: AtomicBool,
}

/// How an upload is, as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) offset: u64,
    pub(crate) length: Length,
    /// Its metadata, as it came.
    pub(crate) metadata: String,
    /// When it is given up, if nothing more is heard.
    pub(crate) expires: Timestamp,
    /// The blob that it has become.
    pub(crate) stored: Option<ContentHash>,
}

/// A file that is longer than what counts of it.
struct Cut {
    file: Arc<dyn DiskFile>,
    len: u64,
}

/// An upload that is locked.
type Held = OwnedMutexGuard<Upload>;

impl Uploads {
    /// Finds the uploads that were begun.
    ///
    /// # Errors
    /// When the folder cannot be read, or was written by a newer version.
    pub(crate) async fn open(
        config: &Config,
        blobs: &Blobs,
        clock: Clock,
    ) -> Result<Self, Problem> {
        let limits = Limits {
            bytes_max: blobs.limits().blob_bytes_max,
            expires_after: Duration::from_secs(config.upload_idle_secs),
            ..Limits::default()
        };
        let files = Blocking::new(FILE_TASKS_MAX);
        let disk = blobs.disk();
        let found = files.run(move || {
            let stage = Stage::open(disk).map_err(|error| stage::problem(&error))?;
            let found = restore(&stage, &limits)?;
            Ok::<_, Problem>((stage, found))
        });
        let (stage, found) = found.await?;
        let mut slow = SlowClock::new(clock::Limits::default());
        if let Some((shown, last)) = found.iter().map(|found| found.seen).max() {
            slow = SlowClock::resume(clock::Limits::default(), shown, last);
        }
        let slots = found.into_iter().map(|found| {
            let slot = Slot::new(found.id.clone(), found.namespace, found.upload, false);
            (found.id, Arc::new(slot))
        });
        Ok(Self(Arc::new(Inner {
            slots: Mutex::new(slots.collect()),
            stage,
            limits,
            uploads_max: config.uploads_max as usize,
            checkpoint_bytes: config.upload_checkpoint_bytes.max(1),
            files,
            clock,
            slow: Mutex::new(slow),
        })))
    }

    /// Begins an upload.
    ///
    /// # Errors
    /// [`Code::BodyTooLarge`], [`Code::UploadsTooMany`], [`Code::QuotaReached`], or what the disk says.
    pub(crate) async fn create(
        &self,
        blobs: &Blobs,
        namespace: &Namespace,
        creation: Creation,
    ) -> Result<Arc<Slot>, Problem> {
        let length = creation.length;
        let upload = Upload::create(self.now(), creation, &self.0.limits);
        let upload = upload.map_err(|error| Problem::new(Code::BodyTooLarge, error.to_string()))?;
        let is_known = match finish::promised(upload.metadata())?.expected {
            Some(expected) => blobs
                .counts(&expected)
                .await
                .map_err(|error| error.problem())?,
            None => false,
        };
        let slot = Slot::new(new_id()?, namespace.clone(), upload, is_known);
        let slot = Arc::new(slot);
        self.admit(blobs, &slot)?;
        let held = slot.lock().await;
        let (stage, id) = (self.0.stage.clone(), slot.id.clone());
        let kept = self.kept(&slot, &held);
        let made = self.0.files.run(move || {
            let wanted = length.known().unwrap_or(0);
            if stage.free_bytes()? < wanted {
                return Err(std::io::ErrorKind::StorageFull.into());
            }
            stage.create(&id, &kept)?;
            drop(held);
            Ok(())
        });
        if let Err(error) = made.await {
            self.slots().remove(&slot.id);
            self.discard(&slot).await;
            return Err(stage::problem(&error));
        }
        Ok(slot)
    }

    /// Gives a new upload its place, unless its namespace has too many or no room.
    fn admit(&self, blobs: &Blobs, slot: &Arc<Slot>) -> Result<(), Problem> {
        let mut slots = self.slots();
        let begun = slots
            .values()
            .filter(|other| other.namespace == slot.namespace && other.is_open())
            .count();
        if begun >= self.0.uploads_max {
            let detail = format!("{begun} uploads have begun and are not finished");
            return Err(Problem::new(Code::UploadsTooMany, detail));
        }
        let wanted = slot.reserved.load(Ordering::SeqCst);
        if !slot.is_known {
            room(&slots, blobs, slot, wanted)?;
        }
        slots.insert(slot.id.clone(), Arc::clone(slot));
        Ok(())
    }

    /// Holds more of the quota for an upload whose length nobody told.
    fn grow(&self, blobs: &Blobs, slot: &Slot, bytes: u64) -> Result<(), Problem> {
        if slot.is_known {
            return Ok(());
        }
        let slots = self.slots();
        let before = slot.reserved.load(Ordering::SeqCst);
        let Some(more) = bytes.checked_sub(before) else {
            return Ok(());
        };
        room(&slots, blobs, slot, more)?;
        slot.reserved.store(bytes, Ordering::SeqCst);
        Ok(())
    }

    /// Returns the bounds of an upload.
    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Returns an upload by its id.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Slot>> {
        self.slots().get(id).cloned()
    }

    /// Returns all uploads.
    pub(crate) fn all(&self) -> Vec<Arc<Slot>> {
        self.slots().values().cloned().collect()
    }

    /// Returns how many bytes of a namespace's quota unfinished uploads hold.
    pub(crate) fn reserved(&self, namespace: &Namespace) -> u64 {
        reserved(&self.slots(), namespace)
    }

    /// Returns how many uploads are unfinished, and how many bytes they hold.
    pub(crate) fn unfinished(&self) -> (u64, u64) {
        let slots = self.slots();
        let open = slots.values().filter(|slot| slot.is_open());
        open.fold((0, 0), |(count, bytes), slot| {
            (count + 1, bytes + slot.reserved.load(Ordering::SeqCst))
        })
    }

    /// Tells how an upload is, and writes that down before if it could not be written down when it became so.
    ///
    /// # Errors
    /// [`Code::UploadOver`] when it has ended or expired, or what the disk says.
    pub(crate) async fn standing(&self, slot: &Slot) -> Result<Standing, Problem> {
        let mut held = slot.lock().await;
        if slot.unsaved.load(Ordering::SeqCst) {
            held = match self.save(slot, held, None).await {
                Ok(held) => held,
                Err(problem) => {
                    let held = slot.lock().await;
                    // What is a blob is safe: after a restart it is stored once more, which changes nothing.
                    if !matches!(held.phase(), Phase::Stored(_)) {
                        return Err(problem);
                    }
                    held
                }
            };
        }
        let now = self.now();
        if held.phase() == Phase::Ended || held.is_expired(now) {
            return Err(over());
        }
        Ok(Standing {
            offset: held.offset(),
            length: held.length(),
            metadata: held.metadata().header(),
            expires: self.0.clock.now() + held.expires_in(now),
            stored: match held.phase() {
                Phase::Stored(hash) => Some(hash),
                Phase::Receiving | Phase::Complete | Phase::Finishing | Phase::Ended => None,
            },
        })
    }

    /// Ends an upload and gives its room back; a blob that it has become stays.
    ///
    /// # Errors
    /// [`Code::UploadBusy`] while its bytes are being stored.
    pub(crate) async fn end(&self, slot: &Slot) -> Result<(), Problem> {
        let mut held = slot.lock().await;
        let ended = held.terminate();
        ended.map_err(|error| Problem::new(Code::UploadBusy, error.to_string()))?;
        self.remove(slot, held).await
    }

    /// Removes all uploads that expired; returns those that are complete and not stored.
    pub(crate) async fn sweep(&self) -> Vec<Arc<Slot>> {
        let mut complete = Vec::new();
        for slot in self.all() {
            let held = slot.lock().await;
            if held.is_expired(self.now()) {
                if let Err(problem) = self.remove(&slot, held).await {
                    tracing::warn!(%problem, "an upload that expired could not be removed");
                }
            } else if held.phase() == Phase::Complete {
                complete.push(Arc::clone(&slot));
            } else if slot.is_untidy.load(Ordering::SeqCst)
                && let Err(problem) = self.tidy(&slot, held).await
            {
                tracing::warn!(%problem, "what is left of an upload could not be removed");
            }
        }
        complete
    }

    async fn remove(&self, slot: &Slot, held: Held) -> Result<(), Problem> {
        let (stage, id) = (self.0.stage.clone(), slot.id.clone());
        let removed = self.0.files.run(move || {
            let removed = stage.remove(&id);
            drop(held);
            removed
        });
        removed.await.map_err(|error| stage::problem(&error))?;
        self.slots().remove(&slot.id);
        Ok(())
    }

    /// Writes down that an upload is a blob or over, and removes its bytes, which nobody needs any more.
    async fn tidy(&self, slot: &Slot, held: Held) -> Result<(), Problem> {
        slot.is_untidy.store(true, Ordering::SeqCst);
        let is_stored = matches!(held.phase(), Phase::Stored(_));
        let mut held = held;
        if !is_stored {
            // First, because what was refused must not take room where nothing can be written down.
            held = self.remove_bytes(slot, held).await?;
        }
        held = self.save(slot, held, None).await?;
        if is_stored {
            drop(self.remove_bytes(slot, held).await?);
        }
        slot.is_untidy.store(false, Ordering::SeqCst);
        Ok(())
    }

    async fn remove_bytes(&self, slot: &Slot, held: Held) -> Result<Held, Problem> {
        let (stage, id) = (self.0.stage.clone(), slot.id.clone());
        let removed = self.0.files.run(move || (stage.remove_bytes(&id), held));
        let (removed, held) = removed.await;
        removed.map_err(|error| stage::problem(&error))?;
        Ok(held)
    }

    /// Throws away what a creation that failed may have left.
    async fn discard(&self, slot: &Slot) {
        let (stage, id) = (self.0.stage.clone(), slot.id.clone());
        let removed = self.0.files.run(move || stage.remove(&id)).await;
        if let Err(error) = removed {
            tracing::warn!(%error, "what is left of an upload could not be removed");
        }
    }

    /// Writes an upload down as it is now, after `file` was cut to a length where that is wanted.
    async fn save(&self, slot: &Slot, held: Held, cut: Option<Cut>) -> Result<Held, Problem> {
        let kept = self.kept(slot, &held);
        let (stage, id) = (self.0.stage.clone(), slot.id.clone());
        slot.unsaved.store(true, Ordering::SeqCst);
        let saved = self.0.files.run(move || {
            let cut = cut.map_or(Ok(()), |cut| cut.file.set_len(cut.len));
            (cut.and_then(|()| stage.save(&id, &kept)), held)
        });
        let (saved, held) = saved.await;
        saved.map_err(|error| stage::problem(&error))?;
        slot.unsaved.store(false, Ordering::SeqCst);
        Ok(held)
    }

    /// Returns what is to be written down of an upload now.
    fn kept(&self, slot: &Slot, upload: &Upload) -> Kept {
        let slow = self.slow();
        Kept {
            namespace: slot.namespace.clone(),
            snapshot: upload.snapshot(),
            seen: (slow.shown(), slow.last()),
        }
    }

    fn now(&self) -> SlowTime {
        let now = self.0.clock.now();
        self.slow().advance(now)
    }

    fn slow(&self) -> MutexGuard<'_, SlowClock> {
        self.0.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<String, Arc<Slot>>> {
        self.0.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn new(id: String, namespace: Namespace, upload: Upload, is_known: bool) -> Self {
        let is_open = matches!(
            upload.phase(),
            Phase::Receiving | Phase::Complete | Phase::Finishing
        );
        let wanted = upload.length().known().unwrap_or(upload.offset());
        let reserved = if is_open && !is_known { wanted } else { 0 };
        Self {
            id,
            namespace,
            reserved: AtomicU64::new(reserved),
            is_named: upload.metadata().get("sha256").is_some(),
            is_known,
            open: AtomicBool::new(is_open),
            unsaved: AtomicBool::new(false),
            is_untidy: AtomicBool::new(false),
            machine: Arc::new(tokio::sync::Mutex::new(upload)),
        }
    }

    async fn lock(&self) -> Held {
        Arc::clone(&self.machine).lock_owned().await
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::SeqCst)
    }

    /// Gives the room back that was held for it.
    fn close(&self) {
        self.reserved.store(0, Ordering::SeqCst);
        self.open.store(false, Ordering::SeqCst);
    }
}

/// An upload that was found.
struct Restored {
    id: String,
    namespace: Namespace,
    upload: Upload,
    seen: (SlowTime, Option<Timestamp>),
}

/// Reads what lies there; what cannot go on is removed. Blocks.
fn restore(stage: &Stage, limits: &Limits) -> Result<Vec<Restored>, Problem> {
    let problem = |error| stage::problem(&error);
    let mut restored = Vec::new();
    for found in stage.find().map_err(problem)? {
        let id = found.id;
        let kept = found.state.map(|state| Kept::decode(&state, limits));
        let reason = match kept {
            None => "it was never begun".to_owned(),
            Some(Err(DecodeError::Newer)) => {
                let detail = format!("the upload {id} was written by a newer version");
                return Err(Problem::new(Code::StoreNewer, detail));
            }
            Some(Err(error)) => error.to_string(),
            Some(Ok(kept)) if kept.snapshot.phase == SnapshotPhase::Ended => {
                "it was ended".to_owned()
            }
            Some(Ok(kept)) => match revive(stage, &id, &kept, found.staged_bytes) {
                Ok(Ok(upload)) => {
                    restored.push(Restored {
                        id,
                        namespace: kept.namespace,
                        upload,
                        seen: kept.seen,
                    });
                    continue;
                }
                Ok(Err(error)) => error.to_string(),
                Err(error) => return Err(problem(error)),
            },
        };
        tracing::info!(reason, "an upload cannot go on and is removed");
        stage.remove(&id).map_err(problem)?;
    }
    Ok(restored)
}

/// Goes on with an upload; bytes behind its offset were never acknowledged and are cut off.
fn revive(
    stage: &Stage,
    id: &str,
    kept: &Kept,
    staged_bytes: u64,
) -> std::io::Result<Result<Upload, RestoreError>> {
    let restored = Upload::restore(kept.snapshot.clone(), staged_bytes);
    if let Ok(upload) = &restored
        && staged_bytes > upload.offset()
    {
        stage.bytes(id)?.set_len(upload.offset())?;
    }
    Ok(restored)
}

/// Refuses what goes beyond the quota of a namespace.
fn room(
    slots: &HashMap<String, Arc<Slot>>,
    blobs: &Blobs,
    slot: &Slot,
    wanted: u64,
) -> Result<(), Problem> {
    let Some(bytes_max) = blobs.quota().bytes_max else {
        return Ok(());
    };
    let usage = blobs.usage();
    let held = usage.live.bytes + usage.trash.bytes + usage.reserved.bytes;
    let used = held + reserved(slots, &slot.namespace);
    let free = bytes_max.saturating_sub(used);
    if wanted <= free {
        return Ok(());
    }
    let mut detail = format!("{wanted} bytes are wanted, {free} of {bytes_max} are free");
    if !slot.is_named {
        detail.push_str(NAME_IT);
    }
    Err(Problem::new(Code::QuotaReached, detail))
}

fn reserved(slots: &HashMap<String, Arc<Slot>>, namespace: &Namespace) -> u64 {
    let own = slots.values().filter(|slot| slot.namespace == *namespace);
    own.map(|slot| slot.reserved.load(Ordering::SeqCst)).sum()
}

fn over() -> Problem {
    Problem::new(Code::UploadOver, Code::UploadOver.title())
}

/// Draws an id.
fn new_id() -> Result<String, Problem> {
    let mut bytes = [0; ID_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| Problem::new(Code::Bug, error.to_string()))?;
    Ok(hex::encode(bytes))
}
