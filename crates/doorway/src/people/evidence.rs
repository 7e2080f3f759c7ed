//! Who signed a thing, and all its versions.

use base::Problem;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chain::AgentPubKey;
use chain::kind::Content;
use doorway_core::cache::Tag;

use super::{content_of, html, license, render};
use crate::hot::Made;
use crate::pages::model::{Article, Byline, ChangeKind, History, Page, Proof, Site, Version};
use crate::pages::{self};
use crate::present;
use crate::reads::tags_of;
use crate::service::Doorway;
use crate::store::{Row, Sight, Wanted};

impl Doorway {
    pub(super) async fn proof_page(
        &self,
        site: &Site,
        id: &str,
        sight: &Sight,
    ) -> Result<Made, Problem> {
        let row = self.find(Wanted::Id(id.to_owned()), sight).await?;
        let tags = evidence_tags(&row)?;
        let loaded = self.load(row).await?;
        let (row, record) = (loaded.row, loaded.record);
        let action = record.action();
        let model = Proof {
            title: row.title.clone(),
            href: present::page_of(&row),
            author: self.name_of(&row.author, sight).await?,
            author_href: present::author_page(&row.author),
            author_key: row.author.clone(),
            action_type: action.action_type().to_string(),
            action_hash: row.action.clone(),
            sequence: row.seq,
            signed_at: row.changed_at_us,
            signature: STANDARD.encode(record.signature().0),
            entry_hash: action.entry_hash().map(ToString::to_string),
            dna_hash: self.identity().dna.to_string(),
            verify_url: format!("{}{}", site.origin, present::page_of(&row)),
            record_href: present::proof_of(&row),
        };
        Ok(html(pages::proof(site, &model), row.reach, tags))
    }

    pub(super) async fn history_page(
        &self,
        site: &Site,
        id: &str,
        sight: &Sight,
    ) -> Result<Made, Problem> {
        let row = self.find(Wanted::Id(id.to_owned()), sight).await?;
        let tags = evidence_tags(&row)?;
        let author = self.name_of(&row.author, sight).await?;
        let versions = self.versions(&row).await?;
        let model = History {
            title: row.title.clone(),
            href: present::page_of(&row),
            versions: versions
                .iter()
                .rev()
                .map(|version| Version {
                    kind: match version.change.as_str() {
                        "create" => ChangeKind::Created,
                        "delete" => ChangeKind::Withdrawn,
                        _ => ChangeKind::Changed,
                    },
                    at: version.at_us,
                    author: author.clone(),
                    action_hash: version.hash.clone(),
                    href: (row.kind == Content::KIND && version.record.is_some())
                        .then(|| format!("/history/{}/{}", row.id, version.seq)),
                    proof_href: proof_at(&row, version.seq),
                    is_current: version.seq == row.seq,
                })
                .collect(),
        };
        Ok(html(pages::history(site, &model), row.reach, tags))
    }

    /// Shows an older version of a page, alone.
    pub(super) async fn version_page(
        &self,
        site: &Site,
        id: &str,
        seq: u32,
        sight: &Sight,
    ) -> Result<Made, Problem> {
        let row = self.find(Wanted::Id(id.to_owned()), sight).await?;
        let tags = evidence_tags(&row)?;
        let loaded = self.load_version(row, seq, sight).await?;
        let reach = loaded.row.reach.min(loaded.item.reach());
        let (row, record) = (loaded.row, loaded.record);
        let content = content_of(loaded.item)?;
        let rendered = render(&content);
        let model = Page {
            title: content.title.clone(),
            href: format!("/history/{}/{seq}", row.id),
            summary: content.summary.clone(),
            article: Article {
                html: rendered.html,
            },
            minutes: rendered.minutes,
            language: content.language.clone(),
            license: license(&content.licence),
            tags: content.tags.clone(),
            byline: Byline {
                signed_at: chain::record::timestamp(&record).as_micros(),
                record_href: proof_at(&row, seq),
                ..self.byline(&row, sight).await?
            },
            course: None,
            previous: None,
            next: None,
        };
        Ok(html(pages::page(site, &model), reach, tags))
    }
}

/// Returns the address of one version with its proof.
fn proof_at(row: &Row, seq: u32) -> String {
    format!("/api/v1/cache/{}/{}?proof=1&seq={seq}", row.kind, row.id)
}

/// Returns what makes evidence about an item wrong: the item itself, and what its author is called.
fn evidence_tags(row: &Row) -> Result<Vec<Tag>, Problem> {
    let mut tags = tags_of(row)?;
    let author = AgentPubKey::try_from(row.author.as_str());
    tags.extend(author.map(Tag::Author).ok());
    Ok(tags)
}
