//! What stays in the queue and what goes.

use futures::FutureExt as _;

use super::*;

fn outbound(number: u8) -> Outbound {
    Outbound {
        topic: Topic::parse("a").expect("a topic"),
        hint: Bytes::copy_from_slice(&[number]),
    }
}

fn numbers(batch: Option<Vec<Outbound>>) -> Vec<u8> {
    let batch = batch.unwrap_or_default();
    batch.iter().map(|outbound| outbound.hint[0]).collect()
}

#[test]
fn the_oldest_goes_when_the_queue_is_full() {
    let outbox = Outbox::new(3);
    let gone: u64 = (1..=5).map(|number| outbox.put(outbound(number))).sum();
    assert_eq!(gone, 2);
    assert_eq!(numbers(outbox.take(2).now_or_never()), [3, 4]);
    assert_eq!(numbers(outbox.take(2).now_or_never()), [5]);
    assert_eq!(outbox.take(2).now_or_never(), None);
}

#[test]
fn what_comes_back_stands_in_front_and_gives_way_to_what_is_newer() {
    let outbox = Outbox::new(3);
    assert_eq!(outbox.put(outbound(4)), 0);
    let batch = vec![outbound(1), outbound(2), outbound(3)];
    assert_eq!(outbox.give_back(batch), 1);
    assert_eq!(numbers(outbox.take(9).now_or_never()), [2, 3, 4]);
}
