//! The lease in a store: the core's table decides, whoever asks at the same time.

use base::{Duration, Reach};
use doorway::store::{ProjectionStore, StoreError};
use doorway_core::lease::{Epoch, GrantTable, HolderId, Reply, Request};
use futures::future::join_all;

use super::history::Dice;
use super::stage::{acquire, apply, stages};
use super::{batch, held};
use crate::harness::{Person, page};

const HOUR: Duration = Duration::from_secs(3_600);

fn holder(name: usize) -> HolderId {
    HolderId(format!("process {name}"))
}

/// A question that any of three processes may ask, with an epoch that may be old.
fn request(dice: &mut Dice, epoch: u64) -> Request {
    let holder = holder(dice.below(3));
    // Times so long or short that the clocks of the stores do not matter.
    let ttl = if dice.below(4) == 0 {
        Duration::ZERO
    } else {
        HOUR
    };
    let epoch = Epoch(epoch.saturating_sub(dice.below(2) as u64));
    match dice.below(8) {
        0..=2 => Request::TryAcquire { holder, ttl },
        3 | 4 => Request::Renew { holder, epoch, ttl },
        5 | 6 => Request::Release { holder, epoch },
        _ => Request::Check { epoch },
    }
}

/// Leaves out how long a grant lasts still, which the clock of the store decides.
fn timeless(reply: Reply) -> Reply {
    match reply {
        Reply::Denied { holder, epoch, .. } => Reply::Denied {
            holder,
            epoch,
            remaining: Duration::ZERO,
        },
        other => other,
    }
}

#[tokio::test]
async fn a_store_decides_about_its_lease_as_the_core_does() {
    for stage in stages().await {
        let (mut table, mut dice) = (GrantTable::default(), Dice(5));
        for step in 0..200 {
            let request = request(&mut dice, table.epoch().0);
            let now = base::Timestamp::from_secs(1_700_000_000 + step);
            let expected = timeless(table.apply(now, &request));
            let reply = stage.store.lease(request.clone()).await.unwrap();
            assert_eq!(
                timeless(reply),
                expected,
                "{} {step} {request:?}",
                stage.name
            );
        }
        assert!(table.epoch().0 > 10);
        stage.store.close().await.unwrap();
    }
}

#[tokio::test]
async fn one_of_many_who_ask_at_once_gets_the_grant() {
    for stage in stages().await {
        for round in 1..=5 {
            let asking = (0..12).map(|name| {
                let holder = holder(name);
                stage.store.lease(Request::TryAcquire { holder, ttl: HOUR })
            });
            let replies = join_all(asking).await;
            let mut granted = None;
            for (name, reply) in replies.iter().enumerate() {
                if let Reply::Granted { epoch, .. } = reply.as_ref().unwrap() {
                    assert_eq!((granted, epoch.0), (None, round), "{}", stage.name);
                    granted = Some(name);
                }
            }
            let holder = holder(granted.unwrap());
            let denied = replies.iter().filter(|reply| {
                matches!(reply, Ok(Reply::Denied { holder: Some(other), .. }) if *other == holder)
            });
            assert_eq!(denied.count(), 11, "{}", stage.name);
            let epoch = Epoch(round);
            let release = Request::Release { holder, epoch };
            assert_eq!(stage.store.lease(release).await.unwrap(), Reply::Released);
        }
        stage.store.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_batch_under_an_old_epoch_changes_nothing() {
    for stage in stages().await {
        old_epochs_change_nothing(stage.store.as_ref()).await;
        stage.store.close().await.unwrap();
    }
}

async fn old_epochs_change_nothing(store: &dyn ProjectionStore) {
    let mut ana = Person::new(1);
    let item = page("bread", "a loaf", Reach::Commons);
    ana.create(&item);
    let id = ana.chain[4].action_address().clone();
    let first = || batch(&ana, None, 4, item.clone());
    let before = held(store, &id).await;

    let refused = apply(store, 0, first()).await;
    let is_nobodys =
        matches!(&refused, Err(StoreError::Fenced { holder, epoch: 0 }) if holder.is_empty());
    assert!(is_nobodys, "{refused:?}");
    assert_eq!(acquire(store, "a").await, 1);
    let release = Request::Release {
        holder: HolderId("a".to_owned()),
        epoch: Epoch(1),
    };
    store.lease(release).await.unwrap();
    assert_eq!(acquire(store, "b").await, 2);
    for epoch in [0, 1, 3] {
        let refused = apply(store, epoch, first()).await;
        let is_b =
            matches!(&refused, Err(StoreError::Fenced { holder, epoch: 2 }) if holder == "b");
        assert!(is_b, "{refused:?}");
        assert_eq!(held(store, &id).await, before, "{epoch}");
    }
    apply(store, 2, first()).await.unwrap();
    assert_ne!(held(store, &id).await, before);
}
