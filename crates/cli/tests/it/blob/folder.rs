//! A folder goes in and comes back byte for byte.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::{Shelf, noise, number, text, tree};

/// Writes a folder with everything that folders hold.
fn photos(shelf: &Shelf) {
    let home = &shelf.home;
    home.write("photos/a.jpg", noise(1, 70_000));
    home.write("photos/deep/er/b c.jpg", noise(2, 1_100_000));
    home.write("photos/deep/same.jpg", noise(1, 70_000));
    home.write("photos/empty", b"");
    home.write("photos/.hidden/Grüße", "hello");
    home.write("photos/film.webm", noise(3, 9_000_000));
    home.write("photos/tool", b"#!/bin/sh\n");
    let tool = home.at("photos/tool");
    fs::set_permissions(tool, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(home.at("photos/nothing/here")).unwrap();
}

#[test]
fn a_folder_comes_back_byte_for_byte() {
    let shelf = Shelf::new();
    photos(&shelf);
    let said = shelf.json(&["put", "photos", "--tag", "photos/2026"]);
    assert_eq!(said["kind"], "folder");
    assert_eq!(said["tag"], "photos/2026");
    assert_eq!(said["tier"], "accepted");
    assert_eq!(number(&said, "files"), 7);
    // Two files are the same blob; the manifest is one more.
    assert_eq!(number(&said, "blobs_sent"), 7);
    let hash = text(&said, "hash");

    let said = shelf.json(&["get", "photos/2026", "-o", "again"]);
    assert_eq!(number(&said, "files_written"), 7);
    let (source, fetched) = (shelf.home.at("photos"), shelf.home.at("again"));
    assert!(tree(&source) == tree(&fetched), "it came back as it was");

    // Every form of the hash leads to it, and so does no name of a place.
    let said = shelf.json(&["get", &format!("sha256-{hash}"), "-o", "by-hash"]);
    assert_eq!(said["hash"], hash);
    assert!(tree(&source) == tree(&shelf.home.at("by-hash")));
    shelf.run(&["get", "photos/2026"]).ok();
    assert!(tree(&source) == tree(&shelf.home.at("2026")));
}

#[test]
fn nothing_is_sent_or_fetched_twice() {
    let shelf = Shelf::new();
    photos(&shelf);
    let first = shelf.json(&["put", "photos"]);
    let held = shelf.held();
    let again = shelf.json(&["put", "photos"]);
    assert_eq!(number(&again, "blobs_sent"), 0);
    assert_eq!(number(&again, "bytes_sent"), 0);
    assert_eq!(again["hash"], first["hash"]);
    assert_eq!(again["tag"], first["tag"]);
    assert_eq!(shelf.held(), held);

    // One file more: it alone is sent, and the new manifest.
    shelf.home.write("photos/new", "new");
    assert_eq!(number(&shelf.json(&["put", "photos"]), "blobs_sent"), 2);

    let tag = text(&first, "tag");
    shelf.run(&["get", &tag, "-o", "again"]).ok();
    fs::remove_file(shelf.home.at("again/a.jpg")).unwrap();
    let mode = fs::Permissions::from_mode(0o644);
    fs::set_permissions(shelf.home.at("again/tool"), mode).unwrap();
    let said = shelf.json(&["get", &tag, "-o", "again"]);
    assert_eq!(number(&said, "files_written"), 1);
    assert_eq!(number(&said, "files_kept"), 6);
    assert_eq!(number(&said, "bytes_fetched"), 70_000);
    let again = tree(&shelf.home.at("again"));
    assert!(again["tool"].as_ref().unwrap().1, "it may be run again");
    assert_eq!(again.len(), 8);
}

#[test]
fn a_dry_run_sends_nothing() {
    let shelf = Shelf::new();
    photos(&shelf);
    let said = shelf.json(&["put", "photos", "--dry-run"]);
    assert_eq!(number(&said, "blobs_missing"), 7);
    assert_eq!(number(&said, "blobs_sent"), 0);
    assert_eq!(shelf.held(), (0, 0));
    let hash = text(&said, "hash");
    shelf.run(&["stat", &hash]).refused(1, "CH-0815");
    assert_eq!(shelf.json(&["put", "photos"])["hash"], hash);
    let said = shelf.json(&["put", "photos", "--dry-run"]);
    assert_eq!(number(&said, "blobs_missing"), 0);
    let said = shelf.json(&["get", &hash, "-o", "again", "--dry-run"]);
    assert_eq!(number(&said, "files_written"), 7);
    assert!(!shelf.home.at("again").exists());
}

#[test]
fn what_would_not_come_back_stops_a_folder() {
    let shelf = Shelf::new();
    photos(&shelf);
    symlink("/etc/hostname", shelf.home.at("photos/link")).unwrap();
    symlink("a.jpg", shelf.home.at("photos/deep/link")).unwrap();
    let problems = shelf.run(&["put", "photos", "--json"]).problems(1);
    let codes: Vec<&str> = problems.iter().map(|(code, _)| code.as_str()).collect();
    assert_eq!(codes, ["CH-0814", "CH-0814"]);
    assert_eq!(shelf.held(), (0, 0));
    let ran = shelf.run(&["put", "photos", "--without-links"]).ok();
    assert!(
        ran.stderr.contains("Passed over: link is a symbolic link."),
        "{}",
        ran.stderr
    );
    let said = shelf.json(&["put", "photos", "--without-links"]);
    assert_eq!(said["skipped"].as_array().unwrap().len(), 2);
}

#[test]
fn files_that_are_different_are_left_alone() {
    let shelf = Shelf::new();
    photos(&shelf);
    let tag = text(&shelf.json(&["put", "photos"]), "tag");
    shelf.home.write("again/a.jpg", "my own");
    shelf.home.write("again/empty", "mine too");
    shelf.home.write("again/own", "stays");
    let problems = shelf
        .run(&["get", &tag, "-o", "again", "--json"])
        .problems(1);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert_eq!(
        tree(&shelf.home.at("again")).len(),
        3,
        "nothing was written"
    );
    let said = shelf.json(&["get", &tag, "-o", "again", "--force"]);
    assert_eq!(number(&said, "files_written"), 7);
    let again = tree(&shelf.home.at("again"));
    let mut source = tree(&shelf.home.at("photos"));
    source.insert("own".to_owned(), Some((b"stays".to_vec(), false)));
    assert!(again == source);
}

#[test]
fn nothing_is_written_outside_of_the_folder() {
    let shelf = Shelf::new();
    photos(&shelf);
    let tag = text(&shelf.json(&["put", "photos"]), "tag");
    fs::create_dir_all(shelf.home.at("outside")).unwrap();
    fs::create_dir_all(shelf.home.at("again")).unwrap();
    symlink(shelf.home.at("outside"), shelf.home.at("again/deep")).unwrap();
    for force in [&["--force"][..], &[]] {
        let words = [&["get", &tag, "-o", "again"], force].concat();
        shelf.run(&words).refused(1, "CH-0813");
    }
    assert!(
        tree(&shelf.home.at("outside"))
            .values()
            .all(Option::is_none)
    );

    // A manifest that somebody wrote by hand leads nowhere else either.
    let good = fs::read(manifest(&shelf, &tag)).unwrap();
    let good = String::from_utf8(good).unwrap();
    let path = good
        .split("\"path\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let evil = good.replace(&format!("\"{path}\""), "\"../evil\"");
    assert_ne!(good, evil);
    let hash = shelf.put("evil.json", evil.as_bytes());
    shelf
        .run(&["get", &hash, "-o", "evil"])
        .refused(1, "CH-0112");
    assert!(!shelf.home.at("evil").exists());
    shelf
        .run(&["get", &hash, "--manifest", "-o", "as-it-is"])
        .ok();
    assert_eq!(
        fs::read(shelf.home.at("as-it-is")).unwrap(),
        evil.as_bytes()
    );
}

/// Fetches a manifest itself.
fn manifest(shelf: &Shelf, tag: &str) -> std::path::PathBuf {
    shelf
        .run(&["get", tag, "--manifest", "-o", "manifest.json"])
        .ok();
    shelf.home.at("manifest.json")
}
