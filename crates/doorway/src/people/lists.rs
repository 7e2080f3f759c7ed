//! The home page, authors and search.

use std::collections::BTreeMap;

use base::Problem;
use chain::AgentPubKey;
use chain::kind::{Content, Path};
use doorway_core::cache::Tag;

use super::{html, short_key};
use crate::hot::Made;
use crate::pages::model::{
    Author, Change, ChangeKind, CourseCard, Found, Home, PageCard, Search, Site, Snippet,
};
use crate::pages::{self};
use crate::present;
use crate::reads::nothing;
use crate::service::Doorway;
use crate::store::{ListQuery, Row, Sight, Wanted};

/// How many courses and how many loose pages a page shows.
const CARDS_MAX: u32 = 60;

/// How many of the latest changes the home page shows.
const CHANGES_MAX: usize = 8;

/// How many matches a page of results shows.
const RESULTS_MAX: u32 = 20;

/// Begin and end of a match in a snippet.
const MATCH: (char, char) = ('\u{2}', '\u{3}');

/// Names of authors that were looked up for one page.
type Names = BTreeMap<String, String>;

impl Doorway {
    pub(super) async fn home_page(&self, site: &Site, sight: &Sight) -> Result<Made, Problem> {
        let courses = self.rows(Path::KIND, None, None, sight).await?;
        let loose = self
            .rows(Content::KIND, None, Some(String::new()), sight)
            .await?;
        let latest = self.rows(Content::KIND, None, None, sight).await?;
        let everything = || courses.iter().chain(&loose).chain(&latest);
        let names = self.names(everything(), sight).await?;
        let reach = present::narrowest(everything());
        let mut changes: Vec<&Row> = latest.iter().chain(&courses).collect();
        changes.sort_by_key(|row| std::cmp::Reverse((row.changed_at_us, row.id.clone())));
        let home = Home {
            about: String::new(),
            courses: self.course_cards(&courses, &names, sight).await?,
            pages: page_cards(&loose, &names),
            changes: changes
                .into_iter()
                .take(CHANGES_MAX)
                .map(|row| change(row, &names))
                .collect(),
        };
        Ok(html(pages::home(site, &home), reach, vec![Tag::Lists]))
    }

    pub(super) async fn author_page(
        &self,
        site: &Site,
        author: &str,
        sight: &Sight,
    ) -> Result<Made, Problem> {
        let agent = AgentPubKey::try_from(author).map_err(|_| nothing())?;
        let profile = self
            .store()
            .find(Wanted::Profile(author.to_owned()), sight)
            .await?;
        let courses = self.rows(Path::KIND, Some(author), None, sight).await?;
        let loose = self
            .rows(Content::KIND, Some(author), Some(String::new()), sight)
            .await?;
        if profile.is_none() && courses.is_empty() && loose.is_empty() {
            return Err(nothing());
        }
        let everything = || courses.iter().chain(&loose).chain(&profile);
        let names = self.names(everything(), sight).await?;
        let model = Author {
            name: profile
                .as_ref()
                .map_or_else(|| short_key(author), |row| row.title.clone()),
            href: present::author_page(author),
            about: profile
                .as_ref()
                .map(|row| row.summary.clone())
                .unwrap_or_default(),
            key: author.to_owned(),
            record_href: profile.as_ref().map(present::proof_of),
            courses: self.course_cards(&courses, &names, sight).await?,
            pages: page_cards(&loose, &names),
        };
        let tags = vec![Tag::Author(agent), Tag::Lists];
        let reach = present::narrowest(everything());
        Ok(html(pages::author(site, &model), reach, tags))
    }

    pub(super) async fn search_page(
        &self,
        site: &Site,
        text: &str,
        cursor: Option<&str>,
        sight: &Sight,
    ) -> Result<Made, Problem> {
        let text = text.trim();
        let (found, offset) = self.look_for(text, cursor, RESULTS_MAX, sight).await?;
        let rows = || found.hits.iter().map(|(row, _)| row);
        let names = self.names(rows(), sight).await?;
        let shown = offset.saturating_add(found.hits.len() as u32);
        let link = |offset: u32| {
            let text = pages::query_value(text);
            match offset {
                0 => format!("/search?q={text}"),
                offset => format!("/search?q={text}&cursor={offset}"),
            }
        };
        let model = Search {
            query: text.to_owned(),
            total: u64::from(found.total),
            from: u64::from(offset) + 1,
            newer_href: (offset > 0).then(|| link(offset.saturating_sub(RESULTS_MAX))),
            older_href: (!found.hits.is_empty() && shown < found.total).then(|| link(shown)),
            found: found
                .hits
                .iter()
                .map(|(row, text)| Found {
                    title: row.title.clone(),
                    href: present::page_of(row),
                    snippet: snippet(text),
                    author: name(&names, &row.author),
                    course: (!row.course.is_empty()).then(|| row.course.clone()),
                    changed_at: row.changed_at_us,
                    language: row.language.clone(),
                })
                .collect(),
        };
        let reach = present::narrowest(rows());
        Ok(html(pages::search(site, &model), reach, vec![Tag::Lists]))
    }

    async fn rows(
        &self,
        kind: &str,
        author: Option<&str>,
        course: Option<String>,
        sight: &Sight,
    ) -> Result<Vec<Row>, Problem> {
        let query = ListQuery {
            kind: kind.to_owned(),
            author: author.map(str::to_owned),
            course,
            after: None,
            limit: CARDS_MAX,
        };
        let mut rows = self.store().list(query, sight).await?;
        rows.truncate(CARDS_MAX as usize);
        Ok(rows)
    }

    async fn names(
        &self,
        rows: impl Iterator<Item = &Row>,
        sight: &Sight,
    ) -> Result<Names, Problem> {
        let mut names = Names::new();
        for row in rows {
            if !names.contains_key(&row.author) {
                let name = self.name_of(&row.author, sight).await?;
                names.insert(row.author.clone(), name);
            }
        }
        Ok(names)
    }

    async fn course_cards(
        &self,
        courses: &[Row],
        names: &Names,
        sight: &Sight,
    ) -> Result<Vec<CourseCard>, Problem> {
        let mut cards = Vec::with_capacity(courses.len());
        for row in courses {
            let pages = self.store().pages_of(&row.slug, &row.author, sight).await?;
            cards.push(CourseCard {
                title: row.title.clone(),
                href: present::page_of(row),
                description: row.summary.clone(),
                page_count: pages.len() as u64,
                author: name(names, &row.author),
                changed_at: row.changed_at_us,
                language: row.language.clone(),
            });
        }
        Ok(cards)
    }
}

fn name(names: &Names, author: &str) -> String {
    names
        .get(author)
        .cloned()
        .unwrap_or_else(|| short_key(author))
}

fn page_cards(rows: &[Row], names: &Names) -> Vec<PageCard> {
    rows.iter()
        .map(|row| PageCard {
            title: row.title.clone(),
            href: present::page_of(row),
            summary: row.summary.clone(),
            author: name(names, &row.author),
            changed_at: row.changed_at_us,
            language: row.language.clone(),
        })
        .collect()
}

fn change(row: &Row, names: &Names) -> Change {
    let is_first = row.changed_at_us == row.created_at_us;
    Change {
        kind: if is_first {
            ChangeKind::Created
        } else {
            ChangeKind::Changed
        },
        title: row.title.clone(),
        href: Some(present::page_of(row)),
        author: name(names, &row.author),
        at: row.changed_at_us,
    }
}

/// Cuts a snippet at its marks.
fn snippet(text: &str) -> Vec<Snippet> {
    let mut pieces = Vec::new();
    for (index, part) in text.split(MATCH.0).enumerate() {
        let (marked, plain) = match part.split_once(MATCH.1) {
            Some((marked, plain)) if index > 0 => (marked, plain),
            _ => ("", part),
        };
        for (text, is_match) in [(marked, true), (plain, false)] {
            if !text.is_empty() {
                pieces.push(Snippet {
                    text: text.to_owned(),
                    is_match,
                });
            }
        }
    }
    pieces
}
