//! What opens an envelope and what does not.

use proptest::prelude::*;

use super::*;

/// Draws bytes that differ each time, and are the same in every run.
fn dice(seed: u64) -> impl FnMut(&mut [u8]) {
    let mut count = 0_u64;
    move |bytes| {
        count += 1;
        let mut source = blake3::Hasher::new();
        source.update(&seed.to_le_bytes());
        source.update(&count.to_le_bytes());
        source.finalize_xof().fill(bytes);
    }
}

fn secret(byte: u8) -> Secret {
    Secret::new([byte; 32])
}

fn slot(kind: SlotKind, key: u8) -> NewSlot {
    NewSlot {
        kind,
        hint: vec![key],
        key: secret(key),
    }
}

const OWNER: Owner = Owner {
    agent: [1; 32],
    person: [2; 32],
};

fn sealed() -> (ServerKey, Envelope) {
    let server = ServerKey::new(secret(100));
    let slots = [slot(SlotKind::Password, 7), slot(SlotKind::Paper, 8)];
    let envelope = Envelope::seal(&server, OWNER, &secret(42), &slots, &mut dice(1));
    (server, envelope)
}

#[test]
fn every_slot_opens_it_with_its_own_key_and_the_server_key() {
    let (server, envelope) = sealed();
    assert_eq!(envelope.open(&server, 1, &secret(7)), Ok(secret(42)));
    assert_eq!(envelope.open(&server, 2, &secret(8)), Ok(secret(42)));
    let wrong = Err(OpenError::Wrong);
    assert_eq!(envelope.open(&server, 1, &secret(8)), wrong);
    let other = ServerKey::new(secret(101));
    assert_eq!(envelope.open(&other, 1, &secret(7)), wrong);
    assert_ne!(server.mark(), other.mark());
    let none = Err(OpenError::NoSlot(3));
    assert_eq!(envelope.open(&server, 3, &secret(7)), none);
}

#[test]
fn slots_cannot_be_swapped_between_people_numbers_and_kinds() {
    let (server, envelope) = sealed();
    let wrong = Err(OpenError::Wrong);
    let check = |change: &dyn Fn(&mut Envelope)| {
        let mut changed = envelope.clone();
        change(&mut changed);
        assert_eq!(changed.open(&server, 1, &secret(7)), wrong);
    };
    check(&|envelope| envelope.owner.agent = [3; 32]);
    check(&|envelope| envelope.owner.person = [3; 32]);
    check(&|envelope| envelope.slots[0].kind = SlotKind::Passkey);
    check(&|envelope| envelope.slots[0].wrapped = envelope.slots[1].wrapped);
    check(&|envelope| {
        envelope.slots.remove(0);
        envelope.slots[0].number = 1;
    });
}

#[test]
fn whoever_opens_it_can_add_a_slot_and_nobody_else() {
    let (server, mut envelope) = sealed();
    let new = slot(SlotKind::Passkey, 9);
    let draw: Draw<'_> = &mut dice(2);
    let wrong = envelope.add(&server, (1, &secret(9)), 3, &new, draw);
    assert_eq!(wrong, Err(OpenError::Wrong));
    let added = envelope.add(&server, (1, &secret(7)), 3, &new, draw);
    envelope.slots.push(added.expect("the password fits"));
    assert_eq!(envelope.open(&server, 3, &secret(9)), Ok(secret(42)));
}

#[test]
fn the_seed_stands_nowhere() {
    let (_, envelope) = sealed();
    let all: Vec<u8> = envelope
        .slots
        .iter()
        .flat_map(|slot| slot.wrapped)
        .chain(envelope.seed)
        .collect();
    assert!(!all.windows(8).any(|bytes| bytes == [42; 8]));
    let again = Envelope::seal(
        &ServerKey::new(secret(100)),
        OWNER,
        &secret(42),
        &[],
        &mut dice(2),
    );
    assert_ne!(again.seed, envelope.seed);
}

proptest! {
    #[test]
    fn every_flipped_bit_is_noticed(at in 0..SEALED_BYTES + WRAPPED_BYTES, bit in 0..8_u8) {
        let (server, mut envelope) = sealed();
        match at.checked_sub(SEALED_BYTES) {
            None => envelope.seed[at] ^= 1 << bit,
            Some(at) => envelope.slots[0].wrapped[at] ^= 1 << bit,
        }
        prop_assert_eq!(envelope.open(&server, 1, &secret(7)), Err(OpenError::Wrong));
    }
}
