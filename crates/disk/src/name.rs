//! Which names a file of ours may have.
//!
//! A name is one step: it never leads into another folder, and it never starts with a dot, because those names are
//! this crate's own (temporaries and the lock).

use crate::NameError;

/// Longest name in bytes; the usual file systems allow 255.
const NAME_BYTES_MAX: usize = 200;

/// Checks a name.
pub(crate) fn check(name: &str) -> Result<(), NameError> {
    let is_plain = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.starts_with('.')
        && name
            .chars()
            .all(|letter| letter != '/' && letter != '\\' && !letter.is_control());
    if is_plain {
        Ok(())
    } else {
        Err(NameError {
            name: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
