//! Both sides of each limit, in characters and in bytes.

use super::*;

fn course() -> Path {
    Path {
        title: "A course".to_owned(),
        slug: "a-course".to_owned(),
        language: "en".to_owned(),
        ..Path::default()
    }
}

fn manifest() -> BlobManifest {
    BlobManifest {
        media_type: "image/png".to_owned(),
        ..BlobManifest::default()
    }
}

fn profile() -> Profile {
    Profile {
        name: "Ada".to_owned(),
        ..Profile::default()
    }
}

/// Seals and opens; returns the field that breaks a rule.
///
/// A reader judges as a writer does, so the item is also written without being checked.
fn broken_field(item: &Item) -> Option<&'static str> {
    let body = match item {
        Item::Content(content) => encode(content),
        Item::Path(path) => encode(path),
        Item::BlobManifest(manifest) => encode(manifest),
        Item::Profile(profile) => encode(profile),
    };
    let envelope = Envelope {
        kind: item.kind().to_owned(),
        version: 1,
        body,
    };
    let written = item.seal();
    let read = Item::open(&envelope);
    match (written, read) {
        (Ok(_), Ok(Opened::Item(found))) => {
            assert_eq!(&found, item);
            None
        }
        (Err(KindError::Field { field, .. }), Err(KindError::Field { field: read, .. })) => {
            assert_eq!(field, read);
            Some(field)
        }
        other => panic!("{other:?}"),
    }
}

/// A letter of two bytes: limits count characters.
fn letters(count: usize) -> String {
    "ä".repeat(count)
}

/// A text field: its name, an item with it, and how many characters it may have.
type TextField = (
    &'static str,
    fn(String) -> Item,
    std::ops::RangeInclusive<usize>,
);

#[rustfmt::skip]
const TEXT_FIELDS: [TextField; 10] = [
    ("title", |title| Item::Content(Content { title, ..page() }), 1..=300),
    ("summary", |summary| Item::Content(Content { summary, ..page() }), 0..=500),
    ("licence", |licence| Item::Content(Content { licence, ..page() }), 0..=100),
    ("title", |title| Item::Path(Path { title, ..course() }), 1..=300),
    ("summary", |summary| Item::Path(Path { summary, ..course() }), 0..=500),
    ("licence", |licence| Item::Path(Path { licence, ..course() }), 0..=100),
    ("attribution", |attribution| Item::Path(Path { attribution, ..course() }), 0..=1_000),
    ("name", |name| Item::Profile(Profile { name, ..profile() }), 1..=100),
    ("about", |about| Item::Profile(Profile { about, ..profile() }), 0..=1_000),
    ("name", |name| Item::BlobManifest(BlobManifest { name, ..manifest() }), 0..=255),
];

#[test]
fn texts_have_a_length() {
    for (field, item, chars) in TEXT_FIELDS {
        let (least, most) = (*chars.start(), *chars.end());
        for (count, is_fine) in [(0, least == 0), (1, true), (most, true), (most + 1, false)] {
            let expect = (!is_fine).then_some(field);
            assert_eq!(
                broken_field(&item(letters(count))),
                expect,
                "{field} {count}"
            );
        }
    }
}

#[test]
fn lines_have_no_control_characters_and_texts_may() {
    for (field, item, _) in TEXT_FIELDS {
        let is_text = ["summary", "attribution", "about"].contains(&field);
        for text in ["two\nlines", "bell\u{7}", "nul\0", "next\u{85}line"] {
            let expect = (!is_text).then_some(field);
            assert_eq!(broken_field(&item(text.to_owned())), expect, "{text:?}");
        }
    }
    let body = "\0\r\n\t".to_owned();
    assert_eq!(
        broken_field(&Item::Content(Content { body, ..page() })),
        None
    );
}

#[test]
fn slugs() {
    for (course, expect) in [("", None), ("a-course", None), ("A course", Some("course"))] {
        let course = course.to_owned();
        let item = Item::Content(Content { course, ..page() });
        assert_eq!(broken_field(&item), expect);
    }
    let nameless = Path {
        slug: String::new(),
        ..course()
    };
    assert_eq!(broken_field(&Item::Path(nameless)), Some("slug"));
    let good = ["a", "0", "a-b", "a.b_c-d", "01-intro", "v1.2.3", "x0"];
    let bad = [
        "", "A", "a b", "ä", "a/b", "../a", "..", ".", "-", "-a", "a-", ".a", "a.", "_a", "a_",
        "a--b", "a..b", "a-.b", "a%2fb", "a\0b", "a\n", "a\\b", "a?b", "a#b",
    ];
    for slug in good {
        assert!(is_slug(slug), "{slug:?}");
    }
    for slug in bad {
        assert!(!is_slug(slug), "{slug:?}");
        let item = Item::Content(Content {
            slug: slug.to_owned(),
            ..page()
        });
        assert_eq!(broken_field(&item), Some("slug"), "{slug:?}");
    }
    assert!(is_slug(&"a".repeat(SLUG_CHARS_MAX)));
    assert!(!is_slug(&"a".repeat(SLUG_CHARS_MAX + 1)));
}

#[test]
fn languages_and_media_types() {
    for (language, expect) in [
        ("en", None),
        ("de-AT", None),
        ("e", Some("language")),
        ("", Some("language")),
        ("en_GB", Some("language")),
        ("en gb", Some("language")),
        ("ää", Some("language")),
    ] {
        let language = language.to_owned();
        let content = Content {
            language: language.clone(),
            ..page()
        };
        assert_eq!(broken_field(&Item::Content(content)), expect, "{language}");
        assert_eq!(
            broken_field(&Item::Path(Path {
                language,
                ..course()
            })),
            expect
        );
    }
    for (len, expect) in [(35, None), (36, Some("language"))] {
        let content = Content {
            language: "a".repeat(len),
            ..page()
        };
        assert_eq!(broken_field(&Item::Content(content)), expect);
    }
    let longest = format!("a/{}", "b".repeat(125));
    let too_long = format!("a/{}", "b".repeat(126));
    for (media_type, expect) in [
        ("image/png", None),
        ("application/vnd.api+json", None),
        (longest.as_str(), None),
        (too_long.as_str(), Some("media_type")),
        ("", Some("media_type")),
        ("image", Some("media_type")),
        ("/png", Some("media_type")),
        ("image/", Some("media_type")),
        ("image/png/x", Some("media_type")),
        ("text/html; charset=utf-8", Some("media_type")),
        ("text/html\r\nX: y", Some("media_type")),
    ] {
        let media_type = media_type.to_owned();
        let item = BlobManifest {
            media_type: media_type.clone(),
            ..manifest()
        };
        assert_eq!(
            broken_field(&Item::BlobManifest(item)),
            expect,
            "{media_type}"
        );
        let blob = BlobRef {
            media_type,
            ..BlobRef::default()
        };
        let item = Content {
            blobs: vec![blob],
            ..page()
        };
        assert_eq!(broken_field(&Item::Content(item)), expect);
    }
}

#[test]
fn numbers_of_things() {
    let tags = |count: usize, len: usize| vec![letters(len); count];
    for (tags, expect) in [
        (tags(20, 40), None),
        (tags(21, 1), Some("tags")),
        (tags(1, 41), Some("tags")),
        (tags(1, 0), Some("tags")),
        (vec!["a\nb".to_owned()], Some("tags")),
    ] {
        let content = Content {
            tags: tags.clone(),
            ..page()
        };
        assert_eq!(broken_field(&Item::Content(content)), expect);
        assert_eq!(broken_field(&Item::Path(Path { tags, ..course() })), expect);
    }
    let blob = BlobRef {
        media_type: "image/png".to_owned(),
        ..BlobRef::default()
    };
    for (count, expect) in [(BLOBS_MAX, None), (BLOBS_MAX + 1, Some("blobs"))] {
        let content = Content {
            blobs: vec![blob.clone(); count],
            ..page()
        };
        assert_eq!(broken_field(&Item::Content(content)), expect);
    }
    for (name, expect) in [(letters(255), None), (letters(256), Some("blobs.name"))] {
        let blob = BlobRef {
            name,
            ..blob.clone()
        };
        let content = Content {
            blobs: vec![blob],
            ..page()
        };
        assert_eq!(broken_field(&Item::Content(content)), expect);
    }
}

fn section(title: &str, children: Vec<Node>) -> Node {
    Node {
        title: title.to_owned(),
        page: None,
        children,
    }
}

#[test]
fn trees() {
    let flat = |count: usize| vec![section("x", Vec::new()); count];
    let deep = |levels: usize| (0..levels).fold(Vec::new(), |below, _| vec![section("x", below)]);
    // Full and divided: the count is of the whole tree.
    let divided = |count: usize| {
        vec![
            section("x", flat(count / 2 - 1)),
            section("x", flat(count - count / 2 - 1)),
        ]
    };
    for (nodes, expect) in [
        (Vec::new(), None),
        (flat(NODES_MAX), None),
        (flat(NODES_MAX + 1), Some("nodes")),
        (divided(NODES_MAX), None),
        (divided(NODES_MAX + 1), Some("nodes")),
        (deep(DEPTH_MAX), None),
        (deep(DEPTH_MAX + 1), Some("nodes")),
        (vec![section(&letters(300), Vec::new())], None),
        (
            vec![section(&letters(301), Vec::new())],
            Some("nodes.title"),
        ),
        (vec![section("", Vec::new())], Some("nodes.title")),
        (
            vec![section("x", vec![section("", Vec::new())])],
            Some("nodes.title"),
        ),
    ] {
        assert_eq!(
            broken_field(&Item::Path(Path { nodes, ..course() })),
            expect
        );
    }
}

/// Returns a page whose body is `len` bytes of msgpack.
fn page_of(len: usize) -> Item {
    let frame = encode(&Content {
        body: "x".repeat(70_000),
        ..page()
    })
    .len()
        - 70_000;
    // A text shorter than 64 KiB has a shorter frame, by two bytes.
    let text = if len - frame < 65_536 {
        len - frame + 2
    } else {
        len - frame
    };
    let item = Content {
        body: "x".repeat(text),
        ..page()
    };
    assert_eq!(encode(&item).len(), len);
    Item::Content(item)
}

#[test]
fn a_body_longer_than_an_envelope_is_spilled() {
    for (len, is_spilled) in [(BODY_BYTES_MAX, false), (BODY_BYTES_MAX + 1, true)] {
        let item = page_of(len);
        let sealed = item.seal().expect("keeps the rules");
        assert_eq!(sealed.spilled.is_some(), is_spilled);
        assert_eq!(unseal(&sealed), item);
    }
    // The fullest envelope is still an entry that is read from strangers.
    let sealed = page_of(BODY_BYTES_MAX).seal().expect("keeps the rules");
    let longest = Envelope::new(&"k".repeat(64), u32::MAX, sealed.envelope.body);
    let entry = longest.expect("keeps the rules").to_entry();
    let bytes = crate::record::entry_bytes(&entry);
    assert_eq!(crate::record::decode_entry(&bytes), Ok(entry));
}

#[test]
fn a_spilled_body_has_an_end() {
    let item = page_of(SPILLED_BYTES_MAX);
    let sealed = item.seal().expect("keeps the rules");
    assert_eq!(unseal(&sealed), item);
    let Err(KindError::Field { field, .. }) = page_of(SPILLED_BYTES_MAX + 1).seal() else {
        panic!("too long");
    };
    assert_eq!(field, "body");
    // A reader does not ask for more either.
    for (bytes, expect) in [
        (SPILLED_BYTES_MAX as u64, true),
        (SPILLED_BYTES_MAX as u64 + 1, false),
        (u64::MAX, false),
    ] {
        let spill = Spill {
            spilled: SpillRef {
                hash: [1; 32],
                bytes,
            },
        };
        let envelope = Envelope::new("content", 1, encode(&spill)).expect("short");
        assert_eq!(Item::open(&envelope).is_ok(), expect);
    }
}
