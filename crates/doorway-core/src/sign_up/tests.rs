//! Codes that people type, and histories of joining beside a naive book of a community.

mod reference;

use proptest::prelude::*;

use super::*;
use reference::{Community, Step};

const DAY: Duration = Duration::from_secs(86_400);

fn limits() -> Limits {
    Limits {
        members_max: 6,
        waiting_max: 2,
        invites_max: 3,
        uses_max: 3,
        ..Limits::default()
    }
}

#[test]
fn a_code_is_read_as_people_type_it() {
    let code =
        InviteCode::from_random(&[0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf]);
    assert_eq!(code.to_string(), "0123-4567-89AB-CDEF");
    for text in [
        "0123456789abcdef",
        " o123-4567 89ab-cdef\n",
        "O I2 3456789ABCDEF",
        "0l23-4567-89AB-CDEF",
    ] {
        assert_eq!(InviteCode::parse(text).as_ref(), Ok(&code), "{text}");
    }
    assert_eq!(InviteCode::parse(""), Err(MalformedInvite::Length));
    assert_eq!(
        InviteCode::parse("0123-4567-89AB-CDE"),
        Err(MalformedInvite::Length)
    );
    assert_eq!(
        InviteCode::parse("0123-4567-89AB-CDEF0"),
        Err(MalformedInvite::Length)
    );
    assert_eq!(
        InviteCode::parse("u123-4567-89AB-CDEF"),
        Err(MalformedInvite::Letter('u'))
    );
    assert_eq!(
        InviteCode::parse("é123-4567-89AB-CDEF"),
        Err(MalformedInvite::Letter('é'))
    );
    assert!(!format!("{code:?}").contains("0123"), "a code is a secret");
}

#[test]
fn only_those_may_invite_who_may_give_the_role() {
    for inviter in Role::ALL {
        for wanted in Role::ALL {
            let expected =
                inviter == Role::Steward || (inviter == Role::Moderator && wanted == Role::Member);
            assert_eq!(
                may_invite(inviter, wanted),
                expected,
                "{inviter:?} {wanted:?}"
            );
        }
    }
}

#[test]
fn terms_hold_on_both_sides_of_their_bounds() {
    let limits = Limits::default();
    let offered = |uses, life, good| {
        let terms = Terms {
            role: Role::Member,
            uses,
            life,
        };
        offer(Role::Steward, &terms, good, Timestamp(0), &limits)
    };
    assert_eq!(offered(1, DAY, 999), Ok(Timestamp(0) + DAY));
    assert_eq!(
        offered(500, limits.life_max, 0),
        Ok(Timestamp(0) + limits.life_max)
    );
    assert!(matches!(offered(0, DAY, 0), Err(Refusal::Uses { .. })));
    assert!(matches!(offered(501, DAY, 0), Err(Refusal::Uses { .. })));
    assert!(matches!(
        offered(1, Duration::from_millis(999), 0),
        Err(Refusal::Life { .. })
    ));
    let longer = Duration::from_micros(limits.life_max.as_micros() + 1);
    assert!(matches!(offered(1, longer, 0), Err(Refusal::Life { .. })));
    assert_eq!(offered(1, DAY, 1_000), Err(Refusal::InvitesFull));
}

#[test]
fn an_invite_is_worth_what_its_inviter_is_now() {
    let standing = Standing {
        role: None,
        is_waiting: false,
        members: 1,
        waiting: 0,
    };
    let invite = Invite {
        role: Role::Editor,
        inviter: Some(Role::Steward),
        uses_left: 1,
        expires: Timestamp(10),
    };
    let asked = |invite, now| {
        decide(
            Policy::Open,
            &standing,
            &Brought::Invite(invite),
            Timestamp(now),
            &limits(),
        )
    };
    let admitted = Decision::Admit {
        role: Role::Editor,
        is_by_invite: true,
    };
    assert_eq!(asked(invite, 9), Ok(admitted));
    assert_eq!(asked(invite, 10), Err(Refusal::InviteExpired));
    for inviter in [None, Some(Role::Moderator), Some(Role::Member)] {
        let invite = Invite { inviter, ..invite };
        assert_eq!(asked(invite, 9), Err(Refusal::InviterGone));
    }
    let used_up = Invite {
        uses_left: 0,
        ..invite
    };
    assert_eq!(asked(used_up, 9), Err(Refusal::InviteUsedUp));
}

#[test]
fn stewards_withdraw_any_invite_and_others_their_own() {
    for role in Role::ALL {
        assert_eq!(withdraw(role, true), Ok(()));
        let expected = if role == Role::Steward {
            Ok(())
        } else {
            Err(Refusal::ForeignInvite)
        };
        assert_eq!(withdraw(role, false), expected);
    }
}

#[test]
fn words_are_one_line_of_bounded_length() {
    let limits = Limits::default();
    assert_eq!(
        words("  Ana from the choir ", &limits),
        Ok("Ana from the choir")
    );
    let longest = "ä".repeat(64);
    assert_eq!(words(&longest, &limits), Ok(longest.as_str()));
    for text in ["ä".repeat(65), "a\nb".to_owned(), "a\u{1b}[2J".to_owned()] {
        assert!(words(&text, &limits).is_err(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn histories_end_as_in_a_naive_book(
        policy in prop::sample::select(Policy::ALL.to_vec()),
        steps in prop::collection::vec(reference::step(), 0..60),
    ) {
        let mut community = Community::new(policy, limits());
        for step in steps {
            community.take(step).ok();
        }
        community.check();
    }

    #[test]
    fn whatever_is_asked_twice_changes_nothing(
        policy in prop::sample::select(Policy::ALL.to_vec()),
        steps in prop::collection::vec(reference::step(), 0..40),
    ) {
        let mut community = Community::new(policy, limits());
        for step in steps {
            let answer = community.take(step.clone());
            if matches!(step, Step::Ask { .. }) && answer.is_ok() {
                let before = community.clone();
                prop_assert!(community.take(step).is_ok());
                prop_assert_eq!(&community, &before);
            }
        }
    }

    #[test]
    fn a_code_comes_back(bytes: [u8; CODE_BYTES]) {
        let code = InviteCode::from_random(&bytes);
        prop_assert_eq!(InviteCode::parse(&code.to_string()), Ok(code.clone()));
        let other = InviteCode::from_random(&bytes.map(|byte| !byte));
        prop_assert_ne!(code.digest(), other.digest());
    }

    #[test]
    fn any_text_is_a_code_or_refused(text in ".{0,40}") {
        if let Ok(code) = InviteCode::parse(&text) {
            prop_assert_eq!(InviteCode::parse(&code.to_string()), Ok(code));
        }
    }
}
