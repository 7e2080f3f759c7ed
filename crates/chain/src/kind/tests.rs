//! Kinds: what goes in comes out, both sides of each limit, and what readers forgive.

mod hostile;
mod limits;

use proptest::prelude::*;

use super::*;
use crate::ActionHash;

fn reach() -> impl Strategy<Value = ReachWord> {
    prop::sample::select(base::Reach::ALL.to_vec()).prop_map(ReachWord)
}

fn slug() -> impl Strategy<Value = String> {
    "[a-z0-9]{1,8}([-._][a-z0-9]{1,8}){0,3}"
}

fn language() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["en", "de-AT", "zh-Hant-TW"]).prop_map(str::to_owned)
}

fn media_type() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["image/png", "video/mp4", "application/atom+xml"])
        .prop_map(str::to_owned)
}

fn tags() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("\\PC{1,12}", 0..5)
}

fn blob() -> impl Strategy<Value = BlobRef> {
    let size = (any::<u64>(), any::<u32>(), any::<u32>());
    (any::<[u8; 32]>(), size, media_type(), "\\PC{0,20}").prop_map(
        |(hash, (bytes, width, height), media_type, name)| BlobRef {
            hash,
            bytes,
            media_type,
            name,
            width,
            height,
        },
    )
}

fn content() -> impl Strategy<Value = Item> {
    let words = ("\\PC{1,30}", "(?s).{0,50}", "(?s).{0,300}", "\\PC{0,20}");
    let place = (slug(), prop::option::of(slug()));
    let blobs = prop::collection::vec(blob(), 0..4);
    // Every now and then a body that does not fit into an envelope.
    let repeats = prop_oneof![9 => Just(1_usize), 1 => Just(2_000)];
    (words, place, language(), tags(), reach(), blobs, repeats).prop_map(
        |(
            (title, summary, body, licence),
            (slug, course),
            language,
            tags,
            reach,
            blobs,
            repeats,
        )| {
            Item::Content(Content {
                title,
                slug,
                course: course.unwrap_or_default(),
                summary,
                body: body.repeat(repeats),
                language,
                licence,
                tags,
                reach,
                blobs,
            })
        },
    )
}

fn node() -> impl Strategy<Value = Node> {
    let page =
        prop::option::of(any::<[u8; 32]>().prop_map(|core| ActionHash::from_raw_32(core.to_vec())));
    let leaf = ("\\PC{1,20}", page.clone()).prop_map(|(title, page)| Node {
        title,
        page,
        children: Vec::new(),
    });
    // The leaves are one level, and seven levels may stand above them.
    leaf.prop_recursive(7, 40, 5, move |inner| {
        let children = prop::collection::vec(inner, 0..5);
        ("\\PC{1,20}", page.clone(), children).prop_map(|(title, page, children)| Node {
            title,
            page,
            children,
        })
    })
}

fn path() -> impl Strategy<Value = Item> {
    let words = ("\\PC{1,30}", "(?s).{0,50}", "\\PC{0,20}", "(?s).{0,80}");
    let nodes = prop::collection::vec(node(), 0..6);
    (words, slug(), language(), tags(), reach(), nodes).prop_map(
        |((title, summary, licence, attribution), slug, language, tags, reach, nodes)| {
            Item::Path(Path {
                title,
                slug,
                summary,
                language,
                licence,
                attribution,
                tags,
                reach,
                nodes,
            })
        },
    )
}

fn item() -> impl Strategy<Value = Item> {
    let manifest = (
        any::<[u8; 32]>(),
        any::<u64>(),
        media_type(),
        "\\PC{0,20}",
        reach(),
    );
    let manifest = manifest.prop_map(|(hash, bytes, media_type, name, reach)| {
        Item::BlobManifest(BlobManifest {
            hash,
            bytes,
            media_type,
            name,
            reach,
        })
    });
    let profile = ("\\PC{1,100}", "(?s).{0,200}", reach());
    let profile =
        profile.prop_map(|(name, about, reach)| Item::Profile(Profile { name, about, reach }));
    prop_oneof![content(), path(), manifest, profile]
}

/// Reads a sealed item back, through its entry.
fn unseal(sealed: &Sealed) -> Item {
    let entry = sealed.envelope.to_entry();
    let envelope = Envelope::from_entry(&entry).expect("a well-formed entry");
    match (
        Item::open(&envelope).expect("its own kind"),
        &sealed.spilled,
    ) {
        (Opened::Item(item), None) => item,
        (Opened::Spilled { hash, bytes }, Some(blob)) => {
            assert_eq!(hash, ContentHash::of(blob));
            assert_eq!(bytes, blob.len() as u64);
            Item::open_spilled(&envelope, blob).expect("its own blob")
        }
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(item in item()) {
        let sealed = item.seal().expect("keeps the rules");
        prop_assert_eq!(sealed.envelope.kind.as_str(), item.kind());
        prop_assert!(sealed.envelope.body.len() <= BODY_BYTES_MAX);
        prop_assert_eq!(unseal(&sealed), item);
    }
}

fn page() -> Content {
    Content {
        title: "A page".to_owned(),
        slug: "a-page".to_owned(),
        language: "en".to_owned(),
        ..Content::default()
    }
}

/// Writes a body by hand, as a newer or an older program would.
fn body_of(kind: &str, json: serde_json::Value) -> Envelope {
    let body = rmp_serde::to_vec_named(&json).expect("JSON can be said in msgpack");
    Envelope::new(kind, 1, body).expect("short and well-named")
}

fn opened(envelope: &Envelope) -> Result<Item, KindError> {
    match Item::open(envelope)? {
        Opened::Item(item) => Ok(item),
        Opened::Spilled { .. } => panic!("not spilled"),
    }
}

#[test]
fn unknown_fields_are_ignored_and_missing_ones_filled() {
    let envelope = body_of(
        "content",
        serde_json::json!({
            "mood": {"colour": ["blue", {"deep": true}]},
            "title": "A page",
            "slug": "a-page",
            "language": "en",
            "blobs": [{"media_type": "image/png", "alt": "a cat"}],
        }),
    );
    let expect = Content {
        blobs: vec![BlobRef {
            media_type: "image/png".to_owned(),
            ..BlobRef::default()
        }],
        ..page()
    };
    assert_eq!(opened(&envelope), Ok(Item::Content(expect)));
    let envelope = body_of(
        "path",
        serde_json::json!({
            "title": "A course",
            "slug": "a-course",
            "language": "en",
            "nodes": [{"title": "A section", "colour": "blue"}],
        }),
    );
    let Ok(Item::Path(path)) = opened(&envelope) else {
        panic!("a course");
    };
    let section = Node {
        title: "A section".to_owned(),
        ..Node::default()
    };
    assert_eq!(path.nodes, [section]);
    assert_eq!(path.pages(), Vec::<&Node>::new());
}

#[test]
fn a_missing_or_unknown_reach_is_private() {
    let cases = [
        (serde_json::json!({"name": "A"}), base::Reach::Private),
        (
            serde_json::json!({"name": "A", "reach": "galactic"}),
            base::Reach::Private,
        ),
        (
            serde_json::json!({"name": "A", "reach": "Commons"}),
            base::Reach::Private,
        ),
        (
            serde_json::json!({"name": "A", "reach": ""}),
            base::Reach::Private,
        ),
        (
            serde_json::json!({"name": "A", "reach": "regional"}),
            base::Reach::Regional,
        ),
        (
            serde_json::json!({"name": "A", "reach": "commons"}),
            base::Reach::Commons,
        ),
    ];
    for (body, expect) in cases {
        let item = opened(&body_of("profile", body)).expect("a profile");
        assert_eq!(item.reach(), expect);
    }
    for reach in [
        serde_json::json!(7),
        serde_json::json!(null),
        serde_json::json!(["commons"]),
    ] {
        let body = serde_json::json!({"name": "A", "reach": reach});
        assert_eq!(
            opened(&body_of("profile", body)),
            Err(KindError::Body("profile"))
        );
    }
}

#[test]
fn unknown_kinds_and_newer_versions_are_told_apart() {
    let good = Item::Content(page())
        .seal()
        .expect("keeps the rules")
        .envelope;
    for kind in ["contents", "poem", "inception"] {
        let envelope = Envelope {
            kind: kind.to_owned(),
            ..good.clone()
        };
        assert_eq!(
            Item::open(&envelope),
            Err(KindError::Unknown(kind.to_owned()))
        );
    }
    for version in [2, 3, u32::MAX] {
        let envelope = Envelope {
            version,
            ..good.clone()
        };
        let kind = "content".to_owned();
        assert_eq!(
            Item::open(&envelope),
            Err(KindError::Version { kind, version })
        );
    }
    assert_eq!(opened(&good), Ok(Item::Content(page())));
}

/// Nobody should fetch a blob for something that cannot be shown.
#[test]
fn a_spilled_body_of_an_unknown_kind_is_not_asked_for() {
    let item = Item::Content(Content {
        body: "x".repeat(BODY_BYTES_MAX),
        ..page()
    });
    let good = item.seal().expect("keeps the rules").envelope;
    let unknown = Envelope {
        kind: "poem".to_owned(),
        ..good.clone()
    };
    assert_eq!(
        Item::open(&unknown),
        Err(KindError::Unknown("poem".to_owned()))
    );
    let newer = Envelope { version: 2, ..good };
    assert!(matches!(Item::open(&newer), Err(KindError::Version { .. })));
}

#[test]
fn a_spilled_body_is_the_signed_blob() {
    let item = Item::Content(Content {
        body: "x".repeat(BODY_BYTES_MAX),
        ..page()
    });
    let sealed = item.seal().expect("keeps the rules");
    let blob = sealed.spilled.as_deref().expect("too long for an envelope");
    assert_eq!(Item::open_spilled(&sealed.envelope, blob), Ok(item));
    let mut changed = blob.to_vec();
    changed[100] ^= 1;
    for other in [&changed, &blob[1..], &[blob, &[0]].concat(), &[]] {
        assert_eq!(
            Item::open_spilled(&sealed.envelope, other),
            Err(KindError::Spilled)
        );
    }
    // The hash fits, the stated length does not.
    let lying = Spill {
        spilled: SpillRef {
            hash: *ContentHash::of(blob).as_bytes(),
            bytes: blob.len() as u64 + 1,
        },
    };
    let lying = Envelope {
        body: encode(&lying),
        ..sealed.envelope.clone()
    };
    assert_eq!(Item::open_spilled(&lying, blob), Err(KindError::Spilled));
    // An item that is not spilled has no blob.
    let short = Item::Content(page()).seal().expect("keeps the rules");
    assert_eq!(
        Item::open_spilled(&short.envelope, blob),
        Err(KindError::Spilled)
    );
}

/// The rules of a kind hold for a spilled body too.
#[test]
fn a_spilled_body_keeps_the_rules() {
    for (slug, expect) in [("a-page", None), ("A page", Some("slug"))] {
        let body = encode(&Content {
            slug: slug.to_owned(),
            ..page()
        });
        let spill = Spill {
            spilled: SpillRef {
                hash: *ContentHash::of(&body).as_bytes(),
                bytes: body.len() as u64,
            },
        };
        let envelope = Envelope::new("content", 1, encode(&spill)).expect("short");
        let found = Item::open_spilled(&envelope, &body);
        let field = match found {
            Ok(_) => None,
            Err(KindError::Field { field, .. }) => Some(field),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(field, expect);
    }
}

#[test]
fn pages_come_in_reading_order() {
    let page = |number: u8| Some(ActionHash::from_raw_32(vec![number; 32]));
    let node = |title: &str, page, children| Node {
        title: title.to_owned(),
        page,
        children,
    };
    let path = Path {
        nodes: vec![
            node(
                "1",
                page(1),
                vec![node("1.1", page(2), vec![]), node("1.2", page(3), vec![])],
            ),
            node(
                "2",
                None,
                vec![node("2.1", None, vec![node("2.1.1", page(4), vec![])])],
            ),
            node("3", page(1), vec![]),
        ],
        ..Path::default()
    };
    let titles: Vec<_> = path
        .pages()
        .iter()
        .map(|node| node.title.as_str())
        .collect();
    assert_eq!(titles, ["1", "1.1", "1.2", "2.1.1", "3"]);
}
