//! The naive store: everything in lists, every question answered by looking at all of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use api::{DbSchemaView, SCHEMA_VERSION};
use base::{Reach, Timestamp};
use chain::{AgentPubKey, Item, Record};
use doorway::store::{
    Applied, Apply, ChainRows, Claimant, Found, Introduction, ListQuery, LogEnds, Named,
    ProjectionStore, Reply, Row, SearchQuery, Sight, StoreError, StoreHealth, VersionRow, Wanted,
};
use doorway_core::address::Address;
use doorway_core::event::{self, Event};
use doorway_core::lease::{self, Epoch, GrantTable, Request};
use doorway_core::projector::{Change, Cursor, Known, Merge, Version, merge};

/// A store without a file.
#[derive(Default)]
pub(super) struct Naive(Mutex<State>);

#[derive(Default)]
struct State {
    grant: GrantTable,
    asked: i64,
    cursors: BTreeMap<String, (AgentPubKey, Cursor)>,
    items: Vec<Kept>,
    records: Vec<Record>,
    claims: BTreeMap<(Address, String), u64>,
    events: Vec<Event>,
    introduction: Option<Introduction>,
}

struct Kept {
    row: Row,
    versions: Vec<VersionRow>,
    /// Blobs that held the text of a version, and who could see that version.
    bodies: Vec<(String, Reach)>,
    /// Those that a search compares.
    words: Vec<String>,
}

impl Naive {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn rows(&self, sight: &Sight, is_wanted: impl Fn(&Row) -> bool) -> Vec<Row> {
        let state = self.state();
        let rows = state.items.iter().map(|kept| &kept.row);
        rows.filter(|row| !row.is_withdrawn && sight.admits(row) && is_wanted(row))
            .cloned()
            .collect()
    }
}

fn done<'a, T: Send + 'a>(answer: T) -> Reply<'a, T> {
    Box::pin(async move { Ok(answer) })
}

impl State {
    fn apply(&mut self, apply: Apply) -> Result<Applied, StoreError> {
        if self.grant.check(Epoch(apply.epoch)) != lease::Reply::Accepted {
            let holder = self.grant.holder().map(|holder| holder.0.clone());
            return Err(StoreError::Fenced {
                holder: holder.unwrap_or_default(),
                epoch: self.grant.epoch().0,
            });
        }
        let batch = apply.batch;
        let agent = batch.agent.to_string();
        let cursor = self.cursors.get(&agent).map(|(_, cursor)| cursor.clone());
        if cursor.as_ref().map(|cursor| cursor.seq) != batch.after {
            return Ok(Applied::Elsewhere(cursor));
        }
        self.records.extend(batch.records.iter().cloned());
        for claim in apply.claims {
            let number = self.claims.entry((claim.address, agent.clone()));
            let number = number.or_insert(claim.number);
            *number = claim.number.min(*number);
        }
        let (mut changes, mut skipped) = (Vec::new(), Vec::new());
        for change in &batch.changes {
            let id = change.item().map(ToString::to_string);
            let place = self
                .items
                .iter()
                .position(|kept| Some(&kept.row.id) == id.as_ref());
            let known = place.map(|place| known(&self.items[place]));
            let verdict = merge(known.as_ref(), change);
            changes.extend(event::changed(known.as_ref(), change, verdict));
            if let Merge::Skip(reason) = verdict {
                skipped.push((change.seq(), reason));
            } else {
                self.take(place, change);
            }
        }
        self.cursors
            .insert(agent, (batch.agent.clone(), batch.cursor.clone()));
        let number = self.events.len() as u64 + 1;
        let event = event::of(&batch, number, apply.at, changes);
        self.events.push(event.clone());
        Ok(Applied::Stored { event, skipped })
    }

    fn take(&mut self, place: Option<usize>, change: &Change) {
        match (change, place) {
            (Change::Put(version), None) => self.items.push(Kept {
                row: row(version, version.at),
                versions: vec![self.noted(version, "create")],
                bodies: bodies(version).collect(),
                words: words(&version.content),
            }),
            (Change::Put(version), Some(place)) => {
                let noted = self.noted(version, "update");
                let kept = &mut self.items[place];
                kept.row = row(version, Timestamp(kept.row.created_at_us));
                kept.versions.push(noted);
                kept.bodies.extend(bodies(version));
                kept.words = words(&version.content);
            }
            (
                Change::Withdraw {
                    action, seq, at, ..
                },
                Some(place),
            ) => {
                let kept = &mut self.items[place];
                kept.row.is_withdrawn = true;
                kept.versions.push(VersionRow {
                    change: "delete".to_owned(),
                    seq: *seq,
                    hash: action.to_string(),
                    at_us: at.as_micros(),
                    record: None,
                });
            }
            other => panic!("nothing comes of {other:?}"),
        }
    }

    fn noted(&self, version: &Version, change: &str) -> VersionRow {
        let record = self.records.iter();
        let mut record = record.filter(|record| *record.action_address() == version.action);
        VersionRow {
            change: change.to_owned(),
            seq: version.seq,
            hash: version.action.to_string(),
            at_us: version.at.as_micros(),
            record: record.next().cloned(),
        }
    }
}

fn bodies(version: &Version) -> impl Iterator<Item = (String, Reach)> {
    let hash = version.spilled.as_ref().map(ToString::to_string);
    hash.into_iter().map(|hash| (hash, version.content.reach()))
}

fn known(kept: &Kept) -> Known {
    Known {
        author: AgentPubKey::try_from(kept.row.author.clone()).unwrap(),
        kind: kept.row.kind.clone(),
        seq: kept.versions.last().unwrap().seq,
        is_withdrawn: kept.row.is_withdrawn,
        reach: kept.row.reach,
        course: kept.row.course.clone(),
        slug: kept.row.slug.clone(),
    }
}

fn row(version: &Version, created_at: Timestamp) -> Row {
    let (title, summary, language, licence, tags) = match &version.content {
        Item::Content(page) => (
            &page.title,
            &page.summary,
            &page.language,
            &page.licence,
            &page.tags,
        ),
        Item::Path(path) => (
            &path.title,
            &path.summary,
            &path.language,
            &path.licence,
            &path.tags,
        ),
        Item::BlobManifest(blob) => (
            &blob.name,
            &blob.media_type,
            &String::new(),
            &String::new(),
            &Vec::new(),
        ),
        Item::Profile(profile) => (
            &profile.name,
            &profile.about,
            &String::new(),
            &String::new(),
            &Vec::new(),
        ),
    };
    let (course, slug) = event::place(&version.content);
    Row {
        id: version.item.to_string(),
        kind: version.content.kind().to_owned(),
        author: version.author.to_string(),
        seq: version.seq,
        action: version.action.to_string(),
        reach: version.content.reach(),
        title: title.clone(),
        slug,
        course,
        summary: summary.clone(),
        language: language.clone(),
        licence: licence.clone(),
        tags: tags.clone(),
        created_at_us: created_at.as_micros(),
        changed_at_us: version.at.as_micros(),
        is_withdrawn: false,
    }
}

/// What can be searched, for texts without Markdown.
fn words(item: &Item) -> Vec<String> {
    let text = match item {
        Item::Content(page) => format!("{} {} {}", page.title, page.summary, page.body),
        Item::Path(path) => {
            let tags = path.tags.join(" ");
            format!("{} {} {tags}", path.title, path.summary)
        }
        Item::BlobManifest(_) | Item::Profile(_) => String::new(),
    };
    let mut words = split(&text);
    words.sort();
    words.dedup();
    words
}

/// The words of a text, for the accents that the histories use.
fn split(text: &str) -> Vec<String> {
    let plain = |letter: char| match letter {
        'ä' => 'a',
        'è' | 'é' => 'e',
        'ï' => 'i',
        other => other,
    };
    text.to_lowercase()
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().map(plain).collect())
        .collect()
}

impl ProjectionStore for Naive {
    fn cursors(&self) -> Reply<'_, Vec<(AgentPubKey, Cursor)>> {
        done(self.state().cursors.values().cloned().collect())
    }

    fn cursor<'a>(&'a self, agent: &'a AgentPubKey) -> Reply<'a, Option<Cursor>> {
        let state = self.state();
        let found = state.cursors.get(&agent.to_string());
        done(found.map(|(_, cursor)| cursor.clone()))
    }

    fn apply(&self, apply: Apply) -> Reply<'_, Applied> {
        Box::pin(async move { self.state().apply(apply) })
    }

    fn chain<'a>(
        &'a self,
        agent: &'a AgentPubKey,
        after: Option<u32>,
        limit: u32,
    ) -> Reply<'a, ChainRows> {
        let state = self.state();
        let records = state.records.iter().filter(|record| {
            let action = record.action();
            action.author() == agent && after.is_none_or(|after| after < action.action_seq())
        });
        let cursor = state.cursors.get(&agent.to_string());
        done(ChainRows {
            records: records.take(limit as usize).cloned().collect(),
            cursor: cursor.map(|(_, cursor)| cursor.clone()),
        })
    }

    fn claimants<'a>(&'a self, address: &'a Address) -> Reply<'a, Vec<Claimant>> {
        let state = self.state();
        let claims = state.claims.iter().filter(|((one, _), _)| one == address);
        let mut claimants: Vec<Claimant> = claims
            .map(|((_, agent), number)| Claimant {
                agent: agent.clone(),
                number: *number,
            })
            .collect();
        claimants.sort_by_key(|claimant| (claimant.number, claimant.agent.clone()));
        done(claimants)
    }

    fn names_of<'a>(&'a self, hash: &'a str) -> Reply<'a, Vec<Named>> {
        let state = self.state();
        let mut names = Vec::new();
        for kept in &state.items {
            let row = &kept.row;
            if row.kind == "blob-manifest" && row.slug == hash && !row.is_withdrawn {
                names.push(Named {
                    author: row.author.clone(),
                    reach: row.reach,
                    media_type: row.summary.clone(),
                });
            }
            let bodies = kept.bodies.iter().filter(|(body, _)| body == hash);
            names.extend(bodies.map(|(_, reach)| Named {
                author: row.author.clone(),
                reach: *reach,
                media_type: String::new(),
            }));
        }
        names.sort_by(|a, b| {
            let first = (b.reach, &b.media_type).cmp(&(a.reach, &a.media_type));
            first.then(a.author.cmp(&b.author))
        });
        done(names)
    }

    fn events(&self, after: u64, limit: u32) -> Reply<'_, Vec<Event>> {
        let state = self.state();
        let events = state.events.iter().filter(|event| after < event.number);
        done(events.take(limit as usize).cloned().collect())
    }

    fn log_ends(&self) -> Reply<'_, LogEnds> {
        done(LogEnds {
            log: 1,
            oldest: 1,
            newest: self.state().events.len() as u64,
        })
    }

    fn introduce<'a>(&'a self, introduction: &'a Introduction) -> Reply<'a, ()> {
        let mut state = self.state();
        let known = state.introduction.as_ref();
        if known.is_some_and(|known| known.network_seed != introduction.network_seed) {
            let error = StoreError::Failed("it belongs to another community".to_owned());
            return Box::pin(async move { Err(error) });
        }
        state.introduction = Some(introduction.clone());
        done(())
    }

    fn introduction(&self) -> Reply<'_, Option<Introduction>> {
        done(self.state().introduction.clone())
    }

    fn lease(&self, request: Request) -> Reply<'_, lease::Reply> {
        let mut state = self.state();
        // A clock that moves on by a microsecond with every question.
        state.asked += 1;
        let now = Timestamp::from_secs(1_700_000_000).as_micros() + state.asked;
        done(state.grant.apply(Timestamp(now), &request))
    }

    fn find(&self, wanted: Wanted, sight: &Sight) -> Reply<'_, Option<Row>> {
        let mut rows = self.rows(sight, |row| match &wanted {
            Wanted::Id(id) => row.id == *id,
            Wanted::Place {
                kind,
                course,
                slug,
                author,
            } => {
                let is_there = (row.kind.as_str(), &row.course, &row.slug) == (*kind, course, slug);
                is_there && (author.is_empty() || row.author == *author)
            }
            Wanted::Profile(author) => row.kind == "profile" && row.author == *author,
        });
        match wanted {
            Wanted::Profile(_) => {
                rows.sort_by_key(|row| (std::cmp::Reverse(row.changed_at_us), row.id.clone()));
            }
            Wanted::Id(_) | Wanted::Place { .. } => {
                rows.sort_by_key(|row| (row.created_at_us, row.id.clone()));
            }
        }
        done(rows.into_iter().next())
    }

    fn list(&self, query: ListQuery, sight: &Sight) -> Reply<'_, Vec<Row>> {
        let mut rows = self.rows(sight, |row| {
            let place = (row.changed_at_us, row.id.clone());
            row.kind == query.kind
                && query
                    .author
                    .as_ref()
                    .is_none_or(|author| row.author == *author)
                && query
                    .course
                    .as_ref()
                    .is_none_or(|course| row.course == *course)
                && query.after.as_ref().is_none_or(|after| place < *after)
        });
        rows.sort_by_key(|row| std::cmp::Reverse((row.changed_at_us, row.id.clone())));
        rows.truncate(query.limit as usize + 1);
        done(rows)
    }

    fn search(&self, query: SearchQuery, sight: &Sight) -> Reply<'_, Found> {
        let asked = split(&query.text);
        let state = self.state();
        let found = state.items.iter().filter(|kept| {
            let has = |word: &String| {
                let mut words = kept.words.iter();
                words.any(|found| found.starts_with(word.as_str()))
            };
            let is_visible = !kept.row.is_withdrawn && sight.admits(&kept.row);
            is_visible && !asked.is_empty() && asked.iter().all(has)
        });
        let hits: Vec<_> = found
            .map(|kept| (kept.row.clone(), String::new()))
            .collect();
        let (offset, limit) = (query.offset as usize, query.limit as usize);
        done(Found {
            total: u32::try_from(hits.len()).unwrap(),
            hits: hits.into_iter().skip(offset).take(limit).collect(),
        })
    }

    fn versions(&self, id: &str) -> Reply<'_, Vec<VersionRow>> {
        let state = self.state();
        let mut kept = state.items.iter().filter(|kept| kept.row.id == id);
        done(
            kept.next()
                .map(|kept| kept.versions.clone())
                .unwrap_or_default(),
        )
    }

    fn version(&self, id: &str, seq: u32) -> Reply<'_, Option<VersionRow>> {
        let state = self.state();
        let mut kept = state.items.iter().filter(|kept| kept.row.id == id);
        let versions = kept.next().map(|kept| kept.versions.clone());
        let mut versions = versions.unwrap_or_default().into_iter();
        done(versions.find(|version| version.seq == seq))
    }

    fn pages_of(&self, course: &str, author: &str, sight: &Sight) -> Reply<'_, Vec<Row>> {
        let mut rows = self.rows(sight, |row| {
            row.kind == "content" && row.course == course && row.author == author
        });
        rows.sort_by_key(|row| (row.created_at_us, row.id.clone()));
        done(rows)
    }

    fn schema(&self) -> Reply<'_, DbSchemaView> {
        done(DbSchemaView {
            schema_version: SCHEMA_VERSION,
            migration: 0,
            backend: "reference".to_owned(),
            tables: Vec::new(),
        })
    }

    fn health(&self) -> StoreHealth {
        StoreHealth {
            server: None,
            is_reachable: true,
        }
    }

    fn close(&self) -> Reply<'_, ()> {
        done(())
    }
}
