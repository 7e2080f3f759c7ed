//! Which blobs published things keep from being collected.

use std::collections::BTreeSet;

use base::{ContentHash, Reach};
use chain::Item;
use chain::kind::BlobRef;

use crate::harness::{House, Person, manifest, page};

/// A page that shows a picture.
fn showing(slug: &str, picture: &[u8]) -> Item {
    let hash = ContentHash::of(picture);
    let item = page(slug, &format!("![](/store/{hash})"), Reach::Commons);
    let Item::Content(mut content) = item else {
        unreachable!("a page is content")
    };
    content.blobs = vec![BlobRef {
        hash: *hash.as_bytes(),
        bytes: picture.len() as u64,
        media_type: "image/png".to_owned(),
        ..BlobRef::default()
    }];
    Item::Content(content)
}

async fn kept(house: &House) -> BTreeSet<ContentHash> {
    let kept = house.doorway.kept_blobs().await.unwrap();
    kept.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_kept_while_a_page_or_an_older_version_of_one_shows_it() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    let token = house.token(&ana).await;
    let pictures = [&b"one"[..], b"two", b"three"];
    for picture in pictures {
        assert_eq!(house.put_blob(picture, &token).await.status, 201);
    }
    let [one, two, three] = pictures.map(ContentHash::of);
    assert!(kept(&house).await.is_empty(), "no page shows them yet");
    ana.create(&manifest(pictures[0], "image/png", Reach::Commons));
    ana.create(&showing("bread", pictures[0]));
    ana.create(&showing("cake", pictures[1]));
    ana.create(&showing("rolls", pictures[1]));
    ana.create(&page("drafts", "words", Reach::Private));
    house.publish(&ana).await;
    let first = ana.chain.len() - 5;
    assert_eq!(kept(&house).await, BTreeSet::from([one, two]));

    // The older version of the page can still be read, and a page that only its author sees counts like any other.
    ana.update(first + 1, &page("bread", "words", Reach::Commons));
    ana.update(first + 4, &showing("drafts", pictures[2]));
    house.publish(&ana).await;
    assert_eq!(kept(&house).await, BTreeSet::from([one, two, three]));

    // One of two pages goes.
    ana.delete(first + 2);
    house.publish(&ana).await;
    assert_eq!(kept(&house).await, BTreeSet::from([one, two, three]));
    ana.delete(first + 3);
    ana.delete(first + 1);
    house.publish(&ana).await;
    assert_eq!(
        kept(&house).await,
        BTreeSet::from([one, three]),
        "the manifest of the first one stands"
    );
    ana.delete(first);
    house.publish(&ana).await;
    assert_eq!(kept(&house).await, BTreeSet::from([three]));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_kept_for_good_and_what_they_name_while_the_page_is_there() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    let token = house.token(&ana).await;
    let picture = b"a picture";
    let hash = ContentHash::of(picture);
    house.put_blob(picture, &token).await;
    let text = format!("{} ![](/store/{hash})", "a long story ".repeat(8_000));
    let (_, body) = ana.create(&page("story", &text, Reach::Commons));
    let body = body.unwrap();
    house.put_blob(&body, &token).await;
    house.publish(&ana).await;
    let body = ContentHash::of(&body);
    assert_eq!(kept(&house).await, BTreeSet::from([body, hash]));
    ana.delete(ana.chain.len() - 1);
    house.publish(&ana).await;
    assert_eq!(
        kept(&house).await,
        BTreeSet::from([body]),
        "the chain cannot be read again without it"
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_found_out_is_no_answer() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    let token = house.token(&ana).await;
    let (_, body) = ana.create(&page("story", &"a story ".repeat(10_000), Reach::Commons));
    let body = body.unwrap();
    house.put_blob(&body, &token).await;
    house.publish(&ana).await;
    let blobs = &house.blobs;
    assert!(blobs.trash(&ContentHash::of(&body)).await.unwrap());
    let problem = house.doorway.kept_blobs().await.unwrap_err();
    assert_eq!(problem.code, base::Code::BlobCorrupt, "{problem}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_new_page_names_comes_out_of_the_trash() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    let token = house.token(&ana).await;
    house.put_blob(b"a picture", &token).await;
    let hash = ContentHash::of(b"a picture");
    let blobs = &house.blobs;
    assert!(blobs.trash(&hash).await.unwrap());
    assert!(!blobs.contains(&hash).await.unwrap());
    ana.create(&showing("bread", b"a picture"));
    house.publish(&ana).await;
    assert!(blobs.contains(&hash).await.unwrap());
    house.close().await;
}
