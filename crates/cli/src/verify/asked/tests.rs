//! Which addresses a proven item answers, and which it does not.

use api::ItemView;
use base::{Reach, Timestamp};
use chain::kind::ReachWord;
use chain::{Author, EntryVisibility, KeySigner, Signer as _, Write, dna, record};
use crypto::Keypair;

use super::*;

fn proven(item: Item) -> Proven {
    let signer = KeySigner::new(Keypair::from_seed(&[1; 32]));
    let mut author = Author::new(signer.agent().clone(), None);
    let dna = dna::hash_for("a test");
    author.genesis(&dna, Timestamp::EPOCH);
    let draft = author.write(
        Timestamp::EPOCH,
        Write::Create {
            envelope: item.seal().expect("a well-formed item").envelope,
            visibility: EntryVisibility::Public,
        },
    );
    let signature = signer.sign(&draft.action).expect("its own action");
    let record = record::assemble(draft.action, signature, draft.entry);
    let id = record.action_address().to_string();
    Proven {
        view: ItemView::of(id, &record, &item),
        item,
        author: signer.agent().clone(),
        dna,
        record,
    }
}

fn page(course: &str, slug: &str) -> Proven {
    proven(Item::Content(Content {
        title: "A page".to_owned(),
        slug: slug.to_owned(),
        course: course.to_owned(),
        language: "en".to_owned(),
        reach: ReachWord(Reach::Commons),
        ..Content::default()
    }))
}

fn answers(path: &str, proven: &Proven) -> bool {
    let address = Url::parse(&format!("http://doorway.test{path}")).expect("an address");
    check(&address, proven).is_ok()
}

#[test]
fn a_page_answers_its_own_addresses_and_no_others() {
    let spring = page("garden", "spring");
    let id = spring.view.id.clone();
    for path in [
        "/courses/garden/spring".to_owned(),
        "/courses/garden/spring/".to_owned(),
        "/api/v1/cache/content/garden/spring?proof=1".to_owned(),
        "/api/v1/cache/Content/garden%2Fspring?proof=1".to_owned(),
        format!("/api/v1/cache/content/{id}?proof=1&seq=4"),
        format!("/items/{id}"),
        format!("/history/{id}/4"),
    ] {
        assert!(answers(&path, &spring), "{path}");
    }
    let other = page("garden", "winter").view.id;
    for path in [
        "/courses/garden/winter".to_owned(),
        "/courses/orchard/spring".to_owned(),
        "/courses/garden".to_owned(),
        "/pages/spring".to_owned(),
        "/api/v1/cache/path/garden?proof=1".to_owned(),
        format!("/api/v1/cache/content/{other}?proof=1"),
        format!("/api/v1/cache/content/{id}?proof=1&seq=5"),
        format!("/items/{other}"),
        format!("/history/{id}/5"),
        format!("/authors/{}", spring.author),
        "/".to_owned(),
    ] {
        assert!(!answers(&path, &spring), "{path}");
    }
}

#[test]
fn a_page_that_stands_alone_is_in_no_course() {
    let notes = page("", "notes");
    assert!(answers("/pages/notes", &notes));
    assert!(answers("/api/v1/cache/content/notes", &notes));
    assert!(!answers("/courses/notes", &notes));
    assert!(!answers("/courses/garden/notes", &notes));
}
