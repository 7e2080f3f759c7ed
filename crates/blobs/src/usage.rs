//! What a namespace holds and may hold.

use storage_core::quota::{Quota, Usage};

use crate::space::UNBOUNDED;
use crate::{Blobs, WriteError};

impl Blobs {
    /// Returns what the namespace holds.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let space = self.core().space();
        space
            .room(self.namespace)
            .map(|room| room.books.usage())
            .unwrap_or_default()
    }

    /// Returns what the namespace may hold.
    #[must_use]
    pub fn quota(&self) -> Quota {
        let space = self.core().space();
        space
            .room(self.namespace)
            .map_or(UNBOUNDED, |room| room.books.quota())
    }

    /// Says what the namespace may hold from now on; what is there stays.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when it cannot be written down.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the quota is changed or it is not.
    pub async fn set_quota(&self, quota: Quota) -> Result<(), WriteError> {
        let namespace = self.namespace;
        self.ask(128, move |writer, appender| {
            writer.set_quota(namespace, quota, appender)
        })
        .await
    }
}
