//! A namespace as a plain folder, and a store that is opened without a server.

use std::fs;

use super::{Shelf, noise, number, start, text, tree};
use crate::home::{Home, files_below};

fn filled() -> Shelf {
    let shelf = Shelf::new();
    shelf.home.write("photos/a", noise(1, 100_000));
    shelf.home.write("photos/b", noise(2, 9_000_000));
    shelf.run(&["put", "photos", "--tag", "photos"]).ok();
    shelf.put("letter", b"Dear neighbours");
    shelf
}

#[test]
fn a_namespace_moves_to_another_node() {
    let shelf = filled();
    let out = shelf.home.at("out");
    let said = shelf.json(&["export", "out"]);
    assert_eq!((number(&said, "blobs"), number(&said, "tags")), (4, 2));
    // Each file is named by its hash, and there is an index.
    for file in files_below(&out) {
        let name = file.file_name().unwrap().to_str().unwrap();
        if name != "index.jsonl" {
            let hash = base::ContentHash::of(&fs::read(&file).unwrap());
            assert_eq!(hash.to_string(), name);
        }
    }
    let again = shelf.json(&["export", "out"]);
    assert_eq!(
        (
            number(&again, "blobs_kept"),
            number(&again, "bytes_fetched")
        ),
        (4, 0)
    );

    let other = Shelf::new();
    let out = out.to_str().unwrap();
    let said = other.json(&["import", out, "--dry-run"]);
    assert_eq!(
        (number(&said, "blobs_missing"), number(&said, "blobs_sent")),
        (4, 0)
    );
    assert_eq!(other.held(), (0, 0));
    let said = other.json(&["import", out]);
    assert_eq!((number(&said, "blobs_sent"), number(&said, "tags")), (4, 2));
    assert_eq!(other.held(), shelf.held());
    assert_eq!(number(&other.json(&["import", out]), "blobs_sent"), 0);
    other.run(&["get", "photos", "-o", "photos"]).ok();
    assert!(tree(&other.home.at("photos")) == tree(&shelf.home.at("photos")));
}

#[test]
fn a_damaged_export_changes_nothing() {
    let shelf = filled();
    shelf.run(&["export", "out"]).ok();
    let files = files_below(&shelf.home.at("out/blobs"));
    let of_len = |len: u64| {
        files
            .iter()
            .find(|file| fs::metadata(file).unwrap().len() == len)
    };
    let (letter, photo) = (of_len(15).unwrap(), of_len(100_000).unwrap());
    fs::write(letter, "Dear neighbourz").unwrap();
    fs::remove_file(photo).unwrap();
    let other = Shelf::new();
    let out = shelf.home.at("out");
    let out = out.to_str().unwrap();
    let problems = other.run(&["import", out, "--json"]).problems(2);
    let mut codes: Vec<&str> = problems.iter().map(|(code, _)| code.as_str()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["CH-0509", "CH-0703"]);
    assert_eq!(other.held(), (0, 0));
    let said = other.json(&["import", out, "--skip-damaged"]);
    assert_eq!(number(&said, "blobs"), 2);
    // The letter, its tag and the photograph.
    assert_eq!(said["left_out"].as_array().unwrap().len(), 3);
    // A folder without an index is no export.
    fs::remove_file(shelf.home.at("out/index.jsonl")).unwrap();
    other.run(&["import", out]).refused(2, "CH-0509");
}

#[test]
fn a_store_can_be_opened_when_no_process_has_it() {
    let shelf = filled();
    let data = shelf.home.at("data");
    let data = data.to_str().unwrap().to_owned();
    let inside =
        |home: &Home, words: &[&str]| home.run(&[&["blob"], words, &["--data", &data]].concat());
    let ran = inside(&shelf.home, &["ls"]);
    ran.refused(2, "CH-0404");
    let held = shelf.held();
    let Shelf { home, node } = shelf;
    node.stop();
    let usage = inside(&home, &["usage", "--json"]).json();
    assert_eq!(
        (number(&usage, "live_blobs"), number(&usage, "live_bytes")),
        held
    );
    inside(&home, &["get", "photos", "-o", "again"]).ok();
    assert!(tree(&home.at("again")) == tree(&home.at("photos")));
    home.write("more", noise(3, 9_000_000));
    let said = inside(&home, &["put", "more", "--json"]).json();
    assert_eq!(number(&said, "blobs_sent"), 1);
    inside(&home, &["scrub", "--bytes-per-sec", "0"]).ok();
    inside(&home, &["gc", "--dry-run"]).ok();
    inside(&home, &["export", "out"]).ok();
    // A server finds everything that was done meanwhile.
    let node = start(&home, &[]);
    let shelf = Shelf { home, node };
    assert_eq!(shelf.held().0, held.0 + 1);
    let tag = text(&said, "tag");
    shelf.run(&["get", &tag, "-o", "more-again"]).ok();
    let missing = shelf.home.at("no-store");
    fs::create_dir(&missing).unwrap();
    let ran = shelf
        .home
        .run(&["blob", "ls", "--data", missing.to_str().unwrap()]);
    ran.refused(1, "CH-0602");
    assert!(
        tree(&missing).values().all(Option::is_none),
        "nothing was made"
    );
}
