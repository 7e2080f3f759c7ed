//! Pages for people: fills the models of [`crate::pages`] from the projection.

mod course;
mod evidence;
mod lists;

use base::{Code, Problem, Reach};
use chain::Item;
use chain::kind::{BlobRef, Content, Path, Profile};
use doorway_core::address::Address;
use doorway_core::cache::Tag;

use crate::hot::Made;
use crate::markdown::{self, Media};
use crate::pages::model::{Byline, License, Site};
use crate::pages::strings::Language;
use crate::pages::{self};
use crate::present;
use crate::reads::nothing;
use crate::service::Doorway;
use crate::store::{Row, Sight, Wanted};

/// What a page is, with its character set.
pub(crate) const HTML: &str = "text/html; charset=utf-8";

/// Which page is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Home,
    Course(String),
    CoursePage {
        course: String,
        page: String,
    },
    Page(String),
    Author(String),
    Item(String),
    Proof(String),
    History(String),
    Version {
        id: String,
        seq: u32,
    },
    Search {
        text: String,
        cursor: Option<String>,
    },
    Error(String),
    Join,
}

impl Doorway {
    /// Makes a page.
    pub(crate) async fn page(
        &self,
        view: View,
        language: Language,
        sight: &Sight,
    ) -> Result<Made, Problem> {
        let site = self.site(language);
        match view {
            View::Home => self.home_page(&site, sight).await,
            View::Course(course) => self.course_page(&site, &course, sight).await,
            View::CoursePage { course, page } => {
                let row = self.page_at(&course, &page, sight).await?;
                self.text_page(&site, row, sight).await
            }
            View::Page(page) => {
                let address = Address {
                    kind: Content::KIND,
                    course: String::new(),
                    slug: page,
                };
                let row = self.at(address, sight).await?;
                self.text_page(&site, row, sight).await
            }
            View::Author(agent) => self.author_page(&site, &agent, sight).await,
            View::Item(id) => self.item_page(&site, &id, sight).await,
            View::Proof(id) => self.proof_page(&site, &id, sight).await,
            View::History(id) => self.history_page(&site, &id, sight).await,
            View::Version { id, seq } => self.version_page(&site, &id, seq, sight).await,
            View::Search { text, cursor } => {
                self.search_page(&site, &text, cursor.as_deref(), sight)
                    .await
            }
            View::Error(code) => error_page(&site, &code),
            View::Join => {
                let page = pages::join(&site, self.limits().sign_up_policy);
                Ok(html(page, Reach::Commons, vec![]))
            }
        }
    }

    /// Shows an item by its id, also when another item took its place in addresses.
    async fn item_page(&self, site: &Site, id: &str, sight: &Sight) -> Result<Made, Problem> {
        let row = self.find(Wanted::Id(id.to_owned()), sight).await?;
        match row.kind.as_str() {
            Content::KIND => self.text_page(site, row, sight).await,
            Path::KIND => self.course_of(site, row, sight).await,
            Profile::KIND => self.author_page(site, &row.author, sight).await,
            _ => Err(nothing()),
        }
    }

    pub(crate) fn site(&self, language: Language) -> Site {
        Site {
            name: self.identity().name.clone(),
            language,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            origin: self.origin().to_owned(),
        }
    }

    /// Returns the name of an author, or a short form of the key where there is none.
    pub(crate) async fn name_of(&self, author: &str, sight: &Sight) -> Result<String, Problem> {
        let profile = self
            .store()
            .find(Wanted::Profile(author.to_owned()), sight)
            .await?;
        Ok(profile.map_or_else(|| short_key(author), |row| row.title))
    }

    pub(crate) async fn byline(&self, row: &Row, sight: &Sight) -> Result<Byline, Problem> {
        Ok(Byline {
            author: self.name_of(&row.author, sight).await?,
            author_href: present::author_page(&row.author),
            signed_at: row.changed_at_us,
            proof_href: format!("/proofs/{}", row.id),
            record_href: present::proof_of(row),
            history_href: format!("/history/{}", row.id),
        })
    }
}

/// Finishes a page.
pub(crate) fn html(markup: maud::Markup, reach: Reach, tags: Vec<Tag>) -> Made {
    Made::new(HTML, markup.into_string(), reach, tags)
}

/// Returns the first and last letters of a key, enough to tell two apart.
pub(crate) fn short_key(key: &str) -> String {
    match (key.get(..9), key.get(key.len().saturating_sub(4)..)) {
        (Some(start), Some(end)) => format!("{start}…{end}"),
        _ => key.to_owned(),
    }
}

pub(crate) fn license(name: &str) -> Option<License> {
    if name.is_empty() {
        return None;
    }
    Some(License {
        name: name.to_owned(),
        href: license_text(name).map(str::to_owned),
    })
}

/// Returns where a well-known licence can be read.
fn license_text(name: &str) -> Option<&'static str> {
    let key: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    match key.as_str() {
        "ccby40" => Some("https://creativecommons.org/licenses/by/4.0/"),
        "ccbysa40" => Some("https://creativecommons.org/licenses/by-sa/4.0/"),
        "ccbync40" => Some("https://creativecommons.org/licenses/by-nc/4.0/"),
        "cc0" | "cc010" => Some("https://creativecommons.org/publicdomain/zero/1.0/"),
        "apache20" => Some("https://www.apache.org/licenses/LICENSE-2.0"),
        _ => None,
    }
}

/// Renders the text of a page, as a checker does it again.
#[must_use]
pub fn render(content: &Content) -> markdown::Rendered {
    let media: Vec<Media> = content.blobs.iter().map(media).collect();
    markdown::render_in(&content.body, &media, &content.language)
}

fn media(blob: &BlobRef) -> Media {
    let known = |pixels: u32| (pixels > 0).then_some(pixels);
    Media {
        hash: blob.id().to_string(),
        media_type: blob.media_type.clone(),
        width: known(blob.width),
        height: known(blob.height),
        name: blob.name.clone(),
    }
}

/// Returns the content of an item that must be a page.
pub(crate) fn content_of(item: Item) -> Result<Content, Problem> {
    match item {
        Item::Content(content) => Ok(content),
        Item::Path(_) | Item::BlobManifest(_) | Item::Profile(_) => Err(nothing()),
    }
}

/// The page about a code, from `docs/errors`.
fn error_page(site: &Site, code: &str) -> Result<Made, Problem> {
    let code = Code::find(code).ok_or_else(nothing)?;
    let text = crate::errors::page(code).ok_or_else(nothing)?;
    let (title, body) = text
        .strip_prefix("# ")
        .and_then(|text| text.split_once('\n'))
        .unwrap_or((code.title(), text));
    let notice = pages::model::Notice {
        title: title.trim().to_owned(),
        href: format!("/errors/{code}"),
        language: "en".to_owned(),
        article: pages::model::Article {
            html: markdown::render(body, &[]).html,
        },
    };
    Ok(html(pages::notice(site, &notice), Reach::Commons, vec![]))
}
