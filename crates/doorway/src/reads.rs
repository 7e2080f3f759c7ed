//! What programs read: items, lists, search results and chains, as the wire types of `api`.

use std::collections::BTreeSet;

use api::item::Evidence;
use api::{
    ChainView, ClaimView, HeadView, ItemView, JSON, ListView, RecordView, SCHEMA_VERSION,
    SearchHit, SearchView,
};
use base::{Code, Kind, Problem, Timestamp};
use chain::kind::{Content, Opened, Path};
use chain::{ActionData, ActionHash, AgentPubKey, Envelope, Item, Record, record};
use conductor::ChainPage;
use doorway_core::address::Address;
use doorway_core::cache::Tag;
use doorway_core::disclosure;
use doorway_core::list::{self, Position};
use doorway_core::projector::Cursor;
use serde::Serialize;

use crate::hot::Made;
use crate::present::{self, Sought};
use crate::projection::PAGE_BODY_BYTES_MAX;
use crate::service::Doorway;
use crate::store::{Found, ListQuery, Row, SearchQuery, Sight, VersionRow, Wanted};

/// Chains that are asked for a record that is not projected.
const CHAINS_BEHIND_MAX: usize = 16;

/// Longest text that is searched for, in characters.
const QUERY_CHARS_MAX: usize = 200;

/// What a list is asked for, as it stands in the address.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub(crate) struct ListParameters {
    pub(crate) cursor: Option<String>,
    pub(crate) limit: Option<u32>,
    pub(crate) author: Option<String>,
    pub(crate) course: Option<String>,
}

/// What of an item is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Whether the signed records come along.
    pub(crate) with_proof: bool,
    /// Which version, by its sequence number; the newest without it.
    pub(crate) seq: Option<u32>,
}

impl Asked {
    /// The newest version, without its records.
    const NEWEST: Self = Self {
        with_proof: false,
        seq: None,
    };
}

/// An item with the record and content of one of its versions.
pub(crate) struct Loaded {
    pub(crate) row: Row,
    pub(crate) record: Record,
    pub(crate) item: Item,
    pub(crate) spilled: Option<Vec<u8>>,
}

impl Doorway {
    /// Finds an item that the reader may see.
    pub(crate) async fn find(&self, wanted: Wanted, sight: &Sight) -> Result<Row, Problem> {
        let found = self.store().find(wanted, sight).await?;
        found.ok_or_else(nothing)
    }

    /// Finds what stands at an address: the first claimant's item, in the order of arrival.
    pub(crate) async fn at(&self, address: Address, sight: &Sight) -> Result<Row, Problem> {
        let claimants = self.store().claimants(&address).await?;
        let mut claimants: Vec<String> = claimants.into_iter().map(|one| one.agent).collect();
        if claimants.is_empty() {
            claimants.push(String::new());
        }
        for author in claimants {
            let wanted = Wanted::Place {
                kind: address.kind,
                course: address.course.clone(),
                slug: address.slug.clone(),
                author,
            };
            if let Some(row) = self.store().find(wanted, sight).await? {
                return Ok(row);
            }
        }
        Err(nothing())
    }

    /// Finds a page of a course: a course's address belongs to whoever used it first, and so do those of its pages.
    pub(crate) async fn page_at(
        &self,
        course: &str,
        page: &str,
        sight: &Sight,
    ) -> Result<Row, Problem> {
        let address = Address {
            kind: Content::KIND,
            course: course.to_owned(),
            slug: page.to_owned(),
        };
        let owner = match self.at(course_address(course), sight).await {
            Ok(row) => row.author,
            Err(problem) if problem.code == Code::NotFound => return self.at(address, sight).await,
            Err(problem) => return Err(problem),
        };
        let wanted = Wanted::Place {
            kind: address.kind,
            course: address.course,
            slug: address.slug,
            author: owner,
        };
        self.find(wanted, sight).await
    }

    /// Loads the content of an item.
    pub(crate) async fn load(&self, row: Row) -> Result<Loaded, Problem> {
        let version = self.store().version(&row.id, row.seq).await?;
        let record = version.and_then(|version| version.record);
        let record = record.ok_or_else(|| damaged(&row.id))?;
        let (item, spilled) = self.open(&record).await?;
        Ok(Loaded {
            row,
            record,
            item,
            spilled,
        })
    }

    /// Loads an older version of an item that the reader may see now; the version's own reach counts as well.
    pub(crate) async fn load_version(
        &self,
        row: Row,
        seq: u32,
        sight: &Sight,
    ) -> Result<Loaded, Problem> {
        let version = self.store().version(&row.id, seq).await?;
        let record = version
            .and_then(|version| version.record)
            .ok_or_else(nothing)?;
        let (item, spilled) = self.open(&record).await?;
        if !item.reach().admits(&sight.reader(), &row.author) {
            return Err(nothing());
        }
        Ok(Loaded {
            row,
            record,
            item,
            spilled,
        })
    }

    /// Reads the item in a record, from its entry or from the blob that the entry points to.
    pub(crate) async fn open(&self, record: &Record) -> Result<(Item, Option<Vec<u8>>), Problem> {
        let broken = || damaged(&record.action_address().to_string());
        let entry = record::present(record).ok_or_else(broken)?;
        let envelope = Envelope::from_entry(entry).map_err(|_| broken())?;
        match Item::open(&envelope).map_err(|_| broken())? {
            Opened::Item(item) => Ok((item, None)),
            Opened::Spilled { hash, .. } => {
                let body = crate::projection::body_of(record, self.blobs()).await;
                let body = body.ok_or_else(|| {
                    Problem::new(Code::BlobCorrupt, format!("blob {hash} cannot be read"))
                })?;
                let item = Item::open_spilled(&envelope, &body).map_err(|_| broken())?;
                Ok((item, Some(body)))
            }
        }
    }

    /// Answers `/api/v1/cache/{type}/{id}`.
    pub(crate) async fn item(
        &self,
        kind: &'static str,
        id: &str,
        asked: Asked,
        sight: &Sight,
    ) -> Result<Made, Problem> {
        let found = self.asked_for(kind, id, asked, sight).await;
        let loaded = match found {
            Err(problem) if problem.code == Code::NotFound && asked == Asked::NEWEST => {
                return self.not_projected(kind, id, sight).await;
            }
            found => found?,
        };
        let mut view = ItemView::of(loaded.row.id.clone(), &loaded.record, &loaded.item);
        if asked.with_proof {
            view = self.prove(view, &loaded).await?;
        }
        let tags = tags_of(&loaded.row)?;
        let reach = loaded.row.reach.min(loaded.item.reach());
        Ok(Made::new(JSON, view.to_json(), reach, tags))
    }

    /// Finds and loads the version of an item that is asked for; by id, the newest one comes in one exchange with
    /// the store.
    async fn asked_for(
        &self,
        kind: &'static str,
        id: &str,
        asked: Asked,
        sight: &Sight,
    ) -> Result<Loaded, Problem> {
        if let (None, Sought::Item(Wanted::Id(id))) = (asked.seq, present::wanted(kind, id)) {
            let found = self.store().newest(&id, sight).await?;
            let (row, record) = found
                .filter(|(row, _)| row.kind == kind)
                .ok_or_else(nothing)?;
            let (item, spilled) = self.open(&record).await?;
            return Ok(Loaded {
                row,
                record,
                item,
                spilled,
            });
        }
        let row = self.sought(kind, id, sight).await?;
        if row.kind != kind {
            return Err(nothing());
        }
        match asked.seq {
            None => self.load(row).await,
            Some(seq) => self.load_version(row, seq, sight).await,
        }
    }

    /// Finds what an address of the interface names.
    async fn sought(&self, kind: &'static str, id: &str, sight: &Sight) -> Result<Row, Problem> {
        Ok(match (id.split_once('/'), present::wanted(kind, id)) {
            (Some((course, page)), _) if kind == Content::KIND => {
                self.page_at(course, page, sight).await?
            }
            (_, Sought::Item(wanted)) => self.find(wanted, sight).await?,
            (_, Sought::Address(address)) => self.at(address, sight).await?,
        })
    }

    /// Answers with an item that is committed and not projected yet: the conductor is asked, but only about chains
    /// that are behind, so that keys which do not exist never reach it.
    async fn not_projected(
        &self,
        kind: &'static str,
        id: &str,
        sight: &Sight,
    ) -> Result<Made, Problem> {
        let (Ok(home), Some(projection)) = (self.home(), self.projection()) else {
            return Err(nothing());
        };
        let action = ActionHash::try_from(id).map_err(|_| nothing())?;
        for agent in projection.behind(CHAINS_BEHIND_MAX) {
            let Some(record) = home.find_record(&agent, &action).await? else {
                continue;
            };
            let Ok((item, _)) = self.open(&record).await else {
                return Err(nothing());
            };
            let is_first = matches!(record.action().data, ActionData::Create(_));
            let may_see = item.reach().admits(&sight.reader(), &agent.to_string());
            if !is_first || item.kind() != kind || !may_see {
                return Err(nothing());
            }
            let view = ItemView::of(id.to_owned(), &record, &item);
            let tags = vec![Tag::Item(action), Tag::Author(agent), Tag::Lists];
            return Ok(Made::new(JSON, view.to_json(), item.reach(), tags));
        }
        Err(nothing())
    }

    /// Adds the records that prove an item.
    async fn prove(&self, view: ItemView, loaded: &Loaded) -> Result<ItemView, Problem> {
        let author = loaded.record.action().author();
        let seq = loaded.record.action().action_seq();
        let previous = self.record_at(author, seq.saturating_sub(1)).await?;
        let genesis = self.record_at(author, 0).await?;
        let first = self
            .store()
            .versions(&loaded.row.id)
            .await?
            .into_iter()
            .next();
        let first = first.and_then(|version| version.record);
        let original = first.filter(|first| first.action().action_seq() != seq);
        Ok(view.with_proof(&Evidence {
            record: &loaded.record,
            previous: &previous,
            original: original.as_ref(),
            genesis: &genesis,
            spilled: loaded.spilled.as_deref(),
        }))
    }

    /// Reads one record of a projected chain.
    pub(crate) async fn record_at(&self, agent: &AgentPubKey, seq: u32) -> Result<Record, Problem> {
        let page = self.store().chain(agent, seq.checked_sub(1), 1).await?;
        page.records
            .into_iter()
            .find(|record| record.action().action_seq() == seq)
            .ok_or_else(|| damaged(&format!("{agent} {seq}")))
    }

    /// Answers `/api/v1/cache/{type}`.
    pub(crate) async fn list(
        &self,
        kind: &'static str,
        parameters: &ListParameters,
        sight: &Sight,
    ) -> Result<Made, Problem> {
        let after = parameters
            .cursor
            .as_deref()
            .map(str::parse::<Position>)
            .transpose()?;
        let limit = list::clamp(parameters.limit);
        let query = ListQuery {
            kind: kind.to_owned(),
            author: parameters.author.clone(),
            course: parameters.course.clone(),
            after: after.map(|position| (position.at.as_micros(), position.item.to_string())),
            limit,
        };
        let mut rows = self.store().list(query, sight).await?;
        let has_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| has_more).map(position).transpose()?;
        let view = ListView {
            schema_version: SCHEMA_VERSION,
            r#type: kind.to_owned(),
            items: rows.iter().map(present::summary).collect(),
            next: next.map(|position| position.to_string()),
        };
        json(&view, present::narrowest(&rows), vec![Tag::Lists])
    }

    /// Looks for words.
    pub(crate) async fn look_for(
        &self,
        text: &str,
        cursor: Option<&str>,
        limit: u32,
        sight: &Sight,
    ) -> Result<(Found, u32), Problem> {
        if text.chars().count() > QUERY_CHARS_MAX {
            let detail = format!("q: at most {QUERY_CHARS_MAX} characters");
            return Err(Problem::new(Code::MalformedQuery, detail));
        }
        let offset = cursor.map_or(Ok(0), |cursor| {
            let offset = cursor
                .parse::<u32>()
                .ok()
                .filter(|offset| *offset <= 10_000);
            offset.ok_or_else(|| Problem::new(Code::MalformedCursor, "not a cursor of a search"))
        })?;
        let query = SearchQuery {
            text: text.to_owned(),
            offset,
            limit,
        };
        Ok((self.store().search(query, sight).await?, offset))
    }

    /// Answers `/api/v1/search`.
    pub(crate) async fn search(
        &self,
        text: &str,
        cursor: Option<&str>,
        limit: Option<u32>,
        sight: &Sight,
    ) -> Result<Made, Problem> {
        if text.trim().is_empty() {
            return Err(Problem::new(
                Code::MalformedQuery,
                "q: say what to look for",
            ));
        }
        let limit = list::clamp(limit);
        let (found, offset) = self.look_for(text, cursor, limit, sight).await?;
        let shown = offset.saturating_add(found.hits.len() as u32);
        let is_last = found.hits.is_empty() || shown >= found.total;
        let reach = present::narrowest(found.hits.iter().map(|(row, _)| row));
        let view = SearchView {
            schema_version: SCHEMA_VERSION,
            query: text.to_owned(),
            total: found.total,
            next: (!is_last).then(|| shown.to_string()),
            hits: found
                .hits
                .into_iter()
                .map(|(row, snippet)| SearchHit {
                    summary: present::summary(&row),
                    snippet,
                })
                .collect(),
        };
        json(&view, reach, vec![Tag::Lists])
    }

    /// Answers `GET /api/v1/chains/{agent}`.
    pub(crate) async fn chain(
        &self,
        agent: &AgentPubKey,
        after: Option<u32>,
        limit: u32,
        sight: &Sight,
    ) -> Result<ChainView, Problem> {
        let page = self.chain_page(agent, after, limit).await?;
        let Some(head) = page.head else {
            return Err(nothing());
        };
        let mut addresses = BTreeSet::new();
        let mut records = Vec::with_capacity(page.records.len());
        let (mut bytes, mut last) = (0, None);
        for record in &page.records {
            let body = crate::projection::body_of(record, self.blobs()).await;
            bytes += body.as_ref().map_or(0, Vec::len);
            last = Some(record.action().action_seq());
            let shows = disclosure::shows_entry(record, body.as_deref(), &sight.reader());
            if shows {
                addresses.extend(disclosure::address_of(record, body.as_deref()));
            }
            records.push(if shows {
                RecordView::of(record)
            } else {
                RecordView::without_entry(record)
            });
            if bytes > PAGE_BODY_BYTES_MAX {
                break;
            }
        }
        Ok(ChainView {
            schema_version: SCHEMA_VERSION,
            agent: agent.to_string(),
            dna_hash: self.identity().dna.to_string(),
            claims: self.claims(agent, addresses).await?,
            next_after: last.filter(|last| *last < head.seq),
            head: Some(HeadView {
                seq: head.seq,
                action_hash: head.hash.to_string(),
            }),
            records,
        })
    }

    /// Reads a page of a chain: from the conductor that hosts it, from the projection where none does.
    async fn chain_page(
        &self,
        agent: &AgentPubKey,
        after: Option<u32>,
        limit: u32,
    ) -> Result<ChainPage, Problem> {
        let projected = async || {
            let rows = self.store().chain(agent, after, limit).await?;
            Ok(ChainPage {
                head: rows.cursor.as_ref().map(Cursor::to_head),
                is_closed: rows.cursor.is_some_and(|cursor| cursor.is_closed),
                records: rows.records,
            })
        };
        let Ok(home) = self.home() else {
            return projected().await;
        };
        match home.show_chain(agent, after, limit).await {
            // What is projected is shown when the conductor cannot be asked.
            Err(problem) if problem.code.kind() == Kind::Failure => projected().await,
            page => page,
        }
    }

    /// Returns when an author used addresses, for those who copy the chain.
    async fn claims(
        &self,
        agent: &AgentPubKey,
        addresses: BTreeSet<Address>,
    ) -> Result<Vec<ClaimView>, Problem> {
        let mut claims = Vec::new();
        let agent = agent.to_string();
        for address in addresses {
            let claimants = self.store().claimants(&address).await?;
            let ours = claimants.into_iter().find(|one| one.agent == agent);
            claims.extend(ours.map(|one| ClaimView {
                r#type: address.kind.to_owned(),
                course: address.course,
                slug: address.slug,
                number: one.number,
            }));
        }
        Ok(claims)
    }

    /// Returns the versions of an item that the reader may see.
    pub(crate) async fn versions(&self, row: &Row) -> Result<Vec<VersionRow>, Problem> {
        Ok(self.store().versions(&row.id).await?)
    }

    /// Loads a course and the rows of the pages in its tree that the reader may see.
    pub(crate) async fn course(
        &self,
        row: Row,
        sight: &Sight,
    ) -> Result<(Loaded, Path, Vec<Row>), Problem> {
        let loaded = self.load(row).await?;
        let Item::Path(path) = loaded.item.clone() else {
            return Err(nothing());
        };
        let pages = self
            .store()
            .pages_of(&path.slug, &loaded.row.author, sight)
            .await?;
        Ok((loaded, path, pages))
    }
}

/// Names the address of a course.
pub(crate) fn course_address(slug: &str) -> Address {
    Address {
        kind: Path::KIND,
        course: String::new(),
        slug: slug.to_owned(),
    }
}

/// There is nothing here that the reader may see; whether there is something else is not told.
pub(crate) fn nothing() -> Problem {
    Problem::new(Code::NotFound, Code::NotFound.title())
}

fn damaged(what: &str) -> Problem {
    Problem::new(
        Code::StoreFailed,
        format!("record of {what} cannot be read"),
    )
}

/// Returns what makes an answer about one item wrong: the item, and another one at its address.
pub(crate) fn tags_of(row: &Row) -> Result<Vec<Tag>, Problem> {
    let mut tags = vec![item_tag(row)?];
    match row.kind.as_str() {
        Path::KIND => tags.push(Tag::Course(row.slug.clone())),
        Content::KIND => {
            tags.push(Tag::place(&row.course, &row.slug));
            if !row.course.is_empty() {
                tags.push(Tag::Course(row.course.clone()));
            }
        }
        _ => {}
    }
    Ok(tags)
}

/// Makes the JSON answer of a view.
pub(crate) fn json<T: Serialize>(
    view: &T,
    reach: base::Reach,
    tags: Vec<Tag>,
) -> Result<Made, Problem> {
    let body = serde_json::to_vec(view)
        .map_err(|error| Problem::new(Code::Bug, format!("a view cannot be written: {error}")))?;
    Ok(Made::new(JSON, body, reach, tags))
}

pub(crate) fn item_tag(row: &Row) -> Result<Tag, Problem> {
    let id = ActionHash::try_from(row.id.as_str()).map_err(|_| damaged(&row.id))?;
    Ok(Tag::Item(id))
}

fn position(row: &Row) -> Result<Position, Problem> {
    let item = ActionHash::try_from(row.id.as_str()).map_err(|_| damaged(&row.id))?;
    Ok(Position {
        at: Timestamp(row.changed_at_us),
        item,
    })
}
