//! A vault as its users see it: real keys, real signatures, a disk in memory.

mod crashes;
mod restore;

use std::collections::BTreeSet;
use std::sync::Barrier;

use chain::person::SignedEvent;
use chain::{Action, Signature, record};
use chain::{Author, DnaHash, EntryVisibility, Signer as _, Write, agent_of};
use crypto::PublicKey;
use disk::FaultyDisk;
use runtime::Clock;

use super::*;
use crate::HostedSigner;
use crate::core::fence::Mark;
use crate::core::slots::SlotKind;
use crate::error::{OpenError, SignError};
use crate::keeper::Order;
use crate::request::Request;

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

fn secret(byte: u8) -> Secret {
    Secret::new([byte; 32])
}

fn server() -> ServerKey {
    ServerKey::new(secret(100))
}

fn new_slot(kind: SlotKind, key: u8) -> NewSlot {
    NewSlot {
        kind,
        hint: vec![key],
        key: secret(key),
    }
}

fn slots() -> [NewSlot; 2] {
    [new_slot(SlotKind::Passkey, 7), new_slot(SlotKind::Paper, 8)]
}

fn config(disk: &FaultyDisk) -> Config {
    Config {
        first_segment_bytes: 64 << 10,
        segment_bytes: 64 << 10,
        folder: Some((1, 1)),
        ..Config::new(Arc::new(disk.clone()))
    }
}

fn open(disk: &FaultyDisk) -> Vault {
    Vault::open(&config(disk), server()).expect("it opens")
}

/// Waits on this thread for what needs no runtime.
fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(future)
}

fn next() -> KeyCommitment {
    KeyCommitment::of(&Keypair::from_seed(&[55; 32]).public())
}

fn enrolled(vault: &Vault) -> RawAgent {
    let enrolled = wait(vault.enroll(NOW, next(), &slots())).expect("it is kept");
    enrolled.agent
}

fn dna() -> DnaHash {
    DnaHash::from_raw_32(vec![9; 32])
}

/// Drafts genesis and as many notes.
fn drafts(agent: RawAgent, notes: usize) -> Vec<Action> {
    let mut author = Author::new(agent_of(agent), None);
    let mut drafts = author.genesis(&dna(), NOW);
    for note in 0..notes {
        let body = format!("note {note}").into_bytes();
        let envelope = chain::Envelope::new("note", 1, body).expect("an envelope");
        let visibility = EntryVisibility::Public;
        drafts.push(author.write(
            NOW,
            Write::Create {
                envelope,
                visibility,
            },
        ));
    }
    drafts.into_iter().map(|draft| draft.action).collect()
}

fn request(action: &Action) -> Request {
    Request::Action {
        epoch: 1,
        action: action.clone(),
    }
}

fn sign(vault: &Vault, agent: &RawAgent, action: &Action) -> Result<Signature, SignError> {
    wait(vault.sign(NOW, agent, &request(action)))
}

fn check_signature(action: &Action, agent: &RawAgent, signature: &Signature) {
    let key = PublicKey::from_bytes(agent).expect("a key");
    let bytes = record::action_bytes(action);
    key.verify(&bytes, &signature.0).expect("it fits");
}

#[test]
fn a_chain_is_signed_and_signed_again_and_read() {
    let disk = FaultyDisk::new(1);
    let vault = open(&disk);
    let agent = enrolled(&vault);
    vault
        .unlock(NOW, &agent, 1, &secret(7))
        .expect("the key fits");
    let (clock, _hand) = Clock::by_hand(NOW);
    let signer = HostedSigner::inside(vault.clone(), clock, agent, 1);
    let actions = drafts(agent, 20);
    let signed = wait(signer.sign_all(&actions));
    assert_eq!(signed.end, None);
    for (action, signature) in actions.iter().zip(&signed.signatures) {
        check_signature(action, &agent, signature);
    }
    // The same again: the last ones from memory, the first ones from the log.
    for (action, signature) in actions.iter().zip(&signed.signatures) {
        assert_eq!(signer.sign(action), Ok(signature.clone()));
    }
    let mut read = Vec::new();
    let mut from = None;
    loop {
        let page = vault.history(&agent, from, 7).expect("it can be read");
        assert!(page.signed.len() <= 7);
        read.extend(page.signed);
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(
        read.len(),
        24 + 1,
        "every signature once, and the inception"
    );
    assert_eq!(read.last().map(|signed| signed.what), Some(What::Inception));
    assert!(read[..24].iter().map(|signed| signed.seq).rev().eq(0..24));
    drop((signer, vault));
    let vault = open(&disk);
    assert_eq!(
        vault.history(&agent, None, 100).map(|page| page.signed),
        Ok(read)
    );
}

#[test]
fn a_locked_key_signs_nothing_and_its_memory_is_blank() {
    let disk = FaultyDisk::new(2);
    let vault = open(&disk);
    let agent = enrolled(&vault);
    let first = &drafts(agent, 0)[0];
    assert!(matches!(
        sign(&vault, &agent, first),
        Err(SignError::Locked)
    ));
    let wrong = vault.unlock(NOW, &agent, 1, &secret(8));
    assert_eq!(
        wrong,
        Err(UnlockError::Open(crate::envelope::OpenError::Wrong))
    );
    assert!(vault.is_blank());
    vault
        .unlock(NOW, &agent, 2, &secret(8))
        .expect("the code fits");
    assert!(!vault.is_blank());
    sign(&vault, &agent, first).expect("it is unlocked");
    assert!(vault.lock(&agent));
    assert!(!vault.lock(&agent));
    assert!(vault.is_blank());
    assert!(matches!(
        sign(&vault, &agent, first),
        Err(SignError::Locked)
    ));
    // A quarter of an hour later by itself.
    vault
        .unlock(NOW, &agent, 2, &secret(8))
        .expect("the code fits");
    let idle = NOW + base::Duration::from_secs(15 * 60);
    assert_eq!(vault.expire(NOW), Some(idle));
    assert_eq!(vault.expire(idle), None);
    assert!(vault.is_blank());
    let unknown = wait(vault.sign(NOW, &[3; 32], &request(first)));
    assert!(matches!(
        unknown,
        Err(SignError::Request(crate::request::RequestError::Foreign))
    ));
    assert_eq!(
        vault
            .history(&agent, None, 9)
            .expect("it is read")
            .signed
            .len(),
        2
    );
}

#[test]
fn of_many_who_write_the_same_place_one_gets_it() {
    let disk = FaultyDisk::new(3);
    let vault = open(&disk);
    let agent = enrolled(&vault);
    vault
        .unlock(NOW, &agent, 1, &secret(7))
        .expect("the key fits");
    for action in drafts(agent, 0) {
        sign(&vault, &agent, &action).expect("genesis");
    }
    let rivals: Vec<_> = (0..12)
        .map(|rival| {
            let mut action = drafts(agent, 1).pop().expect("a note");
            action.header.timestamp =
                holochain_timestamp::Timestamp::from_micros(NOW.as_micros() + rival);
            action
        })
        .collect();
    let barrier = Barrier::new(rivals.len());
    let signed: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = rivals
            .iter()
            .map(|action| {
                let (vault, barrier) = (&vault, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    vault.sign_blocking(NOW, &agent, &request(action))
                })
            })
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.map(|signed| signed.expect("it ends")).collect()
    });
    let refused = |signed: &&Result<Signature, SignError>| {
        matches!(
            signed,
            Err(SignError::Refused(Refusal::Equivocation { seq: 4 }))
        )
    };
    assert_eq!(signed.iter().filter(|signed| signed.is_ok()).count(), 1);
    assert_eq!(signed.iter().filter(refused).count(), rivals.len() - 1);
}

#[test]
fn slots_come_and_go_and_enough_stay() {
    let disk = FaultyDisk::new(4);
    let vault = open(&disk);
    let few = [new_slot(SlotKind::Paper, 1)];
    let bound = [
        new_slot(SlotKind::Passkey, 1),
        new_slot(SlotKind::Passkey, 2),
    ];
    for wrong in [&few[..], &bound] {
        let refused = wait(vault.enroll(NOW, next(), wrong));
        assert!(matches!(refused, Err(ChangeError::Slots(_))));
    }
    let agent = enrolled(&vault);
    let password = new_slot(SlotKind::Password, 9);
    let by_stranger = wait(vault.add_slot(NOW, &agent, (1, &secret(1)), &password));
    assert!(matches!(by_stranger, Err(ChangeError::Unlock(_))));
    let added = wait(vault.add_slot(NOW, &agent, (1, &secret(7)), &password));
    assert_eq!(added.expect("the key fits"), 3);
    wait(vault.remove_slot(NOW, &agent, 1)).expect("two are left");
    let too_few = wait(vault.remove_slot(NOW, &agent, 2));
    assert!(matches!(too_few, Err(ChangeError::Slots(_))));
    drop(vault);
    let vault = open(&disk);
    let listed = vault.find(&agent).expect("it is kept");
    let numbers: BTreeSet<_> = listed.slots.iter().map(|slot| slot.number).collect();
    assert_eq!(numbers, [2, 3].into());
    let gone = vault.unlock(NOW, &agent, 1, &secret(7));
    assert!(matches!(gone, Err(UnlockError::Open(_))));
    vault
        .unlock(NOW, &agent, 3, &secret(9))
        .expect("the password fits");
    assert_eq!(
        vault
            .export(&agent, 3, &secret(9))
            .map(|seed| Keypair::from_seed(&seed).public()),
        Ok(agent)
    );
}

#[test]
fn grants_and_challenges_are_signed_and_who_left_signs_nothing() {
    let disk = FaultyDisk::new(5);
    let vault = open(&disk);
    let enrolled = wait(vault.enroll(NOW, next(), &slots())).expect("it is kept");
    let agent = enrolled.agent;
    vault
        .unlock(NOW, &agent, 1, &secret(7))
        .expect("the key fits");
    let mut log = chain::PersonLog::begin(&enrolled.inception).expect("a person");
    assert_eq!(log.person(), enrolled.person);
    let grant = |epoch| chain::person::HostingGrant {
        person: enrolled.person,
        seq: 0,
        key_event: log.head(),
        made: NOW,
        agent,
        epoch,
        expires: NOW + base::Duration::from_secs(600),
        doorway: "https://bread.example".to_owned(),
    };
    let (first, second) = (grant(2), grant(1));
    let signature = wait(vault.sign(NOW, &agent, &Request::Grant(first.clone()))).expect("a grant");
    let event = SignedEvent {
        event: KeyEvent::Grant(first),
        signature: signature.0,
    };
    assert_eq!(log.apply(&event), Ok(()));
    assert!(log.hosted(NOW).is_some());
    let older = wait(vault.sign(NOW, &agent, &Request::Grant(second)));
    let expected = Refusal::GrantEpoch { known: 2 };
    assert!(matches!(older, Err(SignError::Refused(refusal)) if refusal == expected));
    wait(vault.retire(NOW, &agent)).expect("it is kept");
    assert!(vault.is_blank());
    assert_eq!(vault.list(None, 10), []);
    let gone = vault.unlock(NOW, &agent, 1, &secret(7));
    assert_eq!(gone, Err(UnlockError::Refused(Refusal::Unknown)));
}

#[test]
fn another_server_key_opens_nothing() {
    let disk = FaultyDisk::new(6);
    drop(open(&disk));
    let other = ServerKey::new(secret(101));
    let refused = Vault::open(&config(&disk), other);
    assert!(matches!(refused, Err(OpenError::ServerKey)));
    drop(open(&disk));
}

#[test]
fn problems_have_codes() {
    let codes = [
        SignError::Locked.problem(),
        SignError::Refused(Refusal::Unconfirmed).problem(),
        SignError::Refused(Refusal::Equivocation { seq: 1 }).problem(),
        SignError::Busy.problem(),
        UnlockError::Open(crate::envelope::OpenError::Wrong).problem(),
        ChangeError::Refused(Refusal::Unknown).problem(),
    ]
    .map(|problem| problem.code.number());
    assert_eq!(codes, [315, 317, 303, 407, 318, 105]);
}
