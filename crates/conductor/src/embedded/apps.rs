//! The life of an app: taken up, enabled, listed, erased.

use std::sync::Arc;

use chain::{Author, Rules, Signer, Verifier};

use crate::embedded::lane::Lane;
use crate::embedded::store::{self, Loaded, StagedRow};
use crate::embedded::{Embedded, roll};
use crate::{AppId, CellId, Custody, Erasure, Fault, Health, Hosted, Origin, Provision, Remnant};

impl Embedded {
    /// See [`crate::Conductor::provision`].
    pub(super) async fn take_up(&self, provision: Provision) -> Result<Hosted, Fault> {
        let cell = provision.cell.clone();
        // A key that cannot sign is refused before anything is stored.
        Verifier::new(cell.dna.clone(), cell.agent.clone(), Rules::Commonhold)?;
        if let Custody::Signer(signer) = &provision.custody
            && signer.agent() != &cell.agent
        {
            return Err(Fault::ForeignSigner);
        }
        let shared = self.lanes.get(&cell);
        let mut lane = shared.lock().await;
        let result = self.take_up_in(&mut lane, provision).await;
        let is_hosted = matches!(self.load(&cell, &mut lane).await, Ok(Some(_)));
        drop(lane);
        if !is_hosted {
            self.lanes.forget(&cell, shared);
        }
        result
    }

    async fn take_up_in(&self, lane: &mut Lane, provision: Provision) -> Result<Hosted, Fault> {
        let Provision {
            app_id,
            cell,
            origin,
            custody,
        } = provision;
        let signer = match custody {
            Custody::Signer(signer) => Some(signer),
            Custody::External => None,
        };
        match origin {
            Origin::Network { .. } => {
                return Err(Fault::Unsupported("restore a chain from peers"));
            }
            Origin::Records(records) => {
                let limit = self.limits.import_len_max;
                if records.len() > limit as usize {
                    return Err(Fault::TooMany { limit });
                }
                self.check_roll(&app_id, &cell).await?;
                let mut loaded = self.load_or_empty(&cell, lane).await?;
                if loaded.has_staged
                    && let Some(signer) = &signer
                {
                    loaded = self.finish(&cell, lane, signer).await?;
                }
                self.store_records(&cell, lane, &loaded, records, Some(app_id.clone()))
                    .await?;
                lane.signer = signer;
            }
            Origin::Genesis => {
                self.start(&app_id, &cell, lane, signer.as_ref()).await?;
                lane.signer = signer.clone();
                if let Some(signer) = &signer {
                    self.finish(&cell, lane, signer).await?;
                }
            }
        }
        let hosted = self
            .db
            .read(move |tx| roll::describe(tx, app_id, cell))
            .await?;
        Ok(hosted)
    }

    /// Enters the app and, when its chain has not started and can be signed, stages the first records with it.
    async fn start(
        &self,
        app_id: &AppId,
        cell: &CellId,
        lane: &mut Lane,
        signer: Option<&Arc<dyn Signer>>,
    ) -> Result<(), Fault> {
        let rows: Vec<_> = Author::new(cell.agent.clone(), None)
            .genesis(&cell.dna, self.now())
            .iter()
            .map(StagedRow::of)
            .collect();
        let may_stage = signer.is_some();
        let (app_id, cell) = (app_id.clone(), cell.clone());
        let cells_len_max = self.limits.cells_len_max;
        lane.loaded = None;
        self.db
            .write(move |tx| -> Result<(), Fault> {
                roll::admit(tx, &app_id, &cell, cells_len_max)?;
                let is_empty = store::load(tx, &cell)?
                    .is_some_and(|loaded| loaded.head.is_none() && !loaded.has_staged);
                if is_empty && may_stage {
                    store::stage(tx, &cell, &rows)?;
                }
                Ok(())
            })
            .await?;
        Ok(())
    }

    /// Tells early when an app and a cell do not belong together; entering it checks again.
    async fn check_roll(&self, app_id: &AppId, cell: &CellId) -> Result<(), Fault> {
        let wanted = app_id.clone();
        let known = self.db.read(move |tx| roll::cell_of(tx, &wanted)).await?;
        match known {
            Some(known) if known != *cell => Err(Fault::AppTaken {
                app: app_id.clone(),
                cell: known,
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// A cell that is not hosted yet has an empty chain.
    async fn load_or_empty(&self, cell: &CellId, lane: &mut Lane) -> Result<Loaded, Fault> {
        Ok(self.load(cell, lane).await?.unwrap_or(Loaded {
            is_enabled: false,
            head: None,
            is_closed: false,
            has_staged: false,
        }))
    }

    /// See [`crate::Conductor::set_enabled`].
    pub(super) async fn switch(&self, app: &AppId, is_enabled: bool) -> Result<(), Fault> {
        let cell = self.cell_of(app).await?;
        let Some(cell) = cell else {
            return Err(Fault::UnknownApp(app.clone()));
        };
        let shared = self.lanes.get(&cell);
        let mut lane = shared.lock().await;
        lane.loaded = None;
        let wanted = app.clone();
        self.db
            .write(move |tx| roll::set_enabled(tx, &wanted, is_enabled))
            .await?;
        Ok(())
    }

    /// See [`crate::Conductor::retire`].
    pub(super) async fn erase(&self, app: &AppId) -> Result<Erasure, Fault> {
        let mut erasure = Erasure {
            records: 0,
            remains: vec![Remnant::Copies],
        };
        let Some(cell) = self.cell_of(app).await? else {
            return Ok(erasure);
        };
        let shared = self.lanes.get(&cell);
        let mut lane = shared.lock().await;
        *lane = Lane::default();
        let (wanted, app) = (cell.clone(), app.clone());
        let erased = self
            .db
            .write(move |tx| -> Result<_, Fault> {
                // Somebody else may have erased it, and the cell may have come back under another name.
                if roll::cell_of(tx, &app)?.as_ref() != Some(&wanted) {
                    return Ok((0, false));
                }
                roll::erase(tx, &wanted)
            })
            .await?;
        drop(lane);
        self.lanes.forget(&cell, shared);
        erasure.records = erased.0;
        if erased.1 {
            erasure.remains.push(Remnant::CallNonces);
        }
        // The store overwrites what it deletes; what its log still holds goes with the log.
        if !self.db.checkpoint().await? {
            erasure.remains.push(Remnant::StoreLog);
        }
        Ok(erasure)
    }

    /// See [`crate::Conductor::hosted`].
    pub(super) async fn list(
        &self,
        after: Option<&AppId>,
        limit: u32,
    ) -> Result<Vec<Hosted>, Fault> {
        let after = after.cloned();
        let limit = limit.clamp(1, self.limits.page_len_max.max(1));
        let apps = self
            .db
            .read(move |tx| roll::list(tx, after.as_ref(), limit));
        Ok(apps.await?)
    }

    /// See [`crate::Conductor::health`].
    pub(super) async fn measure(&self) -> Result<Health, Fault> {
        let dnas = self.db.read(roll::sum_up).await?;
        Ok(Health {
            is_ready: true,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cells: dnas.iter().map(|dna| dna.cells).sum(),
            dnas,
            peers: None,
        })
    }

    async fn cell_of(&self, app: &AppId) -> Result<Option<CellId>, Fault> {
        let app = app.clone();
        Ok(self.db.read(move |tx| roll::cell_of(tx, &app)).await?)
    }
}
