//! Collecting what nothing refers to, on a schedule or when a steward asks for it.
//!
//! # Invariants
//!
//! * Beside a doorway the namespace `community` holds what members publish. Nothing there has a tag, so its doorway is
//!   asked what its pages need, and where it has no answer, nothing is collected there.
//! * What members brought lately may be for a page that is not there yet: it is left alone for longer than the rest.
//! * A namespace that cannot be collected keeps no other one from it.
//!
//! It does not know what pages are; [`crate::Authority::keeps`] does.

use std::time::Duration;

use base::Problem;
use blobs::{Blobs, GcOptions};
use runtime::{Next, Worker};
use storage_core::gc::{Report, Terms};
use storage_core::namespace::Namespace;

use crate::Admittance;
use crate::service::Storage;
use crate::tending::FIRST_DELAY;

/// What became of one namespace.
pub(crate) struct Collected {
    pub(crate) namespace: Namespace,
    /// What was collected, or why nothing was.
    pub(crate) outcome: Result<Report, Problem>,
}

impl Storage {
    /// Collects what nothing refers to in every namespace, and gives back what compaction can. In a dry run it only
    /// tells.
    ///
    /// # Cancel safety
    /// May be dropped: what was collected before stays so.
    pub(crate) async fn collect_all(&self, terms: Terms, is_dry: bool) -> Vec<Collected> {
        let mut all = Vec::new();
        for namespace in self.0.blobs.namespaces() {
            let outcome = match self.open(&namespace, false).await {
                Ok(blobs) => self.collect(&blobs, terms, is_dry).await,
                Err(problem) => Err(problem),
            };
            all.push(Collected { namespace, outcome });
        }
        if !is_dry {
            self.compact().await;
        }
        all
    }

    /// Does the same in one namespace.
    ///
    /// # Errors
    /// What keeps it from being done; of the community's blobs also what their doorway says.
    ///
    /// # Cancel safety
    /// As [`Storage::collect_all`].
    pub(crate) async fn collect_one(
        &self,
        blobs: &Blobs,
        terms: Terms,
        is_dry: bool,
    ) -> Result<Report, Problem> {
        let report = self.collect(blobs, terms, is_dry).await?;
        if !is_dry {
            self.compact().await;
        }
        Ok(report)
    }

    async fn collect(&self, blobs: &Blobs, terms: Terms, is_dry: bool) -> Result<Report, Problem> {
        let (keep, terms) = match &self.0.admittance {
            Admittance::Joined(doorway) if is_published(blobs) => {
                let grace = base::Duration::from_secs(self.0.config.community_grace_secs);
                let grace = terms.grace.max(grace);
                (doorway.keeps().await?, Terms { grace, ..terms })
            }
            Admittance::Joined(_) | Admittance::Own(_) => (Vec::new(), terms),
        };
        let options = GcOptions {
            terms,
            keep,
            is_dry,
        };
        let report = blobs.gc(options).await;
        report.map_err(|error| error.problem())
    }

    /// Gives back the room of what is gone.
    async fn compact(&self) {
        let terms = self.0.config.compaction_terms();
        // What was collected is collected; the room comes back with the next round.
        if let Err(error) = self.0.blobs.compact(&terms).await {
            tracing::warn!(target: "storage::event::compaction_failed", error = base::told(&error), "the log could not be compacted");
        }
    }
}

/// Tells whether these are a community's blobs, and there are some.
fn is_published(blobs: &Blobs) -> bool {
    let usage = blobs.usage();
    let is_empty = usage.live.blobs + usage.trash.blobs == 0;
    !is_empty && blobs.namespace() == Namespace::community()
}

/// Collects on a schedule.
pub(crate) struct Collector {
    storage: Storage,
    is_first: bool,
}

impl Collector {
    pub(crate) const fn new(storage: Storage) -> Self {
        Self {
            storage,
            is_first: true,
        }
    }
}

impl Worker for Collector {
    type Error = Problem;

    fn name(&self) -> String {
        "blob collection".to_owned()
    }

    async fn round(&mut self) -> Result<Next, Problem> {
        let interval = self.storage.0.config.gc_interval_secs;
        if interval == 0 {
            return Ok(Next::Never);
        }
        let interval = Duration::from_secs(interval);
        if std::mem::take(&mut self.is_first) {
            return Ok(Next::After(FIRST_DELAY.min(interval)));
        }
        let terms = self.storage.0.config.gc_terms();
        for Collected { namespace, outcome } in self.storage.collect_all(terms, false).await {
            match outcome {
                Ok(report) if report.trashed.blobs + report.purged.blobs > 0 => {
                    tracing::info!(%namespace, trashed = report.trashed.blobs, purged = report.purged.blobs, "blobs were collected");
                }
                Ok(_) => {}
                Err(problem) => {
                    tracing::warn!(target: "storage::event::not_collected", %namespace, %problem, "a namespace could not be collected");
                }
            }
        }
        Ok(Next::After(interval))
    }
}
