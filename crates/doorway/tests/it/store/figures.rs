//! How long it takes to store a big course. Only what is stored is checked; the time is printed.

use std::time::Instant;

use base::Reach;
use chain::record;
use doorway::store::{Applied, ListQuery, Sight};
use doorway_core::projector::{Batch, Change, Cursor, Version};

use super::stage::{acquire, apply, stages};
use crate::harness::{Person, page};

const PAGES: usize = 2_000;
const BODY_BYTES: usize = 4_096;
const BATCH_LEN: usize = 256;

/// Words that differ from page to page.
fn body(number: usize) -> String {
    let mut body = String::new();
    let mut word = number;
    while body.len() < BODY_BYTES {
        word = word.wrapping_mul(31).wrapping_add(7) % 20_011;
        body.push_str(&format!("word{word} "));
    }
    body
}

/// A chain of pages in batches.
fn batches() -> Vec<Batch> {
    let mut ana = Person::new(1);
    let mut changes = Vec::new();
    for number in 0..PAGES {
        let content = page(&format!("p{number}"), &body(number), Reach::Commons);
        ana.create(&content);
        let record = ana.chain.last().unwrap();
        let action = record.action_address().clone();
        changes.push(Change::Put(Box::new(Version {
            item: action.clone(),
            action,
            seq: record.action().action_seq(),
            author: ana.key().clone(),
            at: record::timestamp(record),
            is_first: true,
            content,
            spilled: None,
        })));
    }
    let mut after = None;
    let batches = ana.chain.chunks(BATCH_LEN).map(|records| {
        let last = records.last().unwrap();
        let cursor = Cursor {
            seq: last.action().action_seq(),
            hash: last.action_address().clone(),
            timestamp: record::timestamp(last),
            is_closed: false,
        };
        let is_here = |change: &&Change| {
            after.is_none_or(|after| after < change.seq()) && change.seq() <= cursor.seq
        };
        Batch {
            agent: ana.key().clone(),
            changes: changes.iter().filter(is_here).cloned().collect(),
            records: records.to_vec(),
            after: after.replace(cursor.seq),
            cursor,
        }
    });
    batches.collect()
}

#[tokio::test]
async fn two_thousand_pages_are_stored_in_a_few_batches() {
    let batches = batches();
    for stage in stages().await {
        let store = stage.store.as_ref();
        acquire(store, "a").await;
        let began = Instant::now();
        for batch in &batches {
            let applied = apply(store, 1, batch.clone()).await.unwrap();
            assert!(matches!(applied, Applied::Stored { .. }), "{applied:?}");
        }
        let took = began.elapsed();
        println!(
            "{}: {PAGES} pages of {BODY_BYTES} bytes in {} batches: {} ms",
            stage.name,
            batches.len(),
            took.as_millis()
        );
        let query = ListQuery {
            kind: "content".to_owned(),
            limit: 10_000,
            ..ListQuery::default()
        };
        let rows = store.list(query, &Sight::ANONYMOUS).await.unwrap();
        assert_eq!(rows.len(), PAGES, "{}", stage.name);
        store.close().await.unwrap();
    }
}
