//! Apps as Holochain describes them.

use std::collections::BTreeMap;

use chain::dna;
use serde_bytes::ByteBuf;

use crate::protocol::admin::{
    AppView, CellView, DisabledBecause, DnaModifiers, ManifestView, ModifiersView,
    ProvisioningView, RoleDnaView, RoleView, StatusView,
};
use crate::protocol::hash::{AgentBytes, CellPair};
use crate::server::Desk;
use crate::server::book::AppNote;
use crate::{AppId, Conductor as _, Fault, Hosted, State};

/// Apps that are read at once.
const PAGE: u32 = 1_000;

/// The msgpack of nothing, which is what a DNA without properties holds.
const NO_PROPERTIES: [u8; 1] = [0xc0];

impl Desk {
    /// Describes one app; nothing when there is none of this name.
    pub(super) async fn view_named(&self, app: &str) -> Result<Option<AppView>, Fault> {
        let Ok(app) = app.parse::<AppId>() else {
            return Ok(None);
        };
        match self.engine.app(&app).await? {
            Some(hosted) => self.view(hosted).await.map(Some),
            None => Ok(None),
        }
    }

    /// Describes all apps, the newest first.
    pub(super) async fn views(&self) -> Result<Vec<AppView>, Fault> {
        let mut views = Vec::new();
        for hosted in self.all_hosted().await? {
            views.push(self.view(hosted).await?);
        }
        views.sort_by_key(|view| std::cmp::Reverse(view.installed_at));
        Ok(views)
    }

    /// Lists all apps by name.
    pub(super) async fn all_hosted(&self) -> Result<Vec<Hosted>, Fault> {
        let mut all: Vec<Hosted> = Vec::new();
        loop {
            let after = all.last().map(|hosted| hosted.app_id.clone());
            let page = self.engine.hosted(after.as_ref(), PAGE).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    pub(super) async fn view(&self, hosted: Hosted) -> Result<AppView, Fault> {
        let note = self.book.app(&hosted.app_id).await?;
        Ok(describe(hosted, note))
    }
}

/// Puts together what the engine and the book know.
fn describe(hosted: Hosted, note: Option<AppNote>) -> AppView {
    let seed = note.as_ref().map(|note| note.network_seed.clone());
    let status = match (&hosted.state, &note) {
        (State::Enabled, _) => StatusView::Enabled,
        (_, Some(note)) if note.was_enabled => StatusView::Disabled(DisabledBecause::User),
        _ => StatusView::Disabled(DisabledBecause::NeverStarted),
    };
    let cell = CellView::Provisioned {
        cell_id: CellPair(hosted.cell.clone()),
        dna_modifiers: DnaModifiers {
            network_seed: seed.clone().unwrap_or_default(),
            properties: ByteBuf::from(NO_PROPERTIES),
        },
        name: dna::NAME.to_owned(),
    };
    AppView {
        installed_app_id: hosted.app_id.to_string(),
        cell_info: BTreeMap::from([(dna::NAME.to_owned(), vec![cell])]),
        status,
        agent_pub_key: AgentBytes(hosted.cell.agent.clone()),
        manifest: manifest(seed.filter(|seed| !seed.is_empty()), &hosted),
        installed_at: note.map_or(0, |note| note.installed.as_micros()),
    }
}

fn manifest(network_seed: Option<String>, hosted: &Hosted) -> ManifestView {
    let role = RoleView {
        name: dna::NAME.to_owned(),
        provisioning: ProvisioningView {
            strategy: "create".to_owned(),
            deferred: false,
        },
        dna: RoleDnaView {
            path: format!("{}.dna", dna::NAME),
            modifiers: ModifiersView {
                network_seed,
                properties: None,
            },
            installed_hash: Some(hosted.cell.dna.to_string()),
            clone_limit: 0,
        },
    };
    ManifestView {
        manifest_version: "0".to_owned(),
        name: dna::NAME.to_owned(),
        description: None,
        roles: vec![role],
        allow_deferred_memproofs: false,
        bootstrap_url: None,
        relay_url: None,
    }
}
