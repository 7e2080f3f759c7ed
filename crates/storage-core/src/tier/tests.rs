//! Tiers and their evidence; the queue beside a list; those who wait beside a list, and in a bad world.

mod queue;
mod waits;

use base::Timestamp;

use super::{Accepted, Evidence, Lack, ParseTierError, Tier};

#[test]
fn tiers_are_ordered_and_have_words() {
    assert!(Tier::Accepted < Tier::Durable && Tier::Durable < Tier::Verified);
    for (tier, word) in [
        (Tier::Accepted, "accepted"),
        (Tier::Durable, "durable"),
        (Tier::Verified, "verified"),
    ] {
        assert_eq!(tier.to_string(), word);
        assert_eq!(word.parse(), Ok(tier));
    }
    for word in ["", "Accepted", "saved"] {
        assert_eq!(word.parse::<Tier>(), Err(ParseTierError));
    }
}

#[test]
fn what_is_on_stable_storage_is_accepted_and_no_more() {
    let accepted = Accepted {
        lsn: 7,
        at: Timestamp(5),
    };
    let evidence = Evidence::accepted_as(accepted);
    assert_eq!(evidence.tier(), Tier::Accepted);
    assert_eq!(evidence.accepted(), accepted);
    assert_eq!((evidence.durable(), evidence.verified()), (None, None));
    let lack = evidence.lack().expect("there is more");
    assert_eq!(
        lack,
        Lack::Receipts {
            domains: 0,
            domains_lost_max: 1
        }
    );
    let text = lack.to_string();
    assert!(text.starts_with("parts of it on other machines"), "{text}");
}
