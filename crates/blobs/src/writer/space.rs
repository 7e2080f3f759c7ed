//! Compaction: what is still needed is copied to the end of the log, then the segment can be used again.

use bytes::Bytes;
use disk::log::{Appender, CopyError, Position};
use wire::blobs::{Body, Kind};
use wire::segment::RecordHead;

use super::{Subject, Writer};
use crate::WriteError;
use crate::groups::Groups;
use crate::rows::{NameRow, lease_key, span_of, tag_key};

impl Writer {
    /// Copies a record, as far as it is still needed; returns how many bytes that took, with heads. `is_oldest` says that
    /// no segment is older than its own.
    pub(crate) fn copy_record(
        &mut self,
        at: Position,
        head: &RecordHead,
        body: &Bytes,
        is_oldest: bool,
        appender: &mut Appender,
    ) -> Result<u64, WriteError> {
        let Ok(decoded) = Body::decode(head.kind, body) else {
            // What it said of a member, the index still knows.
            return self.copy_member(head, at, appender);
        };
        let mut bytes = 0;
        let is_needed = match decoded.kind() {
            Kind::Blob | Kind::Link => self.has_bytes_at(head, at)?,
            Kind::Member => false,
            // Without older records there is nothing that it has to take back.
            Kind::Purge => {
                !is_oldest
                    && self
                        .draft
                        .member(&self.core.view, head.stream, &head.key)?
                        .is_none()
            }
            Kind::Tag | Kind::Untag | Kind::Lease => {
                self.is_name_needed(head, at, &decoded, is_oldest)?
            }
            Kind::Namespace => self
                .core
                .space()
                .room(head.stream)
                .is_some_and(|room| room.record == Some(at)),
            Kind::Damaged => false,
        };
        if is_needed {
            let root = match &decoded {
                Body::Blob(blob) => {
                    Groups::read(&body[wire::blobs::BLOB_HEAD_BYTES..blob.data_offset()])
                        .and_then(|groups| groups.root())
                }
                _ => None,
            };
            let copied = appender.copy(&at).map_err(|error| match error {
                CopyError::Read(error) => WriteError::Read(std::sync::Arc::new(error)),
                CopyError::Push(error) => super::refused(error),
            })?;
            self.applied(subject_of(head), &decoded, root, copied, true)?;
            bytes += span_of(at);
        }
        if let Kind::Blob | Kind::Link | Kind::Member = decoded.kind() {
            bytes += self.copy_member(head, at, appender)?;
        }
        Ok(bytes)
    }

    /// Gives a segment back whose records are copied, when the index no longer points there.
    pub(crate) fn recycle(
        &mut self,
        segment: u64,
        appender: &mut Appender,
    ) -> Result<(), disk::log::RecycleError> {
        appender.recycle(segment)?;
        self.core.space().recycled(segment);
        Ok(())
    }

    fn has_bytes_at(&self, head: &RecordHead, at: Position) -> Result<bool, WriteError> {
        let row = self.draft.blob(&self.core.view, &head.key)?;
        Ok(row.is_some_and(|row| row.record() == Some(at)))
    }

    /// Writes a member's state again, when this record is the one that says it.
    fn copy_member(
        &mut self,
        head: &RecordHead,
        at: Position,
        appender: &mut Appender,
    ) -> Result<u64, WriteError> {
        let member = self.draft.member(&self.core.view, head.stream, &head.key)?;
        let Some(member) = member.filter(|member| member.record == at) else {
            return Ok(0);
        };
        let (record, _) = self.push(appender, subject_of(head), &Body::Member(member.state))?;
        Ok(span_of(record))
    }

    fn is_name_needed(
        &self,
        head: &RecordHead,
        at: Position,
        body: &Body<'_>,
        is_oldest: bool,
    ) -> Result<bool, WriteError> {
        let (key, ends) = match body {
            Body::Tag(tag) => (tag_key(head.stream, tag.name), false),
            Body::Untag(name) => (tag_key(head.stream, name), true),
            Body::Lease(lease) => (
                lease_key(head.stream, &head.key, lease.holder),
                lease.until == 0,
            ),
            _ => return Ok(false),
        };
        let row = self.draft.name(&self.core.view, &key)?;
        Ok(match row {
            Some(NameRow::Tag { record, .. } | NameRow::Lease { record, .. }) => record == at,
            Some(NameRow::Back) => false,
            None => ends && !is_oldest,
        })
    }
}

const fn subject_of(head: &RecordHead) -> Subject {
    Subject {
        namespace: head.stream,
        key: head.key,
    }
}
