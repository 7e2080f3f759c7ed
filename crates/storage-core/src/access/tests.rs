//! The whole table, said a second time.

use base::{Code, Problem};

use super::{Action, Caller, Denial, Scope, decide, own};
use crate::namespace::Namespace;

/// What each caller gets, with their own namespace and with another, for one action.
type Row = (Action, [[&'static str; 2]; 4]);

const TABLE: [Row; 7] = [
    (
        Action::Read,
        [
            ["404", "404"],
            ["404", "404"],
            ["yes", "404"],
            ["yes", "yes"],
        ],
    ),
    (
        Action::List,
        [
            ["401", "401"],
            ["401", "401"],
            ["yes", "404"],
            ["yes", "yes"],
        ],
    ),
    (
        Action::Write,
        [
            ["401", "401"],
            ["401", "401"],
            ["yes", "404"],
            ["yes", "yes"],
        ],
    ),
    (
        Action::SetQuota,
        [
            ["401", "401"],
            ["401", "401"],
            ["403", "403"],
            ["yes", "yes"],
        ],
    ),
    (
        Action::SeeQueue,
        [
            ["401", "401"],
            ["401", "401"],
            ["403", "403"],
            ["yes", "yes"],
        ],
    ),
    (
        Action::Collect,
        [
            ["401", "401"],
            ["401", "401"],
            ["403", "403"],
            ["yes", "yes"],
        ],
    ),
    (
        Action::Scrub,
        [
            ["401", "401"],
            ["401", "401"],
            ["403", "403"],
            ["yes", "yes"],
        ],
    ),
];

#[test]
fn whole_table_of_who_may_do_what_with_whose_namespace() {
    assert_eq!(TABLE.map(|(action, _)| action), Action::ALL);
    for (action, row) in TABLE {
        for (caller, cells) in Caller::ALL.into_iter().zip(row) {
            for (scope, expect) in Scope::ALL.into_iter().zip(cells) {
                let decided = match decide(caller, scope, action) {
                    Ok(()) => "yes".to_owned(),
                    Err(denial) => Problem::from(denial).code.status().to_string(),
                };
                assert_eq!(decided, expect, "{caller:?} {scope:?} {action:?}");
            }
        }
    }
}

#[test]
fn only_stewards_do_what_is_about_the_node() {
    for action in Action::ALL {
        let is_for_members = decide(Caller::Member, Scope::Own, action).is_ok();
        assert_eq!(is_for_members, !action.is_of_node(), "{action:?}");
    }
}

#[test]
fn everybody_has_a_namespace_of_their_own() {
    let mut key = [0xab; 32];
    let mine = own(&key);
    assert_eq!(mine.as_str(), format!("agent-{}", "ab".repeat(16)));
    assert_eq!(Scope::of(&mine, &key), Scope::Own);
    assert_eq!(Scope::of(&Namespace::community(), &key), Scope::Other);
    key[15] = 0xac;
    assert_eq!(Scope::of(&mine, &key), Scope::Other, "a neighbour's key");
}

#[test]
fn a_denial_says_no_more_than_it_may() {
    let hidden = Problem::from(Denial::Hidden);
    assert_eq!(hidden.code, Code::NotFound);
    assert_eq!(hidden.detail, Code::NotFound.title());
}
