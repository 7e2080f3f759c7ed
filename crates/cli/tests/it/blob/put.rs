//! Files and streams on their way in.

use std::fs;

use base::ContentHash;

use super::{Shelf, noise, number, text};
use crate::home::{Home, fields};

#[test]
fn a_file_is_printed_by_its_hash_and_its_tag() {
    let shelf = Shelf::new();
    shelf.home.write("letter.txt", "Dear neighbours");
    let hash = ContentHash::of(b"Dear neighbours").to_string();
    let ran = shelf.run(&["put", "letter.txt"]).ok();
    let tag = format!("files/letter.txt@{}", &hash[..12]);
    assert_eq!(ran.stdout, format!("{hash}  {tag}\n"));
    assert_eq!(ran.stderr, "Accepted: 1 file, 15 B. Sent 1 blob, 15 B.\n");
    let ran = shelf.run(&["put", "letter.txt", "--tag", "letter"]).ok();
    assert_eq!(ran.stdout, format!("{hash}  letter\n"));
    assert_eq!(
        ran.stderr,
        "Accepted: 1 file, 15 B. All of it was there already.\n"
    );
    let ran = shelf.run(&["put", "letter.txt", "--quiet"]).ok();
    assert_eq!(
        (ran.stdout, ran.stderr.as_str()),
        (format!("{hash}  {tag}\n"), "")
    );
    let ran = shelf.run(&["put", "letter.txt", "--no-tag"]).ok();
    assert_eq!(ran.stdout, format!("{hash}\n"));
    assert!(ran.stderr.contains("Nothing names it"), "{}", ran.stderr);
    for what in [&tag, "letter", &hash, &format!("sha256-{hash}")] {
        assert_eq!(shelf.json(&["stat", what])["hash"], hash, "{what}");
    }
}

#[test]
fn lengths_around_every_edge_come_back() {
    let shelf = Shelf::new();
    let mib = 1024 * 1024;
    let lens = [
        0,
        1,
        65_535,
        65_536,
        65_537,
        mib - 1,
        mib,
        mib + 1,
        8 * mib,
        8 * mib + 1,
        13 * mib,
    ];
    for (seed, len) in lens.into_iter().enumerate() {
        let bytes = noise(seed as u64, len);
        let hash = shelf.put("file", &bytes);
        assert_eq!(hash, ContentHash::of(&bytes).to_string(), "{len}");
        shelf.run(&["get", &hash, "-o", "again", "--force"]).ok();
        assert!(fs::read(shelf.home.at("again")).unwrap() == bytes, "{len}");
    }
}

#[test]
fn a_stream_of_any_length_goes_in_and_comes_out() {
    let shelf = Shelf::new();
    for len in [0, 1, 100_000, 8 * 1024 * 1024, 21_000_000] {
        let bytes = noise(len as u64, len);
        shelf.home.write("file", &bytes);
        let line = "cat file | blob put - --tag stream --json && blob get stream > again";
        let ran = shelf.home.end(shelf.shell(line)).ok();
        let said: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(said["hash"], ContentHash::of(&bytes).to_string(), "{len}");
        assert_eq!(number(&said, "bytes"), len as u64);
        assert!(fs::read(shelf.home.at("again")).unwrap() == bytes, "{len}");
    }
    shelf.home.write("file", "dry");
    let ran = shelf
        .home
        .end(shelf.shell("blob put - --dry-run < file"))
        .ok();
    assert_eq!(ran.stdout.trim(), ContentHash::of(b"dry").to_string());
    let problem = shelf.run(&["stat", ran.stdout.trim()]);
    problem.refused(1, "CH-0815");
}

#[test]
fn who_reads_a_stream_may_stop_early() {
    let shelf = Shelf::new();
    let hash = shelf.put("file", &noise(1, 3_000_000));
    let line = format!("blob get {hash} | head -c 10 > some");
    let ran = shelf.home.end(shelf.shell(&line)).ok();
    assert_eq!(ran.stderr, "");
    assert_eq!(fs::read(shelf.home.at("some")).unwrap(), noise(1, 10));
}

#[test]
fn what_cannot_be_stored_is_refused() {
    let shelf = Shelf::new();
    shelf.home.write("file", "bread");
    shelf.run(&["put", "nothing"]).refused(2, "CH-0509");
    shelf.run(&["put", "/dev/null"]).refused(2, "CH-0509");
    shelf
        .run(&["put", "file", "--tag", "two words"])
        .refused(1, "CH-0802");
    shelf
        .run(&["put", "file", "--namespace", "Big Letters"])
        .refused(1, "CH-0802");
    assert_eq!(shelf.held(), (0, 0));
    // Somebody whose key is on no list.
    let stranger = Home::new();
    stranger.write("file", "bread");
    let ran = stranger.run(&["blob", "put", "file", "--to", &shelf.node.url]);
    let ran = ran.refused(1, "CH-0205");
    assert!(ran.stderr.contains(&stranger.key()), "{}", ran.stderr);
    // Nobody is there.
    let url = shelf.node.url.clone();
    let Shelf { home, node } = shelf;
    node.stop();
    let ran = home.run(&["blob", "put", "file", "--to", &url]);
    ran.refused(2, "CH-0603");
}

#[test]
fn a_full_namespace_takes_nothing_and_stays_usable() {
    let shelf = Shelf::new();
    let small = shelf.put("small", b"bread");
    let usage = shelf.json(&["usage", "--quota", "2000000"]);
    assert_eq!(number(&usage, "quota_bytes"), 2_000_000);
    for (name, len) in [("one", 2_500_000), ("many", 12_000_000)] {
        shelf.home.write(name, noise(1, len));
        shelf.run(&["put", name]).refused(1, "CH-0801");
    }
    assert_eq!(shelf.held(), (1, 5), "the room was given back");
    assert_eq!(number(&shelf.json(&["usage"]), "upload_bytes"), 0);
    let other = shelf.put("other", &noise(2, 1_000_000));
    for hash in [small, other] {
        shelf.run(&["stat", &hash]).ok();
    }
    assert!(shelf.json(&["usage", "--no-quota"])["quota_bytes"].is_null());
    shelf.run(&["put", "many"]).ok();
}

#[test]
fn namespaces_are_separate() {
    let shelf = Shelf::new();
    shelf.home.write("file", "bread");
    let said = shelf.json(&["put", "file", "--tag", "t", "--namespace", "school"]);
    let hash = text(&said, "hash");
    shelf.run(&["stat", &hash]).refused(1, "CH-0815");
    shelf
        .run(&["get", "t", "-o", "again"])
        .refused(1, "CH-0815");
    shelf
        .run(&["get", "t", "-o", "again", "--namespace", "school"])
        .ok();
    assert_eq!(
        shelf.json(&["usage", "--namespace", "school"])["namespace"],
        "school"
    );
}

/// Runs a command, and compares the names of the fields that it says to a program.
#[track_caller]
fn check_fields(shelf: &Shelf, words: &[&str], expect: &str) {
    let mut found = fields(&shelf.json(words));
    found.sort();
    assert_eq!(found.join(" "), expect, "{words:?}");
}

#[test]
fn programs_get_the_same_fields_every_time() {
    let shelf = Shelf::new();
    shelf.home.write("folder/file", "bread");
    let check = |words: &[&str], expect: &str| check_fields(&shelf, words, expect);
    let expect = "blobs_missing blobs_sent bytes bytes_missing bytes_sent dry_run files hash kind ok skipped tag tier";
    check(&["put", "folder"], expect);
    check(&["put", "folder/file", "--tag", "t"], expect);
    check(&["put", "folder", "--dry-run"], expect);
    let expect = "bytes bytes_fetched dry_run files files_kept files_written hash kind ok path";
    check(&["get", "t", "-o", "again"], expect);
    check(&["get", "t", "-o", "again", "--dry-run"], expect);
    check(
        &["tag", "set", "u", "t"],
        "dry_run hash hash_before name ok",
    );
    check(&["tag", "rm", "u"], "dry_run hash name ok");
    let expect = "blobs blobs_gone blobs_kept bytes bytes_fetched folder namespace ok tags";
    check(&["export", "out"], expect);
    let expect =
        "blobs blobs_missing blobs_sent bytes bytes_missing bytes_sent dry_run left_out ok tags";
    check(&["import", "out"], expect);
    check(&["import", "out", "--dry-run"], expect);
    let listed = shelf.run(&["ls", "--json"]).ok().stdout;
    let first: serde_json::Value = serde_json::from_str(listed.lines().next().unwrap()).unwrap();
    for field in ["accepted_at_us", "bytes", "hash", "tier"] {
        assert!(fields(&first).iter().any(|name| name == field), "{first}");
    }
    check(&["tag", "ls", "t"], "hash name schema_version set_at_us");
}
