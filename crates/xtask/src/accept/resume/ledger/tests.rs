//! Books that are kept by hash.

use super::*;

fn request(start: &str, fields: &[(&str, &str)]) -> Head {
    let field = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Head {
        start: start.to_owned(),
        fields: fields.iter().map(field).collect(),
    }
}

fn answer(status: u16, fields: &[(&str, &str)]) -> Answer {
    Answer {
        head: request(&format!("HTTP/1.1 {status} Said"), fields),
        body: Vec::new(),
    }
}

/// Sends a piece as a whole; tells whether it may pass.
fn send(books: &mut Books, path: &str, offset: u64, bytes: u64, status: u16) -> bool {
    let offset_text = offset.to_string();
    let start = format!("PATCH {path} HTTP/1.1");
    let request = request(&start, &[("Upload-Offset", &offset_text)]);
    let brings = books.brings(&request).unwrap().unwrap();
    let may_pass = books.pass(&brings, 0, bytes);
    if may_pass {
        books.note(&request, Some(&brings), bytes, &answer(status, &[]));
    }
    may_pass
}

fn begin(books: &mut Books, path: &str, hash: &str) {
    let metadata = format!("filename YQ==,sha256 {}", STANDARD.encode(hash));
    let post = request(
        "POST /blobs/uploads HTTP/1.1",
        &[("upload-metadata", &metadata)],
    );
    books.note(&post, None, 0, &answer(201, &[("Location", path)]));
}

#[test]
fn what_was_acknowledged_and_comes_again_is_counted() {
    let mut books = Books::default();
    begin(&mut books, "/blobs/uploads/1", "aa");
    assert!(send(&mut books, "/blobs/uploads/1", 0, 10, 204));
    assert!(send(&mut books, "/blobs/uploads/1", 10, 10, 460));
    assert!(send(&mut books, "/blobs/uploads/1", 10, 10, 204));
    let honest = Counted {
        passed: 30,
        acknowledged: 20,
        again: 0,
        resumed: 0,
    };
    assert_eq!(books.counted, honest);
    // Half of it was acknowledged; a new upload of the same blob does not hide that.
    assert!(send(&mut books, "/blobs/uploads/1", 15, 10, 204));
    assert_eq!((books.counted.again, books.counted.acknowledged), (5, 25));
    begin(&mut books, "http://127.0.0.1:1/blobs/uploads/2", "aa");
    assert!(send(&mut books, "/blobs/uploads/2", 0, 10, 204));
    assert_eq!((books.counted.again, books.counted.acknowledged), (15, 25));
    // One that does not say of what it is stands for itself.
    let post = request("POST /blobs/uploads HTTP/1.1", &[]);
    books.note(
        &post,
        None,
        0,
        &answer(201, &[("Location", "/blobs/uploads/3")]),
    );
    assert!(send(&mut books, "/blobs/uploads/3", 0, 10, 204));
    assert_eq!((books.counted.again, books.counted.acknowledged), (15, 35));
}

#[test]
fn a_blob_in_one_request_counts_by_its_hash() {
    let mut books = Books::default();
    let hash = "a".repeat(64);
    let put = request(&format!("PUT /blobs/{hash}?namespace=x HTTP/1.1"), &[]);
    for expect in [(7, 7, 0), (14, 7, 7)] {
        let brings = books.brings(&put).unwrap().unwrap();
        assert!(books.pass(&brings, 0, 7));
        books.note(&put, Some(&brings), 7, &answer(201, &[]));
        let Counted {
            passed,
            acknowledged,
            again,
            ..
        } = books.counted;
        assert_eq!((passed, acknowledged, again), expect);
    }
    for other in ["PUT /blobs/tags/a HTTP/1.1", "POST /blobs/have HTTP/1.1"] {
        assert_eq!(books.brings(&request(other, &[])).unwrap(), None);
    }
}

#[test]
fn nothing_passes_behind_the_chosen_place() {
    let mut books = Books::default();
    begin(&mut books, "/blobs/uploads/1", "aa");
    books.stop = Some(15);
    assert!(send(&mut books, "/blobs/uploads/1", 0, 10, 204));
    assert!(send(&mut books, "/blobs/uploads/1", 10, 10, 204));
    assert!(!send(&mut books, "/blobs/uploads/1", 20, 10, 204));
    assert!(books.is_stopped);
    assert_eq!(books.counted.passed, 20);
    // The next process goes on in the middle.
    books.stop = None;
    books.is_stopped = false;
    books.touched.clear();
    assert!(send(&mut books, "/blobs/uploads/1", 20, 10, 204));
    assert!(send(&mut books, "/blobs/uploads/1", 30, 10, 204));
    assert_eq!(books.counted.resumed, 1);
}
