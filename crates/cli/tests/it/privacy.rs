//! What is private stays on the author's machine.

use std::fs;

use base::ContentHash;

use crate::home::{Doorway, Home, files_with, fixture};

/// Longer than an entry may be.
const LONG_BYTES: usize = 70 * 1_024;

/// Publishes a course with an open page, a private one, and a long private one with a picture.
fn diary(home: &Home, doorway: &Doorway) -> serde_json::Value {
    home.write(
        "diary/config.yaml",
        "title: A year at the oven\nslug: year\norder: [open.md, short.md, long.md]\n",
    );
    home.write(
        "diary/open.md",
        "# Spring\n\nEverybody may read quetzalopen.\n",
    );
    home.write(
        "diary/short.md",
        "---\ntitle: Autumn wombattitle\nslug: wombatslug\ntags: [wombattag]\nreach: private\n---\n\nOnly for me: wombatshort.\n",
    );
    let long = "Only for me as well: wombatlong.\n".repeat(LONG_BYTES / 32);
    home.write(
        "diary/long.md",
        format!("---\ntitle: Winter\nreach: private\n---\n\n![A crumb](wombat.png)\n\n{long}"),
    );
    fs::copy(
        fixture("bread/images/crumb.png"),
        home.at("diary/wombat.png"),
    )
    .unwrap();
    home.publish(&home.at("diary"), doorway)
}

/// Expects that nothing of what is private lies below the community's folder.
fn expect_nothing_private(home: &Home) {
    let community = home.community();
    let picture = fs::read(home.at("diary/wombat.png")).unwrap();
    let hash = ContentHash::of(&picture);
    let long = home.at("diary/long.md");
    let text = ContentHash::of(&fs::read(long).unwrap());
    for wanted in [
        &b"wombat"[..],
        &picture[8..],
        hash.to_string().as_bytes(),
        hash.as_bytes(),
        text.as_bytes(),
    ] {
        let found = files_with(&community, wanted);
        assert!(found.is_empty(), "{} in {found:?}", wanted.escape_ascii());
    }
    assert!(
        !files_with(&community, b"quetzalopen").is_empty(),
        "the open page is there"
    );
}

#[test]
fn a_private_page_stays_home_whatever_its_length() {
    let (home, doorway) = Home::with_doorway();
    let said = diary(&home, &doorway);
    assert_eq!(said["pages"]["new"], 3);
    expect_nothing_private(&home);
    for path in [
        "/courses/year/wombatslug",
        "/courses/year/long",
        "/search?q=wombatlong",
    ] {
        let expect = if path.starts_with("/search") {
            200
        } else {
            404
        };
        assert_eq!(doorway.status(path), expect, "{path}");
    }
    for path in [
        "/",
        "/courses/year",
        "/search?q=wombatlong",
        "/api/v1/cache/content",
    ] {
        assert!(!doorway.text(path).contains("Autumn"), "{path}");
    }
    let picture = ContentHash::of(&fs::read(home.at("diary/wombat.png")).unwrap());
    assert_eq!(doorway.status(&format!("/store/{picture}")), 404);
    // The author's chain is whole all the same.
    let chain = doorway.join(&format!("/api/v1/chains/{}", home.key()));
    home.run(&["verify", &chain]).ok();
    home.run(&["verify", &doorway.join("/courses/year/open")])
        .ok();

    assert_eq!(home.publish(&home.at("diary"), &doorway)["records_sent"], 0);
    // Closing folds the write-ahead logs into the databases.
    doorway.stop();
    expect_nothing_private(&home);
}

#[test]
fn a_page_that_becomes_private_leaves_the_web() {
    let (home, doorway) = Home::with_doorway();
    home.write("plan/plan.md", "# Plan\n\nWho brings what.\n");
    home.publish(&home.at("plan"), &doorway);
    assert_eq!(doorway.status("/pages/plan"), 200);
    home.write(
        "plan/plan.md",
        "---\ntitle: Plan\nreach: private\n---\n\nWho brings wombats.\n",
    );
    home.publish(&home.at("plan"), &doorway);
    assert_eq!(doorway.status("/pages/plan"), 404);
    assert!(files_with(&home.community(), b"wombats").is_empty());
    assert_eq!(home.publish(&home.at("plan"), &doorway)["records_sent"], 0);

    home.write("plan/plan.md", "# Plan\n\nWho brings wombats.\n");
    home.publish(&home.at("plan"), &doorway);
    assert!(doorway.text("/pages/plan").contains("Who brings wombats."));
}

#[test]
fn a_page_for_members_is_not_for_everybody() {
    let (home, doorway) = Home::with_doorway();
    home.write(
        "plan/plan.md",
        "---\ntitle: Plan\nreach: neighborhood\n---\n\nWho brings numbats.\n",
    );
    home.publish(&home.at("plan"), &doorway);
    for path in [
        "/pages/plan",
        "/api/v1/cache/content/plan",
        "/api/v1/cache/content/plan?proof=1",
    ] {
        assert_eq!(doorway.status(path), 404, "{path}");
    }
    assert!(!doorway.text("/search?q=numbats").contains("/pages/plan"));
    assert!(
        !doorway
            .text(&format!("/api/v1/chains/{}", home.key()))
            .contains("bnVtYmF0")
    );
    home.run(&["verify", &doorway.join("/pages/plan")])
        .refused(1, "CH-0105");
    home.run(&[
        "verify",
        &doorway.join(&format!("/api/v1/chains/{}", home.key())),
    ])
    .ok();
}
