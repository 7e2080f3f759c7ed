//! Records that are damaged in the log, written again from what the index knows.
//!
//! # Invariants
//!
//! * A record is written again only while a row still says that it is the one that counts.
//! * What the rows say does not change by that, but for where the record is.

use base::ContentHash;
use bytes::Bytes;
use disk::log::{Appender, Part, Position};
use wire::blobs::{BlobHead, Body, Lease, Link, Member, Tag};

use super::{Subject, Writer};
use crate::WriteError;
use crate::groups::Groups;
use crate::rows::{NameRow, Place, lease_key, tag_key};

impl Writer {
    /// Writes the state of a blob in a namespace again.
    pub(crate) fn rewrite_member(
        &mut self,
        namespace: u16,
        hash: &ContentHash,
        record: Position,
        appender: &mut Appender,
    ) -> Result<bool, WriteError> {
        let member = self.member(namespace, hash)?;
        let Some(member) = member.filter(|member| member.is_own && member.record == record) else {
            return Ok(false);
        };
        self.push_member(namespace, hash, member.state, appender)?;
        Ok(true)
    }

    /// Writes a blob of the log again, whose bytes were compared with its hash.
    pub(crate) fn rewrite_blob(
        &mut self,
        hash: &ContentHash,
        record: Position,
        bytes: &Bytes,
        appender: &mut Appender,
    ) -> Result<bool, WriteError> {
        let row = self.draft.blob(&self.core.view, hash.as_bytes())?;
        let row = row.filter(|row| row.place == Place::Log(record));
        let (Some(row), Some((namespace, state))) = (row, self.any_member(hash)?) else {
            return Ok(false);
        };
        let (groups, root) = match row.root {
            Some(_) => Groups::of(bytes),
            None => (Groups::default(), [0; 32]),
        };
        let head = BlobHead {
            accepted: state.accepted,
            bytes: u32::try_from(bytes.len()).map_err(|_| WriteError::TooLarge)?,
            groups: u16::try_from(groups.count()).map_err(|_| WriteError::TooLarge)?,
        };
        let first = head.encode();
        let parts = [
            Part::Slice(&first),
            Part::Slice(groups.bytes()),
            Part::Shared(bytes),
        ];
        let subject = Subject::of(namespace, hash);
        let root = row.root.map(|_| root);
        self.push_parts(appender, subject, &Body::Blob(head), &parts, root)?;
        // The record makes a new member; it was one before.
        self.push_member(namespace, hash, state, appender)?;
        Ok(true)
    }

    /// Writes the link to a blob's file again.
    pub(crate) fn rewrite_link(
        &mut self,
        hash: &ContentHash,
        record: Position,
        appender: &mut Appender,
    ) -> Result<bool, WriteError> {
        let row = self.draft.blob(&self.core.view, hash.as_bytes())?;
        let row = row.filter(|row| row.place == Place::File(record));
        let (Some(row), Some((namespace, state))) = (row, self.any_member(hash)?) else {
            return Ok(false);
        };
        let Some(root) = row.root else {
            return Ok(false);
        };
        let link = Link {
            accepted: state.accepted,
            bytes: row.bytes,
            root,
        };
        self.push(appender, Subject::of(namespace, hash), &Body::Link(link))?;
        self.push_member(namespace, hash, state, appender)?;
        Ok(true)
    }

    /// Writes a tag again.
    pub(crate) fn rewrite_tag(
        &mut self,
        namespace: u16,
        name: &str,
        record: Position,
        appender: &mut Appender,
    ) -> Result<bool, WriteError> {
        let row = self
            .draft
            .name(&self.core.view, &tag_key(namespace, name))?;
        let Some(NameRow::Tag {
            hash,
            at,
            is_folder,
            record: present,
        }) = row
        else {
            return Ok(false);
        };
        if present != record {
            return Ok(false);
        }
        let key = ContentHash::of(name.as_bytes());
        let tag = Tag {
            hash,
            at,
            is_folder,
            name,
        };
        self.push(appender, Subject::of(namespace, &key), &Body::Tag(tag))?;
        Ok(true)
    }

    /// Writes a lease again.
    pub(crate) fn rewrite_lease(
        &mut self,
        namespace: u16,
        hash: &ContentHash,
        holder: &str,
        record: Position,
        appender: &mut Appender,
    ) -> Result<bool, WriteError> {
        let key = lease_key(namespace, hash.as_bytes(), holder);
        let Some(NameRow::Lease {
            until,
            is_folder,
            record: present,
        }) = self.draft.name(&self.core.view, &key)?
        else {
            return Ok(false);
        };
        if present != record {
            return Ok(false);
        }
        let lease = Lease {
            until,
            is_folder,
            holder,
        };
        self.push(appender, Subject::of(namespace, hash), &Body::Lease(lease))?;
        Ok(true)
    }

    /// Writes the name of a namespace again, with what it may hold.
    pub(crate) fn rewrite_namespace(
        &mut self,
        number: u16,
        record: Position,
        appender: &mut Appender,
    ) -> Result<bool, WriteError> {
        let room = self.core.space().room(number).cloned();
        let Some(room) = room.filter(|room| room.record == Some(record)) else {
            return Ok(false);
        };
        self.set_quota(number, room.books.quota(), appender)?;
        Ok(true)
    }

    /// Writes the states down that were said by the record with a blob's bytes and by nothing else: that record is
    /// damaged, and who reads the log without the index would not know of the blob at all.
    pub(super) fn keep_members(
        &mut self,
        hash: &ContentHash,
        appender: &mut Appender,
    ) -> Result<(), WriteError> {
        for namespace in 0..self.draft.namespaces {
            if let Some(member) = self.member(namespace, hash)?
                && !member.is_own
            {
                self.push_member(namespace, hash, member.state, appender)?;
            }
        }
        Ok(())
    }

    fn push_member(
        &mut self,
        namespace: u16,
        hash: &ContentHash,
        state: Member,
        appender: &mut Appender,
    ) -> Result<(), WriteError> {
        self.push(appender, Subject::of(namespace, hash), &Body::Member(state))?;
        Ok(())
    }

    fn any_member(&self, hash: &ContentHash) -> Result<Option<(u16, Member)>, WriteError> {
        for namespace in 0..self.draft.namespaces {
            if let Some(member) = self.member(namespace, hash)? {
                return Ok(Some((namespace, member.state)));
            }
        }
        Ok(None)
    }
}
