//! The server key: made once, kept private, and never made up where a service manager should have given it.

use super::*;

#[test]
fn the_file_is_made_once_and_private() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = Folder::open(place.path()).expect("it opens");
    let first = ServerKey::from_file(&folder).expect("it is made");
    let again = ServerKey::from_file(&folder).expect("it is read");
    assert_eq!(first.mark(), again.mark());
    let other = tempfile::tempdir().expect("a folder");
    let other = Folder::open(other.path()).expect("it opens");
    let other = ServerKey::from_file(&other).expect("it is made");
    assert_ne!(first.mark(), other.mark());
    let open = rustix::fs::Mode::from_raw_mode(0o644);
    rustix::fs::chmod(place.path().join(FILE), open).expect("it is ours");
    let exposed = ServerKey::from_file(&folder);
    assert!(matches!(exposed, Err(ServerKeyError::Secret(_))));
}

#[test]
fn a_credential_is_read_and_never_made_up() {
    let place = tempfile::tempdir().expect("a folder");
    let missing = ServerKey::from_credentials(place.path());
    assert!(matches!(missing, Err(ServerKeyError::Missing(CREDENTIAL))));
    let folder = Folder::open(place.path()).expect("it opens");
    for (len, is_read) in [(31, false), (32, true), (33, false)] {
        folder
            .write_atomic(CREDENTIAL, &vec![7; len], disk::Mode::Private)
            .expect("it is written");
        let read = ServerKey::from_credentials(place.path());
        assert_eq!(read.is_ok(), is_read, "{len} bytes");
    }
}
