//! The whole table, said a second time; and the lives of tokens.

use std::collections::BTreeSet;

use base::{Code, Duration, Problem, Timestamp};

use super::{Action, Denial, Purpose, Role, authorise, may};

#[test]
fn whole_table_of_who_may_do_what() {
    use Action::{Invite, ListMembers, ManageMembers, PutBlob, WriteChain};
    let table: [(Role, &[Action]); 4] = [
        (
            Role::Steward,
            &[WriteChain, PutBlob, ListMembers, ManageMembers, Invite],
        ),
        (Role::Moderator, &[WriteChain, PutBlob, ListMembers, Invite]),
        (Role::Editor, &[WriteChain, PutBlob]),
        (Role::Member, &[WriteChain, PutBlob]),
    ];
    assert_eq!(
        table.map(|(role, _)| role),
        Role::ALL,
        "every role has its row"
    );
    for (role, actions) in table {
        for action in Action::ALL {
            assert_eq!(
                may(role, action),
                actions.contains(&action),
                "{role:?} {action:?}"
            );
            let expect = if actions.contains(&action) {
                Ok(())
            } else {
                Err(Denial::Role(role))
            };
            assert_eq!(authorise(Some(role), action, "ada", None), expect);
            assert_eq!(authorise(Some(role), action, "ada", Some("ada")), expect);
        }
    }
}

#[test]
fn nobody_acts_for_somebody_else_and_strangers_not_at_all() {
    for action in Action::ALL {
        for role in Role::ALL {
            assert_eq!(
                authorise(Some(role), action, "ada", Some("bob")),
                Err(Denial::Foreign)
            );
        }
        for owner in [None, Some("ada"), Some("bob")] {
            assert_eq!(
                authorise(None, action, "ada", owner),
                Err(Denial::NotAMember)
            );
        }
    }
}

#[test]
fn denials_have_their_codes_and_words() {
    let cases = [
        (
            Denial::NotAMember,
            Code::NotAMember,
            "this key is not on the community's list of members",
        ),
        (
            Denial::Foreign,
            Code::TokenForeign,
            "the token belongs to another key than the one that owns this",
        ),
        (
            Denial::Role(Role::Editor),
            Code::StewardOnly,
            "the role of editor does not allow this",
        ),
    ];
    for (denial, code, detail) in cases {
        assert_eq!(Problem::from(denial), Problem::new(code, detail));
    }
}

#[test]
fn words_of_roles_are_different_and_found_again() {
    for role in Role::ALL {
        assert_eq!(Role::find(role.as_str()), Some(role));
    }
    for word in ["", "Steward", "stewards", "admin"] {
        assert_eq!(Role::find(word), None);
    }
}

#[test]
fn tokens_live_as_long_as_their_purpose_says() {
    let now = Timestamp(1_700_000_000_900_000);
    assert_eq!(Purpose::Access.life(), Duration::from_secs(600));
    assert_eq!(Purpose::Challenge.life(), Duration::from_secs(60));
    assert_eq!(
        Purpose::Access.expires(now),
        Timestamp::from_secs(1_700_000_600)
    );
    assert_eq!(
        Purpose::Challenge.expires(now),
        Timestamp::from_secs(1_700_000_060)
    );
    let audiences: BTreeSet<&str> = Purpose::ALL.into_iter().map(Purpose::audience).collect();
    assert_eq!(
        audiences.len(),
        Purpose::ALL.len(),
        "a token for one purpose is worth nothing for another"
    );
}
