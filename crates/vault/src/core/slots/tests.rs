//! Both sides of every rule.

use super::*;

#[test]
fn an_agent_has_two_slots_and_one_that_no_domain_binds() {
    use SlotKind::{Paper, Passkey, Password};
    let many = [Password; SLOTS_MAX + 1];
    for (kinds, expected) in [
        (&[][..], Err(SlotRule::TooFew)),
        (&[Password], Err(SlotRule::TooFew)),
        (&[Passkey, Passkey], Err(SlotRule::DomainBound)),
        (&[Passkey, Passkey, Passkey], Err(SlotRule::DomainBound)),
        (&[Passkey, Paper], Ok(())),
        (&[Password, Paper], Ok(())),
        (&[Passkey, Password], Ok(())),
        (&many[1..], Ok(())),
        (&many, Err(SlotRule::TooMany)),
    ] {
        assert_eq!(check(kinds.iter().copied()), expected, "{kinds:?}");
    }
}

#[test]
fn kinds_have_numbers_of_their_own() {
    for number in 0..=255 {
        let kind = SlotKind::from_number(number);
        assert_eq!(kind.is_some(), (1..=3).contains(&number));
        assert!(kind.is_none_or(|kind| kind.number() == number));
    }
}
