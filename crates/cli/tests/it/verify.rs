//! Checking what a doorway serves: what is right is accepted, and nothing else is.

use std::fs;

use serde_json::Value;

use crate::home::{Doorway, Home, fields};
use crate::relay::Relay;

/// Checks an address or a file and returns what was said as JSON.
#[track_caller]
fn accept(home: &Home, what: &str) -> Value {
    let said = home.run(&["verify", what, "--json"]).json();
    assert_eq!(said["what"], what);
    said
}

/// Changes a page of the fixture course, so that there is an older version.
fn change(home: &Home, doorway: &Doorway) {
    let file = home.at("bread/basics/starter.md");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(file, text.replace("five days", "six days")).unwrap();
    home.publish(&home.at("bread"), doorway);
}

#[test]
fn everything_that_is_served_with_a_signature_is_accepted() {
    let (home, doorway) = Home::with_doorway();
    home.publish(&home.bread(), &doorway);
    home.run(&["profile", "--name", "Anna", "--to", &doorway.url])
        .ok();
    let key = home.key();
    let crumb = fs::read(home.at("bread/images/crumb.png")).unwrap();
    let hash = base::ContentHash::of(&crumb);
    let flour = doorway.json("/api/v1/cache/content/bread/flour")["id"].clone();
    let flour = flour.as_str().unwrap();
    for (path, title) in [
        (
            "/courses/bread".to_owned(),
            "course “Baking bread together”",
        ),
        (
            "/courses/bread/flour".to_owned(),
            "page “Flour and water: the ratio”",
        ),
        (
            "/courses/bread/flour?from=search#text".to_owned(),
            "page “Flour and water: the ratio”",
        ),
        (
            format!("/items/{flour}"),
            "page “Flour and water: the ratio”",
        ),
        (format!("/authors/{key}"), "profile of Anna"),
        (
            "/api/v1/cache/content/bread/flour".to_owned(),
            "page “Flour and water: the ratio”",
        ),
        (
            format!("/api/v1/cache/content/{flour}?proof=1"),
            "page “Flour and water: the ratio”",
        ),
        (
            "/api/v1/cache/path/bread".to_owned(),
            "course “Baking bread together”",
        ),
    ] {
        let said = accept(&home, &doorway.join(&path));
        assert_eq!(said["title"], title, "{path}");
        assert_eq!(said["facts"]["author"], key.as_str(), "{path}");
        assert_eq!(
            said["facts"]["community"],
            doorway.json("/version")["community"]["dna_hash"]
        );
    }
    let said = accept(&home, &doorway.join(&format!("/api/v1/chains/{key}")));
    assert_eq!(said["title"], format!("the chain of {key}"));
    assert_eq!(
        said["facts"]["records"],
        (doorway.head(&key).unwrap() + 1).to_string()
    );
    for name in [hash.to_string(), format!("sha256-{hash}")] {
        let said = accept(&home, &doorway.join(&format!("/store/{name}")));
        assert_eq!(said["facts"]["bytes"], crumb.len().to_string());
        assert_eq!(said["facts"]["type"], "image/png");
    }
}

#[test]
fn people_and_programs_are_told_what_was_checked() {
    let (home, doorway) = Home::with_doorway();
    home.publish(&home.bread(), &doorway);
    let page = doorway.join("/courses/bread/flour");
    let told = |words: &[&str]| {
        let said = home.run(&[&["verify"], words].concat()).ok().stdout;
        let shown = |line: &str| match line.trim_start().split_once(' ') {
            Some((name @ ("author" | "signed" | "action" | "community"), _)) => {
                format!("  {name:<12} …")
            }
            _ => line.to_owned(),
        };
        said.lines().map(shown).collect::<Vec<_>>().join("\n")
    };
    let said = [
        told(&[&page]),
        told(&[&page, "--quick"]),
        told(&[&doorway.join("/courses/bread"), "--quick"]),
    ];
    insta::assert_snapshot!(said.join("\n\n"));

    let mut names = fields(&accept(&home, &page));
    names.sort();
    let expect = [
        "facts.action",
        "facts.author",
        "facts.chain",
        "facts.community",
        "facts.page",
        "facts.place",
        "facts.reach",
        "facts.signed",
        "ok",
        "title",
        "what",
    ];
    assert_eq!(names, expect);
}

#[test]
fn saved_proofs_and_chains_need_no_doorway() {
    let (home, doorway) = Home::with_doorway();
    home.publish(&home.bread(), &doorway);
    let proof = doorway.text("/api/v1/cache/content/bread/flour?proof=1");
    let chain = doorway.text(&format!("/api/v1/chains/{}?limit=1000", home.key()));
    let part = doorway.text(&format!("/api/v1/chains/{}?limit=5", home.key()));
    doorway.stop();
    home.write("proof.json", &proof);
    home.write("chain.json", &chain);
    home.write("part.json", part);
    assert_eq!(
        accept(&home, "proof.json")["title"],
        "page “Flour and water: the ratio”"
    );
    assert_eq!(accept(&home, "chain.json")["facts"]["records"], "13");
    home.run(&["verify", "part.json"]).refused(1, "CH-0701");

    // One letter, one blank, one field more.
    for changed in [
        proof.replacen("the ratio", "the Ratio", 1),
        format!("{proof} "),
        proof.replacen('{', "{\"note\":\"me\",", 1),
    ] {
        assert_ne!(changed, proof);
        home.write("changed.json", changed);
        home.run(&["verify", "changed.json"]).refused(1, "CH-0702");
    }
    home.write("changed.json", format!("{chain} "));
    home.run(&["verify", "changed.json"]).refused(1, "CH-0702");
    let mut view: Value = serde_json::from_str(&chain).unwrap();
    view["records"].as_array_mut().unwrap().remove(4);
    home.write("changed.json", view.to_string());
    home.run(&["verify", "changed.json"]).refused(1, "CH-0302");
    let mut view: Value = serde_json::from_str(&chain).unwrap();
    view["records"].as_array_mut().unwrap().pop();
    home.write("changed.json", view.to_string());
    home.run(&["verify", "changed.json"]).refused(1, "CH-0704");
}

#[test]
fn what_holds_nothing_signed_is_refused() {
    let (home, doorway) = Home::with_doorway();
    home.publish(&home.bread(), &doorway);
    let absent = "0".repeat(64);
    let stranger = Home::new().key();
    for (path, code) in [
        ("/", "CH-0701"),
        ("/search?q=flour", "CH-0701"),
        ("/errors/CH-0701", "CH-0701"),
        ("/api/v1/cache/content", "CH-0701"),
        ("/version", "CH-0701"),
        ("/courses/cake", "CH-0105"),
        ("/nothing/here", "CH-0105"),
        ("/api/v1/cache/content/bread/cake", "CH-0105"),
        (&format!("/api/v1/chains/{stranger}"), "CH-0105"),
        ("/api/v1/chains/me", "CH-0101"),
        (&format!("/store/{absent}"), "CH-0105"),
        ("/store/crumb.png", "CH-0101"),
    ] {
        let words = ["verify", &doorway.join(path)];
        home.run(&words).refused(1, code);
        assert_eq!(
            home.run(&[&words[..], &["--json"]].concat()).code(1),
            code,
            "{path}"
        );
    }
    home.run(&["verify", "http://"]).refused(1, "CH-0701");
}

#[test]
fn files_that_hold_no_proof_are_refused() {
    let home = Home::new();
    home.write("empty.json", "");
    home.write("text.json", "bread");
    home.write("other.json", "{\"ok\": true}");
    home.write("list.json", "[]");
    home.write("page.html", "<!DOCTYPE html><title>Bread</title>");
    home.write("bytes.json", [0, 159, 146, 150]);
    fs::create_dir(home.at("folder")).unwrap();
    for name in [
        "empty.json",
        "text.json",
        "other.json",
        "list.json",
        "page.html",
        "bytes.json",
    ] {
        let ran = home.run(&["verify", name]).refused(1, "CH-0701");
        assert!(ran.stderr.contains(name), "{}", ran.stderr);
    }
    for name in ["missing.json", "folder"] {
        let ran = home.run(&["verify", name]).refused(2, "CH-0509");
        assert!(ran.stderr.contains(name), "{}", ran.stderr);
    }
}

#[test]
fn an_item_without_its_proof_is_refused() {
    let (home, doorway) = Home::with_doorway();
    home.publish(&home.bread(), &doorway);
    home.write(
        "item.json",
        doorway.text("/api/v1/cache/content/bread/flour"),
    );
    home.run(&["verify", "item.json"]).refused(1, "CH-0701");
}

#[test]
fn an_older_version_is_genuine_and_outdated() {
    let (home, doorway) = Home::with_doorway();
    home.publish(&home.bread(), &doorway);
    let item = "/api/v1/cache/content/bread/starter";
    let before = doorway.json(&format!("{item}?proof=1"));
    home.write("before.json", doorway.text(&format!("{item}?proof=1")));
    change(&home, &doorway);

    let (id, seq) = (before["id"].as_str().unwrap(), &before["seq"]);
    let old = [
        doorway.join(&format!("/history/{id}/{seq}")),
        doorway.join(&format!("{item}?seq={seq}")),
        doorway.join(&format!("{item}?proof=1&seq={seq}")),
    ];
    for address in &old {
        home.run(&["verify", address]).refused(1, "CH-0705");
        // Without the walk nobody can know, and that is what it says.
        let said = home.run(&["verify", address, "--quick"]).ok().stdout;
        assert!(said.contains("the rest was not walked"), "{said}");
    }
    assert_eq!(
        accept(&home, "before.json")["facts"]["place"],
        format!("record {seq} of the author's chain")
    );
    accept(&home, &doorway.join(item));
    accept(&home, &doorway.join("/courses/bread/starter"));

    home.run(&["unpublish", "bread", "--to", &doorway.url]).ok();
    home.run(&["verify", &old[0]]).refused(1, "CH-0105");
    accept(&home, "before.json");
}

#[test]
fn a_change_on_the_way_is_noticed() {
    let (home, doorway) = Home::with_doorway();
    home.publish(&home.bread(), &doorway);
    let relay = Relay::start(doorway.address);
    let crumb = fs::read(home.at("bread/images/crumb.png")).unwrap();
    let key = home.key();
    let page = "/courses/bread/flour".to_owned();
    let blob = format!("/store/{}", base::ContentHash::of(&crumb));
    let chain = format!("/api/v1/chains/{key}");
    let item = "/api/v1/cache/content/bread/flour".to_owned();
    for path in [&page, &blob, &chain, &item] {
        home.run(&["verify", &relay.join(path)]).ok();
    }
    // A doorway sends the digest of each answer along.
    for (path, before, after, code) in [
        (&page, &b"Bakers count"[..], &b"Fakers count"[..], "CH-0702"),
        (&page, b"name=\"viewport\"", b"name=\"Viewport\"", "CH-0702"),
        (&item, b"Bakers count", b"Fakers count", "CH-0702"),
        (&chain, b"uhC0k", b"uhC0l", "CH-0702"),
        (&blob, &crumb[60..70], &[0; 10], "CH-0703"),
    ] {
        relay.replace(&[(before, after)]);
        let ran = home.run(&["verify", &relay.join(path)]);
        assert!(relay.has_replaced(), "{path}: {}", before.escape_ascii());
        ran.refused(1, code);
    }
    // Somebody in between, or a doorway that lies, makes the digest fit; leaving it out comes to the same.
    for (path, before, after, code) in [
        (
            &page,
            &b"carry to the oven"[..],
            &b"carry to the Oven"[..],
            "CH-0702",
        ),
        (&page, b"the ratio</h1>", b"the Ratio</h1>", "CH-0702"),
        (&item, b"Bakers count", b"Fakers count", "CH-0702"),
        (
            &item,
            b"\"schema_version\":1",
            b"\"schema_version\":2",
            "CH-0702",
        ),
        (
            &chain,
            b"\"schema_version\":1",
            b"\"schema_version\":2",
            "CH-0106",
        ),
        (&chain, b"uhC0k", b"uhC0l", "CH-0101"),
        (&chain, b"\"seq\":12", b"\"seq\":13", "CH-0704"),
        (&chain, b"\"head\":", b"\"tail\":", "CH-0704"),
    ] {
        relay.replace(&[(b"content-digest:", b"content-digits:"), (before, after)]);
        let ran = home.run(&["verify", &relay.join(path), "--quick"]);
        assert!(relay.has_replaced(), "{path}: {}", before.escape_ascii());
        ran.refused(1, code);
    }
}
