//! Files on their way out, lists and tags.

use std::fs;

use super::{Shelf, noise, number, text};

#[test]
fn a_file_in_the_way_is_left_alone() {
    let shelf = Shelf::new();
    let hash = shelf.put("file", b"bread");
    shelf.home.write("other", "butter");
    shelf
        .run(&["get", &hash, "-o", "other"])
        .refused(1, "CH-0813");
    assert_eq!(fs::read(shelf.home.at("other")).unwrap(), b"butter");
    let said = shelf.run(&["get", &hash, "-o", "file"]).ok().stdout;
    assert_eq!(said, "file is as it should be; nothing was fetched.\n");
    shelf.run(&["get", &hash, "-o", "other", "--force"]).ok();
    assert_eq!(fs::read(shelf.home.at("other")).unwrap(), b"bread");
    fs::create_dir(shelf.home.at("folder")).unwrap();
    for place in ["folder", "folder/", "no/where"] {
        shelf
            .run(&["get", &hash, "-o", place])
            .refused(1, "CH-0813");
    }
    let ran = shelf.run(&["get", &hash, "--json"]);
    assert_eq!(ran.code(1), "CH-0813");
}

#[test]
fn what_is_not_there_is_named() {
    let shelf = Shelf::new();
    let none = base::ContentHash::of(b"none").to_string();
    for (what, code) in [
        (none.as_str(), "CH-0815"),
        (&none[1..], "CH-0815"),
        ("no/tag", "CH-0815"),
        ("two words", "CH-0802"),
        ("", "CH-0802"),
    ] {
        shelf.run(&["get", what, "-o", "x"]).refused(1, code);
        shelf.run(&["stat", what]).refused(1, code);
    }
    assert!(!shelf.home.at("x").exists());
}

#[test]
fn a_file_that_is_half_there_is_gone_on_with() {
    let shelf = Shelf::new();
    let bytes = noise(1, 5_000_000);
    let hash = shelf.put("file", &bytes);
    let half = format!(".again.{}.part", &hash[..16]);
    let check = |there: &[u8], fetched: u64| {
        shelf.home.write(&half, there);
        let said = shelf.json(&["get", &hash, "-o", "again"]);
        assert_eq!(number(&said, "bytes_fetched"), fetched);
        assert!(fs::read(shelf.home.at("again")).unwrap() == bytes);
        assert!(!shelf.home.at(&half).exists());
        fs::remove_file(shelf.home.at("again")).unwrap();
    };
    shelf.home.write(&half, &bytes[..4_000_000]);
    let said = shelf.run(&["get", &hash, "-o", "again"]).ok().stdout;
    assert!(
        said.ends_with("compared with its hash. 976.56 KiB of that came just now.\n"),
        "{said}"
    );
    fs::remove_file(shelf.home.at("again")).unwrap();
    check(&bytes[..3_000_000], 2_000_000);
    check(&bytes, 0);
    // What is half there may be wrong, or too long.
    let mut damaged = bytes[..3_000_000].to_vec();
    damaged[1_000] ^= 1;
    check(&damaged, 5_000_000);
    check(&[&bytes[..], b"more"].concat(), 5_000_000);
}

#[test]
fn lists_come_in_pages() {
    let shelf = Shelf::new();
    for number in 0..7 {
        shelf
            .home
            .write(&format!("folder/{number}"), format!("{number}"));
    }
    shelf.run(&["put", "folder", "--tag", "folder"]).ok();
    let all = shelf.run(&["ls"]).ok();
    let hashes: Vec<&str> = all.stdout.lines().collect();
    assert_eq!(hashes.len(), 8);
    assert!(hashes.is_sorted());
    assert!(all.stderr.starts_with("8 blobs, "), "{}", all.stderr);
    let some = shelf.run(&["ls", "--limit", "3"]).ok();
    assert_eq!(some.stdout.lines().collect::<Vec<_>>(), hashes[..3]);
    let after = some.stderr.split("--after ").nth(1).unwrap().trim();
    let rest = shelf.run(&["ls", "--after", after]).ok();
    assert_eq!(rest.stdout.lines().collect::<Vec<_>>(), hashes[3..]);
    let one = shelf.run(&["ls", "--prefix", &hashes[4][..9]]).ok();
    assert_eq!(one.stdout.lines().collect::<Vec<_>>(), hashes[4..5]);
    let long = shelf.run(&["ls", "--long"]).ok().stdout;
    assert!(
        long.lines().all(|line| line.contains("  accepted  ")),
        "{long}"
    );
    let lines = shelf.run(&["ls", "--json"]).ok().stdout;
    assert_eq!(lines.lines().count(), 8);
    // A program sees in the list itself that there is more, and where.
    let cut = shelf.run(&["ls", "--json", "--limit", "7"]).ok().stdout;
    let last: serde_json::Value = serde_json::from_str(cut.lines().last().unwrap()).unwrap();
    assert_eq!(last, serde_json::json!({ "next": hashes[6] }));
}

#[test]
fn long_lists_are_cut_and_say_how_to_go_on() {
    let shelf = Shelf::new();
    for number in 0..102 {
        shelf
            .home
            .write(&format!("folder/{number:03}"), format!("{number}"));
    }
    shelf.run(&["put", "folder", "--tag", "folder"]).ok();
    let hash = text(&shelf.json(&["stat", "folder"]), "hash");
    for number in 0..4 {
        let name = format!("tag/{number}");
        shelf.run(&["tag", "set", &name, &hash]).ok();
    }
    let lines = |words: &[&str]| {
        let ran = shelf.run(words).ok();
        (ran.stdout.lines().count(), ran.stderr)
    };
    let (count, said) = lines(&["ls"]);
    assert_eq!(count, 100);
    assert!(
        said.contains("There are more; see all with --all, or the next ones with --after "),
        "{said}"
    );
    let (count, said) = lines(&["ls", "--all"]);
    assert_eq!(count, 103);
    assert!(!said.contains("There are more"), "{said}");
    let (count, said) = lines(&["tag", "ls", "tag/", "--limit", "3"]);
    assert_eq!(count, 3);
    assert!(said.ends_with("--after tag/2\n"), "{said}");
    let (count, said) = lines(&["tag", "ls", "tag/", "--after", "tag/2"]);
    assert_eq!((count, said.as_str()), (1, "1 tag.\n"));
    assert_eq!(lines(&["tag", "ls", "--all"]).0, 5);
    shelf.run(&["export", "out"]).ok();
    let index = fs::read_to_string(shelf.home.at("out/index.jsonl")).unwrap();
    assert_eq!(index.lines().count(), 1 + 103 + 5, "an export is whole");
}

#[test]
fn tags_can_be_set_moved_and_taken_away() {
    let shelf = Shelf::new();
    let (one, two) = (shelf.put("one", b"1"), shelf.put("two", b"2"));
    let said = shelf.json(&["tag", "set", "best/of", &one, "--dry-run"]);
    assert_eq!(said["dry_run"], true);
    shelf.run(&["stat", "best/of"]).refused(1, "CH-0815");
    shelf.run(&["tag", "set", "best/of", &one]).ok();
    assert_eq!(shelf.json(&["stat", "best/of"])["hash"], one);
    let said = shelf.json(&["tag", "set", "best/of", &two]);
    assert_eq!(said["hash_before"], one);
    // A tag may be named where a hash is.
    shelf.run(&["tag", "set", "again", "best/of"]).ok();
    assert_eq!(text(&shelf.json(&["stat", "again"]), "hash"), two);
    let listed = shelf.run(&["tag", "ls", "best/"]).ok();
    assert!(
        listed.stdout.starts_with(&format!("best/of  {two}  ")),
        "{}",
        listed.stdout
    );
    assert_eq!(listed.stderr, "1 tag.\n");
    shelf.run(&["tag", "rm", "best/of", "--dry-run"]).ok();
    shelf.run(&["tag", "rm", "best/of"]).ok();
    shelf.run(&["tag", "rm", "best/of"]).refused(1, "CH-0815");
    shelf.run(&["stat", &two]).ok();
    let none = base::ContentHash::of(b"none").to_string();
    shelf
        .run(&["tag", "set", "none", &none])
        .refused(1, "CH-0815");
}

#[test]
fn what_is_known_of_a_blob_is_told_in_sentences() {
    let shelf = Shelf::new();
    let hash = shelf.put("letter", b"bread");
    shelf.run(&["tag", "set", "best", &hash]).ok();
    let said = shelf.run(&["stat", "best"]).ok().stdout;
    for line in [
        format!("hash       {hash}\n"),
        "bytes      5 (5 B)\n".to_owned(),
        "tier       accepted\n".to_owned(),
        "tag        best\n".to_owned(),
        "waits for  ".to_owned(),
    ] {
        assert!(said.contains(&line), "{line:?} {said}");
    }
    assert_eq!(shelf.json(&["stat", "best"])["kind"], "blob");
    shelf.home.write("folder/file", "butter");
    shelf.run(&["put", "folder", "--tag", "folder"]).ok();
    assert_eq!(shelf.json(&["stat", "folder"])["kind"], "folder");
    let said = shelf.run(&["stat", "folder"]).ok().stdout;
    assert!(said.contains("holds      a folder: "), "{said}");
    shelf.run(&["tag", "rm", "folder"]).ok();
    let said = shelf.run(&["usage"]).ok().stdout;
    assert!(
        said.contains("  3 blobs\n") && said.contains("live   "),
        "{said}"
    );
    assert!(said.contains("quota              none\n"), "{said}");
}
