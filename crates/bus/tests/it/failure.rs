//! What holds when the server is away, silent, or keeps its door shut.

use base::Code;

use super::*;

/// Limits under which a failure is noticed soon.
fn impatient() -> Limits {
    Limits {
        ping_ms: 100,
        retry_ms_min: 10,
        retry_ms_max: 200,
        ..Limits::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_everybody_is_told_and_hints_come_again() {
    for mut server in Server::remote() {
        let supervisor = Supervisor::default();
        let narrow = Limits {
            queue_len_max: 8,
            ..impatient()
        };
        let here = server.bus(narrow, &supervisor);
        let there = server.bus(impatient(), &supervisor);
        let mut near = listen(&here, "a").await;
        let mut far = listen(&there, "a").await;
        for round in 0..3 {
            server.stop();
            let health = until(&here, |health| !health.is_connected).await;
            let error = health.last_error.expect("it is told");
            assert_eq!(error.code, Code::BusUnreachable);
            until(&there, |health| !health.is_connected).await;

            // Nobody waits, and the oldest go.
            let dropped = here.health().dropped_total;
            for number in 0..20 {
                let late = hint(&format!("late {number}"));
                here.publish(&topic("a"), late).expect("it fits");
            }
            // One more waits when the server was killed before it could answer the last one.
            let dropped = here.health().dropped_total - dropped;
            assert!((12..=13).contains(&dropped), "{dropped}");

            server.restart();
            // Its own subscriptions stand before a bus sends what waited, eight hints. They and the first message are
            // one more than fits, if nobody reads in the meantime.
            let first = next(&mut near).await;
            assert!(matches!(first, Message::Lagged(_)), "{first:?}");
            for number in 12..20 {
                let late = hint(&format!("late {number}"));
                assert_eq!(next(&mut near).await, Message::Hint(late));
            }
            let first = next(&mut far).await;
            assert!(matches!(first, Message::Lagged(_)), "{first:?}");
            let last = hint(&format!("last of {round}"));
            here.publish(&topic("a"), last.clone()).expect("it fits");
            assert_eq!(next(&mut near).await, Message::Hint(last.clone()));
            // Some of those that waited may have come to the other bus, too.
            while next(&mut far).await != Message::Hint(last.clone()) {}
        }
        let health = here.health();
        assert!(
            health.is_connected && health.reconnects_total >= 3,
            "{health:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_at_start_is_no_error() {
    for mut server in Server::remote() {
        server.stop();
        let supervisor = Supervisor::default();
        let bus = server.bus(impatient(), &supervisor);
        let mut subscription = bus.subscribe(&topic("a")).expect("a place");
        bus.publish(&topic("a"), hint("early")).expect("it fits");
        let health = until(&bus, |health| health.last_error.is_some()).await;
        assert!(!health.is_connected, "{health:?}");
        assert_eq!(health.reconnects_total, 0);
        server.restart();
        assert_eq!(next(&mut subscription).await, Message::Lagged(0));
        assert_eq!(next(&mut subscription).await, Message::Hint(hint("early")));
        assert_eq!(bus.health().reconnects_total, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_is_noticed() {
    for mut server in Server::remote() {
        let supervisor = Supervisor::default();
        let limits = Limits {
            answer_ms_max: 1_000,
            ..impatient()
        };
        let bus = server.bus(limits, &supervisor);
        let mut subscription = listen(&bus, "a").await;
        server.pause();
        let health = until(&bus, |health| !health.is_connected).await;
        assert!(health.last_error.is_some());
        server.resume();
        let mut hints = 0;
        while hints == 0 {
            match next(&mut subscription).await {
                // On a busy machine it may seem silent once more.
                Message::Lagged(_) => bus.publish(&topic("a"), hint("back")).expect("it fits"),
                Message::Hint(_) => hints += 1,
            }
        }
        assert!(bus.health().reconnects_total > 0);
    }
}

/// Checks that `right` opens the door, that `wrong` does not, and that neither is shown.
async fn check_door(right: &str, wrong: &str) {
    let supervisor = Supervisor::default();
    let bus = open(right, impatient(), &supervisor);
    let mut subscription = listen(&bus, "a").await;
    bus.publish(&topic("a"), hint("in")).expect("it fits");
    assert_eq!(next(&mut subscription).await, Message::Hint(hint("in")));
    assert!(!format!("{bus:?} {subscription:?}").contains("se@same"));

    let refused = open(wrong, impatient(), &supervisor);
    let health = until(&refused, |health| health.last_error.is_some()).await;
    assert!(!health.is_connected, "{health:?}");
    assert!(!format!("{refused:?} {health:?}").contains("mustard"));
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_wants_its_password() {
    let server = Redis::start_with(&["--requirepass", "se@same"]).expect("it starts");
    if let Some(server) = server {
        let port = server.port();
        check_door(
            &format!("redis://:se%40same@127.0.0.1:{port}/2"),
            &format!("redis://:mustard@127.0.0.1:{port}"),
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_wants_its_user_or_its_token() {
    let server = Nats::start_with(&["--user", "ann", "--pass", "se@same"]).expect("it starts");
    if let Some(server) = server {
        let port = server.port();
        check_door(
            &format!("nats://ann:se%40same@127.0.0.1:{port}"),
            &format!("nats://ann:mustard@127.0.0.1:{port}"),
        )
        .await;
    }
    let server = Nats::start_with(&["--auth", "se@same"]).expect("it starts");
    if let Some(server) = server {
        let port = server.port();
        check_door(
            &format!("nats://se%40same@127.0.0.1:{port}"),
            &format!("nats://mustard@127.0.0.1:{port}"),
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_that_refuses_a_topic_goes_on_with_the_others() {
    let rules = "--user default on nopass ~* resetchannels &test.one.a* +@all";
    let arguments: Vec<&str> = rules.split(' ').collect();
    let server = Redis::start_with(&arguments).expect("it starts");
    let Some(server) = server else {
        return;
    };
    let supervisor = Supervisor::default();
    let bus = open(&server.url(), impatient(), &supervisor);
    let mut subscription = listen(&bus, "a").await;
    bus.publish(&topic("b"), hint("no")).expect("it fits");
    bus.publish(&topic("a"), hint("yes")).expect("it fits");
    assert_eq!(next(&mut subscription).await, Message::Hint(hint("yes")));
    let health = until(&bus, |health| health.dropped_total > 0).await;
    assert_eq!((health.dropped_total, health.reconnects_total), (1, 0));
    let error = health.last_error.expect("it is told");
    assert!(
        error.detail.contains("NOPERM") || error.detail.contains("permission"),
        "{error}"
    );
}

#[tokio::test]
async fn a_malformed_address_is_a_fault_of_the_configuration() {
    let supervisor = Supervisor::default();
    for url in ["http://h", "redis://", "nats://h/path", "nonsense"] {
        let problem = Bus::connect(url, &topic("test"), Limits::default(), &supervisor)
            .expect_err("it is malformed");
        assert_eq!(problem.code, Code::Config, "{url}");
    }
    assert!(supervisor.tasks().is_empty());
}
