//! Collecting, and reading everything again.

use super::{Shelf, noise, number};

#[test]
fn what_nothing_names_is_collected_and_comes_back() {
    let shelf = Shelf::with(&[("STORAGE_GC_GRACE_SECS", "0")]);
    shelf.home.write("photos/a", "a");
    shelf.home.write("photos/b", "b");
    shelf.run(&["put", "photos", "--tag", "photos"]).ok();
    shelf.home.write("loose", "loose");
    let hash = shelf.json(&["put", "loose", "--no-tag"])["hash"].clone();
    let hash = hash.as_str().unwrap();
    let said = shelf.json(&["gc", "--dry-run"]);
    assert_eq!(
        (number(&said, "trashed_blobs"), number(&said, "kept_blobs")),
        (1, 3)
    );
    assert_eq!(shelf.held().0, 4);
    let ran = shelf.run(&["gc"]).ok();
    assert!(
        ran.stdout.starts_with("Put 1 blob into the trash, 5 B;"),
        "{}",
        ran.stdout
    );
    assert_eq!(shelf.held().0, 3);
    assert_eq!(shelf.json(&["stat", hash])["is_trashed"], true);
    let ran = shelf.run(&["get", hash, "-o", "x"]).refused(1, "CH-0815");
    assert!(ran.stderr.contains("lies in the trash"), "{}", ran.stderr);
    // A tag or another put brings it back; sending it again is not needed for that.
    shelf.run(&["put", "loose"]).ok();
    shelf.run(&["gc"]).ok();
    shelf.run(&["get", hash, "-o", "x"]).ok();
    assert_eq!(shelf.held().0, 4);
    // Without its tag, a folder goes with everything in it.
    shelf.run(&["tag", "rm", "photos"]).ok();
    assert_eq!(number(&shelf.json(&["gc"]), "trashed_blobs"), 3);
    assert_eq!(shelf.held().0, 1);
}

#[test]
fn a_steward_collects_the_whole_node_or_one_namespace() {
    let shelf = Shelf::with(&[("STORAGE_GC_GRACE_SECS", "0")]);
    for (name, namespace) in [("a", "school"), ("b", "choir")] {
        shelf.home.write(name, name);
        shelf.json(&["put", name, "--no-tag", "--namespace", namespace]);
    }
    let said = shelf.json(&["gc", "--namespace", "school"]);
    assert_eq!(number(&said, "trashed_blobs"), 1);
    assert_eq!(said["namespaces"].as_array().unwrap().len(), 1);
    let said = shelf.json(&["gc"]);
    assert_eq!(number(&said, "trashed_blobs"), 1);
    let lines = said["namespaces"].as_array().unwrap();
    let choir = lines.iter().find(|line| line["namespace"] == "choir");
    assert_eq!(choir.unwrap()["trashed_blobs"], 1);
    shelf
        .run(&["gc", "--namespace", "nobody"])
        .refused(1, "CH-0815");
    let ran = shelf.run(&["ls", "--namespace", "nobody"]);
    let said = ran.refused(1, "CH-0815").stderr;
    assert!(said.contains("no namespace nobody"), "{said}");
}

#[test]
fn a_scrub_reads_everything_and_says_so() {
    let shelf = Shelf::new();
    shelf.put("small", b"bread");
    shelf.put("large", &noise(1, 3_000_000));
    let said = shelf.json(&["scrub", "--restart", "--bytes-per-sec", "0"]);
    assert_eq!(number(&said, "checked_blobs"), 2);
    assert_eq!(number(&said, "checked_bytes"), 3_000_005);
    assert_eq!(said["is_running"], false);
    let ran = shelf
        .run(&["scrub", "--restart", "--bytes-per-sec", "0"])
        .ok();
    assert_eq!(
        ran.stdout,
        "Read 2 blobs, 2.86 MiB: all as they should be.\n"
    );
    shelf.run(&["scrub", "--stop"]).ok();
}

#[test]
fn damage_is_named() {
    let shelf = Shelf::new();
    let hash = shelf.put("large", &noise(1, 3_000_000));
    let files = crate::home::files_below(&shelf.home.at("data"));
    let is_large = |file: &&std::path::PathBuf| std::fs::metadata(file).unwrap().len() == 3_000_000;
    let file = files
        .iter()
        .find(is_large)
        .expect("a large blob is a file of its own");
    let mut bytes = std::fs::read(file).unwrap();
    bytes[1_234_567] ^= 4;
    std::fs::write(file, bytes).unwrap();
    let words = ["scrub", "--restart", "--bytes-per-sec", "0", "--json"];
    let problems = shelf.run(&words).problems(2);
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].0, "CH-0403");
    assert!(problems[0].1.contains(&hash), "{problems:?}");
    shelf.run(&["get", &hash, "-o", "x"]).refused(2, "CH-0403");
    // Stored again from a good copy, it is whole again.
    shelf.run(&["put", "large"]).ok();
    shelf.run(&["get", &hash, "-o", "x"]).ok();
    shelf.run(&words).ok();
}
