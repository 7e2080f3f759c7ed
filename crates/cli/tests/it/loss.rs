//! What was lost: an agent's folder, a doorway's, or the newest days of one. The key and the folder bring it back.

use std::fs;

use crate::home::{Doorway, Home, copy};

/// Longer than an entry may be.
const LONG_BYTES: usize = 70 * 1_024;

/// Adds a page whose text is too long for an entry.
fn add_long_page(home: &Home) {
    let config = fs::read_to_string(home.at("bread/config.yaml")).unwrap();
    home.write("bread/config.yaml", config + "      - oven/long.md\n");
    let long = "An hour at the oven is long.\n".repeat(LONG_BYTES / 29 + 1);
    home.write("bread/oven/long.md", format!("# A long day\n\n{long}"));
}

/// Expects the fixture course to be whole and to prove itself.
fn expect_whole(home: &Home, doorway: &Doorway) {
    for page in ["", "/flour", "/oven-day", "/long"] {
        let address = doorway.join(&format!("/courses/bread{page}"));
        home.run(&["verify", &address]).ok();
    }
    let crumb = fs::read(home.at("bread/images/crumb.png")).unwrap();
    let hash = base::ContentHash::of(&crumb);
    assert!(doorway.fetch(&format!("/store/{hash}")) == crumb);
    let chain = doorway.join(&format!("/api/v1/chains/{}", home.key()));
    home.run(&["verify", &chain]).ok();
}

/// Leaves of the agent's folder its key alone.
fn lose_chain(home: &Home) {
    let key = fs::read(home.agent().join("agent.key")).unwrap();
    fs::remove_dir_all(home.agent()).unwrap();
    fs::create_dir(home.agent()).unwrap();
    fs::write(home.agent().join("agent.key"), key).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(home.agent().join("agent.key"), mode).unwrap();
}

#[test]
fn a_lost_chain_is_fetched_back_and_goes_on() {
    let (home, doorway) = Home::with_doorway();
    home.bread();
    add_long_page(&home);
    home.publish(&home.at("bread"), &doorway);
    let newest = doorway.newest(&home.key());

    lose_chain(&home);
    let said = home.publish(&home.at("bread"), &doorway);
    assert_eq!(said["records_sent"], 0, "{said}");
    assert_eq!(said["pages"]["unchanged"], 6);
    assert_eq!(doorway.newest(&home.key()), newest);

    lose_chain(&home);
    home.write("bread/oven/long.md", "# A long day\n\nIt was short.\n");
    let said = home.publish(&home.at("bread"), &doorway);
    assert_eq!(said["records_sent"], 1, "{said}");
    assert_eq!(said["pages"]["changed"], 1);
    assert!(
        doorway
            .text("/courses/bread/long")
            .contains("It was short.")
    );
    expect_whole(&home, &doorway);
}

#[test]
fn another_command_fetches_a_lost_chain_too() {
    let (home, doorway) = Home::with_doorway();
    home.publish(&home.bread(), &doorway);
    let head = doorway.head(&home.key()).unwrap();
    lose_chain(&home);
    home.run(&["profile", "--name", "Anna", "--to", &doorway.url])
        .ok();
    assert_eq!(doorway.head(&home.key()), Some(head + 1));
    lose_chain(&home);
    home.run(&["unpublish", "bread", "--to", &doorway.url]).ok();
    assert_eq!(doorway.status("/courses/bread"), 404);
}

#[test]
fn a_lost_private_page_is_written_anew() {
    let (home, doorway) = Home::with_doorway();
    home.write(
        "plan/plan.md",
        "---\ntitle: Plan\nreach: private\n---\n\nFor me.\n",
    );
    home.publish(&home.at("plan"), &doorway);
    lose_chain(&home);
    // Its record is on the doorway, its text was nowhere but here.
    let said = home.publish(&home.at("plan"), &doorway);
    assert_eq!(said["pages"]["new"], 1, "{said}");
    assert_eq!(home.publish(&home.at("plan"), &doorway)["records_sent"], 0);
    let chain = doorway.join(&format!("/api/v1/chains/{}", home.key()));
    home.run(&["verify", &chain]).ok();
}

#[test]
fn a_community_that_was_lost_is_another_one_and_gets_everything() {
    let (home, doorway) = Home::with_doorway();
    home.bread();
    add_long_page(&home);
    let sent = home.publish(&home.at("bread"), &doorway)["records_sent"].clone();
    let before = doorway.json("/version")["community"].clone();
    doorway.stop();
    fs::remove_dir_all(home.community()).unwrap();

    let doorway = home.up(&["--empty"]);
    let after = doorway.json("/version")["community"].clone();
    assert_ne!(
        after["dna_hash"], before["dna_hash"],
        "its seed is drawn anew"
    );
    let said = home.publish(&home.at("bread"), &doorway);
    assert_eq!(said["pages"]["new"], 6);
    assert_eq!(
        said["records_sent"], sent,
        "a chain of its own, from the first record on"
    );
    expect_whole(&home, &doorway);
    assert_eq!(home.chains(), 2, "the old chain is kept");
}

#[test]
fn a_community_from_an_older_copy_is_brought_level() {
    let (home, doorway) = Home::with_doorway();
    home.bread();
    home.publish(&home.at("bread"), &doorway);
    doorway.stop();
    copy(&home.community(), &home.at("copy"));

    let doorway = home.up(&[]);
    add_long_page(&home);
    home.write("bread/heat.txt", "hot");
    home.write(
        "bread/basics/starter.md",
        "# A starter\n\n[Heat](../heat.txt)\n\n## Feeding it\n",
    );
    home.publish(&home.at("bread"), &doorway);
    let newest = doorway.newest(&home.key());
    doorway.stop();
    fs::remove_dir_all(home.community()).unwrap();
    copy(&home.at("copy"), &home.community());

    let doorway = home.up(&[]);
    assert_ne!(doorway.newest(&home.key()), newest);
    assert_eq!(doorway.status("/courses/bread/long"), 404);
    home.publish(&home.at("bread"), &doorway);
    assert_eq!(
        doorway.newest(&home.key()),
        newest,
        "the same records, no fork"
    );
    expect_whole(&home, &doorway);
    let heat = base::ContentHash::of(b"hot");
    assert_eq!(doorway.fetch(&format!("/store/{heat}")), b"hot");
}
