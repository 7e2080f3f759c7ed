//! Members of a namespace: touched, into the trash and out of it, gone, damaged.

use base::ContentHash;
use disk::log::Appender;
use storage_core::clock::SlowTime;
use storage_core::gc::{self, Generation, Plan, Verdict};
use wire::blobs::{Body, Member};

use super::{Subject, Writer};
use crate::WriteError;
use crate::core::{damaged_of, file_of};
use crate::rows::{MemberRow, Place};

/// Returns a member as a collection sees it.
pub(crate) fn item_of(hash: &[u8; 32], state: &Member) -> gc::Item {
    gc::Item {
        hash: ContentHash::from_bytes(*hash),
        bytes: state.bytes,
        touched: Generation(state.touched),
        touched_at: SlowTime(state.touched_at),
        state: match state.trashed {
            None => gc::State::Live,
            Some((collection, at)) => gc::State::Trashed {
                collection: Generation(collection),
                at: SlowTime(at),
            },
        },
    }
}

fn with_item(state: Member, item: &gc::Item) -> Member {
    Member {
        touched: item.touched.0,
        touched_at: item.touched_at.0,
        trashed: match item.state {
            gc::State::Live => None,
            gc::State::Trashed { collection, at } => Some((collection.0, at.0)),
        },
        ..state
    }
}

impl Writer {
    pub(crate) fn member(
        &self,
        namespace: u16,
        hash: &ContentHash,
    ) -> Result<Option<MemberRow>, WriteError> {
        Ok(self
            .draft
            .member(&self.core.view, namespace, hash.as_bytes())?)
    }

    /// Returns a member's state after a touch with the next generation. What comes out of the trash is accepted anew.
    pub(super) fn touched(&self, state: Member) -> Member {
        let mut item = item_of(&[0; 32], &state);
        let was_trashed = item.touch(Generation(self.next_lsn), SlowTime(self.now.slow));
        let state = with_item(state, &item);
        if !was_trashed {
            return state;
        }
        Member {
            accepted_lsn: self.next_lsn,
            accepted: self.now,
            ..state
        }
    }

    /// Touches a blob that can be read or lies in the trash; tells whether there is one.
    pub(crate) fn touch_member(
        &mut self,
        namespace: u16,
        hash: &ContentHash,
        appender: &mut Appender,
    ) -> Result<bool, WriteError> {
        let Some(member) = self
            .member(namespace, hash)?
            .filter(|member| !member.is_damaged)
        else {
            return Ok(false);
        };
        let state = self.touched(member.state);
        self.push(appender, Subject::of(namespace, hash), &Body::Member(state))?;
        Ok(true)
    }

    /// Puts a live blob into the trash; tells whether there was one.
    pub(crate) fn trash_member(
        &mut self,
        namespace: u16,
        hash: &ContentHash,
        (collection, at): (Generation, SlowTime),
        appender: &mut Appender,
    ) -> Result<bool, WriteError> {
        let Some(member) = self
            .member(namespace, hash)?
            .filter(|member| member.state.trashed.is_none())
        else {
            return Ok(false);
        };
        let mut item = item_of(hash.as_bytes(), &member.state);
        item.trash(collection, at);
        let state = with_item(member.state, &item);
        self.push(appender, Subject::of(namespace, hash), &Body::Member(state))?;
        Ok(true)
    }

    /// Carries out what a collection planned for a blob, as far as that is still right; tells what was done.
    pub(crate) fn sweep_member(
        &mut self,
        namespace: u16,
        hash: &ContentHash,
        plan: &Plan,
        planned: Verdict,
        appender: &mut Appender,
    ) -> Result<Verdict, WriteError> {
        let member = self.member(namespace, hash)?;
        let item = member.map(|member| item_of(hash.as_bytes(), &member.state));
        let verdict = gc::recheck(plan, planned, item.as_ref());
        match verdict {
            Verdict::Keep(_) => {}
            Verdict::Restore => {
                self.touch_member(namespace, hash, appender)?;
            }
            Verdict::Trash => {
                self.trash_member(namespace, hash, (plan.generation(), plan.began()), appender)?;
            }
            Verdict::Purge => self.purge_member(namespace, hash, appender)?,
        }
        Ok(verdict)
    }

    /// Takes a blob out of a namespace for ever.
    pub(crate) fn purge_member(
        &mut self,
        namespace: u16,
        hash: &ContentHash,
        appender: &mut Appender,
    ) -> Result<(), WriteError> {
        self.push(appender, Subject::of(namespace, hash), &Body::Purge)?;
        Ok(())
    }

    /// Stops using the bytes at `place`, which are damaged; tells whether they were still in use.
    pub(crate) fn damaged(
        &mut self,
        hash: &ContentHash,
        place: Place,
        appender: &mut Appender,
    ) -> Result<bool, WriteError> {
        let row = self.draft.blob(&self.core.view, hash.as_bytes())?;
        if row.is_none_or(|row| row.place != place) {
            return Ok(false);
        }
        if matches!(place, Place::File(_)) {
            let path = file_of(hash);
            let core = &self.core;
            let aside = core
                .disk
                .make_folder(crate::core::DAMAGED)
                .and_then(|()| core.disk.rename(&path, &damaged_of(hash)));
            core.cache.close(hash);
            if let Err(error) = aside {
                tracing::warn!(target: "blobs::event::not_set_aside", %hash, %error, "a damaged file could not be set aside");
            }
        }
        self.push(appender, Subject::of(0, hash), &Body::Damaged)?;
        self.keep_members(hash, appender)?;
        self.core.counters.count_damaged();
        tracing::error!(target: "blobs::event::blob_damaged", %hash, "a blob on disk is damaged");
        Ok(true)
    }
}
