//! How safe a blob is, and what waits to be safer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base::{ContentHash, Timestamp};
use bytes::Bytes;
use storage_core::tag::TagName;
use storage_core::tier::{self, Evidence, Tier};

use crate::listing::LIST_MAX;
use crate::rows::{NameRow, back_key, lease_key};
use crate::{Blobs, ReadError};

/// What is known of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its hash.
    pub hash: ContentHash,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its BLAKE3 hash; `None` when its bytes are damaged.
    pub blake3: Option<[u8; 32]>,
    /// How safe it is.
    pub tier: Tier,
    /// What says that it was accepted.
    pub accepted: tier::Accepted,
    /// What is missing for the next tier.
    pub waits_for: Vec<String>,
    /// Its names, at most 1,000.
    pub tags: Vec<TagName>,
    /// Who keeps it without a name, and for how long from now on, at most 1,000.
    pub leases: Vec<Lease>,
    /// Whether it is in the trash.
    pub is_trashed: bool,
    /// Whether its bytes were found damaged.
    pub is_damaged: bool,
}

/// A blob that is in memory as a whole, and what an answer says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its BLAKE3 hash.
    pub blake3: [u8; 32],
    /// How safe it is.
    pub tier: Tier,
}

/// Somebody keeps a blob for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who.
    pub holder: String,
    /// How long from now on.
    pub rest: base::Duration,
}

/// A blob that waits to be more than accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queued {
    /// The number of the record with which it was accepted.
    pub lsn: u64,
    /// Its hash.
    pub hash: ContentHash,
    /// Its length in bytes.
    pub bytes: u64,
    /// When it was accepted.
    pub at: Timestamp,
}

/// Returns the tier that a record tells.
pub(crate) const fn tier_of(tier: u8) -> Tier {
    match tier {
        0 => Tier::Accepted,
        1 => Tier::Durable,
        _ => Tier::Verified,
    }
}

impl Blobs {
    /// Returns a blob of at most [`crate::CHUNK_BYTES`] that is in memory, without a look at the index or the disk. Never
    /// waits; `None` when it is not in the namespace, or not in memory, or longer.
    #[must_use]
    pub fn ready(&self, hash: &ContentHash) -> Option<Ready> {
        let bytes = self.get_small(hash)?;
        let found = self.core().known.get(self.namespace, hash.as_bytes())?;
        // One without groups is short, and quickly hashed.
        let root = found.root;
        let blake3 = root.unwrap_or_else(|| *blake3::hash(&bytes).as_bytes());
        Some(Ready {
            bytes,
            blake3,
            tier: tier_of(found.tier),
        })
    }

    /// Returns what is known of a blob of the namespace, also when it is in the trash or damaged.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the disk fails.
    ///
    /// # Cancel safety
    ///
    /// May be dropped.
    pub async fn status(&self, hash: &ContentHash) -> Result<Option<Status>, ReadError> {
        let (blobs, hash) = (self.clone(), *hash);
        self.core()
            .files
            .run(move || blobs.status_blocking(hash))
            .await
    }

    fn status_blocking(&self, hash: ContentHash) -> Result<Option<Status>, ReadError> {
        let core = self.core();
        let key = hash.as_bytes();
        let (Some(member), Some(blob)) =
            (core.view.member(self.namespace, key)?, core.view.blob(key)?)
        else {
            return Ok(None);
        };
        let blake3 = match (blob.root, member.is_visible()) {
            (Some(root), _) => Some(root),
            // A small blob is quickly hashed.
            (None, true) => self
                .read_small(&hash)?
                .map(|bytes| *blake3::hash(&bytes).as_bytes()),
            (None, false) => None,
        };
        let accepted = tier::Accepted {
            lsn: member.state.accepted_lsn,
            at: member.state.accepted.at,
        };
        let evidence = Evidence::accepted_as(accepted);
        Ok(Some(Status {
            hash,
            bytes: member.state.bytes,
            blake3,
            tier: tier_of(member.state.tier),
            accepted,
            waits_for: evidence.lack().iter().map(ToString::to_string).collect(),
            tags: self.tags_of(key)?,
            leases: self.leases_of(key)?,
            is_trashed: member.state.trashed.is_some(),
            is_damaged: member.is_damaged,
        }))
    }

    fn tags_of(&self, hash: &[u8; 32]) -> Result<Vec<TagName>, ReadError> {
        let prefix = back_key(self.namespace, hash, "");
        let rows = self.core().view.names(&prefix, &[], LIST_MAX)?;
        let names = rows
            .iter()
            .filter_map(|(key, _)| str::from_utf8(&key[prefix.len()..]).ok()?.parse().ok());
        Ok(names.collect())
    }

    fn leases_of(&self, hash: &[u8; 32]) -> Result<Vec<Lease>, ReadError> {
        let prefix = lease_key(self.namespace, hash, "");
        let now = self.core().slow.load(Ordering::Relaxed);
        let rows = self.core().view.names(&prefix, &[], LIST_MAX)?;
        let leases = rows.iter().filter_map(|(key, row)| match row {
            NameRow::Lease { until, .. } if *until > now => Some(Lease {
                holder: String::from_utf8(key[prefix.len()..].to_vec()).ok()?,
                rest: base::Duration::from_micros(*until - now),
            }),
            NameRow::Lease { .. } | NameRow::Tag { .. } | NameRow::Back => None,
        });
        Ok(leases.collect())
    }

    /// Waits until a blob is as safe as `wanted`, or for at most `span`; returns how safe it is then, or `None` when it
    /// is not in the namespace. Nothing makes a blob safer than accepted yet, so a stronger wish is answered at once.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the index cannot be read.
    ///
    /// # Cancel safety
    ///
    /// May be dropped.
    pub async fn wait(
        &self,
        hash: &ContentHash,
        _wanted: Tier,
        _span: Duration,
    ) -> Result<Option<Tier>, ReadError> {
        let (core, namespace, hash) = (Arc::clone(self.core()), self.namespace, *hash);
        let find = move || core.view.member(namespace, hash.as_bytes());
        let member = self.core().files.run(find).await?;
        Ok(member
            .filter(|member| member.is_visible())
            .map(|member| tier_of(member.state.tier)))
    }

    /// Returns blobs of all namespaces that wait to be more than accepted, the newest first: those accepted with a
    /// number below `before`, at most `limit` and at most 1,000.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the index cannot be read.
    ///
    /// # Cancel safety
    ///
    /// May be dropped.
    pub async fn queue(&self, before: Option<u64>, limit: usize) -> Result<Vec<Queued>, ReadError> {
        let core = Arc::clone(self.core());
        let limit = limit.min(LIST_MAX);
        let find = move || core.view.queue(before.unwrap_or(u64::MAX), limit);
        let waiting = self.core().files.run(find).await?;
        let queued = waiting.into_iter().map(|waiting| Queued {
            lsn: waiting.lsn,
            hash: ContentHash::from_bytes(waiting.hash),
            bytes: waiting.bytes,
            at: waiting.at,
        });
        Ok(queued.collect())
    }
}
