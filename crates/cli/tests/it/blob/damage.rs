//! A store that has lost something says so in every command, and an export and an import of it do.

use std::fs;

use super::{Shelf, noise, number, text, tree};
use crate::home::files_below;

const SCRUB: [&str; 5] = ["scrub", "--restart", "--bytes-per-sec", "0", "--json"];

/// A node with two blobs in files of their own and one in the log.
fn filled() -> (Shelf, [String; 3]) {
    let shelf = Shelf::new();
    let hashes = [
        shelf.put("large", &noise(1, 3_000_000)),
        shelf.put("larger", &noise(2, 4_000_000)),
        shelf.put("small", b"Dear neighbours"),
    ];
    (shelf, hashes)
}

/// Turns over a bit of a blob's file.
fn hurt(shelf: &Shelf, hash: &str) {
    let files = files_below(&shelf.home.at("data"));
    let file = files.iter().find(|file| file.ends_with(hash));
    let file = file.expect("a large blob is a file of its own");
    let mut bytes = fs::read(file).unwrap();
    bytes[1_234_567] ^= 4;
    fs::write(file, bytes).unwrap();
}

#[test]
fn damage_is_named_by_every_scrub_and_counted_by_every_list() {
    let (shelf, [large, ..]) = filled();
    hurt(&shelf, &large);
    for _ in 0..2 {
        let problems = shelf.run(&SCRUB).problems(2);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].0, "CH-0403");
        assert!(problems[0].1.contains(&large), "{problems:?}");
    }
    let usage = shelf.json(&["usage"]);
    assert_eq!(number(&usage, "damaged_blobs"), 1);
    assert_eq!(number(&usage, "damaged_bytes"), 3_000_000);
    let ran = shelf.run(&["usage"]).ok();
    assert!(ran.stdout.contains("damaged"), "{}", ran.stdout);
    let ran = shelf.run(&["ls"]).ok();
    assert!(ran.stderr.contains("1 blob is damaged"), "{}", ran.stderr);
    assert!(!ran.stdout.contains(&large), "{}", ran.stdout);
    let ran = shelf.run(&["ls", "--damaged", "--long"]).ok();
    assert!(ran.stdout.starts_with(&large), "{}", ran.stdout);
    assert!(ran.stdout.contains("  damaged  "), "{}", ran.stdout);
    assert_eq!(shelf.json(&["stat", &large])["is_damaged"], true);
    shelf.run(&["get", &large, "-o", "x"]).refused(2, "CH-0403");
    // Stored again from a good copy, nothing is damaged any more.
    shelf.run(&["put", "large"]).ok();
    shelf.run(&SCRUB).ok();
    let ran = shelf.run(&["ls"]).ok();
    assert!(!ran.stderr.contains("damaged"), "{}", ran.stderr);
    shelf.run(&["get", &large, "-o", "x"]).ok();
}

#[test]
fn groups_that_a_scrub_made_again_are_told_once() {
    let (shelf, [large, ..]) = filled();
    let files = files_below(&shelf.home.at("data"));
    let groups = format!("{large}.groups");
    let file = files.iter().find(|file| file.ends_with(&groups)).unwrap();
    let whole = fs::read(file).unwrap();
    let mut bytes = whole.clone();
    bytes[200] ^= 1;
    fs::write(file, bytes).unwrap();
    let words = ["scrub", "--restart", "--bytes-per-sec", "0"];
    let ran = shelf.run(&words).ok();
    assert!(ran.stderr.contains(&large), "{}", ran.stderr);
    assert!(fs::read(file).unwrap() == whole, "they are as they were");
    let ran = shelf.run(&words).ok();
    assert!(!ran.stderr.contains(&large), "{}", ran.stderr);
}

#[test]
fn an_export_names_what_it_lacks_and_an_import_does_so_again() {
    let (shelf, [large, larger, _]) = filled();
    hurt(&shelf, &large);
    let problems = shelf.run(&["export", "out", "--json"]).problems(2);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].0, "CH-0403");
    assert!(problems[0].1.contains(&large), "{problems:?}");
    let index = fs::read_to_string(shelf.home.at("out/index.jsonl")).unwrap();
    let line = index.lines().find(|line| line.contains("lacks")).unwrap();
    assert!(line.contains(&large) && line.contains("damaged"), "{line}");
    // The same again, now that the damage is known.
    shelf.run(&["export", "out"]).refused(2, "CH-0403");

    let other = Shelf::new();
    let out = shelf.home.at("out");
    let out = out.to_str().unwrap();
    for words in [&["import", out][..], &["import", out, "--dry-run"]] {
        let problems = other.run(&[words, &["--json"]].concat()).problems(2);
        assert!(problems[0].1.contains(&large), "{problems:?}");
        assert_eq!(other.held(), (0, 0), "nothing is changed");
    }
    let said = other.json(&["import", out, "--skip-damaged"]);
    assert_eq!((number(&said, "blobs"), number(&said, "tags")), (2, 2));
    let left = said["left_out"].as_array().unwrap();
    assert_eq!(left.len(), 2, "the blob and its tag: {said}");
    assert!(left.iter().all(|left| text(left, "what").contains(&large)));
    other.run(&["get", &larger, "-o", "x"]).ok();
    // Where the blob is, nothing is lacking, and its tag comes along.
    other.home.write("large", noise(1, 3_000_000));
    other.run(&["put", "large", "--no-tag"]).ok();
    assert_eq!(number(&other.json(&["import", out]), "tags"), 3);
    // The same with a good copy in the folder.
    let file = shelf.home.at(&format!("out/blobs/{}/{large}", &large[..2]));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, noise(1, 3_000_000)).unwrap();
    let third = Shelf::new();
    assert_eq!(number(&third.json(&["import", out]), "blobs"), 3);
}

#[test]
fn what_an_earlier_export_has_is_kept() {
    let (shelf, [large, larger, _]) = filled();
    shelf.run(&["export", "out"]).ok();
    hurt(&shelf, &large);
    hurt(&shelf, &larger);
    shelf.run(&SCRUB).problems(2);
    let said = shelf.json(&["export", "out"]);
    assert_eq!(
        (number(&said, "blobs"), number(&said, "blobs_kept")),
        (3, 3)
    );
    let file = shelf.home.at(&format!("out/blobs/{}/{large}", &large[..2]));
    assert!(fs::read(&file).unwrap() == noise(1, 3_000_000));
    // A copy that is not right itself is none.
    let mut bytes = noise(1, 3_000_000);
    bytes[7] ^= 1;
    fs::write(&file, bytes).unwrap();
    let problems = shelf.run(&["export", "out", "--json"]).problems(2);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].1.contains(&large), "{problems:?}");
    let index = fs::read_to_string(shelf.home.at("out/index.jsonl")).unwrap();
    let lines = |word: &str| index.lines().filter(|line| line.contains(word)).count();
    assert_eq!((lines(&large), lines(&larger), lines("lacks")), (2, 2, 1));
    // Into its own store, from what the folder has: that heals.
    shelf.run(&["import", "out", "--skip-damaged"]).ok();
    shelf.run(&["get", &larger, "-o", "x"]).ok();
    let problems = shelf.run(&SCRUB).problems(2);
    assert_eq!(problems.len(), 1, "{problems:?}");
}

#[test]
fn a_file_that_cannot_be_had_keeps_no_other_of_its_folder_from_coming() {
    let shelf = Shelf::new();
    for number in 0..9_u64 {
        let bytes = noise(number, 1_500_000);
        shelf.home.write(&format!("songs/{number}.ogg"), bytes);
    }
    shelf.run(&["put", "songs", "--tag", "songs"]).ok();
    let damaged = base::ContentHash::of(&noise(0, 1_500_000)).to_string();
    hurt(&shelf, &damaged);
    let mut sound = tree(&shelf.home.at("songs"));
    sound.remove("0.ogg");

    // The damage is met while it is read, and is known afterwards.
    let get = ["get", "songs", "-o", "again"];
    let ran = shelf.run(&get).refused(2, "CH-0403");
    let line = "failure CH-0403: again/0.ogg: ";
    assert!(ran.stderr.contains(line), "{}", ran.stderr);
    let line = "again holds 8 of 9 files; ";
    assert!(ran.stderr.contains(line), "{}", ran.stderr);
    assert!(!ran.stderr.contains("1.ogg"), "{}", ran.stderr);
    let there = || {
        let mut there = tree(&shelf.home.at("again"));
        there.retain(|path, _| !path.ends_with(".part"));
        there
    };
    assert!(there() == sound, "all others came");

    // For a program, and where nothing came of it yet: nothing half is left.
    fs::remove_dir_all(shelf.home.at("again")).unwrap();
    let ran = shelf.run(&[&get[..], &["--json"]].concat());
    assert_eq!(ran.code(2), "CH-0403");
    let said: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(said["problems"][0]["file"], "again/0.ogg");
    assert!(tree(&shelf.home.at("again")) == sound);

    shelf.run(&["put", "songs/0.ogg"]).ok();
    let said = shelf.json(&get);
    assert_eq!(number(&said, "files_written"), 1);
    assert!(tree(&shelf.home.at("again")) == tree(&shelf.home.at("songs")));
}

#[test]
fn files_that_are_not_there_are_all_named() {
    let shelf = Shelf::new();
    for name in ["a", "b", "c"] {
        shelf.home.write(&format!("letters/{name}"), name);
    }
    shelf.run(&["put", "letters", "--tag", "letters"]).ok();
    let get = ["get", "letters", "--manifest", "-o", "manifest"];
    shelf.run(&get).ok();
    let other = Shelf::new();
    other.put("b", b"b");
    let manifest = fs::read(shelf.home.at("manifest")).unwrap();
    let hash = other.put("manifest", &manifest);
    let ran = other
        .run(&["get", &hash, "-o", "again"])
        .refused(1, "CH-0815");
    for line in [
        "CH-0815: again/a: ",
        "CH-0815: again/c: ",
        "\n2 problems.\n",
    ] {
        assert!(ran.stderr.contains(line), "{line:?} {}", ran.stderr);
    }
    let there = tree(&other.home.at("again"));
    assert_eq!(there.into_keys().collect::<Vec<_>>(), ["b"]);
}
