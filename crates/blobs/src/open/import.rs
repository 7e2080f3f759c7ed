//! Blobs of the older format: a file `ab/cd…` for each, named by its hash.
//!
//! Each is hashed, stored, and only then removed, so that this can be broken off and begun again.

use std::sync::Arc;

use base::ContentHash;
use bytes::Bytes;
use disk::Disk;

use crate::{Blobs, CHUNK_BYTES, OpenError, PutError};

/// The folder in which the older format kept what can be made again.
const DERIVED: &str = "digests";

/// Tells whether there are folders of the older format.
pub(super) fn is_older(disk: &Arc<dyn Disk>) -> Result<bool, OpenError> {
    let names = disk
        .names("")
        .map_err(|source| failed(disk, "list", "", source))?;
    Ok(names.iter().any(|name| is_part(name)))
}

/// Takes all blobs over; tells how many.
pub(super) fn import(blobs: &Blobs) -> Result<u64, OpenError> {
    let disk = &blobs.core().disk;
    let mut imported = 0;
    for part in disk
        .names("")
        .map_err(|source| failed(disk, "list", "", source))?
    {
        if !is_part(&part) {
            continue;
        }
        for name in disk
            .names(&part)
            .map_err(|source| failed(disk, "list", &part, source))?
        {
            // Files of other names were put there by somebody else.
            let Ok(hash) = format!("{part}{name}").parse::<ContentHash>() else {
                continue;
            };
            let path = format!("{part}/{name}");
            match take(blobs, &path, hash) {
                Ok(()) => imported += 1,
                Err(OpenError::Import(PutError::HashDiffers { .. })) => {
                    tracing::error!(target: "blobs::event::blob_damaged", %hash, "a blob of the older format is damaged and was left out");
                    set_aside(disk, &path, &hash)?;
                    continue;
                }
                Err(error) => return Err(error),
            }
            disk.remove(&path)
                .map_err(|source| failed(disk, "remove", &path, source))?;
            drop(disk.remove(&format!("{DERIVED}/{path}")));
        }
        disk.sync_folder(&part)
            .map_err(|source| failed(disk, "sync", &part, source))?;
    }
    Ok(imported)
}

/// Stores the bytes of a file.
fn take(blobs: &Blobs, path: &str, hash: ContentHash) -> Result<(), OpenError> {
    let disk = &blobs.core().disk;
    let file = disk
        .open(path)
        .map_err(|source| failed(disk, "open", path, source))?;
    let Some(file) = file else {
        return Ok(());
    };
    let mut upload = blobs.upload_blocking();
    let mut offset = 0;
    loop {
        let mut buffer = vec![0; CHUNK_BYTES];
        let count = file
            .read_at(offset, &mut buffer)
            .map_err(|source| failed(disk, "read", path, source))?;
        if count == 0 {
            break;
        }
        buffer.truncate(count);
        offset += count as u64;
        upload.write_blocking(Bytes::from(buffer))?;
    }
    upload.finish_blocking(Some(hash))?;
    Ok(())
}

fn set_aside(disk: &Arc<dyn Disk>, path: &str, hash: &ContentHash) -> Result<(), OpenError> {
    let folder = crate::core::DAMAGED;
    disk.make_folder(folder)
        .map_err(|source| failed(disk, "make", folder, source))?;
    let target = crate::core::damaged_of(hash);
    disk.rename(path, &target)
        .map_err(|source| failed(disk, "rename", path, source))
}

/// Tells whether a name is one of the 256 folders.
fn is_part(name: &str) -> bool {
    name.len() == 2
        && name
            .bytes()
            .all(|letter| matches!(letter, b'0'..=b'9' | b'a'..=b'f'))
}

fn failed(
    disk: &Arc<dyn Disk>,
    attempt: &'static str,
    path: &str,
    source: std::io::Error,
) -> OpenError {
    OpenError::Disk {
        attempt,
        path: disk.path(path),
        source,
    }
}
