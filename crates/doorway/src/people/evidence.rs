//! Who signed a thing, and all its versions.

use base::Problem;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorway_core::cache::Tag;

use super::html;
use crate::hot::Made;
use crate::pages::model::{ChangeKind, History, Proof, Site, Version};
use crate::pages::{self};
use crate::present;
use crate::reads::item_tag;
use crate::service::Doorway;
use crate::store::{Sight, Wanted};

impl Doorway {
    pub(super) async fn proof_page(
        &self,
        site: &Site,
        id: &str,
        sight: &Sight,
    ) -> Result<Made, Problem> {
        let row = self.find(Wanted::Id(id.to_owned()), sight).await?;
        let tags = vec![item_tag(&row)?, Tag::Lists];
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
        let tags = vec![item_tag(&row)?, Tag::Lists];
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
                    href: None,
                    proof_href: format!("/proofs/{}", row.id),
                    is_current: version.seq == row.seq,
                })
                .collect(),
        };
        Ok(html(pages::history(site, &model), row.reach, tags))
    }
}
