//! Records that are applied together end where records that are applied one by one end, with the same words.

use proptest::prelude::*;

use super::reference::{fault, spoil};
use super::*;

/// Applies `records` both ways after `taken` of the chain; returns how many were taken when the two agree.
fn check_both(chain: &Chain, taken: usize, rules: Rules, records: &[Record]) -> usize {
    let mut singly = after(chain, &chain.records[..taken], rules);
    let mut together = singly.clone();
    let mut expect = (records.len(), Ok(()));
    for (index, record) in records.iter().enumerate() {
        if let Err(rejection) = singly.apply(record) {
            expect = (index, Err(rejection));
            break;
        }
    }
    assert_eq!(together.apply_all(records), expect);
    assert_eq!(together.head(), singly.head());
    assert_eq!(together.is_closed(), singly.is_closed());
    expect.0
}

fn forged(record: &Record) -> Record {
    let entry = record::present(record).cloned();
    let mut signature = record.signature().0;
    signature[40] ^= 1;
    record::assemble(record.action().clone(), Signature(signature), entry)
}

/// An action and an entry that do not belong together, and a signature that does not fit either.
fn forged_twice(record: &Record, other: &Record) -> Record {
    let entry = record::present(other).cloned();
    let forged = forged(record);
    record::assemble(forged.action().clone(), forged.signature().clone(), entry)
}

#[test]
fn a_page_is_taken_whole() {
    let mut chain = Chain::start(1);
    for number in 0..300_u32 {
        chain.push(create_note(&number.to_be_bytes()));
    }
    for taken in [0, 3, 100] {
        let page = &chain.records[taken..];
        assert_eq!(
            check_both(&chain, taken, Rules::Commonhold, page),
            page.len()
        );
    }
    assert_eq!(check_both(&chain, 5, Rules::Commonhold, &[]), 0);
}

#[test]
fn the_first_bad_record_of_a_page_is_named() {
    let mut chain = Chain::start(1);
    for number in 0..40_u32 {
        chain.push(create_note(&number.to_be_bytes()));
    }
    let rules = Rules::Commonhold;
    for bad in [3, 4, 20, 42] {
        let mut page = chain.records[3..].to_vec();
        page[bad - 3] = forged(&chain.records[bad]);
        assert_eq!(check_both(&chain, 3, rules, &page), bad - 3, "forged");
        // Something else is wrong behind it, or at the same place.
        page.truncate(39);
        page.remove(38);
        let expect = (bad - 3).min(38);
        assert_eq!(
            check_both(&chain, 3, rules, &page),
            expect,
            "forged before the end"
        );
        let other = &chain.records[if bad == 3 { 4 } else { 3 }];
        page = chain.records[3..].to_vec();
        page[bad - 3] = forged_twice(&chain.records[bad], other);
        assert_eq!(check_both(&chain, 3, rules, &page), bad - 3, "forged twice");
        let mut swapped = chain.records[3..].to_vec();
        let (one, next) = ((bad - 3).min(38), (bad - 2).min(39));
        swapped.swap(one, next);
        assert_eq!(check_both(&chain, 3, rules, &swapped), one, "swapped");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn together_as_one_by_one(
        faults in prop::collection::vec(fault(), 14),
        from in 0..14_usize,
        is_ours in any::<bool>(),
    ) {
        let chain = Chain::of_all_types(1);
        let rules = if is_ours { Rules::Commonhold } else { Rules::Holochain };
        let from = from.min(if is_ours { 8 } else { chain.records.len() });
        let mut sent = Vec::new();
        for (index, fault) in faults.into_iter().enumerate() {
            spoil(&chain, index, fault, &mut sent);
        }
        // What was spoiled before the place is left out, so that pages begin well often enough.
        let sent: Vec<Record> = sent
            .into_iter()
            .skip_while(|record| (record.action().action_seq() as usize) < from)
            .collect();
        check_both(&chain, from, rules, &sent);
    }
}
