//! Which blobs there are, page by page.

use std::sync::Arc;

use base::ContentHash;

use crate::store::{FOLDERS, Inner};
use crate::{Blobs, ReadError};

/// The longest page.
const LIST_MAX: usize = 1_000;

/// A line of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The blob's hash.
    pub hash: ContentHash,
    /// Its length in bytes.
    pub bytes: u64,
}

impl Blobs {
    /// Returns the blobs after `after` in the order of their hashes, at most `limit` and at most 1,000.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the disk fails.
    pub async fn list(
        &self,
        after: Option<ContentHash>,
        limit: usize,
    ) -> Result<Vec<Listed>, ReadError> {
        let inner = Arc::clone(&self.inner);
        let limit = limit.min(LIST_MAX);
        self.inner.files.run(move || inner.list(after, limit)).await
    }
}

impl Inner {
    fn list(&self, after: Option<ContentHash>, limit: usize) -> Result<Vec<Listed>, ReadError> {
        let mut page = Vec::new();
        let first = after.map_or(0, |hash| usize::from(hash.as_bytes()[0]));
        for number in first..FOLDERS {
            let prefix = format!("{number:02x}");
            let Some(folder) = self.folder.find_subfolder(&prefix)? else {
                continue;
            };
            for name in folder.names()? {
                if page.len() == limit {
                    return Ok(page);
                }
                // Files of other names were put there by somebody else.
                let Ok(hash) = format!("{prefix}{name}").parse::<ContentHash>() else {
                    continue;
                };
                if after.is_some_and(|after| hash <= after) {
                    continue;
                }
                if let Some(bytes) = folder.file_len(&name)? {
                    page.push(Listed { hash, bytes });
                }
            }
        }
        Ok(page)
    }
}
