//! How many records of a chain are verified in a second on one core.
//!
//! Run it optimised: `cargo run --profile bench -p chain --example verify_speed`.
//! Two chains of 20,000 records are made, one of 4 KiB entries and one of small ones, and read as a follower reads
//! them: bytes are decoded, then verified. Beside them stands the physical limit, the signatures alone.
#![allow(
    clippy::disallowed_methods,
    reason = "the kernel's figures are read, no state"
)]

use std::time::Instant;

use base::Timestamp;
use chain::{
    Author, EntryVisibility, Envelope, KeySigner, Rules, Signer as _, Verifier, Write, dna,
    public_of, record,
};
use crypto::{Keypair, PublicKey};

const RECORDS: usize = 20_000;
const ROUNDS: usize = 5;

/// One record as it comes over the wire.
struct Sent {
    action: Vec<u8>,
    signature: [u8; 64],
    entry: Option<Vec<u8>>,
}

fn main() {
    let signer = KeySigner::new(Keypair::from_seed(&[7; 32]));
    let chains = [("4 KiB entries", 4_096), ("small entries", 64)];
    let chains = chains.map(|(label, body)| (label, write_chain(&signer, body)));
    let mut table: Vec<[f64; 3]> = vec![[0.0; 3]; chains.len()];
    // Rounds are interleaved; the best of each counts, because everything else on the machine only slows down.
    for _ in 0..ROUNDS {
        for (best, (_, chain)) in table.iter_mut().zip(&chains) {
            let measured = [
                rate(|| read(&signer, chain, true)),
                rate(|| read(&signer, chain, false)),
                rate(|| signatures_alone(&signer, chain)),
            ];
            for (best, measured) in best.iter_mut().zip(measured) {
                *best = best.max(measured);
            }
        }
    }
    for ((label, _), [read, decoded, signatures]) in chains.iter().zip(table) {
        println!(
            "{label}: {read:.0} records/s read and verified, {decoded:.0} read, {signatures:.0} signatures alone"
        );
    }
}

/// Writes and signs a chain whose envelopes have bodies of `body` bytes.
fn write_chain(signer: &KeySigner, body: usize) -> Vec<Sent> {
    let dna = dna::hash_for("verify speed");
    let mut author = Author::new(signer.agent().clone(), None);
    let mut drafts = author.genesis(&dna, Timestamp(0));
    for number in drafts.len()..RECORDS {
        let mut text = vec![b'x'; body];
        text[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let write = Write::Create {
            envelope: Envelope::new("note", 1, text).expect("a short note"),
            visibility: EntryVisibility::Public,
        };
        drafts.push(author.write(Timestamp(number as i64), write));
    }
    let sent = drafts.into_iter().map(|draft| Sent {
        signature: signer.sign(&draft.action).expect("its own action").0,
        action: record::action_bytes(&draft.action),
        entry: draft.entry.as_ref().map(record::entry_bytes),
    });
    sent.collect()
}

/// Decodes a chain and verifies it, or only decodes it.
fn read(signer: &KeySigner, chain: &[Sent], is_verified: bool) {
    let dna = dna::hash_for("verify speed");
    let agent = signer.agent().clone();
    let mut verifier = Verifier::new(dna, agent, Rules::Commonhold).expect("a good key");
    for sent in chain {
        let record = record::decode(&sent.action, &sent.signature, sent.entry.as_deref())
            .expect("a good record");
        if is_verified {
            verifier.apply(&record).expect("a good record");
        }
    }
    let taken = if is_verified { RECORDS } else { 0 };
    assert_eq!(verifier.wanted() as usize, taken);
}

/// Checks the same signatures and does nothing else.
fn signatures_alone(signer: &KeySigner, chain: &[Sent]) {
    let key = PublicKey::from_bytes(&public_of(signer.agent())).expect("a good key");
    for sent in chain {
        key.verify(&sent.action, &sent.signature)
            .expect("a good signature");
    }
}

/// Returns records per second of this thread's own time, so that a busy neighbour does not count.
fn rate(work: impl FnOnce()) -> f64 {
    let start = (Instant::now(), thread_nanos());
    work();
    let spent = thread_nanos()
        .zip(start.1)
        .map(|(end, start)| (end - start) as f64 / 1e9);
    RECORDS as f64 / spent.unwrap_or(start.0.elapsed().as_secs_f64())
}

/// Returns for how long this thread has run, where the kernel tells (Linux: proc(5), `schedstat`).
fn thread_nanos() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}
