//! What the storage service is told.

use base::Duration;
use storage_core::{compaction, gc};

runtime::configuration! {
    /// How blobs are kept.
    pub struct Config {
        /// How often what nothing refers to is collected; 0 means never.
        pub gc_interval_secs: u64 = 86_400, unit: "seconds", env: "STORAGE_GC_INTERVAL_SECS", since: "0.2.0";
        /// How long a blob is left alone after it was stored, asked for with `have`, tagged or leased.
        pub gc_grace_secs: u64 = 3_600, unit: "seconds", env: "STORAGE_GC_GRACE_SECS", since: "0.2.0";
        /// How long a blob that members brought for their pages is left alone beside a doorway, before a page shows it or
        /// after the last one did. Keep it at a day or more: whoever publishes slowly needs the time.
        pub community_grace_secs: u64 = 86_400, unit: "seconds", env: "STORAGE_COMMUNITY_GRACE_SECS", since: "0.2.0";
        /// How long a blob that was collected stays in the trash.
        pub trash_secs: u64 = 604_800, unit: "seconds", env: "STORAGE_TRASH_SECS", since: "0.2.0";
        /// How long after the end of a scrub the next one begins; 0 means that none begins by itself.
        pub scrub_interval_secs: u64 = 2_592_000, unit: "seconds", env: "STORAGE_SCRUB_INTERVAL_SECS", since: "0.2.0";
        /// How much a scrub reads.
        pub scrub_bytes_per_sec: u64 = 8_388_608, unit: "bytes per second", env: "STORAGE_SCRUB_BYTES_PER_SEC", since: "0.2.0";
        /// How much a new namespace may hold; 0 means no bound. A steward can give each another bound.
        pub quota_bytes: u64 = 0, unit: "bytes", env: "STORAGE_QUOTA_BYTES", since: "0.2.0";
        /// Most uploads of one namespace that have begun and are not finished.
        pub uploads_max: u32 = 100, unit: "uploads", env: "STORAGE_UPLOADS_MAX", since: "0.2.0";
        /// How long an upload waits for its next piece before it is given up.
        pub upload_idle_secs: u64 = 86_400, unit: "seconds", env: "STORAGE_UPLOAD_IDLE_SECS", since: "0.2.0";
        /// How much of an upload is at most lost when the process is killed, and then sent again.
        pub upload_checkpoint_bytes: u64 = 16_777_216, unit: "bytes", env: "STORAGE_UPLOAD_CHECKPOINT_BYTES", since: "0.2.0";
        /// Most streams of events about blobs and scrubs that are open at the same time.
        pub streams_max: u32 = 1_000, unit: "streams", env: "STORAGE_STREAMS_MAX", since: "0.2.0";
    }
}

impl Config {
    /// Returns when a blob is collected and when it leaves the trash.
    pub(crate) fn gc_terms(&self) -> gc::Terms {
        gc::Terms {
            trash_for: Duration::from_secs(self.trash_secs),
            grace: Duration::from_secs(self.gc_grace_secs),
        }
    }

    /// Returns when a segment of the log is copied together.
    pub(crate) fn compaction_terms(&self) -> compaction::Terms {
        compaction::Terms::default()
    }
}
