//! Uploads that begin with their first piece: what is wrong with it is told.

use api::UsageView;
use base::ContentHash;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::harness::{Answer, House};
use crate::tus::ask;

/// The headers of a creation and its bytes, and with which status and code it is refused.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [u8], u16, &'a str);

/// Begins an upload with its first piece.
pub(crate) async fn create_with(
    house: &House,
    token: &str,
    headers: &[(&str, &str)],
    bytes: &[u8],
) -> Answer {
    let octets = ("content-type", "application/offset+octet-stream");
    let mut all = vec![octets];
    all.extend_from_slice(headers);
    ask(house, token, "POST", "/blobs/uploads", &all, bytes).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_first_piece_is_told_and_nothing_of_it_stays() {
    let house = House::new().await;
    let token = house.token().await;
    let right = STANDARD.encode(ContentHash::of(b"bread").to_string());
    let metadata = format!("sha256 {right}");
    let sha256 = |bytes: &[u8]| {
        let digest = ContentHash::of(bytes);
        format!("sha256 {}", STANDARD.encode(digest.as_bytes()))
    };
    let (fits, differs) = (sha256(b"dough"), sha256(b"bread"));
    let promised = ("upload-metadata", metadata.as_str());
    let five = ("upload-length", "5");
    let cases: [Case<'_>; 7] = [
        (&[five, promised], b"dough", 400, "CH-0109"),
        (
            &[five, promised, ("upload-checksum", &fits)],
            b"dough",
            400,
            "CH-0109",
        ),
        (
            &[five, ("upload-checksum", &differs)],
            b"dough",
            460,
            "CH-0805",
        ),
        (
            &[five, ("upload-checksum", "md5 AAAA")],
            b"dough",
            400,
            "CH-0810",
        ),
        (&[five], b"breads", 413, "CH-0107"),
        (&[("upload-length", "0"), promised], b"", 400, "CH-0109"),
        (&[("upload-length", "x")], b"dough", 400, "CH-0810"),
    ];
    for (headers, bytes, status, code) in cases {
        let refused = create_with(&house, &token, headers, bytes).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code()),
            (status, code.to_owned()),
            "{headers:?}"
        );
        assert_eq!(refused.header("location"), "", "{headers:?}");
    }
    let empty = [("upload-length", "0"), promised];
    let refused = ask(&house, &token, "POST", "/blobs/uploads", &empty, b"").await;
    assert_eq!(refused.code(), "CH-0109");
    let usage: UsageView = house.get(&token, "/blobs/usage").await.json();
    assert_eq!((usage.live_bytes, usage.upload_bytes), (0, 0));
    let left = std::fs::read_dir(house.folder.path().join("state/uploads")).unwrap();
    assert_eq!(left.count(), 0, "no part of it is left");
    let taken = create_with(&house, &token, &[five, promised], b"bread").await;
    let hash = ContentHash::of(b"bread").to_string();
    assert_eq!(taken.is(201).header("x-blob-hash"), hash);
    house.close().await;
}
