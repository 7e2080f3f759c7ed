//! Tags and leases: what keeps a blob from being collected.

use std::sync::Arc;

use base::{ContentHash, Duration, Timestamp};
use storage_core::clock::SlowTime;
use storage_core::gc::{Generation, Holds};
use storage_core::tag::TagName;
use wire::blobs::NAME_BYTES_MAX;

use crate::listing::LIST_MAX;
use crate::rows::{NameRow, tag_key};
use crate::writer::Hold;
use crate::{Blobs, ReadError, WriteError};

/// How many blobs may be asked for at once.
pub const HAVE_MAX: usize = 1_024;

/// A name for a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// The name.
    pub name: TagName,
    /// What it names.
    pub hash: ContentHash,
    /// Whether it keeps what the folder names, too.
    pub holds: Holds,
    /// When it was given.
    pub at: Timestamp,
}

impl Blobs {
    /// Names a blob, in place of what had the name. Tells whether the blob is there; without it nothing is named.
    /// A blob in the trash comes out of it.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when it cannot be written down.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the blob has the name or it has not.
    pub async fn tag(
        &self,
        name: &TagName,
        hash: &ContentHash,
        holds: Holds,
    ) -> Result<bool, WriteError> {
        let (namespace, name, hash) = (self.namespace, name.clone(), *hash);
        let is_folder = matches!(holds, Holds::Folder);
        let children = self.touch_children(hash, holds).await?;
        let is_there = self.ask(512, move |writer, appender| {
            if !writer.touch_member(namespace, &hash, appender)? {
                return Ok(false);
            }
            writer.put_tag(namespace, hash, &name, is_folder, appender)?;
            Ok(true)
        });
        let is_there = is_there.await?;
        self.touch_all(children).await?;
        Ok(is_there)
    }

    /// Takes a name away; tells whether there was one.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when it cannot be written down.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the name is gone or it is not.
    pub async fn untag(&self, name: &TagName) -> Result<bool, WriteError> {
        let (namespace, name) = (self.namespace, name.clone());
        self.ask(256, move |writer, appender| {
            writer.untag(namespace, &name, appender)
        })
        .await
    }

    /// Returns what has a name.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the index cannot be read.
    ///
    /// # Cancel safety
    ///
    /// May be dropped.
    pub async fn tagged(&self, name: &TagName) -> Result<Option<Tagged>, ReadError> {
        let core = Arc::clone(self.core());
        let key = tag_key(self.namespace, name.as_str());
        let row = self.core().files.run(move || core.view.name(&key)).await?;
        Ok(row.and_then(|row| tagged(name.clone(), &row)))
    }

    /// Returns the names after `after` that begin with `prefix`, in their order, at most `limit` and at most 1,000.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the index cannot be read.
    ///
    /// # Cancel safety
    ///
    /// May be dropped.
    pub async fn tags(
        &self,
        after: Option<&TagName>,
        limit: usize,
        prefix: &str,
    ) -> Result<Vec<Tagged>, ReadError> {
        let core = Arc::clone(self.core());
        let whole = tag_key(self.namespace, prefix);
        let after = after.map_or_else(Vec::new, |after| tag_key(self.namespace, after.as_str()));
        let limit = limit.min(LIST_MAX);
        let rows = self
            .core()
            .files
            .run(move || core.view.names(&whole, &after, limit))
            .await?;
        let tags = rows.iter().filter_map(|(key, row)| {
            // A letter and the number of the namespace stand before the name.
            let name = str::from_utf8(&key[3..]).ok()?.parse().ok()?;
            tagged(name, row)
        });
        Ok(tags.collect())
    }

    /// Keeps a blob for a time from now on, for a holder; no time ends what the holder had. Tells whether the blob is
    /// there. A blob in the trash comes out of it.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when it cannot be written down, or the holder's name is empty or longer than 1,024 bytes.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, it is kept or it is not.
    pub async fn lease(
        &self,
        hash: &ContentHash,
        span: Duration,
        holder: &str,
        holds: Holds,
    ) -> Result<bool, WriteError> {
        if holder.is_empty() || holder.len() > NAME_BYTES_MAX {
            return Err(WriteError::TooLarge);
        }
        let (namespace, hash) = (self.namespace, *hash);
        let hold = Hold {
            span,
            holder: holder.to_owned(),
            is_folder: matches!(holds, Holds::Folder),
        };
        let children = match span {
            Duration::ZERO => Vec::new(),
            _ => self.touch_children(hash, holds).await?,
        };
        let is_there = self.ask(512, move |writer, appender| {
            let is_there = match span {
                Duration::ZERO => writer.member(namespace, &hash)?.is_some(),
                _ => writer.touch_member(namespace, &hash, appender)?,
            };
            if is_there {
                writer.put_lease(namespace, hash, &hold, appender)?;
            }
            Ok(is_there)
        });
        let is_there = is_there.await?;
        self.touch_all(children).await?;
        Ok(is_there)
    }

    /// Touches what a folder names, and returns it: it is touched again once the folder is held, so that a collection
    /// that began before, in between or after leaves it alone.
    pub(crate) async fn touch_children(
        &self,
        folder: ContentHash,
        holds: Holds,
    ) -> Result<Vec<ContentHash>, WriteError> {
        if holds == Holds::Blob {
            return Ok(Vec::new());
        }
        let blobs = self.clone();
        let children = self
            .core()
            .files
            .run(move || blobs.children_of(&folder))
            .await;
        // What cannot be read now cannot be read by a collection either, which then collects nothing.
        let children = children.ok().flatten().unwrap_or_default();
        self.touch_all(children.clone()).await?;
        Ok(children)
    }

    async fn touch_all(&self, hashes: Vec<ContentHash>) -> Result<(), WriteError> {
        let namespace = self.namespace;
        for part in hashes.chunks(HAVE_MAX) {
            let part = part.to_vec();
            self.ask(part.len() * 160, move |writer, appender| {
                for hash in &part {
                    writer.touch_member(namespace, hash, appender)?;
                }
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Tells of at most [`HAVE_MAX`] blobs which are in the namespace and can be read. A yes touches the blob, so that a
    /// collection that is under way leaves it alone.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when there are too many, or a touch cannot be written down.
    ///
    /// # Cancel safety
    ///
    /// May be dropped.
    pub async fn have(&self, hashes: &[ContentHash]) -> Result<Vec<bool>, WriteError> {
        if hashes.len() > HAVE_MAX {
            return Err(WriteError::TooMany { max: HAVE_MAX });
        }
        let (namespace, hashes) = (self.namespace, hashes.to_vec());
        self.ask(hashes.len() * 160, move |writer, appender| {
            let mut have = Vec::with_capacity(hashes.len());
            for hash in &hashes {
                let is_visible = writer
                    .member(namespace, hash)?
                    .is_some_and(|member| member.is_visible());
                have.push(is_visible && writer.touch_member(namespace, hash, appender)?);
            }
            Ok(have)
        })
        .await
    }

    /// Touches a blob, so that a collection leaves it alone for the grace; out of the trash it comes back. Tells whether
    /// it is there.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when it cannot be written down.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, it is touched or it is not.
    pub async fn restore(&self, hash: &ContentHash) -> Result<bool, WriteError> {
        let (namespace, hash) = (self.namespace, *hash);
        self.ask(160, move |writer, appender| {
            writer.touch_member(namespace, &hash, appender)
        })
        .await
    }

    /// Puts a blob into the trash; tells whether it was there. Names and leases stay: look for them first.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when it cannot be written down.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, it is in the trash or it is not.
    pub async fn trash(&self, hash: &ContentHash) -> Result<bool, WriteError> {
        let (namespace, hash) = (self.namespace, *hash);
        self.ask(160, move |writer, appender| {
            let since = (Generation(writer.next_lsn()), SlowTime(writer.now().slow));
            writer.trash_member(namespace, &hash, since, appender)
        })
        .await
    }
}

pub(crate) const fn holds_of(is_folder: bool) -> Holds {
    match is_folder {
        true => Holds::Folder,
        false => Holds::Blob,
    }
}

fn tagged(name: TagName, row: &NameRow) -> Option<Tagged> {
    match row {
        NameRow::Tag {
            hash,
            at,
            is_folder,
            ..
        } => Some(Tagged {
            name,
            hash: *hash,
            holds: holds_of(*is_folder),
            at: *at,
        }),
        NameRow::Lease { .. } | NameRow::Back => None,
    }
}
