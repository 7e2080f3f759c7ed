//! The vault as others use it: opening it, keeping keys, unlocking them, signing, reading what was signed.

mod open;
mod signing;
mod view;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use base::Timestamp;
use chain::person::{Inception, KeyEvent};
use chain::{KeyCommitment, PersonId};
use crypto::Keypair;
use disk::Disk;
use disk::log::Log;
use disk::log::group::{self, Queue, TrySendError};

use crate::arena::Arena;
use crate::core::fence::{RawAgent, Refusal};
use crate::core::sessions::{self, Sessions};
use crate::envelope::{Envelope, HINT_BYTES_MAX, NewSlot, Owner, Secret, ServerKey};
use crate::error::{ChangeError, HistoryError, UnlockError};
use crate::history::{Cursor, PAGE_MAX, Page, Signed, What};
use crate::keeper::{self, Change, Command};
use crate::state::Shared;

pub use view::{Enrolled, Listed, ListedSlot, Stat, ToldHead};

use view::{check_told, listed};

/// Where a vault lies, and how much it may do.
#[derive(Clone, Debug)]
pub struct Config {
    /// The disk with the log.
    pub disk: Arc<dyn Disk>,
    /// What tells the folder of the disk from a copy of it (`disk::Folder::identity`); `None` where a copy cannot be
    /// told.
    pub folder: Option<(u64, u64)>,
    /// Whether somebody knows that it was put back from a backup.
    pub is_restored: bool,
    /// Bounds of unlocked keys.
    pub sessions: sessions::Limits,
    /// Most commands that wait for the disk.
    pub queue_len_max: usize,
    /// Size of the first segment of the log in bytes, a multiple of 8.
    pub first_segment_bytes: u64,
    /// Size of all later segments in bytes, a multiple of 8.
    pub segment_bytes: u64,
}

/// A vault. Cheap to clone; it ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    server: ServerKey,
    shared: Arc<Shared>,
    unlocked: Mutex<Unlocked>,
    log: Log,
    /// `None` while it is dropped.
    queue: Option<Queue<Command>>,
    threads: Vec<JoinHandle<()>>,
}

/// Keys that are unlocked.
struct Unlocked {
    sessions: Sessions,
    arena: Arena,
}

impl Config {
    /// Returns the usual configuration for a disk.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self {
            disk,
            folder: None,
            is_restored: false,
            sessions: sessions::Limits::default(),
            queue_len_max: 4_096,
            first_segment_bytes: 4 << 20,
            segment_bytes: 64 << 20,
        }
    }
}

impl Vault {
    /// Makes a key for a new person, with ways to unlock it; it is locked.
    ///
    /// The person promises `next`, the hash of a key that they made and that the vault never sees.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing was kept.
    ///
    /// # Cancel safety
    /// Dropped, it may be kept or not, and nobody learns which; [`Vault::list`] shows it.
    pub async fn enroll(
        &self,
        now: Timestamp,
        next: KeyCommitment,
        slots: &[NewSlot],
    ) -> Result<Enrolled, ChangeError> {
        let mut seed = Secret::default();
        fill(seed.as_mut_slice())?;
        let pair = Keypair::from_seed(&seed);
        let agent = pair.public();
        let event = KeyEvent::Inception(Inception {
            made: now,
            key: agent,
            next,
        });
        let person = event.person();
        let hash = event.hash().0;
        let inception = event.sign(&pair);
        let signed = Signed {
            what: What::Inception,
            epoch: 0,
            seq: 0,
            hash,
            at: now,
            detail: String::new(),
            before: None,
        };
        let envelope = self.seal(agent, person, &seed, slots)?;
        let change = Change::Enroll {
            envelope,
            is_new_key: true,
            inception: Some(signed),
        };
        self.change(agent, now, change).await?;
        Ok(Enrolled {
            agent,
            person,
            inception,
        })
    }

    /// Takes a key that was used elsewhere; nothing is signed with it until its head is confirmed.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing was kept.
    ///
    /// # Cancel safety
    /// As [`Vault::enroll`].
    pub async fn adopt(
        &self,
        now: Timestamp,
        person: PersonId,
        seed: &Secret,
        slots: &[NewSlot],
    ) -> Result<RawAgent, ChangeError> {
        let agent = Keypair::from_seed(seed).public();
        let envelope = self.seal(agent, person, seed, slots)?;
        let change = Change::Enroll {
            envelope,
            is_new_key: false,
            inception: None,
        };
        self.change(agent, now, change).await?;
        Ok(agent)
    }

    fn seal(
        &self,
        agent: RawAgent,
        person: PersonId,
        seed: &Secret,
        slots: &[NewSlot],
    ) -> Result<Envelope, ChangeError> {
        crate::core::slots::check(slots.iter().map(|slot| slot.kind))?;
        if slots.iter().any(|slot| slot.hint.len() > HINT_BYTES_MAX) {
            return Err(ChangeError::Hint(HINT_BYTES_MAX));
        }
        let owner = Owner {
            agent,
            person: *person.as_bytes(),
        };
        drawing(|draw| Envelope::seal(&self.inner.server, owner, seed, slots, draw))
    }

    /// Unlocks a key with the key of a slot.
    ///
    /// # Errors
    /// [`UnlockError`]; a key that was unlocked stays as it is.
    pub fn unlock(
        &self,
        now: Timestamp,
        agent: &RawAgent,
        slot: u16,
        key: &Secret,
    ) -> Result<(), UnlockError> {
        let seed = self.open_envelope(agent, slot, key)?;
        let mut unlocked = self.unlocked();
        let unlocked = &mut *unlocked;
        let opened = unlocked.sessions.open(now, *agent);
        unlocked.arena.wipe(opened.wipe);
        unlocked.arena.put(opened.place, &seed);
        Ok(())
    }

    /// Gives the seed to whoever has the key of a slot: for taking it home.
    ///
    /// # Errors
    /// [`UnlockError`].
    pub fn export(&self, agent: &RawAgent, slot: u16, key: &Secret) -> Result<Secret, UnlockError> {
        self.open_envelope(agent, slot, key)
    }

    fn open_envelope(
        &self,
        agent: &RawAgent,
        slot: u16,
        key: &Secret,
    ) -> Result<Secret, UnlockError> {
        let envelope = self.inner.shared.envelope(agent).ok_or(Refusal::Unknown)?;
        Ok(envelope.open(&self.inner.server, slot, key)?)
    }

    /// Locks a key; tells whether it was unlocked.
    pub fn lock(&self, agent: &RawAgent) -> bool {
        let mut unlocked = self.unlocked();
        let unlocked = &mut *unlocked;
        let place = unlocked.sessions.close(agent);
        unlocked.arena.wipe(place);
        place.is_some()
    }

    /// Locks all keys whose time is over, and returns when the next one's is.
    pub fn expire(&self, now: Timestamp) -> Option<Timestamp> {
        let mut unlocked = self.unlocked();
        let unlocked = &mut *unlocked;
        let places = unlocked.sessions.expire(now);
        unlocked.arena.wipe(places);
        unlocked.sessions.deadline()
    }

    /// Adds a way to unlock a key, for whoever has another one; returns its number.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing was changed.
    ///
    /// # Cancel safety
    /// Dropped, it may be done or not.
    pub async fn add_slot(
        &self,
        now: Timestamp,
        agent: &RawAgent,
        by: (u16, &Secret),
        slot: &NewSlot,
    ) -> Result<u16, ChangeError> {
        if slot.hint.len() > HINT_BYTES_MAX {
            return Err(ChangeError::Hint(HINT_BYTES_MAX));
        }
        let envelope = self.inner.shared.envelope(agent).ok_or(Refusal::Unknown)?;
        let newest = envelope.slots.iter().map(|slot| slot.number).max();
        let number = newest
            .unwrap_or(0)
            .checked_add(1)
            .ok_or(ChangeError::Busy)?;
        let slot = drawing(|draw| envelope.add(&self.inner.server, by, number, slot, draw))??;
        self.change(*agent, now, Change::AddSlot(slot)).await?;
        Ok(number)
    }

    /// Removes a way to unlock a key; enough must be left.
    ///
    /// Its bytes stay in the log; what they were worth ends with the server key under which they were written.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing was changed.
    ///
    /// # Cancel safety
    /// Dropped, it may be done or not.
    pub async fn remove_slot(
        &self,
        now: Timestamp,
        agent: &RawAgent,
        number: u16,
    ) -> Result<(), ChangeError> {
        self.change(*agent, now, Change::RemoveSlot(number)).await
    }

    /// Hears what was signed last for an agent, from whoever has its chain. The vault checks that the agent signed it,
    /// and that it is not older than what it knows; that nothing newer exists it has to believe.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing was changed.
    ///
    /// # Cancel safety
    /// Dropped, it may be done or not.
    pub async fn confirm(
        &self,
        now: Timestamp,
        agent: &RawAgent,
        told: &ToldHead,
    ) -> Result<(), ChangeError> {
        let told = check_told(agent, told)?;
        self.change(*agent, now, Change::Confirm(told)).await
    }

    /// Forgets a key: it is locked, and its key signs nothing here any more.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing was changed, but the key is locked.
    ///
    /// # Cancel safety
    /// Dropped, it may be done or not.
    pub async fn retire(&self, now: Timestamp, agent: &RawAgent) -> Result<(), ChangeError> {
        self.lock(agent);
        self.change(*agent, now, Change::Retire).await
    }

    async fn change(
        &self,
        agent: RawAgent,
        now: Timestamp,
        change: Change,
    ) -> Result<(), ChangeError> {
        let (promise, answer) = group::answer();
        let queue = self.inner.queue.as_ref().ok_or(ChangeError::Ended)?;
        let command = Command::Change(agent, now, Box::new(change), promise);
        queue.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => ChangeError::Busy,
            TrySendError::Closed(_) => ChangeError::Ended,
        })?;
        answer.await.ok_or(ChangeError::Ended)?
    }

    /// Returns what is known of a key.
    #[must_use]
    pub fn find(&self, agent: &RawAgent) -> Option<Listed> {
        let envelope = self.inner.shared.envelope(agent)?;
        let standing = self.inner.shared.standing(agent)?;
        Some(listed(*agent, &envelope, &standing))
    }

    /// Returns keys behind one, in order, at most [`PAGE_MAX`].
    #[must_use]
    pub fn list(&self, after: Option<&RawAgent>, limit: usize) -> Vec<Listed> {
        let found = self.inner.shared.after(after, limit.min(PAGE_MAX));
        found
            .into_iter()
            .map(|(agent, kept)| listed(agent, &kept.envelope, &kept.standing))
            .collect()
    }

    /// Returns what was signed for an agent, the newest first, at most [`PAGE_MAX`]. It reads from the disk.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn history(
        &self,
        agent: &RawAgent,
        from: Option<Cursor>,
        limit: usize,
    ) -> Result<Page, HistoryError> {
        let standing = self.inner.shared.standing(agent).ok_or(Refusal::Unknown)?;
        let mut place = from.map(|cursor| cursor.0).or(standing.last().copied());
        let mut signed = Vec::new();
        while let Some(at) = place
            && signed.len() < limit.clamp(1, PAGE_MAX)
        {
            let body = keeper::read(&self.inner.log, agent, &at).map_err(HistoryError::Read)?;
            place = keeper::before(&body);
            if let crate::body::Body::Signed(found) = body {
                signed.push(found);
            }
        }
        Ok(Page {
            signed,
            next: place.map(Cursor),
        })
    }

    /// Returns how the vault is.
    #[must_use]
    pub fn stat(&self) -> Stat {
        let (keys, unconfirmed) = self.inner.shared.counts();
        let unlocked = self.unlocked();
        Stat {
            keys,
            unconfirmed,
            unlocked: unlocked.sessions.len() as u64,
            is_memory_locked: unlocked.arena.is_locked(),
            log_bytes: self.inner.log.bytes_total(),
            syncs: self.inner.log.syncs(),
        }
    }

    fn unlocked(&self) -> MutexGuard<'_, Unlocked> {
        let unlocked = self.inner.unlocked.lock();
        unlocked.unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whether no seed lies in memory.
    #[cfg(test)]
    pub(crate) fn is_blank(&self) -> bool {
        self.unlocked().arena.is_blank()
    }
}

fn fill(bytes: &mut [u8]) -> Result<(), ChangeError> {
    getrandom::fill(bytes).map_err(|error| ChangeError::Random(error.to_string()))
}

/// Gives work a source of randomness, and fails when that failed at any time.
fn drawing<T>(work: impl FnOnce(&mut dyn FnMut(&mut [u8])) -> T) -> Result<T, ChangeError> {
    let mut failed = None;
    let made = work(&mut |bytes| {
        if let Err(error) = fill(bytes) {
            failed = Some(error);
        }
    });
    failed.map_or(Ok(made), Err)
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Vault").finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so; there is nobody left to tell.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests;
