//! What a data folder is for: chains of its own, or a copy. It stays what it became at its first start.

use base::{Code, Problem};
use disk::{Folder, Mode};

use super::config::Place;

/// The file that every doorway has which takes changes.
const HOSTS: &str = "community.sqlite";

/// The file in which a copy notes whose copy it is.
const COPY_OF: &str = "copy.of";

/// Longest address that is read from the note, in bytes.
const ADDRESS_BYTES_MAX: u64 = 16 * 1_024;

/// Refuses to make of a data folder what it is not.
///
/// # Errors
/// [`Code::Config`], saying what it is.
pub(super) fn check(folder: &Folder, place: &Place) -> Result<(), Problem> {
    let refuse = |detail: String| Err(Problem::new(Code::Config, detail));
    match place {
        Place::Hosted => {
            let noted = folder.read(COPY_OF, ADDRESS_BYTES_MAX);
            match noted.map_err(|error| error.problem())? {
                None => Ok(()),
                Some(bytes) => {
                    let url = String::from_utf8_lossy(&bytes).into_owned();
                    refuse(format!(
                        "this data folder holds a copy of {url}: start it with --follow {url}, or name another folder with --data"
                    ))
                }
            }
        }
        Place::Followed(url) if is_host(folder)? => refuse(format!(
            "this data folder hosts chains of its own and cannot become a copy of {url}: name another folder with --data"
        )),
        Place::Shared | Place::Followed(_) => Ok(()),
    }
}

/// Notes what a data folder has become.
pub(super) fn note(folder: &Folder, place: &Place) -> Result<(), Problem> {
    let Place::Followed(url) = place else {
        return Ok(());
    };
    let noted = folder.write_atomic(COPY_OF, url.as_bytes(), Mode::Private);
    noted.map_err(|error| error.problem())
}

/// Tells whether a data folder hosts chains.
pub(super) fn is_host(folder: &Folder) -> Result<bool, Problem> {
    folder.contains(HOSTS).map_err(|error| error.problem())
}
