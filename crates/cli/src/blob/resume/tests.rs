//! Hints about unfinished uploads.

use super::*;

const NOW: i64 = 1_800_000_000_000_000;

fn at(secs: i64) -> Timestamp {
    Timestamp(NOW + secs * 1_000_000)
}

fn begun(folder: &Path, server: &str, agent: &str, namespace: &str) -> Begun {
    Begun::open(folder, server, agent, namespace, at(0)).unwrap()
}

fn upload() -> Url {
    Url::parse("http://127.0.0.1:8090/blobs/uploads/7").unwrap()
}

#[test]
fn an_upload_is_found_again_by_the_same_person_at_the_same_place_alone() {
    let folder = tempfile::tempdir().unwrap();
    let hash = ContentHash::of(b"bread");
    let own = begun(folder.path(), "http://a/", "anna", "");
    assert_eq!(own.find(&hash), None);
    own.keep(&hash, &upload(), at(0)).unwrap();
    let again = begun(folder.path(), "http://a/", "anna", "");
    assert_eq!(again.find(&hash).as_deref(), Some("/blobs/uploads/7"));
    assert_eq!(again.find(&ContentHash::of(b"butter")), None);
    for (server, agent, namespace) in [
        ("http://b/", "anna", ""),
        ("http://a/", "berta", ""),
        ("http://a/", "anna", "community"),
    ] {
        let other = begun(folder.path(), server, agent, namespace);
        assert_eq!(other.find(&hash), None, "{server} {agent} {namespace}");
    }
    again.forget(&hash).unwrap();
    again.forget(&hash).unwrap();
    assert_eq!(own.find(&hash), None);
}

#[test]
fn old_hints_are_thrown_away_and_unreadable_ones_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let own = begun(folder.path(), "http://a/", "anna", "");
    let (old, new) = (ContentHash::of(b"old"), ContentHash::of(b"new"));
    own.keep(&old, &upload(), at(-KEPT_SECS_MAX - 1)).unwrap();
    own.keep(&new, &upload(), at(-KEPT_SECS_MAX + 1)).unwrap();
    assert!(own.find(&old).is_some());
    let again = begun(folder.path(), "http://a/", "anna", "");
    assert_eq!(again.find(&old), None);
    assert!(again.find(&new).is_some());
    let name = again.name(&new);
    for torn in ["", "{", "[]", "{\"hash\":1}"] {
        let written = again
            .folder
            .write_atomic(&name, torn.as_bytes(), Mode::Private);
        written.unwrap();
        assert_eq!(again.find(&new), None, "{torn}");
    }
    assert_eq!(
        begun(folder.path(), "http://a/", "anna", "").find(&new),
        None
    );
    assert_eq!(again.folder.names().unwrap(), Vec::<String>::new());
}

#[test]
fn a_hint_leads_to_no_other_server() {
    let folder = tempfile::tempdir().unwrap();
    let own = begun(folder.path(), "http://a/", "anna", "");
    let hash = ContentHash::of(b"bread");
    own.keep(&hash, &upload(), at(0)).unwrap();
    let document = |upload: &str| {
        let hash = hash.to_string();
        json!({ "server": "http://a/", "hash": hash, "upload": upload }).to_string()
    };
    for elsewhere in ["//evil/blobs", "http://evil/blobs", "blobs"] {
        let bytes = document(elsewhere).into_bytes();
        let written = own
            .folder
            .write_atomic(&own.name(&hash), &bytes, Mode::Private);
        written.unwrap();
        assert_eq!(own.find(&hash), None, "{elsewhere}");
    }
}
