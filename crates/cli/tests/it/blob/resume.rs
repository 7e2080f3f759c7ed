//! Commands that are interrupted go on where they were.

use rustix::process::Signal;
use testkit::Process;

use super::{Shelf, noise, number};
use crate::home::DEADLINE;

/// Starts a put and waits until the node holds `bytes` bytes of it.
fn started(shelf: &Shelf, bytes: u64) -> Process {
    let words = shelf.words(&["put", "photos", "--tag", "photos"]);
    let process = shelf.home.spawn(shelf.home.command(&words));
    testkit::wait_for("something accepted", DEADLINE, || {
        Ok((shelf.held().1 >= bytes).then_some(()))
    })
    .unwrap();
    process
}

#[test]
fn what_was_accepted_is_not_sent_again() {
    let shelf = Shelf::new();
    let sizes = [
        9_000_000, 30_000, 12_000_000, 700_000, 5_000, 20_000_000, 10,
    ];
    for (seed, size) in sizes.into_iter().enumerate() {
        let name = format!("photos/{seed}");
        shelf.home.write(&name, noise(seed as u64, size));
    }
    let total: u64 = sizes.iter().map(|size| *size as u64).sum();
    let mut process = started(&shelf, 1);
    process.kill().unwrap();
    let (_, before) = shelf.held();
    let said = shelf.json(&["put", "photos", "--tag", "photos"]);
    // Half a file may be there as well, and is gone on with.
    let manifest = shelf.held().1 - total;
    let sent = number(&said, "bytes_sent");
    assert!(
        sent <= total + manifest - before,
        "{sent} of {total}, {before} were there"
    );
    let said = shelf.json(&["put", "photos", "--tag", "photos"]);
    assert_eq!(number(&said, "bytes_sent"), 0);
    shelf.run(&["get", "photos", "-o", "again"]).ok();
    assert!(super::tree(&shelf.home.at("photos")) == super::tree(&shelf.home.at("again")));
}

#[test]
fn a_fetch_that_is_interrupted_says_what_is_on_the_disk_and_goes_on_there() {
    let shelf = Shelf::new();
    let bytes = noise(1, 120_000_000);
    let hash = shelf.put("film", &bytes);
    let half = shelf.home.at(&format!(".again.{}.part", &hash[..16]));
    let words = shelf.words(&["get", &hash, "-o", "again", "--json"]);
    let mut process = shelf.home.spawn(shelf.home.command(&words));
    let len = || std::fs::metadata(&half).map_or(0, |meta| meta.len());
    testkit::wait_for("something has come", DEADLINE, || {
        Ok((len() > 0).then_some(()))
    })
    .unwrap();
    process.signal(Signal::INT).unwrap();
    let status = process.wait(DEADLINE).unwrap();
    if status.code() == Some(0) {
        println!("it was faster than the signal");
        return;
    }
    assert_eq!(status.code(), Some(130), "{}", process.stderr());
    let said: serde_json::Value = serde_json::from_str(&process.stdout()).unwrap();
    assert_eq!(said["interrupted"], true);
    let there = len();
    // A piece may have been written after the count was told, and none before it that is not there.
    assert!(number(&said, "bytes") <= there, "{said}, {there} are there");
    let said = shelf.json(&["get", &hash, "-o", "again"]);
    assert_eq!(number(&said, "bytes_fetched"), bytes.len() as u64 - there);
    assert!(std::fs::read(shelf.home.at("again")).unwrap() == bytes);
}

#[test]
fn ctrl_c_says_what_was_kept_and_how_to_go_on() {
    let shelf = Shelf::new();
    // Somebody writes for a while and never ends.
    let line = "mkfifo pipe && exec 3<> pipe\n{ head -c 18000000 /dev/zero >&3; } &\n\
                exec \"$PROGRAM\" blob put - --tag 'my stream' --to \"$URL\" <&3";
    let line = line.replace("'my stream'", "stream");
    let mut command = shelf.shell(&line);
    let program = shelf.home.command(&[]).get_program().to_owned();
    command.env("PROGRAM", program).env("URL", &shelf.node.url);
    let mut process = shelf.home.spawn(command);
    let uploading = || number(&shelf.json(&["usage"]), "upload_bytes");
    testkit::wait_for("the first piece", DEADLINE, || {
        Ok((uploading() > 0).then_some(()))
    })
    .unwrap();
    process.signal(Signal::INT).unwrap();
    let status = process.wait(DEADLINE).unwrap();
    assert_eq!(status.code(), Some(130), "{}", process.stderr());
    let said = process.stderr();
    assert!(said.starts_with("Interrupted. Nothing was kept"), "{said}");
    assert_eq!(process.stdout(), "");
    assert_eq!(uploading(), 0, "it was given up");
    assert_eq!(shelf.held(), (0, 0));
}
