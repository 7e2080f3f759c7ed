//! Random requests against the naive rule: what is sent must be the chain itself, from somewhere known on.

use std::sync::OnceLock;

use proptest::prelude::*;

use super::{send, writer};
use crate::chains::Writer;

fn chain() -> &'static Writer {
    static CHAIN: OnceLock<Writer> = OnceLock::new();
    CHAIN.get_or_init(|| writer(12))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn plan_is_what_comparing_with_the_chain_says(
        known in 0_usize..=12,
        start in 0_usize..12,
        count in 0_usize..12,
        swap in prop::option::weighted(0.3, (0_usize..12, 0_usize..12)),
    ) {
        let chain = chain();
        let mut order: Vec<usize> = (start..(start + count).min(12)).collect();
        if let Some((one, other)) = swap.filter(|_| !order.is_empty()) {
            let len = order.len();
            order.swap(one % len, other % len);
        }
        let sent: Vec<_> = order.iter().map(|seq| chain.records[*seq].clone()).collect();
        let found = send(&chain.agent(), &chain.records[..known], &sent);
        let is_contiguous = order.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        let is_reachable = order.first().is_none_or(|first| *first <= known);
        prop_assert_eq!(found.is_ok(), is_contiguous && is_reachable, "{:?}", found);
        if let Ok(plan) = found {
            let fresh: Vec<usize> = order[plan.fresh].to_vec();
            let expect: Vec<usize> = order.iter().copied().filter(|seq| *seq >= known).collect();
            prop_assert_eq!(fresh, expect);
        }
    }
}
