//! Files that hold a secret: readable by their owner alone, of one length, never overwritten.

use std::os::unix::fs::PermissionsExt as _;

use zeroize::Zeroizing;

use crate::{Folder, Mode, ReadError, SecretError, WriteError, name};

/// Permission bits of everybody but the owner.
const OTHERS: u32 = 0o077;

impl Folder {
    /// Reads a secret of exactly `LEN` bytes; `None` when there is none.
    ///
    /// # Errors
    ///
    /// [`SecretError::Exposed`] when others may read or write the file, [`SecretError::Length`] when it is not `LEN`
    /// bytes long, [`SecretError::Read`] when it cannot be read.
    pub fn read_secret<const LEN: usize>(
        &self,
        name: &str,
    ) -> Result<Option<Zeroizing<[u8; LEN]>>, SecretError> {
        let Some(file) = self.open_file(name)? else {
            return Ok(None);
        };
        let path = file.path().to_owned();
        let mode = file
            .as_file()
            .metadata()
            .map_err(|source| ReadError::Open {
                path: path.clone(),
                source,
            })?
            .permissions()
            .mode();
        if mode & OTHERS != 0 {
            let mode = mode & 0o7777;
            return Err(SecretError::Exposed { path, mode });
        }
        let mut secret = Zeroizing::new([0; LEN]);
        let mut filled = 0;
        while filled < LEN {
            match file.read_at(filled as u64, &mut secret[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        let mut beyond = Zeroizing::new([0; 1]);
        let found = filled + file.read_at(filled as u64, &mut beyond[..])?;
        if found != LEN {
            return Err(SecretError::Length {
                path,
                found: found as u64,
                expected: LEN as u64,
            });
        }
        Ok(Some(secret))
    }

    /// Writes a secret with mode 0600; an existing file is never overwritten.
    ///
    /// # Errors
    ///
    /// [`SecretError::Exists`] when there is a file of that name, [`SecretError::Write`] when it cannot be written.
    pub fn create_secret(&self, name: &str, secret: &[u8]) -> Result<(), SecretError> {
        name::check(name).map_err(WriteError::from)?;
        let mut staged = self.stage(Mode::Private)?;
        staged.append(secret)?;
        if staged.commit_new(name)? {
            Ok(())
        } else {
            Err(SecretError::Exists {
                path: self.path().join(name),
            })
        }
    }
}

#[cfg(test)]
mod tests;
