//! What each reader may see, as a table.

use super::*;

#[test]
fn anonymous_readers_see_commons_only() {
    for reach in Reach::ALL {
        assert_eq!(
            reach.admits(&Reader::Anonymous, "ana"),
            reach == Reach::Commons,
            "{reach}"
        );
    }
}

#[test]
fn authors_see_all_that_is_theirs_and_members_only_what_is_wide_enough() {
    let author = Reader::Agent {
        key: "ana",
        is_member: false,
    };
    let member = Reader::Agent {
        key: "ben",
        is_member: true,
    };
    let stranger = Reader::Agent {
        key: "eve",
        is_member: false,
    };
    for reach in Reach::ALL {
        assert!(reach.admits(&author, "ana"), "{reach}");
        assert_eq!(
            reach.admits(&member, "ana"),
            reach >= Reach::Neighborhood,
            "{reach}"
        );
        assert_eq!(
            reach.admits(&stranger, "ana"),
            reach == Reach::Commons,
            "{reach}"
        );
    }
}

#[test]
fn words_come_back_as_the_reach_they_name_and_others_are_refused() {
    for reach in Reach::ALL {
        assert_eq!(reach.as_str().parse(), Ok(reach));
    }
    for word in ["", "Commons", "public", "commons "] {
        assert!(word.parse::<Reach>().is_err(), "{word:?}");
    }
    assert_eq!(Reach::default(), Reach::Private);
}
