//! Takes records of the log, in their order, into the rows and the counts.

use disk::log::Position;
use wire::blobs::{BLOB_HEAD_BYTES, Body, SMALL_BYTES_MAX};
use wire::segment::RecordHead;

use crate::OpenError;
use crate::draft::{Draft, Entry};
use crate::groups::Groups;
use crate::index::{IndexError, Meta};
use crate::space::Space;
use crate::view::View;

/// How many rows are kept in memory before they are brought into the index.
const ROWS_MAX: u64 = 600_000;

/// After how many records the draft is published.
const DRAFT_RECORDS: u64 = 1_024;

/// A replay.
pub(super) struct Replay {
    view: View,
    space: Space,
    draft: Draft,
    records: u64,
    lsn: u64,
    seen: u64,
    failed: Option<IndexError>,
}

impl Replay {
    pub(super) fn new(view: View, space: Space) -> Self {
        let draft = Draft::new(space.namespaces.len());
        Self {
            view,
            space,
            draft,
            records: 0,
            lsn: 0,
            seen: 0,
            failed: None,
        }
    }

    /// Takes the next record.
    pub(super) fn take(&mut self, record: Position, head: &RecordHead, body: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        let decoded = match Body::decode(head.kind, body) {
            Ok(decoded) => decoded,
            Err(error) => {
                tracing::error!(target: "blobs::event::record_unknown", lsn = head.lsn, %error, "a record of the log cannot be read");
                return;
            }
        };
        self.see(&decoded);
        let entry = Entry {
            record,
            namespace: head.stream,
            key: head.key,
            lsn: head.lsn,
            is_moved: head.is_moved(),
        };
        self.space.reach(head.stream);
        self.draft.namespaces = self.draft.namespaces.max(head.stream.saturating_add(1));
        self.lsn = head.lsn;
        if let Err(error) = self
            .draft
            .apply(&self.view, &entry, &decoded, root_of(&decoded, body))
        {
            self.failed = Some(error);
            return;
        }
        self.records += 1;
        if self.records.is_multiple_of(DRAFT_RECORDS) {
            self.publish();
        }
    }

    /// Ends the replay.
    pub(super) fn end(mut self) -> Result<(View, Space, u64), OpenError> {
        self.publish();
        match self.failed {
            Some(error) => Err(OpenError::Index(error)),
            None => Ok((self.view, self.space, self.seen)),
        }
    }

    fn publish(&mut self) {
        for counted in self.draft.take_counted() {
            self.space.count(counted);
        }
        // Files of blobs that nobody has are orphans, which are removed later.
        drop(self.draft.take_removals());
        self.view.publish(&mut self.draft);
        if self.view.layers.present().active.rows() >= ROWS_MAX {
            self.flush();
        }
    }

    /// Brings what was replayed into the index, so that memory is bounded.
    fn flush(&mut self) {
        let Some(layer) = self.view.layers.freeze() else {
            return;
        };
        let meta = Meta {
            lsn: self.lsn,
            space: self.space.clone(),
            clock: (self.seen, None),
            scrub: None,
        };
        if let Err(error) = self.view.index.write(&layer.sorted(), &meta) {
            self.failed = Some(error);
        }
        self.view.layers.drop_frozen();
    }

    fn see(&mut self, body: &Body<'_>) {
        let slow = match body {
            Body::Blob(head) => head.accepted.slow,
            Body::Link(link) => link.accepted.slow,
            Body::Member(member) => member
                .touched_at
                .max(member.trashed.map_or(0, |(_, at)| at)),
            Body::Purge
            | Body::Tag(_)
            | Body::Untag(_)
            | Body::Namespace(_)
            | Body::Damaged
            | Body::Lease(_) => 0,
        };
        self.seen = self.seen.max(slow);
    }
}

/// Returns the root of a blob of several groups.
fn root_of(decoded: &Body<'_>, body: &[u8]) -> Option<[u8; 32]> {
    match decoded {
        Body::Blob(head) if head.groups > 0 && head.bytes as usize <= SMALL_BYTES_MAX => {
            Groups::read(&body[BLOB_HEAD_BYTES..head.data_offset()])?.root()
        }
        _ => None,
    }
}
