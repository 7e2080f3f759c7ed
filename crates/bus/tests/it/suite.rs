//! What holds while everything works.

use bus::{Backend, PublishError, SubscribeError};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn hints_reach_everybody_who_listens_to_their_topic() {
    for server in Server::all() {
        let supervisor = Supervisor::default();
        let here = server.bus(Limits::default(), &supervisor);
        let there = server.other(&here, Limits::default(), &supervisor);
        let mut first = listen(&here, "a").await;
        let mut second = listen(&here, "a").await;
        let mut third = listen(&there, "a").await;
        let mut elsewhere = listen(&there, "a.b").await;
        for (bus, text) in [(&here, "one"), (&there, "two")] {
            bus.publish(&topic("a"), hint(text)).expect("it fits");
            for subscription in [&mut first, &mut second, &mut third] {
                assert_eq!(next(subscription).await, Message::Hint(hint(text)));
            }
        }
        here.publish(&topic("a.b"), hint("three")).expect("it fits");
        assert_eq!(next(&mut elsewhere).await, Message::Hint(hint("three")));
        let health = here.health();
        assert!(health.is_connected, "{health:?}");
        assert_eq!((health.dropped_total, health.reconnects_total), (0, 0));
        assert_eq!(health.last_error, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_keep_their_bytes_and_their_order() {
    for server in Server::all() {
        let supervisor = Supervisor::default();
        let bus = server.bus(Limits::default(), &supervisor);
        let mut subscription = listen(&bus, "a").await;
        let sizes = [0, 1, 65_536, 3];
        let hints: Vec<Bytes> = (0_u8..)
            .zip(sizes)
            .map(|(byte, len)| Bytes::from(vec![byte.wrapping_sub(2); len]))
            .collect();
        for hint in &hints {
            bus.publish(&topic("a"), hint.clone()).expect("it fits");
        }
        for hint in hints {
            assert_eq!(next(&mut subscription).await, Message::Hint(hint));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_prefix_is_another_bus() {
    for server in Server::remote() {
        let supervisor = Supervisor::default();
        let here = server.bus(Limits::default(), &supervisor);
        let other = Bus::connect(
            &server.url(),
            &topic("test.one1"),
            Limits::default(),
            &supervisor,
        )
        .expect("the address is right");
        let mut subscription = listen(&here, "a").await;
        let mut outside = listen(&other, "a").await;
        other.publish(&topic("a"), hint("theirs")).expect("it fits");
        assert_eq!(next(&mut outside).await, Message::Hint(hint("theirs")));
        here.publish(&topic("a"), hint("ours")).expect("it fits");
        assert_eq!(next(&mut subscription).await, Message::Hint(hint("ours")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_is_too_slow_is_told() {
    for server in Server::all() {
        let supervisor = Supervisor::default();
        let limits = Limits {
            queue_len_max: 8,
            ..Limits::default()
        };
        let bus = server.bus(limits, &supervisor);
        let mut slow = listen(&bus, "a").await;
        let mut quick = listen(&bus, "a").await;
        for number in 0..20 {
            let hint = hint(&number.to_string());
            bus.publish(&topic("a"), hint.clone()).expect("it fits");
            assert_eq!(next(&mut quick).await, Message::Hint(hint));
        }
        assert_eq!(next(&mut slow).await, Message::Lagged(12));
        for number in 12..20 {
            let expected = Message::Hint(hint(&number.to_string()));
            assert_eq!(next(&mut slow).await, expected);
        }
        assert_eq!(bus.health().dropped_total, 12);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_on_both_sides_of_the_edge() {
    for server in Server::all() {
        let supervisor = Supervisor::default();
        let limits = Limits {
            message_bytes_max: 4,
            subscriptions_max: 2,
            ..Limits::default()
        };
        let bus = server.bus(limits, &supervisor);
        let mut first = listen(&bus, "a").await;
        let second = listen(&bus, "b").await;
        let error = bus.subscribe(&topic("a")).expect_err("there are enough");
        assert_eq!(
            error,
            SubscribeError::TooMany {
                subscriptions_max: 2
            }
        );
        drop(second);
        let mut again = listen(&bus, "c").await;
        let error = bus.publish(&topic("c"), hint("12345"));
        assert_eq!(
            error,
            Err(PublishError::TooLarge {
                bytes: 5,
                bytes_max: 4
            })
        );
        bus.publish(&topic("c"), hint("1234")).expect("it fits");
        assert_eq!(next(&mut again).await, Message::Hint(hint("1234")));

        if bus.health().backend != Backend::Memory {
            let careless = server.bus(Limits::default(), &supervisor);
            careless
                .publish(&topic("a"), hint("12345"))
                .expect("it fits there");
            assert_eq!(next(&mut first).await, Message::Lagged(0));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_can_be_left_and_listened_to_again() {
    for server in Server::all() {
        let supervisor = Supervisor::default();
        let bus = server.bus(Limits::default(), &supervisor);
        for round in 0..20 {
            let mut subscription = listen(&bus, "a").await;
            let hint = hint(&round.to_string());
            bus.publish(&topic("a"), hint.clone()).expect("it fits");
            assert_eq!(next(&mut subscription).await, Message::Hint(hint));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_ends_with_its_last_user_or_with_the_process() {
    for server in Server::remote() {
        let supervisor = Supervisor::default();
        let running = || {
            let tasks = supervisor.tasks();
            let busy = tasks.iter().filter(|task| task.ended.is_none());
            busy.count()
        };
        let bus = server.bus(Limits::default(), &supervisor);
        let subscription = listen(&bus, "a").await;
        drop(bus.clone());
        drop(bus);
        assert_eq!(running(), 1);
        drop(subscription);
        let mut ticks = time::interval(Duration::from_millis(5));
        let ended = async {
            while running() > 0 {
                ticks.tick().await;
            }
        };
        time::timeout(DEADLINE, ended).await.expect("it ends");

        let bus = server.bus(Limits::default(), &supervisor);
        let subscription = listen(&bus, "a").await;
        supervisor.shutdown().request();
        let report = supervisor.run().await.expect("signals are heard");
        assert_eq!(report.stragglers, Vec::<String>::new());
        drop(subscription);
    }
}
