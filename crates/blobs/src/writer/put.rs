//! A blob for the log: new, known, from the trash, or in place of a damaged one.

use base::ContentHash;
use bytes::Bytes;
use disk::log::group::{Answer, Promise};
use disk::log::{Appender, Part};
use storage_core::quota::{Announced, Reservation};
use storage_core::tag::TagName;
use storage_core::tier::Tier;
use wire::blobs::{BLOB_HEAD_BYTES, BlobHead, Body, Member};

use super::{Subject, Waiter, Writer};
use crate::groups::Root;
use crate::rows::{MemberRow, Place};
use crate::view::Absence;
use crate::writer::Hold;
use crate::{Ack, PutError, Stored, WriteError};

/// A small blob that was hashed.
pub(crate) struct Put {
    pub(crate) namespace: u16,
    pub(crate) hash: ContentHash,
    pub(crate) bytes: Bytes,
    /// Its chaining values, when it has several groups, and what they lead to.
    pub(crate) groups: Bytes,
    pub(crate) root: Option<Root>,
    pub(crate) keep: Keep,
    /// That it was not there when it was sent.
    pub(crate) absence: Option<Absence>,
}

/// The promise to store a blob; with the blob itself, when it is one for the log.
pub(crate) type StoredPromise = Promise<Result<Stored, PutError>, Option<Put>>;

/// What becomes of it.
pub(crate) type StoredAnswer = Answer<Result<Stored, PutError>, Option<Put>>;

/// What is to keep a blob that is stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keep {
    pub(crate) tag: Option<(TagName, bool)>,
    pub(crate) lease: Option<Hold>,
}

/// What was there before a blob was stored.
pub(super) enum Before {
    /// Nothing: its bytes are needed.
    Nothing {
        /// Whether the namespace has it, damaged.
        is_member: bool,
    },
    /// Its bytes, but not in this namespace.
    Bytes,
    /// All of it.
    Member(MemberRow),
}

impl Put {
    pub(super) fn weight(&self) -> usize {
        self.bytes.len() + self.groups.len() + 128
    }
}

impl Writer {
    pub(super) fn stage_put(&mut self, promise: StoredPromise, appender: &mut Appender) {
        let Some(put) = promise.question() else {
            return;
        };
        match self.try_put(put, appender) {
            Ok(stored) => self.waiters.push(Waiter::Stored(promise, stored)),
            Err(error) => promise.keep(Err(error)),
        }
    }

    fn try_put(&mut self, put: &Put, appender: &mut Appender) -> Result<Stored, PutError> {
        let bytes = put.bytes.len() as u64;
        let stored = match self.before(put.namespace, &put.hash, put.absence)? {
            Before::Nothing { is_member } => {
                if !is_member {
                    self.admit(put.namespace, bytes)?;
                }
                self.write_bytes(put, appender)?
            }
            Before::Bytes => {
                self.admit(put.namespace, bytes)?;
                self.join(put.namespace, put.hash, bytes, appender)?
            }
            Before::Member(member) => self.touch(put.namespace, put.hash, member, appender)?,
        };
        self.keep(put.namespace, put.hash, &put.keep, appender)?;
        Ok(stored)
    }

    /// Looks what is there of a blob.
    pub(super) fn before(
        &mut self,
        namespace: u16,
        hash: &ContentHash,
        absence: Option<Absence>,
    ) -> Result<Before, PutError> {
        let view = &self.core.view;
        let Some(blob) = self.draft.blob_since(view, hash.as_bytes(), absence)? else {
            return Ok(Before::Nothing { is_member: false });
        };
        let member = self.draft.member(view, namespace, hash.as_bytes())?;
        Ok(match (blob.place, member) {
            (Place::Nowhere, member) => Before::Nothing {
                is_member: member.is_some(),
            },
            (Place::Log(_) | Place::File(_), Some(member)) => Before::Member(member),
            (Place::Log(_) | Place::File(_), None) => Before::Bytes,
        })
    }

    /// Reserves room until the batch has ended.
    pub(super) fn admit(&mut self, namespace: u16, bytes: u64) -> Result<(), PutError> {
        let mut space = self.core.space();
        let room = space.room_mut(namespace).ok_or(WriteError::Namespaces)?;
        let reservation = room.books.admit(Announced::Bytes(bytes))?;
        drop(space);
        self.hold(namespace, reservation);
        Ok(())
    }

    /// Keeps a reservation until the batch has ended.
    pub(super) fn hold(&mut self, namespace: u16, reservation: Reservation) {
        self.reservations.push((namespace, reservation));
    }

    fn write_bytes(&mut self, put: &Put, appender: &mut Appender) -> Result<Stored, PutError> {
        let head = BlobHead {
            accepted: self.now,
            bytes: u32::try_from(put.bytes.len()).map_err(|_| WriteError::TooLarge)?,
            groups: u16::try_from(put.groups.len() / 32).map_err(|_| WriteError::TooLarge)?,
        };
        let first: [u8; BLOB_HEAD_BYTES] = head.encode();
        let parts = [
            Part::Slice(&first),
            Part::Slice(&put.groups),
            Part::Shared(&put.bytes),
        ];
        let body = Body::Blob(head);
        let (_, lsn) = self.push_parts(
            appender,
            Subject::of(put.namespace, &put.hash),
            &body,
            &parts,
            put.root,
        )?;
        Ok(self.stored(put.hash, put.bytes.len() as u64, lsn))
    }

    /// Says that a blob is new.
    pub(super) fn stored(&self, hash: ContentHash, bytes: u64, lsn: u64) -> Stored {
        Stored {
            hash,
            bytes,
            is_new: true,
            ack: Ack {
                tier: Tier::Accepted,
                at: self.now.at,
                lsn,
            },
        }
    }

    /// Makes a blob whose bytes are there a member of a namespace, in which there is room for it.
    pub(super) fn join(
        &mut self,
        namespace: u16,
        hash: ContentHash,
        bytes: u64,
        appender: &mut Appender,
    ) -> Result<Stored, PutError> {
        let lsn = self.next_lsn;
        let state = Member {
            bytes,
            accepted_lsn: lsn,
            accepted: self.now,
            touched: lsn,
            touched_at: self.now.slow,
            trashed: None,
            tier: 0,
        };
        self.push(
            appender,
            Subject::of(namespace, &hash),
            &Body::Member(state),
        )?;
        Ok(self.stored(hash, bytes, lsn))
    }

    /// Touches a blob that is there; out of the trash it comes as a new one.
    pub(super) fn touch(
        &mut self,
        namespace: u16,
        hash: ContentHash,
        member: MemberRow,
        appender: &mut Appender,
    ) -> Result<Stored, PutError> {
        let state = self.touched(member.state);
        self.push(
            appender,
            Subject::of(namespace, &hash),
            &Body::Member(state),
        )?;
        Ok(Stored {
            is_new: member.state.trashed.is_some(),
            ack: Ack {
                tier: crate::tiers::tier_of(state.tier),
                at: state.accepted.at,
                lsn: state.accepted_lsn,
            },
            ..self.stored(hash, state.bytes, state.accepted_lsn)
        })
    }
}
