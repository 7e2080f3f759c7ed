//! Collecting what nothing leads to: mark, then sweep. Blobs go into the trash first and are purged by a later collection.
//!
//! What is decided is decided in `storage_core::gc`; here roots and folders are read, and the writer is asked.

use base::ContentHash;
use storage_core::clock::SlowTime;
use storage_core::folder::Folder;
use storage_core::gc::{
    Generation, Halt, Holds, Item, Limits, Mark, Plan, Report, Root, Terms, Verdict,
};
use thiserror::Error;
use wire::blobs::SMALL_BYTES_MAX;

use crate::names::holds_of;
use crate::rows::{NameRow, lease_key, tag_key};
use crate::writer::item_of;
use crate::{Blobs, CHUNK_BYTES, ReadError, WriteError};

/// How many rows are looked at at once, and how many blobs the writer is asked about at once.
const PAGE: usize = 256;

/// The largest folder that is read for what it names, in bytes.
const FOLDER_BYTES_MAX: u64 = 256 * 1_024 * 1_024;

/// What a collection is to do.
#[derive(Clone, Debug, Default)]
pub struct GcOptions {
    /// How long things are kept.
    pub terms: Terms,
    /// Blobs that are kept as if they had names: what other parts of the program refer to.
    pub keep: Vec<ContentHash>,
    /// Whether it only says what it would do.
    pub is_dry: bool,
}

/// A collection ended early.
#[derive(Debug, Error)]
pub enum GcError {
    /// It is not known what is reachable; nothing was collected.
    #[error(transparent)]
    Mark(#[from] Halt),
    /// Reading roots or rows.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Writing what was decided; what was written before stays.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl GcError {
    /// Returns it as told to a person who asked for it: no paths of this machine.
    #[must_use]
    pub fn problem(&self) -> base::Problem {
        match self {
            Self::Mark(halt) => base::Problem::new(base::Code::StoreFailed, halt.to_string()),
            Self::Read(error) => error.problem(),
            Self::Write(error) => error.problem(),
        }
    }
}

impl Blobs {
    /// Collects the namespace: [`Blobs::mark`], then [`Blobs::sweep`].
    ///
    /// # Errors
    ///
    /// [`GcError`].
    ///
    /// # Cancel safety
    ///
    /// May be dropped: what was trashed or purged before stays so.
    pub async fn gc(&self, options: GcOptions) -> Result<Report, GcError> {
        let plan = self.mark(options.terms, options.keep).await?;
        self.sweep(&plan, options.is_dry).await
    }

    /// Finds what is reachable in the namespace: from tags, from leases, and from `keep`. The plan holds until the
    /// process ends.
    ///
    /// # Errors
    ///
    /// [`GcError::Mark`] when a folder that has a name cannot be read, others when the disk fails.
    ///
    /// # Cancel safety
    ///
    /// May be dropped.
    pub async fn mark(&self, terms: Terms, keep: Vec<ContentHash>) -> Result<Plan, GcError> {
        // Everything that the writer touches from now on is kept.
        let begun = self.ask(0, |writer, _| {
            Ok((Generation(writer.next_lsn()), SlowTime(writer.now().slow)))
        });
        let (generation, now) = begun.await?;
        let blobs = self.clone();
        let marked = move || {
            blobs.mark_blocking(
                Mark::begin(generation, now, terms, Limits::default()),
                &keep,
            )
        };
        self.core().files.run(marked).await
    }

    /// Carries a plan out, or says what it would do. The writer looks at each blob again before it acts, so what was put
    /// or touched meanwhile stays.
    ///
    /// # Errors
    ///
    /// [`GcError`]; what was done before stays done.
    ///
    /// # Cancel safety
    ///
    /// May be dropped: what was trashed or purged before stays so.
    pub async fn sweep(&self, plan: &Plan, is_dry: bool) -> Result<Report, GcError> {
        let mut report = Report::new(plan, is_dry);
        let mut after = None;
        loop {
            let (core, namespace) = (std::sync::Arc::clone(self.core()), self.namespace);
            let list = move || core.view.members(namespace, after, PAGE, |_| true);
            let page = self.core().files.run(list).await.map_err(ReadError::from)?;
            let Some((last, _)) = page.last() else {
                return Ok(report);
            };
            after = Some(*last);
            let mut chosen = Vec::new();
            for (hash, row) in page {
                let item = item_of(&hash, &row.state);
                match plan.verdict(&item) {
                    planned @ Verdict::Keep(_) => report.note(&item, planned, planned),
                    planned if is_dry => report.note(&item, planned, planned),
                    planned => chosen.push((item, planned)),
                }
            }
            if !chosen.is_empty() {
                self.carry_out(plan, chosen, &mut report).await?;
            }
        }
    }

    /// Has the writer do what is still right.
    async fn carry_out(
        &self,
        plan: &Plan,
        chosen: Vec<(Item, Verdict)>,
        report: &mut Report,
    ) -> Result<(), GcError> {
        let (plan, namespace) = (plan.clone(), self.namespace);
        let asked = chosen.clone();
        let done = self.ask(chosen.len() * 160, move |writer, appender| {
            let mut done = Vec::with_capacity(asked.len());
            for (item, planned) in &asked {
                done.push(writer.sweep_member(namespace, &item.hash, &plan, *planned, appender)?);
            }
            Ok(done)
        });
        for ((item, planned), done) in chosen.iter().zip(done.await?) {
            report.note(item, *planned, done);
        }
        Ok(())
    }

    fn mark_blocking(&self, mut mark: Mark, keep: &[ContentHash]) -> Result<Plan, GcError> {
        for hash in keep {
            mark.add(&Root::Tag {
                hash: *hash,
                holds: Holds::Blob,
            });
        }
        self.each_name(&tag_key(self.namespace, ""), |_, row| {
            if let NameRow::Tag {
                hash, is_folder, ..
            } = row
            {
                mark.add(&Root::Tag {
                    hash: *hash,
                    holds: holds_of(*is_folder),
                });
            }
        })?;
        let leases = lease_key(self.namespace, &[0; 32], "");
        self.each_name(&leases[..3], |key, row| {
            if let (
                NameRow::Lease {
                    until, is_folder, ..
                },
                Some(hash),
            ) = (row, key[3..].first_chunk::<32>())
            {
                mark.add(&Root::Lease {
                    hash: ContentHash::from_bytes(*hash),
                    holds: holds_of(*is_folder),
                    until: SlowTime(*until),
                });
            }
        })?;
        while let Some(folder) = mark.poll_folder() {
            match self.children_of(&folder) {
                Ok(Some(children)) => mark.take_children(&folder, children),
                Ok(None) => mark.take_unreadable(&folder),
                Err(error) => {
                    tracing::warn!(target: "blobs::event::folder_unreadable", %folder, %error, "a folder cannot be read, so nothing is collected");
                    mark.take_unreadable(&folder);
                }
            }
        }
        Ok(mark.finish()?)
    }

    fn each_name(
        &self,
        prefix: &[u8],
        mut look: impl FnMut(&[u8], &NameRow),
    ) -> Result<(), ReadError> {
        let mut after = Vec::new();
        loop {
            let page = self.core().view.names(prefix, &after, PAGE)?;
            for (key, row) in &page {
                look(key, row);
            }
            match page.into_iter().last() {
                Some((key, _)) => after = key,
                None => return Ok(()),
            }
        }
    }

    /// Returns the blobs that a folder names; `None` when it is not there or is no folder.
    pub(crate) fn children_of(
        &self,
        folder: &ContentHash,
    ) -> Result<Option<Vec<ContentHash>>, ReadError> {
        let Some(bytes) = self.read_folder(folder)? else {
            return Ok(None);
        };
        let limits = storage_core::folder::Limits::default();
        Ok(Folder::decode(&bytes, &limits)
            .ok()
            .map(|folder| folder.blobs().into_keys().collect()))
    }

    fn read_folder(&self, folder: &ContentHash) -> Result<Option<Vec<u8>>, ReadError> {
        let Some(found) = self.core().find(self.namespace, folder)? else {
            return Ok(None);
        };
        if found.bytes <= SMALL_BYTES_MAX as u64 {
            return Ok(self.read_small(folder)?.map(Vec::from));
        }
        if found.bytes > FOLDER_BYTES_MAX {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        for index in 0..found.bytes.div_ceil(CHUNK_BYTES as u64) {
            bytes.extend_from_slice(&self.load(folder, index)?);
        }
        Ok(Some(bytes))
    }
}

#[cfg(test)]
mod tests;
