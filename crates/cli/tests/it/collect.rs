//! What a doorway's pages show is kept as long as they do, and goes after them.

use serde_json::Value;

use crate::home::{Doorway, Home};

/// A home with an empty community that leaves nothing alone for a grace.
fn open() -> (Home, Doorway) {
    let home = Home::new();
    let mut command = home.command(&["up", "--empty", "--listen", "127.0.0.1:0"]);
    command
        .env("STORAGE_GC_GRACE_SECS", "0")
        .env("STORAGE_COMMUNITY_GRACE_SECS", "0");
    let doorway = home.start(command);
    (home, doorway)
}

/// Collects, and returns how many of the community's blobs went into the trash.
#[track_caller]
fn collect(home: &Home, doorway: &Doorway) -> u64 {
    let said = home
        .run(&["blob", "gc", "--to", &doorway.url, "--json"])
        .json();
    let lines = said["namespaces"].as_array().unwrap();
    let community = lines.iter().find(|line| line["namespace"] == "community");
    let community = community.unwrap();
    assert_eq!(community["left_out"], "", "{community}");
    community["trashed_blobs"].as_u64().unwrap()
}

#[track_caller]
fn stat(home: &Home, doorway: &Doorway, hash: &str) -> Value {
    let fixed = ["--namespace", "community", "--to", &doorway.url, "--json"];
    home.run(&[&["blob", "stat", hash], &fixed[..]].concat())
        .json()
}

#[test]
fn a_picture_goes_into_the_trash_after_the_last_page_that_shows_it() {
    let (home, doorway) = open();
    // The smallest picture that there is.
    let picture = |seed: u8| {
        let mut bytes = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00".to_vec();
        bytes.extend([seed; 3]);
        bytes.extend(b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;");
        bytes
    };
    let hash_of = |seed: u8| base::ContentHash::of(&picture(seed)).to_string();
    let (shared, alone) = (hash_of(1), hash_of(2));
    for (course, pictures) in [("bread", &[1, 2][..]), ("cake", &[1])] {
        let mut text = format!("---\ntitle: {course}\n---\n\n");
        for seed in pictures {
            home.write(&format!("{course}/{seed}.gif"), picture(*seed));
            text += &format!("![A picture]({seed}.gif)\n\n");
        }
        home.write(&format!("{course}/index.md"), text);
        home.publish(&home.at(course), &doorway);
    }
    assert_eq!(collect(&home, &doorway), 0, "pages show everything");

    // The page shows one picture less, and its older version still shows it.
    home.write(
        "bread/index.md",
        "---\ntitle: bread\n---\n\n![A picture](1.gif)\n",
    );
    home.publish(&home.at("bread"), &doorway);
    assert_eq!(collect(&home, &doorway), 0, "an older version shows it");
    assert_eq!(doorway.status(&format!("/store/{alone}")), 200);

    let unpublish = ["unpublish", "bread", "--to", &doorway.url];
    home.run(&unpublish).ok();
    assert_eq!(collect(&home, &doorway), 1);
    assert_eq!(stat(&home, &doorway, &alone)["is_trashed"], true);
    assert_eq!(stat(&home, &doorway, &shared)["is_trashed"], false);
    assert_eq!(doorway.status(&format!("/store/{alone}")), 404);
    assert_eq!(
        doorway.status(&format!("/store/{shared}")),
        200,
        "cake shows it"
    );

    // Published again, it is out of the trash.
    home.write("cake/2.gif", picture(2));
    home.write(
        "cake/index.md",
        "---\ntitle: cake\n---\n\n![A picture](1.gif) ![Another](2.gif)\n",
    );
    home.publish(&home.at("cake"), &doorway);
    assert_eq!(doorway.status(&format!("/store/{alone}")), 200);
    assert_eq!(collect(&home, &doorway), 0);
    doorway.stop();
}

#[test]
fn the_handbook_and_its_copies_outlive_a_collection() {
    let home = Home::new();
    let mut command = home.command(&["up", "--listen", "127.0.0.1:0"]);
    command
        .env("STORAGE_GC_GRACE_SECS", "0")
        .env("STORAGE_COMMUNITY_GRACE_SECS", "0");
    let doorway = home.start(command);
    assert_eq!(collect(&home, &doorway), 0);
    assert_eq!(doorway.status("/courses/handbook/blobs"), 200);
    // A copy that begins now gets everything.
    let other = Home::new();
    let copy = other.up(&["--follow", &doorway.url]);
    testkit::wait_for("the copy", crate::home::DEADLINE, || {
        Ok((copy.status("/ready") == 200).then_some(()))
    })
    .unwrap();
    assert_eq!(copy.status("/courses/handbook/blobs"), 200);
    copy.stop();
    doorway.stop();
}

#[test]
fn a_data_folder_alone_does_not_know_what_pages_need() {
    let (home, doorway) = open();
    home.write(
        "bread/index.md",
        "---\ntitle: bread\n---\n\n![A picture](1.gif)\n",
    );
    home.write("bread/1.gif", b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x01\x01\x01,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;");
    home.publish(&home.at("bread"), &doorway);
    doorway.stop();
    let data = home.community();
    let data = data.to_str().unwrap();
    let ran = home.run(&["blob", "gc", "--data", data]).ok();
    assert!(
        ran.stdout.contains("Left as it is: community, CH-0803"),
        "{}",
        ran.stdout
    );
    let named = ["blob", "gc", "--namespace", "community", "--data", data];
    home.run(&named).refused(1, "CH-0803");
}
