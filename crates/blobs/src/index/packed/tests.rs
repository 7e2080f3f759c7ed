//! Blocks against a map, and every flipped bit of a block.

use std::collections::BTreeMap;

use proptest::prelude::*;
use redb::backends::InMemoryBackend;
use redb::{Database, ReadableDatabase as _};

use super::*;

const TABLE: Packed<4> = TableDefinition::new("rows");

type Model = BTreeMap<[u8; 4], Vec<u8>>;
type Change = ([u8; 4], Option<Vec<u8>>);

/// Brings rows in as they are, and compares what they replace with a map.
struct Plain<'a>(&'a Model);

impl Changes<Change> for Plain<'_> {
    fn write(&self, (_, row): &Change, out: &mut Writer) -> bool {
        out.0.extend_from_slice(row.as_deref().unwrap_or_default());
        row.is_some()
    }

    fn replaced(&mut self, (key, _): &Change, before: Option<&[u8]>) {
        assert_eq!(before, self.0.get(key).map(Vec::as_slice));
    }
}

fn database() -> Database {
    Database::builder()
        .create_with_backend(InMemoryBackend::new())
        .unwrap()
}

fn bring_in(database: &Database, model: &mut Model, changes: &BTreeMap<[u8; 4], Option<Vec<u8>>>) {
    let transaction = database.begin_write().unwrap();
    {
        let mut table = transaction.open_table(TABLE).unwrap();
        let changed: Vec<Change> = changes.clone().into_iter().collect();
        merge(&mut table, &changed, |(key, _)| *key, &mut Plain(model)).unwrap();
    }
    transaction.commit().unwrap();
    for (key, row) in changes {
        match row {
            Some(row) => model.insert(*key, row.clone()),
            None => model.remove(key),
        };
    }
}

fn check(database: &Database, model: &Model, keys: &[[u8; 4]]) {
    let transaction = database.begin_read().unwrap();
    let table = transaction.open_table(TABLE).unwrap();
    let own = |row: &mut Reader<'_>| Some(row.0.to_vec());
    for key in keys {
        assert_eq!(get(&table, key, own).unwrap(), model.get(key).cloned());
        let mut rows = Vec::new();
        each(&table, key, |key, row| {
            rows.push((*key, row.0.to_vec()));
            Some(match rows.len() < 100 {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            })
        })
        .unwrap();
        let expect = model.range(*key..).take(100);
        assert!(
            rows.into_iter()
                .eq(expect.map(|(key, row)| (*key, row.clone())))
        );
        let mut rows = Vec::new();
        each_before(&table, key, |key, row| {
            rows.push((*key, row.0.to_vec()));
            Some(match rows.len() < 100 {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            })
        })
        .unwrap();
        let expect = model.range(..*key).rev().take(100);
        assert!(
            rows.into_iter()
                .eq(expect.map(|(key, row)| (*key, row.clone())))
        );
    }
    let mut all = Model::new();
    each(&table, &[0; 4], |key, row| {
        assert!(all.insert(*key, row.0.to_vec()).is_none());
        Some(ControlFlow::Continue(()))
    })
    .unwrap();
    assert!(all == *model);
    for (index, block) in table.range::<&[u8; 4]>(..).unwrap().enumerate() {
        let (from, block) = block.unwrap();
        assert!(block.value().len() <= BLOCK_BYTES_MAX && block.value().len() > SUM_BYTES);
        assert!(index > 0 || *from.value() == [0; 4]);
    }
}

fn key() -> impl Strategy<Value = [u8; 4]> {
    // Many near each other, so that blocks are full, split, and emptied.
    (0..3_u8, 0..200_u8).prop_map(|(high, low)| [high * 120, 0, 0, low])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn behaves_like_a_map(
        rounds in prop::collection::vec(
            (
                prop::collection::btree_map(
                    key(),
                    prop::option::weighted(0.7, prop::collection::vec(any::<u8>(), 0..120)),
                    0..300,
                ),
                // Sometimes everything of a range goes.
                any::<Option<[u8; 1]>>(),
            ),
            1..6,
        ),
        asked in prop::collection::vec(key(), 20),
    ) {
        let database = database();
        let mut model = Model::new();
        for (mut changes, swept) in rounds {
            if let Some([high]) = swept {
                let gone: Vec<_> = model.keys().filter(|key| key[0] >= high).copied().collect();
                changes.extend(gone.into_iter().map(|key| (key, None)));
            }
            bring_in(&database, &mut model, &changes);
            check(&database, &model, &asked);
        }
    }
}

#[test]
fn a_block_that_was_changed_or_lies_elsewhere_is_none() {
    let database = database();
    let rows = (0..9).map(|number| ([0, 0, 0, number], Some(vec![number; 9])));
    bring_in(&database, &mut Model::new(), &rows.collect());
    let transaction = database.begin_read().unwrap();
    let table = transaction.open_table(TABLE).unwrap();
    let block = table.get(&[0; 4]).unwrap().unwrap().value().to_vec();
    assert!(Entries::open(&[0; 4], &block).is_some());
    assert!(Entries::open(&[0, 0, 0, 1], &block).is_none());
    for place in 0..block.len() {
        for bit in 0..8 {
            let mut flipped = block.clone();
            flipped[place] ^= 1 << bit;
            assert!(Entries::open(&[0; 4], &flipped).is_none(), "{place} {bit}");
        }
    }
}
