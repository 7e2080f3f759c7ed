//! What proves a fork, and what does not.

use super::*;
use crate::dna;
use crate::fixture::{Chain, create_note, force, signer};
use crate::{Signature, Signer as _};

/// Two records after the same one, both signed.
fn fork() -> (Chain, Record, Record) {
    let chain = Chain::with_writes(1);
    let [first, second] = [b"one", b"two"].map(|body| {
        let (data, entry) = create_note(body);
        chain.next(data, entry)
    });
    (chain, first, second)
}

#[test]
fn two_signed_actions_at_one_place_are_a_fork() {
    let (_, first, second) = fork();
    let proof = ForkProof::of(&first, &second).expect("a fork");
    let (one, two) = proof.sides();
    assert_eq!(one.action_address(), first.action_address());
    assert_eq!(two.action_address(), second.action_address());
    for side in [one, two] {
        assert_eq!(record::present(side), None);
    }
    // The proof proves itself again, in either order.
    assert_eq!(ForkProof::of(one, two).as_ref(), Some(&proof));
    assert!(ForkProof::of(two, one).is_some());
}

#[test]
fn two_starts_in_one_network_are_a_fork() {
    let chain = Chain::start(1);
    let mut action = chain.records[0].action().clone();
    action.header.timestamp = holochain_timestamp::Timestamp::from_micros(1);
    let again = force(&chain.signer, action, None);
    assert!(ForkProof::of(&chain.records[0], &again).is_some());
}

#[test]
fn one_action_is_no_fork() {
    let (_, first, _) = fork();
    assert_eq!(ForkProof::of(&first, &first), None);
    assert_eq!(ForkProof::of(&first, &record::withhold(&first)), None);
}

/// A record from elsewhere may state any hash; the content counts.
#[test]
fn a_false_hash_makes_no_fork() {
    let (chain, first, _) = fork();
    let mut signed = first.signed_action().clone();
    signed.hashed.hash = chain.records[0].action_address().clone();
    let lying = Record::new(signed, first.entry().clone());
    assert_eq!(ForkProof::of(&first, &lying), None);
}

#[test]
fn different_authors_are_no_fork() {
    let (_, first, _) = fork();
    let other = Chain::with_writes(2);
    let (data, entry) = create_note(b"one");
    assert_eq!(ForkProof::of(&first, &other.next(data, entry)), None);
}

#[test]
fn different_places_are_no_fork() {
    let (chain, first, _) = fork();
    for record in &chain.records {
        assert_eq!(ForkProof::of(&first, record), None);
    }
}

/// The same person with the same key, in two communities.
#[test]
fn chains_in_two_networks_are_no_fork() {
    let here = Chain::start(1);
    let there = Chain::start_in(&dna::hash_for("elsewhere"), 1);
    for (one, two) in here.records.iter().zip(&there.records) {
        assert_ne!(one.action_address(), two.action_address());
        assert_eq!(ForkProof::of(one, two), None);
    }
}

/// Only the first actions after the parting prove it: later ones could belong to another network.
#[test]
fn later_actions_of_two_branches_are_no_proof() {
    let (mut one, first, second) = fork();
    one.records.push(first);
    let mut two = Chain::with_writes(1);
    two.records.push(second);
    let [first, second] = [one, two].map(|chain| {
        let (data, entry) = create_note(b"three");
        chain.next(data, entry)
    });
    assert_eq!(ForkProof::of(&first, &second), None);
}

#[test]
fn forged_signatures_are_no_fork() {
    let (_, first, second) = fork();
    let action = second.action().clone();
    let foreign = crypto::Keypair::from_seed(&[2; 32]).sign(&record::action_bytes(&action));
    let forgeries = [
        Signature([0; 64]),
        Signature(foreign),
        first.signature().clone(),
    ];
    for signature in forgeries {
        let forged = record::assemble(action.clone(), signature, None);
        assert_eq!(ForkProof::of(&first, &forged), None);
        assert_eq!(ForkProof::of(&forged, &first), None);
    }
}

#[test]
fn weak_keys_prove_nothing() {
    let (_, first, second) = fork();
    let weak = crate::agent_of([0; 32]);
    let [first, second] = [first, second].map(|record| {
        let mut action = record.action().clone();
        action.header.author = weak.clone();
        force(&signer(1), action, None)
    });
    assert_ne!(first.action().author(), signer(1).agent());
    assert_eq!(ForkProof::of(&first, &second), None);
}
