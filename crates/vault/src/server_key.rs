//! Where the server key comes from: a credential of the service manager, or a file that only its owner may read.

use std::path::Path;

use disk::Folder;
use zeroize::Zeroizing;

use crate::envelope::{Secret, ServerKey};
use crate::error::ServerKeyError;

/// The name of the credential under systemd (`LoadCredentialEncrypted=`); 32 bytes.
pub const CREDENTIAL: &str = "commonhold-vault-key";

/// The name of the file in the vault's folder where no credential is given; 32 bytes, mode 0600.
pub const FILE: &str = "server.key";

impl ServerKey {
    /// Reads the key out of the folder with credentials that a service manager gave.
    ///
    /// # Errors
    /// [`ServerKeyError`]; also when the credential is not there: a key is never made up in its place.
    pub fn from_credentials(folder: &Path) -> Result<Self, ServerKeyError> {
        // The folder belongs to the service manager and takes no changes, so it is only read.
        let bytes = disk::read_path(&folder.join(CREDENTIAL), 33)
            .ok()
            .flatten()
            .ok_or(ServerKeyError::Missing(CREDENTIAL))?;
        let bytes = Zeroizing::new(bytes);
        let secret: [u8; 32] = bytes
            .as_slice()
            .try_into()
            .map_err(|_| ServerKeyError::Missing(CREDENTIAL))?;
        Ok(Self::new(Secret::new(secret)))
    }

    /// Reads the key out of its file, making it at the very first time.
    ///
    /// # Errors
    /// [`ServerKeyError`]; also when others may read the file.
    pub fn from_file(folder: &Folder) -> Result<Self, ServerKeyError> {
        if let Some(secret) = folder.read_secret::<32>(FILE)? {
            return Ok(Self::new(secret));
        }
        let mut secret = Secret::default();
        getrandom::fill(secret.as_mut_slice())
            .map_err(|error| ServerKeyError::Random(error.to_string()))?;
        folder.create_secret(FILE, secret.as_slice())?;
        Ok(Self::new(secret))
    }
}

#[cfg(test)]
mod tests;
