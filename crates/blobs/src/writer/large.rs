//! A blob in a file: named, then linked by a record.
//!
//! The names below `large` belong to the writer, so that a file is never removed while another one takes its place.

use base::ContentHash;
use disk::log::Appender;
use storage_core::quota::Reservation;
use wire::blobs::Body;

use super::put::{Before, Keep, StoredPromise};
use super::{Subject, Waiter, Writer};
use crate::core::{file_of, outboard_of};
use crate::files::Temporary;
use crate::groups::Root;
use crate::{PutError, Stored, WriteError};

/// A blob that was written to a temporary file, hashed and synced.
pub(crate) struct Link {
    pub(crate) namespace: u16,
    pub(crate) hash: ContentHash,
    pub(crate) bytes: u64,
    pub(crate) root: Root,
    pub(crate) file: Temporary,
    /// The list of its groups, in a file that need not be synced.
    pub(crate) outboard: Option<Temporary>,
    /// The room that was reserved while it came.
    pub(crate) reservation: Option<Reservation>,
    pub(crate) keep: Keep,
    pub(crate) promise: StoredPromise,
}

impl Writer {
    pub(super) fn stage_link(&mut self, mut link: Link, appender: &mut Appender) {
        let has_room = link.reservation.is_some();
        if let Some(reservation) = link.reservation.take() {
            self.hold(link.namespace, reservation);
        }
        match self.try_link(&mut link, has_room, appender) {
            Ok(stored) => self.waiters.push(Waiter::Stored(link.promise, stored)),
            Err(error) => link.promise.keep(Err(error)),
        }
    }

    fn try_link(
        &mut self,
        link: &mut Link,
        has_room: bool,
        appender: &mut Appender,
    ) -> Result<Stored, PutError> {
        let before = self.before(link.namespace, &link.hash, None)?;
        let is_member = match &before {
            Before::Nothing { is_member } => *is_member,
            Before::Bytes => false,
            Before::Member(_) => true,
        };
        if !is_member && !has_room {
            // It was there when it was begun, and went since.
            self.admit(link.namespace, link.bytes)?;
        }
        let stored = match before {
            Before::Nothing { .. } => {
                self.name_file(link)?;
                let body = Body::Link(wire::blobs::Link {
                    accepted: self.now,
                    bytes: link.bytes,
                    root: link.root,
                });
                let (_, lsn) =
                    self.push(appender, Subject::of(link.namespace, &link.hash), &body)?;
                self.stored(link.hash, link.bytes, lsn)
            }
            Before::Bytes => self.join(link.namespace, link.hash, link.bytes, appender)?,
            Before::Member(member) => self.touch(link.namespace, link.hash, member, appender)?,
        };
        self.keep(link.namespace, link.hash, &link.keep, appender)?;
        Ok(stored)
    }

    /// Gives the file its name. Without the record it is an orphan, which goes at the next start at the latest.
    fn name_file(&mut self, link: &mut Link) -> Result<(), WriteError> {
        let core = &self.core;
        let path = file_of(&link.hash);
        let (folder, _) = path.rsplit_once('/').expect("the path has a folder");
        let failed = |attempt, source| core.write_failed(attempt, &path, source);
        core.disk
            .make_folder(folder)
            .map_err(|source| failed("make the folder of", source))?;
        link.file
            .rename(&path)
            .map_err(|source| failed("name", source))?;
        self.undo.push(link.hash);
        core.cache.close(&link.hash);
        core.disk
            .sync_folder(folder)
            .map_err(|source| failed("sync the folder of", source))?;
        if let Some(outboard) = &mut link.outboard
            && let Err(error) = outboard.rename(&outboard_of(&link.hash))
        {
            // It can be made again from the blob.
            tracing::warn!(target: "blobs::event::outboard_unwritten", hash = %link.hash, %error, "the groups of a blob could not be kept");
        }
        Ok(())
    }
}
