//! Courses and the pages in them.

use std::collections::BTreeMap;

use base::{Code, Problem};
use chain::kind::{Node, Path};
use doorway_core::cache::Tag;

use super::{content_of, html, license, render};
use crate::hot::Made;
use crate::pages::model::{Article, Contents, Course, Neighbour, Page, Place, Site};
use crate::pages::{self};
use crate::present;
use crate::reads::{course_address, tags_of};
use crate::service::Doorway;
use crate::store::{Row, Sight};

/// The pages of a course by their ids.
type Pages = BTreeMap<String, Row>;

impl Doorway {
    pub(super) async fn course_page(
        &self,
        site: &Site,
        course: &str,
        sight: &Sight,
    ) -> Result<Made, Problem> {
        let row = self.at(course_address(course), sight).await?;
        self.course_of(site, row, sight).await
    }

    pub(super) async fn course_of(
        &self,
        site: &Site,
        row: Row,
        sight: &Sight,
    ) -> Result<Made, Problem> {
        let (loaded, path, rows) = self.course(row, sight).await?;
        let row = loaded.row;
        let reach = present::narrowest(rows.iter().chain([&row]));
        let pages = by_id(rows);
        let contents = contents(&path, &pages);
        let order = order(&path, &pages);
        let mut tags = tags_of(&row)?;
        tags.push(author_tag(&loaded.record));
        let model = Course {
            start_href: order.first().map(|row| present::page_of(row)),
            page_count: order.len() as u64,
            contents,
            description: path.summary.clone(),
            attribution: path.attribution.clone(),
            language: path.language.clone(),
            license: license(&path.licence),
            tags: path.tags.clone(),
            byline: self.byline(&row, sight).await?,
            minutes: 0,
            introduction: None,
        };
        Ok(html(pages::course(site, &model), reach, tags))
    }

    pub(super) async fn text_page(
        &self,
        site: &Site,
        row: Row,
        sight: &Sight,
    ) -> Result<Made, Problem> {
        let loaded = self.load(row).await?;
        let (row, author) = (loaded.row, author_tag(&loaded.record));
        let content = content_of(loaded.item)?;
        let rendered = render(&content);
        let mut tags = tags_of(&row)?;
        tags.push(author);
        let mut reach = row.reach;
        let mut around = Around::default();
        if let Some(course) = self.course_around(&row, sight).await? {
            reach = reach.min(course.reach);
            around = course.around;
        }
        let summary = if content.summary.is_empty() {
            first_words(&rendered.plain_text)
        } else {
            content.summary.clone()
        };
        let model = Page {
            title: content.title.clone(),
            href: present::page_of(&row),
            summary,
            article: Article {
                html: rendered.html,
            },
            minutes: rendered.minutes,
            language: content.language.clone(),
            license: license(&content.licence),
            tags: content.tags.clone(),
            byline: self.byline(&row, sight).await?,
            course: around.contents,
            previous: around.previous,
            next: around.next,
        };
        Ok(html(pages::page(site, &model), reach, tags))
    }

    /// Finds the course that a page is read in: the one of its own author with its course's slug.
    async fn course_around(&self, page: &Row, sight: &Sight) -> Result<Option<Found>, Problem> {
        if page.course.is_empty() {
            return Ok(None);
        }
        let row = match self.at(course_address(&page.course), sight).await {
            Ok(row) => row,
            Err(problem) if problem.code == Code::NotFound => return Ok(None),
            Err(problem) => return Err(problem),
        };
        if row.author != page.author {
            return Ok(None);
        }
        let (loaded, path, rows) = self.course(row, sight).await?;
        let reach = present::narrowest(rows.iter().chain([&loaded.row]));
        let pages = by_id(rows);
        let order = order(&path, &pages);
        let place = order.iter().position(|row| row.id == page.id);
        let neighbour = |row: &&Row| Neighbour {
            title: row.title.clone(),
            href: present::page_of(row),
        };
        let around = Around {
            previous: place
                .and_then(|place| order.get(place.checked_sub(1)?))
                .map(neighbour),
            next: place.and_then(|place| order.get(place + 1)).map(neighbour),
            contents: Some(contents(&path, &pages)),
        };
        Ok(Some(Found { reach, around }))
    }
}

/// What stands around a page.
#[derive(Default)]
struct Around {
    contents: Option<Contents>,
    previous: Option<Neighbour>,
    next: Option<Neighbour>,
}

struct Found {
    reach: base::Reach,
    around: Around,
}

fn by_id(rows: Vec<Row>) -> Pages {
    rows.into_iter().map(|row| (row.id.clone(), row)).collect()
}

/// Returns the pages in reading order; pages that the reader may not see, or that are gone, are left out.
fn order<'a>(path: &Path, pages: &'a Pages) -> Vec<&'a Row> {
    path.pages()
        .into_iter()
        .filter_map(|node| pages.get(&node.page.as_ref()?.to_string()))
        .collect()
}

fn contents(path: &Path, pages: &Pages) -> Contents {
    Contents {
        title: path.title.clone(),
        href: format!("/courses/{}", present::segment(&path.slug)),
        places: places(&path.nodes, pages),
    }
}

/// Returns the places of the tree; a page that the reader may not see disappears with its address,
/// and so does a section that has nothing left.
fn places(nodes: &[Node], pages: &Pages) -> Vec<Place> {
    nodes
        .iter()
        .filter_map(|node| {
            let children = places(&node.children, pages);
            let row = node
                .page
                .as_ref()
                .and_then(|page| pages.get(&page.to_string()));
            let is_empty = row.is_none() && children.is_empty();
            (!is_empty).then(|| Place {
                title: node.title.clone(),
                href: row.map(present::page_of),
                minutes: None,
                children,
            })
        })
        .collect()
}

fn author_tag(record: &chain::Record) -> Tag {
    Tag::Author(record.action().author().clone())
}

/// Returns the first words of a text, for previews.
fn first_words(text: &str) -> String {
    let mut words = String::new();
    for word in text.split_whitespace() {
        if words.len() + word.len() > 200 {
            words.push('…');
            break;
        }
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    }
    words
}
