//! Who is told what, without any server.

use super::*;

fn topic(text: &str) -> Topic {
    Topic::parse(text).expect("a topic")
}

#[test]
fn subscriptions_are_counted_and_their_places_come_back() {
    let hub = Hub::new(2, 8, true);
    let (_first, is_standing) = hub.join(&topic("a")).expect("a place");
    assert!(is_standing);
    let second = hub.join(&topic("a")).expect("a place");
    let refused = SubscribeError::TooMany {
        subscriptions_max: 2,
    };
    assert_eq!(hub.join(&topic("b")).err(), Some(refused));
    drop(second);
    hub.leave(&topic("a"));
    assert!(hub.join(&topic("b")).is_ok());
    assert_eq!(hub.wanted().len(), 2);
    hub.leave(&topic("a"));
    assert_eq!(hub.wanted().len(), 1);
}

#[test]
fn a_topic_that_begins_to_stand_is_told_and_one_that_fell_is_told_again() {
    let hub = Hub::new(9, 8, false);
    let (mut items, is_standing) = hub.join(&topic("a")).expect("a place");
    assert!(!is_standing);
    for _ in 0..2 {
        hub.deliver_gap();
        hub.deliver(&topic("a"), Item::Hint(Bytes::new()));
        assert!(items.try_recv().is_err());
        hub.stand(&[topic("a"), topic("gone")]);
        assert_eq!(items.try_recv(), Ok(Item::Gap));
        assert!(items.try_recv().is_err());
        hub.deliver_gap();
        assert_eq!(items.try_recv(), Ok(Item::Gap));
        hub.fall();
    }
    assert!(!hub.wanted()[0].is_standing);
}

#[test]
fn an_item_reaches_its_topic_alone() {
    let hub = Hub::new(9, 8, true);
    let (mut here, _) = hub.join(&topic("a")).expect("a place");
    let (mut there, _) = hub.join(&topic("a.b")).expect("a place");
    hub.deliver(&topic("a"), Item::Hint(Bytes::from_static(b"x")));
    hub.deliver(&topic("c"), Item::Hint(Bytes::from_static(b"y")));
    assert_eq!(here.try_recv(), Ok(Item::Hint(Bytes::from_static(b"x"))));
    assert!(here.try_recv().is_err() && there.try_recv().is_err());
}
