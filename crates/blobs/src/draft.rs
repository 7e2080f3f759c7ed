//! What records do to the rows and the counts. This is the one place that knows; writing and replaying both go through it.
//!
//! A record that the writer has staged changes the draft; when the batch is on stable storage the draft is published,
//! and when it is not, the draft is thrown away.
//!
//! # Invariants
//!
//! * The same records give the same rows and counts, whoever applies them.
//! * A blob is there as long as it has a member; its bytes may be nowhere, when they were damaged.

mod lonely;
mod notes;

use std::collections::{BTreeMap, HashMap};

use disk::log::Position;
use storage_core::Sum;
use storage_core::quota::{Change, Quota};
use wire::blobs::{Body, Lease, Member, Namespace, Tag};

use crate::groups::Root;
use crate::index::IndexError;
use crate::layers::Spread;
use crate::rows::{BlobRow, MemberRow, NameRow, Place, back_key, lease_key, tag_key};
use crate::space::Counted;
use crate::view::{Absence, View};

pub(crate) use lonely::Lonely;

/// The head of a record, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) record: Position,
    pub(crate) namespace: u16,
    pub(crate) key: [u8; 32],
    pub(crate) lsn: u64,
    /// Whether it is the copy of an older record.
    pub(crate) is_moved: bool,
}

/// Changes that are not published yet.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    blobs: HashMap<[u8; 32], Rows, Spread>,
    names: BTreeMap<Vec<u8>, Option<NameRow>>,
    counted: Vec<Counted>,
    /// Files whose blob nobody has any more.
    removals: Vec<[u8; 32]>,
    /// Blobs whose last member was purged when nothing was known of it.
    lonely: Vec<Lonely>,
    /// How many namespaces there are, with those of the draft.
    pub(crate) namespaces: u16,
}

/// What changed of one blob.
#[derive(Debug, Default)]
struct Rows {
    blob: Option<Option<BlobRow>>,
    members: Members,
    /// Whether there was nothing of it before: no need to look for members elsewhere.
    is_new: bool,
    /// Whether its bytes are elsewhere now, or nowhere.
    is_elsewhere: bool,
}

/// A member of a blob, or that it is gone.
type Membership = (u16, Option<MemberRow>);

/// Members of one blob; mostly there is one, which takes no memory of its own.
#[derive(Debug, Default)]
struct Members {
    first: Option<Membership>,
    more: Vec<Membership>,
}

/// What a blob counts as in a namespace.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    None,
    Live,
    Trash,
}

impl Draft {
    /// Starts with no change to a store of so many namespaces.
    pub(crate) fn new(namespaces: usize) -> Self {
        Self {
            namespaces: u16::try_from(namespaces).unwrap_or(u16::MAX),
            ..Self::default()
        }
    }

    /// Applies a record. `root` is that of a blob of several groups, computed from the groups in its body.
    ///
    /// # Errors
    ///
    /// [`IndexError`] when the rows before cannot be read.
    pub(crate) fn apply(
        &mut self,
        view: &View,
        entry: &Entry,
        body: &Body<'_>,
        root: Option<Root>,
    ) -> Result<(), IndexError> {
        match body {
            Body::Blob(head) if !entry.is_moved && self.is_new(&entry.key) => {
                self.put_new(entry, u64::from(head.bytes), head.accepted, root);
                Ok(())
            }
            Body::Blob(head) => {
                let (place, bytes) = (Place::Log(entry.record), u64::from(head.bytes));
                self.put_bytes(view, entry, place, bytes, root)?;
                self.join(view, entry, bytes, head.accepted)
            }
            Body::Link(link) => {
                self.put_bytes(
                    view,
                    entry,
                    Place::File(entry.record),
                    link.bytes,
                    Some(link.root),
                )?;
                self.join(view, entry, link.bytes, link.accepted)
            }
            Body::Member(state) => self.member_says(view, entry, *state),
            Body::Purge => self.purge(view, entry),
            Body::Tag(tag) => self.tag(view, entry, tag),
            Body::Untag(name) => self.untag(view, entry, name),
            Body::Lease(lease) => self.lease(view, entry, lease),
            Body::Namespace(namespace) => {
                self.name_namespace(entry, namespace);
                Ok(())
            }
            Body::Damaged => self.damaged(view, entry),
        }
    }

    pub(crate) fn blob(&self, view: &View, hash: &[u8; 32]) -> Result<Option<BlobRow>, IndexError> {
        match self.blobs.get(hash).and_then(|rows| rows.blob) {
            Some(row) => Ok(row),
            None => view.blob(hash),
        }
    }

    pub(crate) fn member(
        &self,
        view: &View,
        namespace: u16,
        hash: &[u8; 32],
    ) -> Result<Option<MemberRow>, IndexError> {
        let rows = self.blobs.get(hash);
        match rows.and_then(|rows| rows.members.of(namespace)) {
            Some(row) => Ok(row),
            None if rows.is_some_and(|rows| rows.is_new) => Ok(None),
            None => view.member(namespace, hash),
        }
    }

    /// As [`Draft::blob`] for one that is to be stored, when it is known whether the index had it.
    pub(crate) fn blob_since(
        &mut self,
        view: &View,
        hash: &[u8; 32],
        absence: Option<Absence>,
    ) -> Result<Option<BlobRow>, IndexError> {
        if let Some(row) = self.blobs.get(hash).and_then(|rows| rows.blob) {
            return Ok(row);
        }
        let row = view.blob_since(hash, absence)?;
        if row.is_none() {
            let rows = self.blobs.entry(*hash).or_default();
            rows.blob = Some(None);
            rows.is_new = rows.members.is_empty();
        }
        Ok(row)
    }

    pub(crate) fn name(&self, view: &View, key: &[u8]) -> Result<Option<NameRow>, IndexError> {
        match self.names.get(key) {
            Some(row) => Ok(*row),
            None => view.name(key),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.blobs.is_empty() && self.names.is_empty() && self.counted.is_empty()
    }

    /// Returns what readers may know and must look up again: blobs in a namespace, and blobs in all (`None`).
    pub(crate) fn outdated(&self) -> Vec<([u8; 32], Option<u16>)> {
        let mut outdated = Vec::new();
        for (hash, rows) in &self.blobs {
            if rows.is_new && !rows.is_elsewhere {
                // Nobody has seen it.
                continue;
            }
            if rows.is_elsewhere {
                outdated.push((*hash, None));
                continue;
            }
            let members = rows.members.iter();
            outdated.extend(members.map(|(namespace, _)| (*hash, Some(*namespace))));
        }
        outdated
    }

    pub(crate) fn take_counted(&mut self) -> Vec<Counted> {
        std::mem::take(&mut self.counted)
    }

    pub(crate) fn take_removals(&mut self) -> Vec<[u8; 32]> {
        std::mem::take(&mut self.removals)
    }

    /// Gives all rows away.
    pub(crate) fn drain_rows(
        &mut self,
        mut put: impl FnMut([u8; 32], Option<Option<BlobRow>>, &[(u16, Option<MemberRow>)]),
        mut put_name: impl FnMut(Vec<u8>, Option<NameRow>),
    ) {
        for (hash, rows) in self.blobs.drain() {
            let Members { first, mut more } = rows.members;
            if more.is_empty() {
                put(hash, rows.blob, first.as_slice());
            } else {
                more.extend(first);
                put(hash, rows.blob, &more);
            }
        }
        for (key, row) in std::mem::take(&mut self.names) {
            put_name(key, row);
        }
    }

    /// Tells whether the batch knows that there was nothing of a blob before it, and has changed nothing of it.
    fn is_new(&self, hash: &[u8; 32]) -> bool {
        let rows = self.blobs.get(hash);
        rows.is_some_and(|rows| {
            rows.is_new && rows.blob == Some(None) && rows.members.is_empty() && !rows.is_elsewhere
        })
    }

    /// Records a blob of which there was nothing: what [`Draft::put_bytes`] and [`Draft::join`] come to then.
    fn put_new(
        &mut self,
        entry: &Entry,
        bytes: u64,
        accepted: wire::blobs::Accepted,
        root: Option<Root>,
    ) {
        let rows = self.blobs.entry(entry.key).or_default();
        rows.blob = Some(Some(BlobRow {
            place: Place::Log(entry.record),
            bytes,
            root,
            members: 1,
        }));
        rows.members
            .set(entry.namespace, Some(MemberRow::of(entry, bytes, accepted)));
        self.counted.push(Counted::Needed(entry.record));
        self.counted
            .push(Counted::Books(entry.namespace, Change::Put(bytes)));
    }

    /// Records where the bytes of a blob are.
    fn put_bytes(
        &mut self,
        view: &View,
        entry: &Entry,
        place: Place,
        bytes: u64,
        root: Option<Root>,
    ) -> Result<(), IndexError> {
        let before = self.blob(view, &entry.key)?;
        if let Some(before) = before {
            self.leave(&before);
            self.blobs.entry(entry.key).or_default().is_elsewhere = true;
        }
        self.counted.push(Counted::Needed(entry.record));
        if matches!(place, Place::File(_)) {
            self.counted.push(Counted::FileCame(bytes));
        }
        let members = before.map_or(0, |before| before.members);
        let row = BlobRow {
            place,
            bytes,
            root,
            members,
        };
        self.set_blob(entry.key, Some(row));
        let was_damaged = before.is_some_and(|before| before.place == Place::Nowhere);
        if was_damaged && members > 0 {
            self.mark_members(view, &entry.key, false)?;
        }
        Ok(())
    }

    /// Makes a blob that was just stored a live member; the copy of a record makes no member.
    fn join(
        &mut self,
        view: &View,
        entry: &Entry,
        bytes: u64,
        accepted: wire::blobs::Accepted,
    ) -> Result<(), IndexError> {
        if entry.is_moved {
            return Ok(());
        }
        let row = MemberRow::of(entry, bytes, accepted);
        self.set_member(view, entry.namespace, &entry.key, Some(row))
    }

    fn member_says(&mut self, view: &View, entry: &Entry, state: Member) -> Result<(), IndexError> {
        let blob = self.blob(view, &entry.key)?;
        if blob.is_none() {
            // The record with the bytes was moved behind this one, or is lost.
            let row = BlobRow {
                place: Place::Nowhere,
                bytes: state.bytes,
                root: None,
                members: 0,
            };
            self.set_blob(entry.key, Some(row));
        }
        let row = MemberRow {
            record: entry.record,
            is_own: true,
            is_damaged: blob.is_none_or(|blob| blob.place == Place::Nowhere),
            state,
        };
        self.set_member(view, entry.namespace, &entry.key, Some(row))
    }

    fn purge(&mut self, view: &View, entry: &Entry) -> Result<(), IndexError> {
        self.counted.push(Counted::Needed(entry.record));
        self.note_lonely(view, entry)?;
        self.set_member(view, entry.namespace, &entry.key, None)
    }

    fn damaged(&mut self, view: &View, entry: &Entry) -> Result<(), IndexError> {
        let Some(before) = self.blob(view, &entry.key)? else {
            return Ok(());
        };
        self.leave(&before);
        let row = BlobRow {
            place: Place::Nowhere,
            ..before
        };
        self.set_blob(entry.key, Some(row));
        self.blobs.entry(entry.key).or_default().is_elsewhere = true;
        self.mark_members(view, &entry.key, true)
    }

    fn tag(&mut self, view: &View, entry: &Entry, tag: &Tag<'_>) -> Result<(), IndexError> {
        self.drop_tag(view, entry.namespace, tag.name)?;
        self.counted.push(Counted::Needed(entry.record));
        let row = NameRow::Tag {
            hash: tag.hash,
            at: tag.at,
            is_folder: tag.is_folder,
            record: entry.record,
        };
        self.names
            .insert(tag_key(entry.namespace, tag.name), Some(row));
        let back = back_key(entry.namespace, tag.hash.as_bytes(), tag.name);
        self.names.insert(back, Some(NameRow::Back));
        Ok(())
    }

    fn untag(&mut self, view: &View, entry: &Entry, name: &str) -> Result<(), IndexError> {
        self.counted.push(Counted::Needed(entry.record));
        self.drop_tag(view, entry.namespace, name)
    }

    fn drop_tag(&mut self, view: &View, namespace: u16, name: &str) -> Result<(), IndexError> {
        let key = tag_key(namespace, name);
        if let Some(NameRow::Tag { hash, record, .. }) = self.name(view, &key)? {
            self.counted.push(Counted::Unneeded(record));
            self.names
                .insert(back_key(namespace, hash.as_bytes(), name), None);
            self.names.insert(key, None);
        }
        Ok(())
    }

    fn lease(&mut self, view: &View, entry: &Entry, lease: &Lease<'_>) -> Result<(), IndexError> {
        let key = lease_key(entry.namespace, &entry.key, lease.holder);
        if let Some(NameRow::Lease { record, .. }) = self.name(view, &key)? {
            self.counted.push(Counted::Unneeded(record));
        }
        self.counted.push(Counted::Needed(entry.record));
        let row = NameRow::Lease {
            until: lease.until,
            is_folder: lease.is_folder,
            record: entry.record,
        };
        self.names.insert(key, (lease.until > 0).then_some(row));
        Ok(())
    }

    fn name_namespace(&mut self, entry: &Entry, namespace: &Namespace<'_>) {
        let Ok(name) = namespace.name.parse() else {
            tracing::error!(target: "blobs::event::namespace_unnamed", number = entry.namespace, "the name of a namespace cannot be read");
            return;
        };
        self.counted.push(Counted::Needed(entry.record));
        self.counted.push(Counted::Named {
            number: entry.namespace,
            name,
            quota: Quota {
                bytes_max: namespace.bytes_max,
                blobs_max: namespace.blobs_max,
            },
            record: entry.record,
        });
        self.namespaces = self.namespaces.max(entry.namespace + 1);
    }

    /// Sets or clears the mark of damage on all members of a blob.
    fn mark_members(
        &mut self,
        view: &View,
        hash: &[u8; 32],
        is_damaged: bool,
    ) -> Result<(), IndexError> {
        for namespace in 0..self.namespaces {
            if let Some(row) = self.member(view, namespace, hash)? {
                self.set_member(view, namespace, hash, Some(MemberRow { is_damaged, ..row }))?;
            }
        }
        Ok(())
    }

    /// Counts that the record with a blob's bytes is no longer needed.
    fn leave(&mut self, row: &BlobRow) {
        match row.place {
            Place::Nowhere => {}
            Place::Log(record) => self.counted.push(Counted::Unneeded(record)),
            Place::File(record) => {
                self.counted.push(Counted::Unneeded(record));
                self.counted.push(Counted::FileWent(row.bytes));
            }
        }
    }

    fn set_blob(&mut self, hash: [u8; 32], row: Option<BlobRow>) {
        self.blobs.entry(hash).or_default().blob = Some(row);
    }

    /// Replaces a member and counts what that changes.
    fn set_member(
        &mut self,
        view: &View,
        namespace: u16,
        hash: &[u8; 32],
        row: Option<MemberRow>,
    ) -> Result<(), IndexError> {
        let before = self.member(view, namespace, hash)?;
        if let Some(before) = before.filter(|before| before.is_own) {
            self.counted.push(Counted::Unneeded(before.record));
        }
        if let Some(row) = row.filter(|row| row.is_own) {
            self.counted.push(Counted::Needed(row.record));
        }
        let mut dead_in = None;
        if before.is_some() != row.is_some() {
            dead_in = self.count_member(view, hash, row.is_some())?;
        }
        let rows = self.blobs.entry(*hash).or_default();
        rows.members.set(namespace, row);
        self.note_damage((namespace, hash), before.as_ref(), row.as_ref());
        self.note_waiting(before.as_ref(), row.as_ref());
        self.recount(namespace, before.as_ref(), row.as_ref(), dead_in);
        Ok(())
    }

    /// Counts one member more or less; returns the segment in which the bytes of a blob without members lie.
    fn count_member(
        &mut self,
        view: &View,
        hash: &[u8; 32],
        is_more: bool,
    ) -> Result<Option<u64>, IndexError> {
        let Some(mut blob) = self.blob(view, hash)? else {
            return Ok(None);
        };
        if is_more {
            blob.members += 1;
        } else {
            blob.members = blob.members.saturating_sub(1);
        }
        if blob.members > 0 {
            self.set_blob(*hash, Some(blob));
            return Ok(None);
        }
        self.leave(&blob);
        self.set_blob(*hash, None);
        self.blobs.entry(*hash).or_default().is_elsewhere = true;
        match blob.place {
            Place::Log(record) => Ok(Some(record.segment)),
            Place::File(_) => {
                self.removals.push(*hash);
                Ok(None)
            }
            Place::Nowhere => Ok(None),
        }
    }

    fn recount(
        &mut self,
        namespace: u16,
        before: Option<&MemberRow>,
        now: Option<&MemberRow>,
        dead_in: Option<u64>,
    ) {
        let bytes = now.or(before).map_or(0, |row| row.state.bytes);
        let mut change = |change| self.counted.push(Counted::Books(namespace, change));
        match (class_of(before), class_of(now)) {
            (Class::None, Class::None)
            | (Class::Live, Class::Live)
            | (Class::Trash, Class::Trash) => return,
            (Class::None, Class::Live) => return change(Change::Put(bytes)),
            (Class::None, Class::Trash) => {
                change(Change::Put(bytes));
                return change(Change::Trash(bytes));
            }
            (Class::Live, Class::Trash) => return change(Change::Trash(bytes)),
            (Class::Trash, Class::Live) => return change(Change::Restore(bytes)),
            (Class::Live, Class::None) => change(Change::Lose(bytes)),
            (Class::Trash, Class::None) => change(Change::Purge(bytes)),
        }
        match dead_in {
            Some(segment) => self.counted.push(Counted::Dead {
                segment,
                namespace,
                bytes,
            }),
            // A file goes at once, and what another namespace has is not dead.
            None => change(Change::Reclaim(Sum::of(bytes))),
        }
    }
}

impl MemberRow {
    /// Says what a record with a blob's bytes says of its member.
    const fn of(entry: &Entry, bytes: u64, accepted: wire::blobs::Accepted) -> Self {
        Self {
            record: entry.record,
            is_own: false,
            is_damaged: false,
            state: Member {
                bytes,
                accepted_lsn: entry.lsn,
                accepted,
                touched: entry.lsn,
                touched_at: accepted.slow,
                trashed: None,
                tier: 0,
            },
        }
    }
}

impl Members {
    const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    fn iter(&self) -> impl Iterator<Item = &Membership> {
        self.first.iter().chain(&self.more)
    }

    /// Returns what is said of a namespace.
    fn of(&self, namespace: u16) -> Option<Option<MemberRow>> {
        let found = self.iter().find(|(of, _)| *of == namespace);
        found.map(|(_, row)| *row)
    }

    fn set(&mut self, namespace: u16, row: Option<MemberRow>) {
        if self.first.is_none() {
            self.first = Some((namespace, row));
            return;
        }
        let mut all = self.first.iter_mut().chain(&mut self.more);
        match all.find(|(of, _)| *of == namespace) {
            Some((_, present)) => *present = row,
            None => self.more.push((namespace, row)),
        }
    }
}

fn class_of(row: Option<&MemberRow>) -> Class {
    match row {
        Some(row) if row.is_damaged => Class::None,
        Some(row) if row.state.trashed.is_some() => Class::Trash,
        Some(_) => Class::Live,
        None => Class::None,
    }
}
