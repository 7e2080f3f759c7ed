//! The protocol tus 1.0, header by header.

use api::{BlobListView, BlobStatusView, UsageView};
use base::ContentHash;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Digest as _;

use crate::harness::{Answer, House, Person, Plan, noise};

const VERSION: (&str, &str) = ("tus-resumable", "1.0.0");

/// Asks with the version of the protocol.
pub(crate) async fn ask(
    house: &House,
    token: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut all = vec![VERSION];
    all.extend_from_slice(headers);
    let answer = house.ask_as(token, method, path, &all, body.to_vec()).await;
    assert_eq!(answer.header("tus-resumable"), "1.0.0", "{method} {path}");
    answer
}

/// Begins an upload and returns where it is.
pub(crate) async fn create(house: &House, token: &str, headers: &[(&str, &str)]) -> String {
    let answer = ask(house, token, "POST", "/blobs/uploads", headers, b"")
        .await
        .is(201);
    answer.header("location").to_owned()
}

pub(crate) async fn begin(house: &House, token: &str, len: usize) -> String {
    create(house, token, &[("upload-length", &len.to_string())]).await
}

/// Sends a piece.
pub(crate) async fn patch(
    house: &House,
    token: &str,
    path: &str,
    offset: usize,
    bytes: &[u8],
) -> Answer {
    patch_with(house, token, path, offset, &[], bytes).await
}

async fn patch_with(
    house: &House,
    token: &str,
    path: &str,
    offset: usize,
    headers: &[(&str, &str)],
    bytes: &[u8],
) -> Answer {
    let offset = offset.to_string();
    let mut all = vec![
        ("content-type", "application/offset+octet-stream"),
        ("upload-offset", offset.as_str()),
    ];
    all.extend_from_slice(headers);
    ask(house, token, "PATCH", path, &all, bytes).await
}

pub(crate) async fn head(house: &House, token: &str, path: &str) -> Answer {
    ask(house, token, "HEAD", path, &[], b"").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_spoken_is_told_to_everybody() {
    let house = House::new().await;
    let answer = house
        .ask("OPTIONS", "/blobs/uploads", &[], "")
        .await
        .is(204);
    assert_eq!(answer.header("tus-version"), "1.0.0");
    assert_eq!(
        answer.header("tus-max-size"),
        (8 * 1_024 * 1_024).to_string()
    );
    assert_eq!(answer.header("tus-checksum-algorithm"), "sha1,sha256");
    assert_eq!(
        answer.header("tus-extension"),
        "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination"
    );
    let token = house.token().await;
    let headers = [("upload-length", "1")];
    for version in [None, Some("0.2.2")] {
        let mut headers = headers.to_vec();
        headers.extend(version.map(|version| ("tus-resumable", version)));
        let answer = house
            .ask_as(&token, "POST", "/blobs/uploads", &headers, "")
            .await;
        assert_eq!(answer.code(), "CH-0808");
        assert_eq!(answer.header("tus-version"), "1.0.0");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_in_pieces_becomes_a_blob() {
    let house = House::new().await;
    let token = house.token().await;
    let bytes = noise(700_000, 1);
    let hash = ContentHash::of(&bytes).to_string();
    let name = STANDARD.encode("letter.pdf");
    let metadata = format!("filename {name},tag {}", STANDARD.encode("letters/may"));
    let headers = [("upload-length", "700000"), ("upload-metadata", &metadata)];
    let path = create(&house, &token, &headers).await;
    let fresh = head(&house, &token, &path).await.is(200);
    assert_eq!(fresh.header("upload-offset"), "0");
    assert_eq!(fresh.header("upload-length"), "700000");
    assert_eq!(fresh.header("upload-metadata"), metadata);
    assert_eq!(fresh.header("cache-control"), "no-store");
    assert_eq!(
        fresh.header("upload-expires"),
        "Sat, 16 Jan 2027 08:00:00 GMT"
    );
    assert_eq!(fresh.header("x-blob-hash"), "");
    let mut offset = 0;
    for len in [1, 299_999, 0, 399_999] {
        let answer = patch(&house, &token, &path, offset, &bytes[offset..offset + len])
            .await
            .is(204);
        offset += len;
        assert_eq!(answer.header("upload-offset"), offset.to_string());
        assert!(!answer.header("upload-expires").is_empty());
        assert_eq!(answer.header("x-blob-hash"), "");
    }
    let usage: UsageView = house.get(&token, "/blobs/usage").await.json();
    assert_eq!((usage.live_bytes, usage.upload_bytes), (0, 700_000));
    let last = patch(&house, &token, &path, offset, &bytes[offset..])
        .await
        .is(204);
    assert_eq!(last.header("x-blob-hash"), hash);
    assert_eq!(last.header("x-tier"), "accepted");
    let done = head(&house, &token, &path).await.is(200);
    assert_eq!(
        (done.header("x-blob-hash"), done.header("upload-offset")),
        (hash.as_str(), "700000")
    );
    let blob = house.get(&token, &format!("/blobs/{hash}")).await.is(200);
    assert!(blob.body == bytes);
    let status: BlobStatusView = house
        .get(&token, &format!("/blobs/{hash}/status"))
        .await
        .json();
    assert_eq!(status.tags, ["letters/may"]);
    let usage: UsageView = house.get(&token, "/blobs/usage").await.json();
    assert_eq!((usage.live_bytes, usage.upload_bytes), (700_000, 0));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_for_another_place_is_refused_and_changes_nothing() {
    let house = House::new().await;
    let token = house.token().await;
    let path = begin(&house, &token, 10).await;
    patch(&house, &token, &path, 0, b"abcd").await.is(204);
    for offset in [0, 3, 5, 11] {
        let answer = patch(&house, &token, &path, offset, b"x").await;
        assert_eq!(answer.code(), "CH-0804", "{offset}");
    }
    let over = patch(&house, &token, &path, 4, b"efghijk").await;
    assert_eq!(over.code(), "CH-0107");
    assert_eq!(
        head(&house, &token, &path).await.header("upload-offset"),
        "4"
    );
    let last = patch(&house, &token, &path, 4, b"efghij").await.is(204);
    assert_eq!(
        last.header("x-blob-hash"),
        ContentHash::of(b"abcdefghij").to_string()
    );
    let more = patch(&house, &token, &path, 10, b"k").await;
    assert_eq!(more.code(), "CH-0107");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_with_a_checksum_counts_only_when_it_fits() {
    let house = House::new().await;
    let token = house.token().await;
    let path = begin(&house, &token, 600_000).await;
    let bytes = noise(600_000, 1);
    let (first, second) = bytes.split_at(400_000);
    let sha1 = STANDARD.encode(sha1::Sha1::digest(first));
    let wrong = STANDARD.encode(sha1::Sha1::digest(second));
    let send = |offset: usize, checksum: String, piece: &[u8]| {
        let (house, token, path, piece) = (&house, &token, &path, piece.to_vec());
        async move {
            let headers = [("upload-checksum", checksum.as_str())];
            patch_with(house, token, path, offset, &headers, &piece).await
        }
    };
    let refused = send(0, format!("sha1 {wrong}"), first).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code()),
        (460, "CH-0805".to_owned())
    );
    assert_eq!(
        head(&house, &token, &path).await.header("upload-offset"),
        "0"
    );
    for malformed in ["sha1", "md5 AAAA", "sha1 AAAA", "sha1 !", ""] {
        let answer = send(0, malformed.to_owned(), first).await;
        assert_eq!(answer.code(), "CH-0810", "{malformed:?}");
    }
    send(0, format!("sha1 {sha1}"), first).await.is(204);
    let sha256 = STANDARD.encode(ContentHash::of(second).as_bytes());
    let last = send(400_000, format!("sha256 {sha256}"), second)
        .await
        .is(204);
    assert_eq!(
        last.header("x-blob-hash"),
        ContentHash::of(&bytes).to_string()
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_length_may_be_told_later() {
    let house = House::new().await;
    let token = house.token().await;
    let path = create(&house, &token, &[("upload-defer-length", "1")]).await;
    let fresh = head(&house, &token, &path).await;
    assert_eq!(
        (
            fresh.header("upload-defer-length"),
            fresh.header("upload-length")
        ),
        ("1", "")
    );
    patch(&house, &token, &path, 0, b"abc").await.is(204);
    let usage: UsageView = house.get(&token, "/blobs/usage").await.json();
    assert_eq!(usage.upload_bytes, 3);
    for length in ["2", "x", "99999999999"] {
        let headers = [("upload-length", length)];
        let answer = patch_with(&house, &token, &path, 3, &headers, b"").await;
        assert!(
            ["CH-0810", "CH-0107"].contains(&answer.code().as_str()),
            "{length}"
        );
    }
    let told = patch_with(&house, &token, &path, 3, &[("upload-length", "6")], b"de")
        .await
        .is(204);
    assert_eq!(told.header("upload-offset"), "5");
    let known = head(&house, &token, &path).await;
    assert_eq!(
        (
            known.header("upload-defer-length"),
            known.header("upload-length")
        ),
        ("", "6")
    );
    let other = patch_with(&house, &token, &path, 5, &[("upload-length", "7")], b"f").await;
    assert_eq!(other.code(), "CH-0810");
    let last = patch(&house, &token, &path, 5, b"f").await.is(204);
    assert_eq!(
        last.header("x-blob-hash"),
        ContentHash::of(b"abcdef").to_string()
    );
    let empty = create(&house, &token, &[("upload-defer-length", "1")]).await;
    let ended = patch_with(&house, &token, &empty, 0, &[("upload-length", "0")], b"")
        .await
        .is(204);
    assert_eq!(
        ended.header("x-blob-hash"),
        ContentHash::of(b"").to_string()
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_may_begin_with_its_first_piece() {
    let house = House::new().await;
    let token = house.token().await;
    let octets = ("content-type", "application/offset+octet-stream");
    let headers = [octets, ("upload-length", "6")];
    let begun = ask(&house, &token, "POST", "/blobs/uploads", &headers, b"abc")
        .await
        .is(201);
    assert_eq!(begun.header("upload-offset"), "3");
    let path = begun.header("location").to_owned();
    patch(&house, &token, &path, 3, b"def").await.is(204);
    let whole = ask(
        &house,
        &token,
        "POST",
        "/blobs/uploads",
        &headers,
        b"ghijkl",
    )
    .await
    .is(201);
    assert_eq!(whole.header("upload-offset"), "6");
    assert_eq!(
        whole.header("x-blob-hash"),
        ContentHash::of(b"ghijkl").to_string()
    );
    let empty = ask(
        &house,
        &token,
        "POST",
        "/blobs/uploads",
        &[("upload-length", "0")],
        b"",
    );
    assert_eq!(
        empty.await.is(201).header("x-blob-hash"),
        ContentHash::of(b"").to_string()
    );
    let html = [("content-type", "text/html"), ("upload-length", "6")];
    let wrong = ask(&house, &token, "POST", "/blobs/uploads", &html, b"abc").await;
    assert_eq!(wrong.code(), "CH-0110");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_cannot_be_read_begin_nothing() {
    let house = House::new().await;
    let token = house.token().await;
    let cases: [(&[(&str, &str)], &str); 12] = [
        (&[], "CH-0810"),
        (&[("upload-length", "-1")], "CH-0810"),
        (&[("upload-length", "1e3")], "CH-0810"),
        (&[("upload-length", "99999999999999999999")], "CH-0810"),
        (&[("upload-defer-length", "2")], "CH-0810"),
        (
            &[("upload-length", "1"), ("upload-defer-length", "1")],
            "CH-0810",
        ),
        (&[("upload-length", "8388609")], "CH-0107"),
        (
            &[("upload-length", "1"), ("upload-metadata", "a !")],
            "CH-0810",
        ),
        (
            &[("upload-length", "1"), ("upload-metadata", "a YQ==,a YQ==")],
            "CH-0810",
        ),
        (
            &[("upload-length", "1"), ("upload-metadata", "tag IA==")],
            "CH-0802",
        ),
        (
            &[("upload-length", "1"), ("upload-metadata", "sha256 eA==")],
            "CH-0101",
        ),
        (
            &[
                ("upload-length", "1"),
                ("upload-metadata", "namespace QQ=="),
            ],
            "CH-0802",
        ),
    ];
    for (headers, code) in cases {
        let answer = ask(&house, &token, "POST", "/blobs/uploads", headers, b"").await;
        assert_eq!(answer.code(), code, "{headers:?}");
    }
    begin(&house, &token, 8_388_608).await;
    let path = begin(&house, &token, 3).await;
    let octets = ("content-type", "application/offset+octet-stream");
    for (headers, code) in [
        (vec![octets], "CH-0810"),
        (vec![octets, ("upload-offset", "x")], "CH-0810"),
        (vec![("upload-offset", "0")], "CH-0110"),
        (
            vec![("upload-offset", "0"), ("content-type", "application/json")],
            "CH-0110",
        ),
    ] {
        let answer = ask(&house, &token, "PATCH", &path, &headers, b"abc").await;
        assert_eq!(answer.code(), code, "{headers:?}");
    }
    let get = ask(&house, &token, "GET", &path, &[], b"").await;
    assert_eq!(get.code(), "CH-0111");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promised_hash_is_held_to_and_gives_the_room_back() {
    let house = House::new().await;
    let token = house.token().await;
    let right = STANDARD.encode(ContentHash::of(b"bread").to_string());
    let metadata = format!("sha256 {right}");
    let headers = [("upload-length", "5"), ("upload-metadata", &metadata)];
    let path = create(&house, &token, &headers).await;
    let wrong = patch(&house, &token, &path, 0, b"dough").await;
    assert_eq!(wrong.code(), "CH-0109");
    assert_eq!(
        head(&house, &token, &path).await.status,
        410,
        "the upload is over"
    );
    assert_eq!(patch(&house, &token, &path, 5, b"").await.code(), "CH-0806");
    let usage: UsageView = house.get(&token, "/blobs/usage").await.json();
    assert_eq!((usage.live_bytes, usage.upload_bytes), (0, 0));
    let path = create(&house, &token, &headers).await;
    patch(&house, &token, &path, 0, b"bread").await.is(204);
    let list: BlobListView = house.get(&token, "/blobs").await.json();
    assert_eq!(list.items.len(), 1);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_ended_is_gone_and_gives_its_room_back() {
    let house = House::new().await;
    let token = house.token().await;
    let path = begin(&house, &token, 10).await;
    patch(&house, &token, &path, 0, b"abc").await.is(204);
    ask(&house, &token, "DELETE", &path, &[], b"").await.is(204);
    assert_eq!(head(&house, &token, &path).await.status, 404);
    for method in ["PATCH", "DELETE"] {
        let headers = [
            ("content-type", "application/offset+octet-stream"),
            ("upload-offset", "3"),
        ];
        let answer = ask(&house, &token, method, &path, &headers, b"").await;
        assert_eq!(answer.code(), "CH-0105", "{method}");
    }
    let usage: UsageView = house.get(&token, "/blobs/usage").await.json();
    assert_eq!(usage.upload_bytes, 0);
    let left = std::fs::read_dir(house.folder.path().join("state/uploads")).unwrap();
    assert_eq!(left.count(), 0);
    let done = begin(&house, &token, 3).await;
    let last = patch(&house, &token, &done, 0, b"abc").await;
    let hash = last.header("x-blob-hash").to_owned();
    ask(&house, &token, "DELETE", &done, &[], b"").await.is(204);
    house.get(&token, &format!("/blobs/{hash}")).await.is(200);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_expire_when_nobody_goes_on_with_them() {
    let mut plan = Plan::new();
    plan.config.upload_idle_secs = 1_000;
    let house = House::open(plan).await.unwrap();
    let token = house.token().await;
    let path = begin(&house, &token, 10).await;
    house.wait(500);
    let piece = patch(&house, &token, &path, 0, b"abc").await.is(204);
    assert_eq!(
        piece.header("upload-expires"),
        "Fri, 15 Jan 2027 08:25:00 GMT"
    );
    house.wait(999);
    let fresh = house.token().await;
    head(&house, &fresh, &path).await.is(200);
    house.wait(1);
    assert_eq!(head(&house, &fresh, &path).await.status, 410);
    assert_eq!(
        patch(&house, &fresh, &path, 3, b"d").await.code(),
        "CH-0806"
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_uploads_may_be_open_and_no_more() {
    let mut plan = Plan::new();
    plan.config.uploads_max = 2;
    plan.config.quota_bytes = 100;
    let house = House::open(plan).await.unwrap();
    let token = house.token().await;
    let first = begin(&house, &token, 60).await;
    let over = ask(
        &house,
        &token,
        "POST",
        "/blobs/uploads",
        &[("upload-length", "41")],
        b"",
    )
    .await;
    assert_eq!(over.code(), "CH-0801", "what has begun counts");
    begin(&house, &token, 40).await;
    let many = ask(
        &house,
        &token,
        "POST",
        "/blobs/uploads",
        &[("upload-length", "0")],
        b"",
    )
    .await;
    assert_eq!(many.code(), "CH-0809");
    patch(&house, &token, &first, 0, &[7; 60]).await.is(204);
    let third = create(&house, &token, &[("upload-defer-length", "1")]).await;
    let over = patch(&house, &token, &third, 0, b"x").await;
    assert_eq!(over.code(), "CH-0801");
    ask(&house, &token, "DELETE", &third, &[], b"")
        .await
        .is(204);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_of_others_are_not_there() {
    let house = House::new().await;
    let token = house.token().await;
    let path = begin(&house, &token, 3).await;
    assert_eq!(house.ask("HEAD", &path, &[VERSION], "").await.status, 401);
    let folder = house.folder.path().join("writers");
    let eve = Person::new(6);
    let both = format!("{}\n{}\n", Person::new(1).key(), eve.key());
    std::fs::write(folder, both).unwrap();
    let unknown = format!("/blobs/uploads/{}", "0".repeat(32));
    assert_eq!(head(&house, &token, &unknown).await.status, 404);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_method_may_be_in_a_header() {
    let house = House::new().await;
    let token = house.token().await;
    let path = begin(&house, &token, 3).await;
    let headers = [
        ("x-http-method-override", "PATCH"),
        ("content-type", "application/offset+octet-stream"),
        ("upload-offset", "0"),
    ];
    let last = ask(&house, &token, "POST", &path, &headers, b"abc")
        .await
        .is(204);
    assert_eq!(
        last.header("x-blob-hash"),
        ContentHash::of(b"abc").to_string()
    );
    let headers = [("x-http-method-override", "DELETE")];
    ask(&house, &token, "POST", &path, &headers, b"")
        .await
        .is(204);
    let none = ask(&house, &token, "POST", &path, &[], b"").await;
    assert_eq!(none.code(), "CH-0111");
    house.close().await;
}
