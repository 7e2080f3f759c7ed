//! A small file that is replaced as a whole.

use std::io::{self, IoSlice};

use disk::Disk;

/// Gives a file these bytes; who reads it sees the old ones or the new ones. Returns when they are on stable storage.
/// Blocks.
///
/// # Errors
/// As the disk tells; the file has its old bytes then, or its new ones.
pub(crate) fn replace(disk: &dyn Disk, folder: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let (path, draft) = if folder.is_empty() {
        (name.to_owned(), format!("{name}.new"))
    } else {
        (format!("{folder}/{name}"), format!("{folder}/{name}.new"))
    };
    let file = match disk.create(&draft) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // A write that failed left it.
            disk.remove(&draft)?;
            disk.create(&draft)?
        }
        made => made?,
    };
    let written = file
        .write_at(0, &[IoSlice::new(bytes)])
        .and_then(|()| file.sync())
        .and_then(|()| disk.rename(&draft, &path));
    if let Err(error) = written {
        // The first error is the one to tell.
        drop(disk.remove(&draft));
        return Err(error);
    }
    disk.sync_folder(folder)
}

/// Reads a file of at most `len_max` bytes whole; `None` when there is none. Blocks.
///
/// # Errors
/// As the disk tells; `InvalidData` when it is longer.
pub(crate) fn read(disk: &dyn Disk, path: &str, len_max: u64) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = disk.open(path)? else {
        return Ok(None);
    };
    let len = file.len()?;
    if len > len_max {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    disk::read_exact_at(file.as_ref(), 0, &mut bytes)?;
    Ok(Some(bytes))
}
