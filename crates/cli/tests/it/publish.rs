//! A folder on its way to the web: the first run, the difference, the dry run, and taking it back.

use std::fs;

use serde_json::{Value, json};

use crate::home::{Home, fields, files_below};

/// Returns counts of pages: new, changed, withdrawn, unchanged.
fn pages(said: &Value) -> [u64; 4] {
    ["new", "changed", "withdrawn", "unchanged"].map(|word| said["pages"][word].as_u64().unwrap())
}

/// Returns counts of blobs: new, changed, unchanged.
fn blobs(said: &Value) -> [u64; 3] {
    ["new", "changed", "unchanged"].map(|word| said["blobs"][word].as_u64().unwrap())
}

#[test]
fn a_course_goes_up_and_a_second_run_sends_nothing() {
    let (home, doorway) = Home::with_doorway();
    let bread = home.bread();
    let said = home.publish(&bread, &doorway);
    assert_eq!(pages(&said), [5, 0, 0, 0]);
    assert_eq!(blobs(&said), [3, 0, 0]);
    assert_eq!(said["url"], doorway.join("/courses/bread"));
    assert_eq!(said["title"], "Baking bread together");
    assert_eq!(said["warnings"], json!([]));
    // Genesis, files, pages, and the course: all are sent, and nothing else.
    let sent = said["records_sent"].as_u64().unwrap();
    assert_eq!(
        doorway.head(&home.key()).map(|seq| u64::from(seq) + 1),
        Some(sent)
    );
    for page in ["", "/index", "/flour", "/starter", "/oven-day", "/brotzeit"] {
        assert_eq!(
            doorway.status(&format!("/courses/bread{page}")),
            200,
            "{page}"
        );
    }
    assert_eq!(
        doorway.status("/courses/bread/schedule"),
        404,
        "it has another slug"
    );
    for file in ["crumb.png", "heat.svg", "rising.webm"] {
        let bytes = fs::read(bread.join("images").join(file)).unwrap();
        let hash = base::ContentHash::of(&bytes);
        assert!(doorway.fetch(&format!("/store/{hash}")) == bytes, "{file}");
    }

    let newest = doorway.newest(&home.key());
    let said = home.publish(&bread, &doorway);
    assert_eq!(said["records_sent"], 0);
    assert_eq!(pages(&said), [0, 0, 0, 5]);
    assert_eq!(blobs(&said), [0, 0, 3]);
    assert_eq!(doorway.newest(&home.key()), newest);
}

#[test]
fn people_are_told_in_sentences() {
    let (home, doorway) = Home::with_doorway();
    home.bread();
    let told = |words: &[&str]| {
        let ran = home.run(&[words, &["--to", &doorway.url]].concat()).ok();
        assert_eq!(ran.stderr, "");
        ran.stdout.replace(&doorway.url, "http://doorway")
    };
    let mut said = told(&["publish", "bread", "--dry-run"]);
    said += &told(&["publish", "bread"]);
    said += &told(&["publish", "bread"]);
    home.write("bread/basics/flour.md", "# Flour\n\n## How much water\n");
    fs::remove_file(home.at("bread/oven/brotzeit.md")).unwrap();
    home.write("bread/index.md", "# Why\n\n## What you will find\n");
    home.write("bread/config.yaml", "title: Bread\nslug: bread\n");
    home.write("bread/basics/starter.md", "# A starter\n");
    home.write("bread/water.md", "# Water\n");
    said += &told(&["publish", "bread"]);
    said += &told(&["unpublish", "bread", "--dry-run"]);
    said += &told(&["unpublish", "bread"]);
    insta::assert_snapshot!(said);
}

#[test]
fn only_the_difference_is_sent() {
    let (home, doorway) = Home::with_doorway();
    let bread = home.bread();
    home.publish(&bread, &doorway);
    let sent = |expect: u64| {
        let said = home.publish(&bread, &doorway);
        assert_eq!(said["records_sent"], expect, "{said}");
        said
    };

    let starter = fs::read_to_string(bread.join("basics/starter.md")).unwrap();
    let changed = starter.replace("five days", "six days");
    home.write("bread/basics/starter.md", &changed);
    assert_eq!(pages(&sent(1)), [0, 1, 0, 4]);
    assert!(
        doorway
            .text("/courses/bread/starter")
            .contains("It takes six days")
    );

    // A course's own words are in its entry alone.
    let config = fs::read_to_string(bread.join("config.yaml")).unwrap();
    home.write(
        "bread/config.yaml",
        config.replace("bread together", "bread in our street"),
    );
    assert_eq!(pages(&sent(1)), [0, 0, 0, 5]);
    assert!(
        doorway
            .text("/courses/bread")
            .contains("Baking bread in our street")
    );

    // A page more: itself, and the course that lists it.
    let config = fs::read_to_string(bread.join("config.yaml")).unwrap();
    home.write("bread/config.yaml", config + "      - oven/wood.md\n");
    home.write("bread/oven/wood.md", "# Wood\n");
    assert_eq!(pages(&sent(2)), [1, 0, 0, 5]);
    assert_eq!(doorway.status("/courses/bread/wood"), 200);

    assert_eq!(pages(&sent(0)), [0, 0, 0, 6]);
}

#[test]
fn a_page_that_is_gone_is_withdrawn() {
    let (home, doorway) = Home::with_doorway();
    let bread = home.bread();
    let config = fs::read_to_string(bread.join("config.yaml")).unwrap();
    let longer = format!("{config}      - oven/wood.md\n");
    home.write("bread/config.yaml", &longer);
    home.write("bread/oven/wood.md", "# Wood from our own forest\n");
    home.publish(&bread, &doorway);
    let proof = doorway.text("/api/v1/cache/content/bread/wood?proof=1");
    assert!(
        doorway
            .text("/search?q=forest")
            .contains("/courses/bread/wood")
    );

    home.write("bread/config.yaml", config);
    fs::remove_file(bread.join("oven/wood.md")).unwrap();
    let said = home.publish(&bread, &doorway);
    assert_eq!(pages(&said), [0, 0, 1, 5]);
    assert_eq!(
        said["records_sent"], 2,
        "the page, and the course without it"
    );
    for path in ["/courses/bread/wood", "/api/v1/cache/content/bread/wood"] {
        assert_eq!(doorway.status(path), 404, "{path}");
    }
    assert!(!doorway.text("/courses/bread").contains("Wood"));
    assert!(
        !doorway
            .text("/search?q=forest")
            .contains("/courses/bread/wood")
    );
    // What was signed can still be checked by whoever kept it.
    home.write("wood.json", proof);
    home.run(&["verify", "wood.json"]).ok();
    assert_eq!(pages(&home.publish(&bread, &doorway)), [0, 0, 0, 5]);
}

#[test]
fn a_picture_with_another_name_is_not_sent_again() {
    let (home, doorway) = Home::with_doorway();
    let bread = home.bread();
    home.publish(&bread, &doorway);
    let stored = || {
        let blobs = home.community().join("blobs");
        files_below(&blobs).len()
    };
    let before = stored();
    fs::rename(bread.join("images/heat.svg"), bread.join("images/oven.svg")).unwrap();
    let schedule = fs::read_to_string(bread.join("oven/schedule.md")).unwrap();
    home.write(
        "bread/oven/schedule.md",
        schedule.replace("heat.svg", "oven.svg"),
    );
    let said = home.publish(&bread, &doorway);
    assert_eq!(blobs(&said), [0, 1, 2], "its manifest has the new name");
    assert_eq!(said["blobs"]["bytes_new"], 0);
    assert_eq!(stored(), before, "the bytes are there already");
    let hash = base::ContentHash::of(&fs::read(bread.join("images/oven.svg")).unwrap());
    assert!(
        doorway
            .text("/courses/bread/oven-day")
            .contains(&format!("/store/{hash}"))
    );
    assert_eq!(home.publish(&bread, &doorway)["records_sent"], 0);
}

#[test]
fn a_dry_run_changes_nothing() {
    let (home, doorway) = Home::with_doorway();
    home.bread();
    let words = [
        "publish",
        "bread",
        "--to",
        &doorway.url,
        "--json",
        "--dry-run",
    ];
    let said = home.run(&words).json();
    assert_eq!(said["dry_run"], true);
    assert_eq!(pages(&said), [5, 0, 0, 0]);
    assert_eq!(said["records_sent"], 0);
    assert_eq!(home.chains(), 0, "no chain was made");
    assert_eq!(doorway.head(&home.key()), None);
    let crumb = base::ContentHash::of(&fs::read(home.at("bread/images/crumb.png")).unwrap());
    assert_eq!(
        doorway.status(&format!("/store/{crumb}")),
        404,
        "no file was sent"
    );

    home.publish(&home.at("bread"), &doorway);
    let newest = doorway.newest(&home.key());
    home.write("bread/basics/flour.md", "# Flour\n\n## How much water\n");
    let said = home.run(&words).json();
    assert_eq!(pages(&said), [0, 1, 0, 4]);
    let words = [
        "unpublish",
        "bread",
        "--to",
        &doorway.url,
        "--json",
        "--dry-run",
    ];
    assert_eq!(home.run(&words).json()["pages_withdrawn"], 5);
    assert_eq!(doorway.newest(&home.key()), newest);
    assert!(
        doorway
            .text("/courses/bread/flour")
            .contains("Bakers count in percent")
    );
}

#[test]
fn programs_get_the_same_fields_every_time() {
    let (home, doorway) = Home::with_doorway();
    home.bread();
    let run = |words: &[&str]| {
        let said = home
            .run(&[words, &["--to", &doorway.url, "--json"]].concat())
            .json();
        fields(&said)
    };
    let dry = run(&["publish", "bread", "--dry-run"]);
    let expect = [
        "blobs.bytes_new",
        "blobs.changed",
        "blobs.new",
        "blobs.unchanged",
        "dry_run",
        "ok",
        "pages.changed",
        "pages.new",
        "pages.unchanged",
        "pages.withdrawn",
        "records_sent",
        "title",
        "url",
        "warnings",
    ];
    let sorted = |mut fields: Vec<String>| {
        fields.sort();
        fields
    };
    assert_eq!(sorted(dry), expect);
    assert_eq!(sorted(run(&["publish", "bread"])), expect);
    assert_eq!(sorted(run(&["publish", "bread"])), expect);
    let expect = ["dry_run", "ok", "pages_withdrawn", "records_sent", "slug"];
    assert_eq!(sorted(run(&["unpublish", "bread", "--dry-run"])), expect);
    assert_eq!(sorted(run(&["unpublish", "bread"])), expect);
}

#[test]
fn a_course_can_be_taken_back_and_brought_again() {
    let (home, doorway) = Home::with_doorway();
    let bread = home.bread();
    home.publish(&bread, &doorway);
    home.write("news/news.md", "# News\n\nThe oven is *lit*.\n");
    let said = home.publish(&home.at("news"), &doorway);
    assert_eq!(said["url"], doorway.join("/pages/news"));
    let unpublish = |slug: &str| home.run(&["unpublish", slug, "--to", &doorway.url, "--json"]);

    let said = unpublish("bread").json();
    assert_eq!(said["pages_withdrawn"], 5);
    assert_eq!(said["records_sent"], 9, "the course, its pages, its files");
    for path in [
        "/courses/bread",
        "/courses/bread/flour",
        "/api/v1/cache/path/bread",
    ] {
        assert_eq!(doorway.status(path), 404, "{path}");
    }
    assert!(!doorway.text("/").contains("Baking bread"));
    let crumb = base::ContentHash::of(&fs::read(bread.join("images/crumb.png")).unwrap());
    assert_eq!(doorway.status(&format!("/store/{crumb}")), 404);
    assert_eq!(doorway.status("/pages/news"), 200, "another page stays");

    let newest = doorway.newest(&home.key());
    assert_eq!(unpublish("bread").code(1), "CH-0105");
    assert_eq!(unpublish("flour").code(1), "CH-0105");
    assert_eq!(doorway.newest(&home.key()), newest);

    assert_eq!(unpublish("news").json()["pages_withdrawn"], 1);
    assert_eq!(doorway.status("/pages/news"), 404);

    let said = home.publish(&bread, &doorway);
    assert_eq!(pages(&said), [5, 0, 0, 0]);
    assert_eq!(doorway.status("/courses/bread/flour"), 200);
    assert_eq!(doorway.status(&format!("/store/{crumb}")), 200);
}

#[test]
fn broken_links_can_be_allowed() {
    let (home, doorway) = Home::with_doorway();
    home.write(
        "bread/one.md",
        "# One\n\nSee [two](two.md) and [three](three.md).\n",
    );
    home.write("bread/two.md", "# Two\n");
    let words = [
        "publish",
        "bread",
        "--to",
        &doorway.url,
        "--allow-broken-links",
    ];
    let ran = home.run(&words).ok();
    assert_eq!(
        ran.stderr,
        "warning: one.md:3: the link \"three.md\" leads nowhere: there is no file three.md (CH-0503)\n"
    );
    let said = home.run(&[&words[..], &["--json"]].concat()).json();
    assert_eq!(said["warnings"].as_array().unwrap().len(), 1);
    let html = doorway.text("/courses/bread/one");
    assert!(html.contains("/courses/bread/two\">two</a>"), "{html}");
    assert!(html.contains("and three."), "{html}");
}

#[test]
fn quiet_is_quiet() {
    let (home, doorway) = Home::with_doorway();
    home.bread();
    let to = ["--to", &doorway.url, "--quiet"];
    let silent = |words: &[&str]| {
        let ran = home.run(&[words, &to].concat()).ok();
        assert_eq!(ran.stdout + &ran.stderr, "", "{words:?}");
    };
    silent(&["publish", "bread", "--dry-run"]);
    silent(&["publish", "bread"]);
    silent(&["profile", "--name", "Anna"]);
    silent(&["member", "add", &Home::new().key()]);
    silent(&["unpublish", "bread"]);
    // What was asked for, and what went wrong, is said all the same.
    let ran = home.run(&[&["member", "list"], &to[..]].concat()).ok();
    assert!(ran.stdout.ends_with("2 members\n"), "{}", ran.stdout);
    let ran = home.run(&["whoami", "--quiet"]).ok();
    assert_eq!(ran.stdout.trim(), home.key());
    home.run(&[&["unpublish", "bread"], &to[..]].concat())
        .refused(1, "CH-0105");
}

#[test]
fn a_folder_can_be_named_in_every_way() {
    let (home, doorway) = Home::with_doorway();
    home.write("my-course/one.md", "# One\n");
    home.write("my-course/two.md", "# Two\n");
    let slash = format!("{}/", doorway.url);
    let whole = home.at("my-course");
    for (folder, to) in [
        ("my-course", doorway.url.as_str()),
        ("my-course/", &slash),
        ("./my-course", &slash),
        ("elsewhere/../my-course", &slash),
        (whole.to_str().unwrap(), &slash),
    ] {
        fs::create_dir_all(home.at("elsewhere")).unwrap();
        let said = home.run(&["publish", folder, "--to", to, "--json"]).json();
        assert_eq!(said["url"], doorway.join("/courses/my-course"), "{folder}");
    }
    let mut command = home.command(&["publish", ".", "--to", &doorway.url]);
    command.current_dir(&whole);
    let said = home.end(command).ok().stdout;
    assert!(said.contains("is as it was"), "{said}");
}
