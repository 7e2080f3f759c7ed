//! Tags that are made, and sentences.

use super::*;

fn stored(name: &str, is_folder: bool) -> Stored {
    Stored {
        hash: ContentHash::of(b"bread"),
        is_folder,
        files: 1,
        bytes: 5,
        missing_blobs: 1,
        missing_bytes: 5,
        skipped: Vec::new(),
        name: name.to_owned(),
    }
}

#[test]
fn a_tag_is_made_of_any_name_and_is_the_files_own() {
    let hash = &ContentHash::of(b"bread").to_string()[..12];
    let long = "x".repeat(300);
    for (name, is_folder, expect) in [
        ("letter.pdf", false, "files/letter.pdf"),
        ("my photos", true, "folders/my-photos"),
        ("Gruß/..", false, "files/Gru--.."),
        ("..", true, "folders/.."),
        (
            &long,
            false,
            &format!("files/{}", "x".repeat(NAME_CHARS_MAX)),
        ),
    ] {
        let tag = tag_of(&stored(name, is_folder));
        assert_eq!(tag.as_str(), format!("{expect}@{hash}"), "{name}");
    }
}

#[test]
fn what_was_done_is_said() {
    let counted = |blobs, bytes| Counted {
        blobs,
        bytes,
        ..Counted::default()
    };
    let stored = stored("bread", false);
    let said = |counted, is_dry_run| stored.sentence("accepted", counted, is_dry_run);
    assert_eq!(
        said(counted(1, 5), false),
        "Accepted: 1 file, 5 B. Sent 1 blob, 5 B."
    );
    assert_eq!(
        said(counted(0, 0), false),
        "Accepted: 1 file, 5 B. All of it was there already."
    );
    assert_eq!(
        said(counted(0, 0), true),
        "1 file, 5 B. Would send 1 blob, 5 B."
    );
}
