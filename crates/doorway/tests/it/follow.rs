//! A copy of another doorway: everything that everybody may see, nothing else, and from a writer that may be away.

use std::path::Path;
use std::sync::Arc;

use api::ItemView;
use base::{ContentHash, Reach};
use chain::kind::{Node, Path as Course, ReachWord};
use chain::{ActionHash, Item};
use doorway::Limits;
use http_kit::{Edge, Served};
use tempfile::TempDir;

use crate::between::Between;
use crate::harness::{House, Person, Port, manifest, page, until};

fn folder() -> Arc<TempDir> {
    Arc::new(tempfile::tempdir().unwrap())
}

async fn copy_of(port: &Port) -> House {
    House::copy(folder(), port.client()).await
}

fn course(pages: &[&str]) -> Item {
    let node = |id: &&str| Node {
        title: "A page".to_owned(),
        page: Some(ActionHash::try_from(*id).unwrap()),
        children: Vec::new(),
    };
    Item::Path(Course {
        title: "Baking".to_owned(),
        slug: "baking".to_owned(),
        language: "en".to_owned(),
        reach: ReachWord(Reach::Commons),
        nodes: pages.iter().map(node).collect(),
        ..Course::default()
    })
}

fn in_course(slug: &str, body: &str) -> Item {
    let Item::Content(mut content) = page(slug, body, Reach::Commons) else {
        unreachable!("a page is content")
    };
    content.course = "baking".to_owned();
    Item::Content(content)
}

/// Compares what both answer.
async fn check_same(writer: &House, copy: &House, paths: &[String]) {
    for path in paths {
        let (theirs, ours) = (writer.get(path).await, copy.get(path).await);
        assert_eq!(theirs.status, ours.status, "{path}");
        if theirs.status == 200 {
            assert!(theirs.body == ours.body, "{path}\n{}", ours.text());
        }
    }
}

/// Looks for a word in every file of a folder.
fn is_word_in(folder: &Path, word: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_word_in(&path, word);
        }
        let bytes = std::fs::read(&path).unwrap();
        bytes
            .windows(word.len())
            .any(|window| window == word.as_bytes())
    })
}

/// What is compared between a doorway and its copies, besides single items and authors.
const SHOWN: [&str; 13] = [
    "/",
    "/pages/bread",
    "/pages/cake",
    "/pages/story",
    "/courses/baking",
    "/courses/baking/flour",
    "/api/v1/cache/content?limit=1000",
    "/api/v1/cache/path",
    "/api/v1/cache/blob-manifest",
    "/api/v1/search?q=story",
    "/api/v1/search?q=giraffes",
    "/pages/zebra-private",
    "/pages/zebra-long",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_has_everything_for_everybody_at_the_same_addresses_and_nothing_else() {
    let writer = House::new().await;
    let (mut ana, mut ben) = (Person::new(1), Person::new(2));
    writer.admit(&ben, "member").await;
    let token = writer.token(&ana).await;
    let picture = b"a picture of bread".repeat(5_000);
    assert_eq!(writer.put_blob(&picture, &token).await.status, 201);
    let secret = b"a secret picture".repeat(5_000);
    assert_eq!(writer.put_blob(&secret, &token).await.status, 201);
    let (bread, _) = ana.create(&page("bread", "of ana", Reach::Commons));
    writer.publish(&ana).await;
    ben.create(&page("bread", "of ben", Reach::Commons));
    let (cake, _) = ben.create(&page("cake", "of ben", Reach::Commons));
    writer.publish(&ben).await;
    ana.create(&page("cake", "of ana", Reach::Commons));
    let (first, _) = ana.create(&in_course("flour", "white"));
    ana.create(&course(&[&first]));
    ana.create(&manifest(&picture, "image/png", Reach::Commons));
    ana.create(&manifest(&secret, "image/png", Reach::Neighborhood));
    for reach in [Reach::Private, Reach::Neighborhood, Reach::Regional] {
        let slug = format!("zebra-{reach}");
        ana.create(&page(&slug, "giraffes everywhere", reach));
    }
    let long = "a long story ".repeat(8_000);
    let (story, body) = ana.create(&page("story", &long, Reach::Commons));
    writer.put_blob(&body.unwrap(), &token).await;
    let hidden = "giraffes ".repeat(10_000);
    let (_, body) = ana.create(&page("zebra-long", &hidden, Reach::Private));
    writer.put_blob(&body.unwrap(), &token).await;
    writer.publish(&ana).await;

    let port = writer.listen().await;
    let copy = copy_of(&port).await;
    copy.copied().await;
    let mut paths: Vec<String> = SHOWN.map(str::to_owned).into();
    for id in [&bread, &cake, &story] {
        paths.push(format!("/api/v1/cache/content/{id}?proof=1"));
        paths.push(format!("/history/{id}"));
    }
    paths.push(format!("/store/{}", ContentHash::of(&picture)));
    paths.push(format!("/store/{}", ContentHash::of(&secret)));
    for person in [&ana, &ben] {
        paths.push(format!("/authors/{}", person.key()));
        paths.push(format!("/api/v1/chains/{}?limit=1000", person.key()));
    }
    check_same(&writer, &copy, &paths).await;
    let shown: ItemView = copy.get("/api/v1/cache/content/cake").await.json();
    assert_eq!(shown.author, ben.key().to_string());

    // A copy of the copy is as good.
    let second_port = copy.listen().await;
    let second = copy_of(&second_port).await;
    second.copied().await;
    check_same(&writer, &second, &paths).await;
    second_port.close().await;
    for house in [second, copy] {
        let folder = house.close().await;
        for word in ["zebra", "giraffes", "a secret picture"] {
            assert!(!is_word_in(folder.path(), word), "{word}");
        }
        assert!(is_word_in(folder.path(), "a picture of bread"));
    }
    port.close().await;
    writer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_of_any_kind_comes_to_the_copy_once_it_is_for_everybody() {
    let writer = House::new().await;
    let mut ana = Person::new(1);
    let course = |reach: Reach| {
        Item::Path(Course {
            title: "Baking".to_owned(),
            slug: "baking".to_owned(),
            language: "en".to_owned(),
            reach: ReachWord(reach),
            ..Course::default()
        })
    };
    ana.create(&course(Reach::Private));
    writer.publish(&ana).await;
    let port = writer.listen().await;
    let copy = copy_of(&port).await;
    copy.copied().await;
    assert_eq!(copy.get("/courses/baking").await.status, 404);
    ana.update(4, &course(Reach::Commons));
    writer.publish(&ana).await;
    copy.until("/courses/baking", 200).await;
    let id = ana.chain[4].action_address();
    let paths = [
        "/courses/baking".to_owned(),
        format!("/api/v1/cache/path/{id}"),
    ];
    check_same(&writer, &copy, &paths).await;
    copy.close().await;
    port.close().await;
    writer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_longer_for_everybody_leaves_the_copy() {
    let writer = House::new().await;
    let mut ana = Person::new(1);
    for slug in ["bread", "cake", "draft"] {
        let reach = if slug == "draft" {
            Reach::Private
        } else {
            Reach::Commons
        };
        ana.create(&page(slug, "words", reach));
    }
    writer.publish(&ana).await;
    let port = writer.listen().await;
    let copy = copy_of(&port).await;
    copy.copied().await;
    let paths = ["/pages/bread", "/pages/cake", "/pages/draft", "/"].map(str::to_owned);
    check_same(&writer, &copy, &paths).await;

    ana.update(4, &page("bread", "my own", Reach::Private));
    ana.delete(5);
    ana.update(6, &page("draft", "for all", Reach::Commons));
    writer.publish(&ana).await;
    copy.until("/pages/draft", 200).await;
    assert_eq!(copy.get("/pages/bread").await.status, 404);
    assert_eq!(copy.get("/pages/cake").await.status, 404);
    check_same(&writer, &copy, &paths).await;
    assert!(!copy.get("/").await.text().contains("bread"));

    ana.update(4, &page("bread", "for all again", Reach::Commons));
    writer.publish(&ana).await;
    copy.until("/pages/bread", 200).await;
    check_same(&writer, &copy, &paths).await;
    // Who copies from the start sees the same.
    let late = copy_of(&port).await;
    late.copied().await;
    let bread = ana.chain[4].action_address();
    let mut paths: Vec<String> = paths.into();
    paths.push(format!("/history/{bread}"));
    paths.push(format!("/api/v1/cache/content/{bread}?proof=1"));
    check_same(&writer, &late, &paths).await;
    check_same(&writer, &copy, &paths).await;
    late.close().await;
    copy.close().await;
    port.close().await;
    writer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_texts_that_were_replaced_or_withdrawn_hold_no_copy_up() {
    let writer = House::new().await;
    let mut ana = Person::new(1);
    let token = writer.token(&ana).await;
    let long = |word: &str| word.repeat(80_000 / word.len());
    for (slug, word) in [("one", "first "), ("two", "second "), ("three", "third ")] {
        let (_, body) = ana.create(&page(slug, &long(word), Reach::Commons));
        writer.put_blob(&body.unwrap(), &token).await;
    }
    let newer = page("one", &long("newer "), Reach::Commons);
    writer
        .put_blob(&newer.seal().unwrap().spilled.unwrap(), &token)
        .await;
    ana.update(4, &newer);
    ana.delete(5);
    ana.update(6, &page("three", "mine", Reach::Private));
    ana.create(&page("last", "words", Reach::Commons));
    writer.publish(&ana).await;
    let port = writer.listen().await;
    let copy = copy_of(&port).await;
    copy.copied().await;
    let paths = ["/pages/one", "/pages/two", "/pages/three", "/pages/last"];
    check_same(&writer, &copy, &paths.map(str::to_owned)).await;
    assert_eq!(copy.get("/pages/last").await.status, 200);
    copy.close().await;
    port.close().await;
    writer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_was_answered_too_early_is_answered_anew() {
    let writer = House::new().await;
    let mut ana = Person::new(1);
    for number in 0..700 {
        let body = format!("giraffes, {number} of them");
        ana.create(&page(&format!("zoo-{number}"), &body, Reach::Commons));
    }
    for records in ana.chain.chunks(500) {
        assert_eq!(writer.append(ana.key(), records).await.status, 200);
    }
    writer.settle().await;
    let port = writer.listen().await;
    let copy = copy_of(&port).await;
    // Asked all the time, so that an answer lies ready before the words are indexed.
    let path = "/api/v1/search?q=giraffes&limit=1000";
    let all = writer.get(path).await.text();
    until("the copy finds all", async || {
        copy.get(path).await.text() == all
    })
    .await;
    copy.close().await;
    port.close().await;
    writer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_serves_without_its_writer_and_catches_up_from_where_it_was() {
    let writer = House::new().await;
    let mut ana = Person::new(1);
    for number in 0..20 {
        ana.create(&page(&format!("page-{number}"), "words", Reach::Commons));
        writer.publish(&ana).await;
    }
    let (between, port) = Between::before(&writer).await;
    let copy = copy_of(&port).await;
    copy.copied().await;

    between.set_writer(None);
    let writers_folder = writer.close().await;
    until("the copy knows that its writer is away", async || {
        !copy.ready().await.follows.unwrap().is_connected
    })
    .await;
    assert_eq!(copy.get("/pages/page-7").await.status, 200);
    assert!(copy.ready().await.ready, "it needs nobody");
    let writer = House::at(writers_folder, Limits::default()).await;
    ana.create(&page("new", "words", Reach::Commons));
    writer.publish(&ana).await;
    between.set_writer(Some(&writer));
    copy.until("/pages/new", 200).await;
    let stream = between.newest_stream();
    assert!(!stream.last_event_id.is_empty(), "{stream:?}");
    let told = stream.events.iter().filter(|name| *name == "chain").count();
    assert_eq!(told, 1, "only what is new: {stream:?}");

    // Started without its writer, it is ready at once.
    between.set_writer(None);
    let writers_folder = writer.close().await;
    let copy = House::copy(copy.close().await, port.client()).await;
    assert_eq!(copy.get("/pages/new").await.status, 200);
    let ready = copy.ready().await;
    assert!(ready.ready && ready.follows.unwrap().is_complete);

    // The writer's projection is made anew: its log is another one, and nothing is shown twice or lost.
    let writer = House::at(writers_folder, Limits::default()).await;
    between.set_writer(Some(&writer));
    ana.create(&page("newer", "words", Reach::Commons));
    writer.publish(&ana).await;
    copy.until("/pages/newer", 200).await;
    between.set_writer(None);
    let writers_folder = writer.close().await;
    for end in ["", "-wal", "-shm"] {
        let path = format!("projection.sqlite{end}");
        drop(std::fs::remove_file(writers_folder.path().join(path)));
    }
    let writer = House::at(writers_folder, Limits::default()).await;
    writer.settle().await;
    between.set_writer(Some(&writer));
    until("the copy is told that the log is another one", async || {
        between.newest_stream().events.contains(&"live".to_owned())
            && between.newest_stream().events[0] == "outdated"
    })
    .await;
    ana.create(&page("newest", "words", Reach::Commons));
    writer.publish(&ana).await;
    copy.until("/pages/newest", 200).await;
    let list = "/api/v1/cache/content?limit=1000".to_owned();
    check_same(&writer, &copy, &[list]).await;
    copy.close().await;
    port.close().await;
    writer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_cannot_be_reached_is_found_again() {
    let writer = House::new().await;
    let mut ana = Person::new(1);
    ana.create(&page("bread", "words", Reach::Commons));
    writer.publish(&ana).await;
    let port = writer.listen().await;
    let (address, client) = (port.address, port.client());
    let copy = House::copy(folder(), client).await;
    copy.copied().await;
    port.close().await;
    until("nobody listens", async || {
        let follows = copy.ready().await.follows.unwrap();
        !follows.is_connected && !follows.fault.is_empty()
    })
    .await;
    assert_eq!(copy.get("/pages/bread").await.status, 200);
    ana.create(&page("cake", "words", Reach::Commons));
    writer.publish(&ana).await;
    let served: Served = writer.doorway.served();
    let port = Port::at(address, served, Edge::default()).await;
    copy.until("/pages/cake", 200).await;
    assert_eq!(copy.ready().await.follows.unwrap().fault, "");
    copy.close().await;
    port.close().await;
    writer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_shown_before_its_blobs_are_here() {
    let writer = House::new().await;
    let mut ana = Person::new(1);
    let token = writer.token(&ana).await;
    let picture = b"a picture".repeat(1_000);
    writer.put_blob(&picture, &token).await;
    ana.create(&page("before", "words", Reach::Commons));
    ana.create(&manifest(&picture, "image/png", Reach::Commons));
    ana.create(&page("shows-it", "words", Reach::Commons));
    let story = "a long story ".repeat(8_000);
    let (_, body) = ana.create(&page("story", &story, Reach::Commons));
    writer.put_blob(&body.unwrap(), &token).await;
    ana.create(&page("after", "words", Reach::Commons));
    writer.publish(&ana).await;
    let (between, port) = Between::before(&writer).await;
    between.hold_blobs(true);
    let copy = copy_of(&port).await;
    let wanted = format!("/store/{}", ContentHash::of(&picture));
    until("the blob is asked for", async || {
        between.heard().iter().any(|heard| heard.path == wanted)
    })
    .await;
    for slug in ["shows-it", "story", "after"] {
        assert_eq!(copy.get(&format!("/pages/{slug}")).await.status, 404);
    }
    assert!(!copy.ready().await.ready, "it is not complete");
    between.hold_blobs(false);
    copy.copied().await;
    between.set_writer(None);
    for slug in ["before", "shows-it", "story", "after"] {
        assert_eq!(copy.get(&format!("/pages/{slug}")).await.status, 200);
    }
    assert!(copy.get(&wanted).await.body == picture);
    let asked = between.heard();
    let asked = asked.iter().filter(|heard| heard.path == wanted).count();
    assert_eq!(asked, 1, "it is copied once");
    copy.close().await;
    writer.close().await;
    port.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_is_away_is_told_as_that_and_not_as_a_chain_that_stalls() {
    let writer = House::new().await;
    let mut ana = Person::new(1);
    ana.create(&page("before", "words", Reach::Commons));
    writer.publish(&ana).await;
    let (between, port) = Between::before(&writer).await;
    let copy = copy_of(&port).await;
    copy.copied().await;
    // The log goes on, and nothing else is answered.
    between.set_writer(None);
    ana.create(&page("after", "words", Reach::Commons));
    writer.publish(&ana).await;
    let path = format!("/api/v1/chains/{}", ana.key());
    let asked = || {
        let heard = between.heard();
        heard
            .iter()
            .filter(|heard| heard.path.starts_with(&path))
            .count()
    };
    let before = asked();
    until("the chain is asked for in vain", async || {
        asked() > before + 1
    })
    .await;
    let told = copy.ready().await;
    assert_eq!(told.stalled, Vec::<String>::new());
    let follows = told.follows.unwrap();
    assert!(follows.fault.contains("502"), "{}", follows.fault);
    assert!(told.ready, "it serves what it has");
    between.set_writer(Some(&writer));
    copy.until("/pages/after", 200).await;
    until("nothing is wrong any more", async || {
        let told = copy.ready().await;
        told.follows.unwrap().fault.is_empty() && told.stalled.is_empty()
    })
    .await;
    copy.close().await;
    port.close().await;
    writer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_whose_blob_is_gone_holds_nothing_up() {
    let writer = House::new().await;
    let mut ana = Person::new(1);
    ana.create(&manifest(b"never stored", "text/plain", Reach::Commons));
    ana.create(&page("after", "words", Reach::Commons));
    writer.publish(&ana).await;
    let port = writer.listen().await;
    let copy = copy_of(&port).await;
    copy.copied().await;
    assert_eq!(copy.get("/pages/after").await.status, 200);
    assert!(copy.ready().await.stalled.is_empty());
    copy.close().await;
    port.close().await;
    writer.close().await;
}
