//! Random histories, applied to every store: the same results batch by batch, and the same answers to everything.

use doorway::store::{Applied, Introduction, StoreError};

use super::answers::answers;
use super::history::History;
use super::stage::{Stage, acquire, stages};

#[tokio::test]
async fn every_store_gives_the_same_answers() {
    for seed in [11, 12, 13] {
        let stages = stages().await;
        for stage in &stages {
            assert_eq!(acquire(stage.store.as_ref(), "a").await, 1);
        }
        let mut history = History::new(seed, 3, 80);
        let mut batches = 0;
        while let Some(apply) = history.next(1) {
            let mut results = Vec::new();
            for stage in &stages {
                let result = stage.store.apply(apply.clone()).await.unwrap();
                assert!(
                    matches!(result, Applied::Stored { .. }),
                    "{} {result:?}",
                    stage.name
                );
                results.push(result);
                if history.dice.below(4) == 0 {
                    refuse_what_is_wrong(stage, &apply).await;
                }
            }
            for (stage, result) in stages.iter().zip(&results) {
                assert_eq!(*result, results[0], "seed {seed}, {}", stage.name);
            }
            batches += 1;
            if batches == 12 {
                compare(&stages, &history, seed).await;
            }
        }
        compare(&stages, &history, seed).await;
        for stage in &stages {
            assert_eq!(stage.store.log_ends().await.unwrap().newest, batches);
            stage.store.close().await.unwrap();
        }
    }
}

/// The same batch again, and one under another epoch.
async fn refuse_what_is_wrong(stage: &Stage, apply: &doorway::store::Apply) {
    let again = stage.store.apply(apply.clone()).await.unwrap();
    let stands = Applied::Elsewhere(Some(apply.batch.cursor.clone()));
    assert_eq!(again, stands, "{}", stage.name);
    let mut foreign = apply.clone();
    foreign.epoch += 1;
    foreign.batch.after = Some(apply.batch.cursor.seq);
    let refused = stage.store.apply(foreign).await;
    let is_fenced =
        matches!(&refused, Err(StoreError::Fenced { holder, epoch: 1 }) if holder == "a");
    assert!(is_fenced, "{} {refused:?}", stage.name);
}

async fn compare(stages: &[Stage], history: &History, seed: u64) {
    let expected = answers(stages[0].store.as_ref(), &history.topics).await;
    assert!(expected.len() > 100);
    for stage in &stages[1..] {
        let found = answers(stage.store.as_ref(), &history.topics).await;
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "seed {seed}, {}", stage.name);
        }
    }
}

#[tokio::test]
async fn a_store_belongs_to_one_community() {
    for stage in stages().await {
        let store = stage.store.as_ref();
        assert_eq!(store.introduction().await.unwrap(), None);
        let mut ours = Introduction {
            name: "Bakers".to_owned(),
            network_seed: "seed".to_owned(),
            origin: "http://a.test".to_owned(),
        };
        store.introduce(&ours).await.unwrap();
        ours.origin = "http://b.test".to_owned();
        store.introduce(&ours).await.unwrap();
        let theirs = Introduction {
            network_seed: "another seed".to_owned(),
            ..ours.clone()
        };
        let refused = store.introduce(&theirs).await;
        assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
        assert_eq!(store.introduction().await.unwrap(), Some(ours));
        store.close().await.unwrap();
    }
}
