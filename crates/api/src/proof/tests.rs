//! Proofs that hold, and every single byte of them that must not be touched.

use chain::envelope::entry_type;
use chain::kind::{BlobRef, Content, ReachWord};
use chain::{
    Author, EntryVisibility, KeySigner, RecordEntry, Signer as _, Write, dna, record as records,
};
use crypto::Keypair;
use proptest::prelude::*;

use super::*;
use crate::{HeadView, SCHEMA_VERSION};

/// A chain with a page, its update, and a long page whose body is a blob.
struct Fixture {
    chain: Vec<Record>,
    page: Item,
    long: Item,
    long_body: Vec<u8>,
}

fn page(body: &str) -> Item {
    Item::Content(Content {
        title: "Bread".to_owned(),
        slug: "bread".to_owned(),
        body: body.to_owned(),
        language: "en".to_owned(),
        reach: ReachWord(base::Reach::Commons),
        blobs: vec![BlobRef {
            media_type: "image/png".to_owned(),
            name: "loaf.png".to_owned(),
            ..BlobRef::default()
        }],
        ..Content::default()
    })
}

fn create(item: &Item) -> Write {
    Write::Create {
        envelope: item.seal().expect("a well-formed page").envelope,
        visibility: EntryVisibility::Public,
    }
}

fn fixture(seed: u8) -> Fixture {
    let signer = KeySigner::new(Keypair::from_seed(&[seed; 32]));
    let mut author = Author::new(signer.agent().clone(), None);
    let mut chain = Vec::new();
    let sign = |draft: chain::author::Draft| {
        let signature = signer.sign(&draft.action).expect("its own action");
        records::assemble(draft.action, signature, draft.entry)
    };
    let now = base::Timestamp(1_000_000);
    let dna = dna::hash_for("a test");
    chain.extend(author.genesis(&dna, now).into_iter().map(&sign));
    let (first, second) = (page("flour"), page("flour and water"));
    chain.push(sign(author.write(now, create(&first))));
    let original = chain.last().expect("just pushed");
    let update = Write::Update {
        original: original.action_address().clone(),
        original_entry: original.action().entry_hash().expect("a create").clone(),
        envelope: second.seal().expect("a well-formed page").envelope,
        visibility: EntryVisibility::Public,
    };
    chain.push(sign(author.write(now, update)));
    let long = page(&"long ".repeat(20_000));
    let sealed = long.seal().expect("a well-formed page");
    chain.push(sign(author.write(now, create(&long))));
    assert_eq!(
        chain[4].action().entry_type(),
        Some(&entry_type(EntryVisibility::Public))
    );
    Fixture {
        chain,
        page: second,
        long,
        long_body: sealed.spilled.expect("it is long"),
    }
}

impl Fixture {
    /// The proof of the updated page.
    fn updated(&self) -> String {
        let id = self.chain[4].action_address().to_string();
        ItemView::of(id, &self.chain[5], &self.page)
            .with_proof(&Evidence {
                record: &self.chain[5],
                previous: &self.chain[4],
                original: Some(&self.chain[4]),
                genesis: &self.chain[0],
                spilled: None,
            })
            .to_json()
    }

    /// The proof of the long page.
    fn long(&self) -> String {
        let id = self.chain[6].action_address().to_string();
        ItemView::of(id, &self.chain[6], &self.long)
            .with_proof(&Evidence {
                record: &self.chain[6],
                previous: &self.chain[5],
                original: None,
                genesis: &self.chain[0],
                spilled: Some(&self.long_body),
            })
            .to_json()
    }

    fn pages(&self, size: usize) -> Vec<ChainView> {
        let last = self.chain.last().expect("a chain");
        self.chain
            .chunks(size)
            .map(|records| {
                let reached = records
                    .last()
                    .expect("no chunk is empty")
                    .action()
                    .action_seq();
                ChainView {
                    schema_version: SCHEMA_VERSION,
                    agent: last.action().author().to_string(),
                    dna_hash: dna::hash_for("a test").to_string(),
                    head: Some(HeadView {
                        seq: last.action().action_seq(),
                        action_hash: last.action_address().to_string(),
                    }),
                    claims: Vec::new(),
                    records: records.iter().map(RecordView::without_entry).collect(),
                    next_after: (reached < last.action().action_seq()).then_some(reached),
                }
            })
            .collect()
    }
}

fn walk(fixture: &Fixture, proof: &str, size: usize) -> Result<u32, Problem> {
    let proven = check(proof.as_bytes()).expect("a proof that holds");
    let mut walk = Walk::new(&proven)?;
    for page in fixture.pages(size) {
        walk.take(&page)?;
    }
    walk.finish()
}

#[test]
fn what_was_signed_is_accepted() {
    let fixture = fixture(1);
    for proof in [fixture.updated(), fixture.long()] {
        let proven = check(proof.as_bytes()).expect("a proof that holds");
        assert_eq!(proven.dna, dna::hash_for("a test"));
        assert_eq!(proven.view.to_json(), proof);
    }
}

#[test]
fn any_flipped_bit_of_any_byte_is_rejected() {
    let proof = fixture(1).updated().into_bytes();
    for place in 0..proof.len() {
        for bit in [0, 1, 5] {
            let mut changed = proof.clone();
            changed[place] ^= 1 << bit;
            assert!(check(&changed).is_err(), "byte {place}, bit {bit}");
        }
    }
}

#[test]
fn additions_and_omissions_are_rejected() {
    let proof = fixture(1).updated();
    let added = proof.replacen('{', r#"{"note":"trust me","#, 1);
    let spaced = proof.replacen(',', ", ", 1);
    let doubled = format!("{proof} ");
    for changed in [added, spaced, doubled] {
        let problem = check(changed.as_bytes()).expect_err("it was changed");
        assert_eq!(problem.code, Code::AnswerDiffers);
    }
    let bare = fixture(1);
    let id = bare.chain[4].action_address().to_string();
    let bare = ItemView::of(id, &bare.chain[5], &bare.page).to_json();
    let problem = check(bare.as_bytes()).expect_err("it has no proof");
    assert_eq!(problem.code, Code::NothingToVerify);
}

#[test]
fn records_of_another_author_prove_nothing() {
    let (mine, theirs) = (fixture(1), fixture(2));
    let id = mine.chain[4].action_address().to_string();
    let mixed = ItemView::of(id, &mine.chain[5], &mine.page)
        .with_proof(&Evidence {
            record: &mine.chain[5],
            previous: &mine.chain[4],
            original: Some(&mine.chain[4]),
            genesis: &theirs.chain[0],
            spilled: None,
        })
        .to_json();
    let problem = check(mixed.as_bytes()).expect_err("the genesis is another's");
    assert_eq!(problem.code, Code::ForeignAuthor);
}

#[test]
fn a_record_given_for_another_item_is_rejected() {
    let fixture = fixture(1);
    let wrong = ItemView::of(
        fixture.chain[6].action_address().to_string(),
        &fixture.chain[5],
        &fixture.page,
    )
    .with_proof(&Evidence {
        record: &fixture.chain[5],
        previous: &fixture.chain[4],
        original: Some(&fixture.chain[6]),
        genesis: &fixture.chain[0],
        spilled: None,
    });
    let problem = check(wrong.to_json().as_bytes()).expect_err("another item");
    assert_eq!(problem.code, Code::PositionDiffers);
}

#[test]
fn a_body_that_is_missing_or_another_is_rejected() {
    let fixture = fixture(1);
    let id = fixture.chain[6].action_address().to_string();
    let view = ItemView::of(id, &fixture.chain[6], &fixture.long);
    for spilled in [None, Some(b"other".as_slice())] {
        let proof = view
            .clone()
            .with_proof(&Evidence {
                record: &fixture.chain[6],
                previous: &fixture.chain[5],
                original: None,
                genesis: &fixture.chain[0],
                spilled,
            })
            .to_json();
        let problem = check(proof.as_bytes()).expect_err("the body is not there");
        assert_eq!(problem.code, Code::EntryMismatch);
    }
}

#[test]
fn a_walk_finds_the_record_whatever_the_size_of_pages() {
    let fixture = fixture(1);
    for size in [1, 2, 3, 7] {
        assert_eq!(walk(&fixture, &fixture.updated(), size), Ok(7));
    }
}

#[test]
fn a_walk_notices_what_is_newer() {
    let fixture = fixture(1);
    let id = fixture.chain[4].action_address().to_string();
    let first = ItemView::of(id, &fixture.chain[4], &page("flour"))
        .with_proof(&Evidence {
            record: &fixture.chain[4],
            previous: &fixture.chain[3],
            original: None,
            genesis: &fixture.chain[0],
            spilled: None,
        })
        .to_json();
    let problem = walk(&fixture, &first, 7).expect_err("it was updated");
    assert_eq!(problem.code, Code::Outdated);
}

/// What is done to the pages of a chain, and the code that it gets.
type Tampering = (&'static str, fn(&mut Vec<ChainView>), Code);

#[test]
fn a_walk_through_a_chain_that_was_cut_or_mixed_fails() {
    let fixture = fixture(1);
    let proof = check(fixture.updated().as_bytes()).expect("a proof that holds");
    let cases: [Tampering; 7] = [
        (
            "left out",
            |pages| drop(pages[0].records.remove(2)),
            Code::ChainGap,
        ),
        (
            "cut",
            |pages| pages[0].records.truncate(4),
            Code::PositionDiffers,
        ),
        (
            "other author",
            |pages| pages[0].agent.push('x'),
            Code::PositionDiffers,
        ),
        (
            "other community",
            |pages| pages[0].dna_hash.push('x'),
            Code::AnswerDiffers,
        ),
        (
            "other hash",
            |pages| pages[0].records[1].action_hash.push('x'),
            Code::HashDiffers,
        ),
        (
            "other head",
            |pages| pages[0].head = None,
            Code::PositionDiffers,
        ),
        (
            "endless",
            |pages| pages[0].next_after = Some(3),
            Code::PositionDiffers,
        ),
    ];
    for (name, change, code) in cases {
        let mut pages = fixture.pages(7);
        change(&mut pages);
        let mut walk = Walk::new(&proof).expect("the author has a key");
        let outcome = walk.take(&pages[0]).and_then(|_| walk.finish());
        assert_eq!(outcome.expect_err(name).code, code, "{name}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(check(&bytes).is_err());
    }

    #[test]
    fn records_survive_the_wire(index in 0_usize..7) {
        let fixture = fixture(3);
        let record = &fixture.chain[index];
        let text = serde_json::to_string(&RecordView::of(record)).expect("a view is JSON");
        let view: RecordView = serde_json::from_str(&text).expect("it was just written");
        let again = view.decode().expect("a whole record");
        prop_assert_eq!(&again, record);
        let without = RecordView::without_entry(record).decode().expect("a whole record");
        let is_withheld = !matches!(without.entry(), RecordEntry::Present(_));
        prop_assert!(is_withheld);
        prop_assert_eq!(without.action_address(), record.action_address());
    }
}
