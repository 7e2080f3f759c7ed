//! Drafts continue the chain, whatever the clock says.

use super::*;
use crate::fixture::{Chain, START, dna_hash, force, note, signer};
use crate::{Rules, Signer as _, Verifier};

fn create(body: &[u8]) -> Write {
    Write::Create {
        envelope: note(body),
        visibility: EntryVisibility::Public,
    }
}

#[test]
fn drafts_become_a_chain_that_passes() {
    let signer = signer(1);
    let mut author = Author::new(signer.agent().clone(), None);
    assert_eq!(author.head(), None);
    let mut drafts = author.genesis(&dna_hash(), Timestamp(START));
    drafts.push(author.write(Timestamp(START + 5), create(b"one")));
    let first = drafts.last().expect("a draft").clone();
    let original = record::action_hash(&first.action);
    let original_entry = first.action.entry_hash().expect("a create").clone();
    // The clock was set back; the chain's time stands still until it has caught up.
    drafts.push(author.write(
        Timestamp(START - 1_000),
        Write::Update {
            original: original.clone(),
            original_entry: original_entry.clone(),
            envelope: note(b"two"),
            visibility: EntryVisibility::Private,
        },
    ));
    drafts.push(author.write(
        Timestamp(START + 6),
        Write::Delete {
            original,
            original_entry,
        },
    ));
    let times: Vec<_> = drafts
        .iter()
        .map(|draft| draft.action.timestamp().as_micros() - START)
        .collect();
    assert_eq!(times, [0, 0, 0, 0, 5, 5, 6]);
    let agent = signer.agent().clone();
    let mut verifier = Verifier::new(dna_hash(), agent, Rules::Commonhold).expect("a good key");
    for draft in drafts {
        let record = force(&signer, draft.action, draft.entry);
        assert_eq!(verifier.apply(&record), Ok(()));
    }
    assert_eq!(verifier.head(), author.head());
}

#[test]
fn an_author_continues_after_any_head() {
    let chain = Chain::with_writes(1);
    let mut verifier =
        Verifier::new(dna_hash(), chain.agent().clone(), Rules::Commonhold).expect("a good key");
    for record in &chain.records {
        assert_eq!(verifier.apply(record), Ok(()));
        let mut author = Author::new(chain.agent().clone(), verifier.head().cloned());
        let draft = author.write(Timestamp(START), create(b"more"));
        assert_eq!(draft.action.action_seq(), verifier.wanted());
        assert_eq!(draft.action.prev_action(), Some(record.action_address()));
    }
}

#[test]
#[should_panic(expected = "a chain starts once")]
fn a_chain_starts_once() {
    let mut author = Author::new(signer(1).agent().clone(), None);
    author.genesis(&dna_hash(), Timestamp(START));
    author.genesis(&dna_hash(), Timestamp(START));
}
