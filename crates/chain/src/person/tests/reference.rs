//! A second opinion: whether a whole list of events is a person log, each rule asked of the whole list anew.

use super::*;

/// Tells whether the last event continues the ones before it, which are known to fit together.
pub(super) fn accepts(events: &[SignedEvent]) -> bool {
    let (last, before) = events.split_last().expect("there is one");
    let person = before[0].event.person();
    let fits = PublicKey::from_bytes(last.event.signing_key())
        .is_ok_and(|key| key.verify(&last.event.encode(), &last.signature).is_ok());
    if !fits {
        return false;
    }
    match &last.event {
        KeyEvent::Inception(_) => last.event == before[0].event,
        KeyEvent::Rotation(rotation) => {
            let is_known = before.iter().any(|known| known.event == last.event);
            let newest = newest(before);
            is_known
                || (rotation.person == person
                    && rotation.seq == place(newest) + 1
                    && rotation.previous == newest.hash()
                    && rotation.made >= made(newest)
                    && promise(newest) == KeyCommitment::of(&rotation.key)
                    && rotation.next != KeyCommitment::of(&rotation.key))
        }
        KeyEvent::Grant(grant) => {
            let newest = newest(before);
            let epochs = before.iter().filter_map(|known| match &known.event {
                KeyEvent::Grant(grant) => Some(grant.epoch),
                KeyEvent::Inception(_) | KeyEvent::Rotation(_) => None,
            });
            grant.person == person
                && grant.seq == place(newest)
                && grant.key_event == newest.hash()
                && grant.agent == *newest.signing_key()
                && grant.made >= made(newest)
                && grant.expires > grant.made
                && epochs.max().is_none_or(|epoch| grant.epoch > epoch)
        }
    }
}

/// Returns the current key.
pub(super) fn key(events: &[SignedEvent]) -> [u8; 32] {
    *newest(events).signing_key()
}

/// Returns the inception or rotation with the largest place.
fn newest(events: &[SignedEvent]) -> &KeyEvent {
    let establishing = events.iter().map(|signed| &signed.event);
    establishing
        .filter(|event| !matches!(event, KeyEvent::Grant(_)))
        .max_by_key(|event| place(event))
        .expect("there is an inception")
}

fn place(event: &KeyEvent) -> u32 {
    match event {
        KeyEvent::Inception(_) => 0,
        KeyEvent::Rotation(rotation) => rotation.seq,
        KeyEvent::Grant(grant) => grant.seq,
    }
}

fn made(event: &KeyEvent) -> Timestamp {
    match event {
        KeyEvent::Inception(inception) => inception.made,
        KeyEvent::Rotation(rotation) => rotation.made,
        KeyEvent::Grant(grant) => grant.made,
    }
}

fn promise(event: &KeyEvent) -> KeyCommitment {
    match event {
        KeyEvent::Inception(inception) => inception.next,
        KeyEvent::Rotation(rotation) => rotation.next,
        KeyEvent::Grant(_) => panic!("a grant promises nothing"),
    }
}
