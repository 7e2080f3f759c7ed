//! Making cells, as Holochain does where it can, and finding out whose they are when they are taken.

use std::sync::Arc;

use chain::Signer;
use serde_bytes::ByteBuf;

use crate::protocol::admin::{
    AdminAnswer, AdminRequest, AppView, BundleSource, CellView, InstallApp,
};
use crate::protocol::hash::{AgentBytes, CellPair};
use crate::protocol::own::{OwnAnswer, OwnInstall, OwnRequest, RecordParts};
use crate::protocol::refusal::InstallRefusal;
use crate::remote::Inner;
use crate::remote::link::Wish;
use crate::socket::lock;
use crate::{AppId, CellId, Custody, Fault, Hosted, Origin, Provision};

/// Apps that are asked for at once.
const PAGE: u32 = 1_000;

impl Inner {
    /// See [`crate::Conductor::provision`].
    pub(super) async fn provision(&self, provision: Provision) -> Result<Hosted, Fault> {
        let Provision {
            app_id,
            cell,
            origin,
            custody,
        } = provision;
        if cell.dna != self.dna {
            return Err(Fault::Unsupported("host another community's DNA"));
        }
        let signer = match custody {
            Custody::Signer(signer) if signer.agent() != &cell.agent => {
                return Err(Fault::ForeignSigner);
            }
            Custody::Signer(signer) => Some(signer),
            Custody::External => None,
        };
        let records = match origin {
            Origin::Network { .. } => {
                return Err(Fault::Unsupported("restore a chain from peers"));
            }
            Origin::Genesis => None,
            Origin::Records(records) => Some(RecordParts::of_all(&records)),
        };
        let is_external = signer.is_none();
        let before = lock(&self.cells).signers.get(&cell).cloned();
        let made = match signer {
            Some(signer) => self.sign_for(&app_id, &cell, signer, records).await,
            None => self.install_own(&app_id, &cell, records, true).await,
        };
        match &made {
            Ok(_) if is_external => {
                lock(&self.cells).signers.remove(&cell);
            }
            // What waits for a signature gets it from this signer.
            Ok(_) | Err(Fault::Pending { .. }) => {}
            Err(_) => self.sign_as_before(&cell, before),
        }
        let hosted = made?;
        self.note_hosted(&hosted);
        Ok(hosted)
    }

    /// Puts the signer back that a cell had before a request that came to nothing.
    fn sign_as_before(&self, cell: &CellId, before: Option<Arc<dyn Signer>>) {
        let mut cells = lock(&self.cells);
        match before {
            Some(signer) => cells.signers.insert(cell.clone(), signer),
            None => cells.signers.remove(cell),
        };
    }

    /// Makes a cell whose signer is here, or takes it up.
    async fn sign_for(
        &self,
        app: &AppId,
        cell: &CellId,
        signer: Arc<dyn Signer>,
        records: Option<Vec<RecordParts>>,
    ) -> Result<Hosted, Fault> {
        let known = self.list(Some(app), None, 1).await?.pop();
        if let Some(known) = &known
            && known.cell != *cell
        {
            return Err(Fault::AppTaken {
                app: app.clone(),
                cell: known.cell.clone(),
            });
        }
        lock(&self.cells).signers.insert(cell.clone(), signer);
        let cells = vec![CellPair(cell.clone())];
        self.own(OwnRequest::Sign { cells }, Wish::Change).await?;
        match records {
            Some(records) => return self.install_own(app, cell, Some(records), false).await,
            None if known.is_none() => self.install(app, cell).await?,
            None => {}
        }
        let made = self.list(Some(app), None, 1).await?.pop();
        made.ok_or_else(|| Fault::UnknownApp(app.clone()))
    }

    /// Installs the bundle for an agent, as with any Holochain conductor.
    async fn install(&self, app: &AppId, cell: &CellId) -> Result<(), Fault> {
        let request = AdminRequest::InstallApp(Box::new(InstallApp {
            source: BundleSource::Bytes(ByteBuf::from(self.bundle.to_vec())),
            agent_key: Some(AgentBytes(cell.agent.clone())),
            installed_app_id: Some(app.to_string()),
            network_seed: Some(self.network_seed.clone()),
            roles_settings: None,
        }));
        match self.link.ask(&request, Wish::Change).await? {
            AdminAnswer::AppInstalled(view) if has_cell(&view, cell) => Ok(()),
            AdminAnswer::AppInstalled(_) => Err(self.garbled(&"another cell than was asked for")),
            AdminAnswer::Error(error) => match InstallRefusal::read(&error) {
                Some(InstallRefusal::CellTaken) => match self.owner(cell).await? {
                    Some(app) => Err(Fault::CellTaken { app }),
                    None => Err(self.failed(&error)),
                },
                // Somebody else was faster; whoever lists it next sees whose it is.
                Some(InstallRefusal::AppTaken) => Ok(()),
                None => Err(self.failed(&error)),
            },
            other => Err(self.garbled(&other)),
        }
    }

    async fn install_own(
        &self,
        app: &AppId,
        cell: &CellId,
        records: Option<Vec<RecordParts>>,
        is_external: bool,
    ) -> Result<Hosted, Fault> {
        let request = OwnRequest::Install(Box::new(OwnInstall {
            app: app.to_string(),
            cell_id: CellPair(cell.clone()),
            network_seed: self.network_seed.clone(),
            records,
            is_external,
        }));
        let answer = self.own(request, Wish::Change).await?;
        let hosted = match answer {
            OwnAnswer::Hosted(mut views) => views.pop().map(Hosted::try_from),
            other => return Err(self.garbled(&other)),
        };
        match hosted {
            Some(Ok(hosted)) => Ok(hosted),
            other => Err(self.garbled(&other)),
        }
    }

    /// Finds the app of a cell.
    pub(super) async fn owner(&self, cell: &CellId) -> Result<Option<AppId>, Fault> {
        if let Some(app) = lock(&self.cells).apps.get(cell) {
            return Ok(Some(app.clone()));
        }
        let mut after: Option<AppId> = None;
        loop {
            let page = self.list(None, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(None);
            };
            after = Some(last.app_id.clone());
            for hosted in &page {
                self.note_hosted(hosted);
            }
            if let Some(found) = page.into_iter().find(|hosted| hosted.cell == *cell) {
                return Ok(Some(found.app_id));
            }
        }
    }
}

fn has_cell(view: &AppView, wanted: &CellId) -> bool {
    view.cell_info.values().flatten().any(|cell| {
        let CellView::Provisioned { cell_id, .. } = cell;
        cell_id.0 == *wanted
    })
}
