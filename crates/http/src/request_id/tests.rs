//! Ids differ, have one length and sort by time.

use std::collections::BTreeSet;

use super::*;

#[test]
fn ids_differ_and_sort_by_birth() {
    let ids: Vec<String> = (0..1_000).map(|_| RequestId::next().to_string()).collect();
    let distinct: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len());
    for id in &ids {
        assert_eq!(id.len(), 26);
        assert!(id.bytes().all(|letter| LETTERS.contains(&letter)), "{id}");
    }
    // Others draw serial numbers at the same time, but within one thread they only grow.
    assert!(ids.is_sorted());
}

#[test]
fn every_bit_is_shown() {
    assert_eq!(RequestId(0).to_string(), "0".repeat(26));
    assert_eq!(
        RequestId(u128::MAX).to_string(),
        format!("7{}", "Z".repeat(25))
    );
    assert_eq!(
        RequestId(31 << 5).to_string(),
        format!("{}Z0", "0".repeat(24))
    );
    assert_eq!(
        format!("{:?}", RequestId(1)),
        format!("RequestId({}1)", "0".repeat(25))
    );
    assert_eq!(RequestId(1).header(), RequestId(1).to_string().as_str());
}
