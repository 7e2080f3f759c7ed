//! What Commonhold asks of its own conductors.

use std::sync::Arc;

use chain::{Signer, dna};

use crate::protocol::own::{HostedView, OwnAnswer, OwnInstall, OwnRequest, RecordParts};
use crate::server::line::{Line, LineSigner};
use crate::server::{Desk, ServeError};
use crate::socket::lock;
use crate::{AppId, CallFault, CellId, Conductor as _, Custody, Fault, Origin, Provision};

impl Desk {
    /// Answers one of Commonhold's own requests.
    pub(super) async fn answer_own(&self, line: &Arc<Line>, request: OwnRequest) -> OwnAnswer {
        self.try_own(line, request).await.into()
    }

    async fn try_own(&self, line: &Arc<Line>, request: OwnRequest) -> Result<OwnAnswer, Fault> {
        let engine = &self.engine;
        Ok(match request {
            OwnRequest::About => OwnAnswer::About {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                capabilities: engine.capabilities().bits(),
            },
            OwnRequest::Health => OwnAnswer::Health((&engine.health().await?).into()),
            OwnRequest::Install(install) => self.install_own(*install).await?,
            OwnRequest::Sign { cells } => {
                for cell in cells {
                    lock(&self.lines).insert(cell.0.clone(), Arc::clone(line));
                    self.settle(&cell.0).await?;
                }
                OwnAnswer::Taken
            }
            OwnRequest::Signed {
                id,
                signatures,
                end,
            } => {
                line.take_signed(id, signatures, end);
                OwnAnswer::Taken
            }
            OwnRequest::Watch => {
                lock(&self.ears).watch(line.id, line.queue.clone());
                OwnAnswer::Taken
            }
            OwnRequest::Hosted { app, after, limit } => {
                let hosted = match app {
                    Some(app) => engine.app(&read_app(&app)?).await?.into_iter().collect(),
                    None => {
                        let after = after.as_deref().map(read_app).transpose()?;
                        engine.hosted(after.as_ref(), limit).await?
                    }
                };
                OwnAnswer::Hosted(hosted.iter().map(HostedView::from).collect())
            }
            OwnRequest::Chain {
                cell_id,
                after,
                limit,
            } => OwnAnswer::of_page(&engine.chain(&cell_id.0, after, limit).await?),
            OwnRequest::Find { cell_id, action } => {
                let found = engine.find(&cell_id.0, &action.0).await?;
                OwnAnswer::Records(found.iter().map(RecordParts::from).collect())
            }
            OwnRequest::Write { cell_id, writes } => {
                let writes = writes.into_iter().map(|write| write.into_unchecked_write());
                let writes = writes.collect::<Result<_, CallFault>>()?;
                let records = engine.write(&cell_id.0, writes).await?;
                OwnAnswer::Records(RecordParts::of_all(&records))
            }
            OwnRequest::Append { cell_id, records } => {
                let head = engine.append(&cell_id.0, read(&records)?).await?;
                OwnAnswer::Head((&head).into())
            }
            OwnRequest::Retire { app } => {
                let app = read_app(&app)?;
                let erasure = engine.retire(&app).await?;
                self.book.forget(&app).await?;
                OwnAnswer::of_erasure(&erasure)
            }
        })
    }

    async fn install_own(&self, install: OwnInstall) -> Result<OwnAnswer, Fault> {
        let OwnInstall {
            app,
            cell_id,
            network_seed,
            records,
            is_external,
        } = install;
        let (app, cell) = (read_app(&app)?, cell_id.0);
        if dna::hash_for(&network_seed) != cell.dna {
            return Err(Fault::Unsupported("host another DNA than the seed's"));
        }
        let origin = match records {
            Some(records) => Origin::Records(read(&records)?),
            None => Origin::Genesis,
        };
        let custody = if is_external {
            Custody::External
        } else {
            self.custody(&cell)
                .ok_or_else(|| Fault::NoSigner(cell.clone()))?
        };
        let hosted = self
            .provision(&network_seed, app, cell, origin, custody)
            .await?;
        if is_external {
            lock(&self.lines).remove(&hosted.cell);
        }
        Ok(OwnAnswer::Hosted(vec![HostedView::from(&hosted)]))
    }

    /// Makes a cell and notes its seed.
    pub(super) async fn provision(
        &self,
        network_seed: &str,
        app_id: AppId,
        cell: CellId,
        origin: Origin,
        custody: Custody,
    ) -> Result<crate::Hosted, Fault> {
        let now = self.clock.now();
        self.book.note(&app_id, network_seed, now).await?;
        let provision = Provision {
            app_id: app_id.clone(),
            cell,
            origin,
            custody,
        };
        let provisioned = self.engine.provision(provision).await;
        if provisioned.is_err() && self.engine.app(&app_id).await?.is_none() {
            self.book.forget(&app_id).await?;
        }
        provisioned
    }

    /// Returns who signs for a cell: the connection that said so last, or a key of this conductor.
    pub(super) fn custody(&self, cell: &CellId) -> Option<Custody> {
        let line = lock(&self.lines).get(cell).cloned();
        let signer: Arc<dyn Signer> = match line {
            Some(line) => Arc::new(LineSigner {
                cell: cell.clone(),
                line,
            }),
            None => self.keys.get(&cell.agent)?,
        };
        Some(Custody::Signer(signer))
    }

    /// Gives the engine the signer that a cell has now, and finishes what waited for it. Does nothing for a cell that is
    /// not there yet.
    async fn settle(&self, cell: &CellId) -> Result<(), Fault> {
        loop {
            let before = self.line_of(cell);
            let Some(app_id) = self.engine.app_of(cell).await? else {
                return Ok(());
            };
            let provision = Provision {
                app_id,
                cell: cell.clone(),
                origin: Origin::Genesis,
                custody: self.custody(cell).unwrap_or(Custody::External),
            };
            let provisioned = self.engine.provision(provision).await;
            // Another connection may have come or gone meanwhile.
            if self.line_of(cell) == before {
                return provisioned.map(drop);
            }
        }
    }

    fn line_of(&self, cell: &CellId) -> Option<u64> {
        lock(&self.lines).get(cell).map(|line| line.id)
    }

    /// Lets the cells whose keys are in the conductor's folder write again.
    pub(super) async fn take_up_own_keys(&self) -> Result<(), ServeError> {
        if self.keys.is_empty() {
            return Ok(());
        }
        for hosted in self.all_hosted().await? {
            if self.keys.get(&hosted.cell.agent).is_some() {
                self.settle(&hosted.cell).await?;
            }
        }
        Ok(())
    }

    /// Takes the signers away that were behind a connection, and the connection from those who listen.
    pub(super) async fn hang_up(&self, line: &Line) {
        lock(&self.ears).forget(None, line.id);
        line.hang_up();
        let mut cells = Vec::new();
        lock(&self.lines).retain(|cell, other| {
            let is_its = other.id == line.id;
            if is_its {
                cells.push(cell.clone());
            }
            !is_its
        });
        for cell in cells {
            if let Err(fault) = self.settle(&cell).await {
                tracing::warn!(%cell, %fault, "the signer of a cell is gone, and the engine could not be told");
            }
        }
    }
}

fn read_app(name: &str) -> Result<AppId, Fault> {
    name.parse()
        .map_err(|_| Fault::Unsupported("use a name that is none"))
}

fn read(parts: &[RecordParts]) -> Result<Vec<chain::Record>, Fault> {
    let records = RecordParts::read_all(parts);
    records.ok_or_else(|| CallFault::Payload("a record cannot be read".to_owned()).into())
}
