//! Takes records of the log, in their order, into the rows and the counts.
//!
//! When there are many, what was taken is brought into the index from time to time, so that memory is bounded: by
//! a thread of its own, while the next ones are read and checked.

use std::collections::BTreeMap;
use std::thread::{Scope, ScopedJoinHandle};

use disk::log::Position;
use wire::blobs::{BLOB_HEAD_BYTES, Body, SMALL_BYTES_MAX};
use wire::segment::RecordHead;

use crate::OpenError;
use crate::draft::{Draft, Entry};
use crate::groups::{Groups, Root};
use crate::index::{IndexError, Lasting, Meta};
use crate::space::Space;
use crate::view::View;

/// How many rows are kept in memory before they are brought into the index. In tests so few that every history comes by.
const ROWS_MAX: u64 = if cfg!(test) { 20 } else { 400_000 };

/// After how many records the draft is published: so few that what was looked up is still near.
const DRAFT_RECORDS: u64 = if cfg!(test) { 8 } else { 128 };

/// How often rows are brought into the index loosely until they are synced, too.
const LOOSE_MAX: u32 = 7;

/// A replay.
pub(super) struct Replay<'scope, 'view> {
    view: &'view View,
    threads: &'scope Scope<'scope, 'view>,
    /// What is being brought into the index.
    flight: Option<ScopedJoinHandle<'scope, Result<(), IndexError>>>,
    flights: u32,
    space: Space,
    draft: Draft,
    records: u64,
    lsn: u64,
    seen: u64,
    failed: Option<IndexError>,
    /// Blobs whose last member was purged when nothing was known of it: dead, unless somebody else turns out to have them.
    lonely: BTreeMap<[u8; 32], u16>,
}

impl<'scope, 'view> Replay<'scope, 'view> {
    pub(super) fn new(
        view: &'view View,
        space: Space,
        threads: &'scope Scope<'scope, 'view>,
    ) -> Self {
        let draft = Draft::new(space.namespaces.len());
        Self {
            view,
            threads,
            flight: None,
            flights: 0,
            space,
            draft,
            records: 0,
            lsn: 0,
            seen: 0,
            failed: None,
            lonely: BTreeMap::new(),
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
        if let Err(error) = self.apply(&entry, &decoded, root_of(&decoded, body)) {
            self.failed = Some(error);
            return;
        }
        self.records += 1;
        if self.records.is_multiple_of(DRAFT_RECORDS) {
            self.publish();
        }
    }

    /// Ends the replay.
    pub(super) fn end(mut self) -> Result<(Space, u64), OpenError> {
        for lonely in std::mem::take(&mut self.lonely) {
            let dropped = self.draft.drop_lonely(self.view, lonely);
            self.failed = self.failed.or(dropped.err());
        }
        self.publish();
        self.land();
        match self.failed {
            Some(error) => Err(OpenError::Index(error)),
            None => Ok((self.space, self.seen)),
        }
    }

    fn apply(
        &mut self,
        entry: &Entry,
        body: &Body<'_>,
        root: Option<Root>,
    ) -> Result<(), IndexError> {
        if matches!(body, Body::Blob(_)) {
            // Mostly it is new, and then nothing else has to be looked up.
            self.draft.blob_since(self.view, &entry.key, None)?;
        }
        if matches!(body, Body::Blob(_) | Body::Link(_))
            && !entry.is_moved
            && let Some(namespace) = self.lonely.remove(&entry.key)
        {
            // It was dead, and is stored anew.
            self.draft.drop_lonely(self.view, (entry.key, namespace))?;
        }
        self.draft.apply(self.view, entry, body, root)?;
        self.lonely.extend(self.draft.take_lonely());
        Ok(())
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

    /// Begins to bring what was replayed into the index, when that of before is there.
    fn flush(&mut self) {
        self.land();
        let Some(layer) = self.view.layers.freeze() else {
            return;
        };
        let meta = Meta {
            lsn: self.lsn,
            space: self.space.clone(),
            clock: (self.seen, None),
            scrub: None,
        };
        self.flights += 1;
        let lasting = match self.flights % (LOOSE_MAX + 1) {
            0 => Lasting::Stable,
            _ => Lasting::Loose,
        };
        let view = self.view;
        self.flight = Some(self.threads.spawn(move || {
            view.index.write(&layer, &meta, lasting)?;
            view.layers.drop_frozen();
            Ok(())
        }));
    }

    /// Waits for what is being brought into the index.
    fn land(&mut self) {
        let Some(flight) = self.flight.take() else {
            return;
        };
        match flight.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                self.failed.get_or_insert(error);
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
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
fn root_of(decoded: &Body<'_>, body: &[u8]) -> Option<Root> {
    match decoded {
        Body::Blob(head) if head.groups > 0 && head.bytes as usize <= SMALL_BYTES_MAX => {
            Groups::read(&body[BLOB_HEAD_BYTES..head.data_offset()])?.root()
        }
        _ => None,
    }
}
