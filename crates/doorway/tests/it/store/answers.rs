//! All that can be asked of a store, as lines that two stores can be compared by.

use std::collections::BTreeSet;
use std::fmt::Debug;

use chain::{AgentPubKey, record};
use doorway::store::{ListQuery, ProjectionStore, SearchQuery, Sight, VersionRow, Wanted};
use doorway_core::address::Address;

/// What to ask about.
#[derive(Default)]
pub(super) struct Topics {
    pub(super) agents: Vec<AgentPubKey>,
    pub(super) items: BTreeSet<String>,
    pub(super) hashes: BTreeSet<String>,
    pub(super) addresses: BTreeSet<Address>,
    pub(super) texts: Vec<&'static str>,
}

const KINDS: [&str; 4] = ["content", "path", "blob-manifest", "profile"];

/// Asks everything.
pub(super) async fn answers(store: &dyn ProjectionStore, topics: &Topics) -> Vec<String> {
    let mut lines = Vec::new();
    for sight in sights(topics) {
        one_item(store, topics, &sight, &mut lines).await;
        lists(store, topics, &sight, &mut lines).await;
        words(store, topics, &sight, &mut lines).await;
    }
    histories(store, topics, &mut lines).await;
    log(store, &mut lines).await;
    lines
}

/// Somebody without a token, a stranger, a member, and each author as a member and not.
fn sights(topics: &Topics) -> Vec<Sight> {
    let stranger = |is_member| Sight {
        key: Some("somebody".to_owned()),
        is_member,
    };
    let mut sights = vec![Sight::ANONYMOUS, stranger(false), stranger(true)];
    for (place, agent) in topics.agents.iter().enumerate() {
        sights.push(Sight {
            key: Some(agent.to_string()),
            is_member: place % 2 == 0,
        });
    }
    sights
}

fn say(lines: &mut Vec<String>, question: impl Debug, sight: &Sight, answer: impl Debug) {
    lines.push(format!("{question:?} {sight:?}: {answer:?}"));
}

async fn one_item(
    store: &dyn ProjectionStore,
    topics: &Topics,
    sight: &Sight,
    lines: &mut Vec<String>,
) {
    let mut all: Vec<Wanted> = topics.items.iter().cloned().map(Wanted::Id).collect();
    for Address { kind, course, slug } in &topics.addresses {
        let authors = topics.agents.iter().map(ToString::to_string);
        all.extend(authors.chain([String::new()]).map(|author| Wanted::Place {
            kind,
            course: course.clone(),
            slug: slug.clone(),
            author,
        }));
    }
    all.extend(
        topics
            .agents
            .iter()
            .map(|agent| Wanted::Profile(agent.to_string())),
    );
    for wanted in all {
        let found = store.find(wanted.clone(), sight).await.unwrap();
        say(lines, wanted, sight, found);
    }
}

async fn lists(
    store: &dyn ProjectionStore,
    topics: &Topics,
    sight: &Sight,
    lines: &mut Vec<String>,
) {
    let authors: Vec<String> = topics.agents.iter().map(ToString::to_string).collect();
    let courses: BTreeSet<&str> = topics
        .addresses
        .iter()
        .map(|one| one.course.as_str())
        .collect();
    for kind in KINDS {
        for author in authors.iter().map(Some).chain([None]) {
            for course in courses.iter().map(Some).chain([None]) {
                let query = ListQuery {
                    kind: kind.to_owned(),
                    author: author.cloned(),
                    course: course.map(ToString::to_string),
                    after: None,
                    limit: 3,
                };
                let found = walk(store, query.clone(), sight).await;
                say(lines, query, sight, found);
            }
        }
    }
    for course in courses {
        for author in &authors {
            let found = store.pages_of(course, author, sight).await.unwrap();
            say(lines, ("pages of", course, author), sight, found);
        }
    }
}

/// All pages of a list, by the cursors that they end with.
async fn walk(store: &dyn ProjectionStore, mut query: ListQuery, sight: &Sight) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let mut rows = store.list(query.clone(), sight).await.unwrap();
        let limit = query.limit as usize;
        assert!(rows.len() <= limit + 1);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        seen.extend(rows.iter().map(|row| row.id.clone()));
        match rows.last() {
            Some(last) if has_more => query.after = Some((last.changed_at_us, last.id.clone())),
            _ => return seen,
        }
    }
}

async fn words(
    store: &dyn ProjectionStore,
    topics: &Topics,
    sight: &Sight,
    lines: &mut Vec<String>,
) {
    for text in &topics.texts {
        let query = |offset, limit| SearchQuery {
            text: (*text).to_owned(),
            offset,
            limit,
        };
        let all = store.search(query(0, 1_000), sight).await.unwrap();
        let ids: BTreeSet<String> = all.hits.iter().map(|(row, _)| row.id.clone()).collect();
        assert_eq!(ids.len(), all.hits.len(), "{text:?}");
        // Pages of two are the same hits in the same order.
        let mut paged = Vec::new();
        for offset in (0..all.total).step_by(2) {
            let page = store.search(query(offset, 2), sight).await.unwrap();
            assert_eq!(page.total, all.total, "{text:?}");
            paged.extend(page.hits);
        }
        assert_eq!(paged, all.hits, "{text:?}");
        say(lines, text, sight, (all.total, ids));
    }
}

fn told(version: &VersionRow) -> String {
    let record = version.record.as_ref().map(|record| {
        let entry = record::present(record).map(record::entry_bytes);
        let entry = entry.map(|bytes| base::ContentHash::of(&bytes));
        (record.action_address().to_string(), entry)
    });
    let VersionRow {
        change,
        seq,
        hash,
        at_us,
        ..
    } = version;
    format!("{change} {seq} {hash} {at_us} {record:?}")
}

async fn histories(store: &dyn ProjectionStore, topics: &Topics, lines: &mut Vec<String>) {
    for id in &topics.items {
        let versions = store.versions(id).await.unwrap();
        for version in &versions {
            let one = store.version(id, version.seq).await.unwrap().unwrap();
            assert_eq!(told(&one), told(version));
        }
        assert!(store.version(id, 1_000_000).await.unwrap().is_none());
        let versions: Vec<String> = versions.iter().map(told).collect();
        lines.push(format!("versions of {id}: {versions:?}"));
    }
    for hash in &topics.hashes {
        let names = store.names_of(hash).await.unwrap();
        lines.push(format!("names of {hash}: {names:?}"));
    }
    for address in &topics.addresses {
        let claimants = store.claimants(address).await.unwrap();
        lines.push(format!("claimants of {address:?}: {claimants:?}"));
    }
    for agent in &topics.agents {
        let cursor = store.cursor(agent).await.unwrap();
        lines.push(format!("cursor of {agent}: {cursor:?}"));
        let (mut records, mut after) = (Vec::new(), None);
        loop {
            let page = store.chain(agent, after, 5).await.unwrap();
            assert_eq!(page.cursor, cursor);
            let Some(last) = page.records.last() else {
                break;
            };
            after = Some(last.action().action_seq());
            records.extend(page.records);
        }
        let seqs = records.iter().map(|record| record.action().action_seq());
        assert!(seqs.eq(0..=cursor.map_or(0, |cursor| cursor.seq)) || records.is_empty());
        let digest = base::ContentHash::of(format!("{records:?}").as_bytes());
        lines.push(format!("chain of {agent}: {} {digest}", records.len()));
    }
}

async fn log(store: &dyn ProjectionStore, lines: &mut Vec<String>) {
    let mut cursors = store.cursors().await.unwrap();
    cursors.sort_by_key(|(agent, _)| agent.to_string());
    lines.push(format!("cursors: {cursors:?}"));
    let (mut events, mut after) = (Vec::new(), 0);
    while let Some(last) = {
        let page = store.events(after, 7).await.unwrap();
        events.extend(page.iter().cloned());
        page.last().map(|event| event.number)
    } {
        after = last;
    }
    let numbers = events.iter().map(|event| event.number);
    assert!(numbers.eq(1..=events.len() as u64), "events have gaps");
    let ends = store.log_ends().await.unwrap();
    assert_eq!((ends.oldest, ends.newest), (1, events.len() as u64));
    lines.extend(events.iter().map(|event| format!("{event:?}")));
}
