//! Who has no token, an old one or another's gets no further, and learns nothing.

use base::ContentHash;

use crate::harness::{House, Person, Plan};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_nothing_is_written_listed_or_seen() {
    let house = House::new().await;
    let token = house.token().await;
    let hash = house.put(&token, b"bread").await;
    let status = format!("/blobs/{hash}/status");
    let blob = format!("/blobs/{hash}");
    let lease = format!("/blobs/{hash}/lease");
    for (method, path, code) in [
        ("PUT", "/blobs", "CH-0201"),
        ("PUT", blob.as_str(), "CH-0201"),
        ("DELETE", blob.as_str(), "CH-0201"),
        ("GET", "/blobs", "CH-0201"),
        ("GET", "/blobs/tags", "CH-0201"),
        ("GET", "/blobs/usage", "CH-0201"),
        ("GET", "/blobs/queue", "CH-0201"),
        ("GET", "/blobs/scrub", "CH-0201"),
        ("DELETE", "/blobs/tags/a", "CH-0201"),
        ("PATCH", "/blobs/uploads/00", "CH-0201"),
        ("POST", "/blobs/uploads", "CH-0201"),
        ("GET", blob.as_str(), "CH-0105"),
        ("GET", status.as_str(), "CH-0105"),
    ] {
        let headers = [
            ("tus-resumable", "1.0.0"),
            ("upload-length", "1"),
            ("content-type", "application/offset+octet-stream"),
            ("upload-offset", "0"),
        ];
        let answer = house.ask(method, path, &headers, "").await;
        assert_eq!(answer.code(), code, "{method} {path}");
        if code == "CH-0201" {
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
    let json = [("content-type", "application/json")];
    for (method, path) in [
        ("POST", "/blobs/have"),
        ("POST", "/blobs/gc"),
        ("POST", "/blobs/scrub"),
        ("PUT", "/blobs/quota"),
        ("PUT", "/blobs/tags/a"),
        ("PUT", lease.as_str()),
    ] {
        let body = format!("{{\"hashes\":[],\"hash\":\"{hash}\",\"secs\":1}}");
        let answer = house.ask(method, path, &json, body).await;
        assert_eq!(answer.code(), "CH-0201", "{method} {path}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_none_or_old_are_told_apart() {
    let house = House::new().await;
    let token = house.token().await;
    house.put(&token, b"bread").await;
    let put = |header: String| {
        let house = &house;
        async move {
            let headers = [("authorization", header.as_str())];
            house.ask("PUT", "/blobs", &headers, "rye").await.code()
        }
    };
    // The signature stands behind the last dot.
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let forged = format!("Bearer {signed}.{first}{}", &signature[1..]);
    assert_eq!(put(forged).await, "CH-0202");
    assert_eq!(put("Bearer".to_owned()).await, "CH-0202");
    assert_eq!(put(format!("Basic {token}")).await, "CH-0202");
    house.wait(599);
    house.put(&token, b"still good").await;
    house.wait(1);
    assert_eq!(put(format!("Bearer {token}")).await, "CH-0203");
    let hash = ContentHash::of(b"bread");
    let read = house.get(&token, &format!("/blobs/{hash}")).await;
    assert_eq!(
        read.code(),
        "CH-0203",
        "a bad token says so even where none says nothing"
    );
    let fresh = house.token().await;
    house.get(&fresh, &format!("/blobs/{hash}")).await.is(200);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_node_is_worth_nothing() {
    let house = House::new().await;
    let mut plan = Plan::new();
    plan.config.uploads_max = 1;
    let other = House::open(plan).await.unwrap();
    let seed = crypto::Seed::new([8; 32]);
    let folder = tempfile::tempdir().unwrap();
    let folder = disk::Folder::open(folder.path()).unwrap();
    let ana = Person::new(1);
    let strange = storage::Writers::open(&folder, &[], Some(ana.key()), &seed).unwrap();
    drop(strange);
    // Both nodes here have the same key, as a restored backup would: their tokens are each other's.
    let token = other.token().await;
    house.put(&token, b"bread").await;
    let mut third = Plan::new();
    let folder = disk::Folder::open(third.folder.path()).unwrap();
    storage::Writers::open(&folder, &[], Some(ana.key()), &seed).unwrap();
    third.config.uploads_max = 1;
    let third = House::open(third).await.unwrap();
    let token = third.token().await;
    let answer = house.ask_as(&token, "PUT", "/blobs", &[], "rye").await;
    assert_eq!(answer.code(), "CH-0202");
    for house in [house, other, third] {
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_writers_get_tokens_and_the_list_is_a_file() {
    let house = House::new().await;
    let eve = Person::new(6);
    assert_eq!(house.try_token(&eve).await.code(), "CH-0205");
    let folder = house.close().await;
    let list = folder.path().join("writers");
    let written = std::fs::read_to_string(&list).unwrap();
    assert!(written.contains(&Person::new(1).key().to_string()));
    let both = format!("{written}\n# a friend\n  {}\n", eve.key());
    std::fs::write(&list, both).unwrap();
    let house = House::open(Plan::at(folder)).await.unwrap();
    let token = house.token_of(&eve).await;
    house.put(&token, b"from eve").await;
    house.token().await;
    let folder = house.close().await;
    std::fs::write(&list, "nobody\n").unwrap();
    let refused = House::open(Plan::at(folder)).await.err().unwrap();
    assert_eq!(refused.code, base::Code::Config);
    assert!(refused.detail.contains("nobody"));
}
