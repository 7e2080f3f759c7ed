//! What an admin socket is answered, in Holochain's words.

use std::io::Read as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chain::dna;

use crate::protocol::ErrorView;
use crate::protocol::admin::{
    AdminAnswer, AdminRequest, AppView, AttachInterface, BundleSource, DnaStorageView, InstallApp,
    InterfaceView, IssueToken, RoleSettings, StatusFilter, StatusView, StorageBlobView,
    StorageView,
};
use crate::protocol::hash::{AgentBytes, CellPair, DnaBytes};
use crate::protocol::refusal::{InstallRefusal, words_of};
use crate::server::line::Line;
use crate::server::token::TOKEN_BYTES;
use crate::server::{Desk, bundle};
use crate::socket::lock;
use crate::{AppId, CellId, Conductor as _, Fault, Origin, State};

/// Largest bundle that is read from a file, in bytes.
const BUNDLE_BYTES_MAX: u64 = 16 * 1_024 * 1_024;

impl Desk {
    /// Answers a request of an admin socket.
    pub(super) async fn answer_admin(
        self: &Arc<Self>,
        line: &Arc<Line>,
        request: AdminRequest,
    ) -> AdminAnswer {
        if let AdminRequest::Commonhold(own) = request {
            return AdminAnswer::Commonhold(Box::new(self.answer_own(line, *own).await));
        }
        self.try_admin(request)
            .await
            .unwrap_or_else(AdminAnswer::Error)
    }

    async fn try_admin(self: &Arc<Self>, request: AdminRequest) -> Result<AdminAnswer, ErrorView> {
        Ok(match request {
            AdminRequest::GenerateAgentPubKey => {
                AdminAnswer::AgentPubKeyGenerated(AgentBytes(self.generate().await?))
            }
            AdminRequest::InstallApp(install) => {
                AdminAnswer::AppInstalled(self.install(*install).await?)
            }
            AdminRequest::EnableApp(name) => {
                let app = self.switch(&name.installed_app_id, true).await?;
                let view = self.view_named(app.as_str()).await?;
                AdminAnswer::AppEnabled(view.ok_or(Fault::UnknownApp(app))?)
            }
            AdminRequest::DisableApp(name) => {
                self.switch(&name.installed_app_id, false).await?;
                AdminAnswer::AppDisabled
            }
            AdminRequest::UninstallApp(name) => {
                let app = self.known(&name.installed_app_id).await?;
                self.engine.retire(&app).await?;
                self.book.forget(&app).await?;
                AdminAnswer::AppUninstalled
            }
            AdminRequest::ListApps { status_filter } => {
                let mut views = self.views().await?;
                views.retain(|view| is_wanted(view, status_filter));
                AdminAnswer::AppsListed(views)
            }
            AdminRequest::ListCellIds => {
                let mut hosted = self.all_hosted().await?;
                hosted.retain(|app| app.state == State::Enabled);
                let cells = hosted.into_iter().map(|app| CellPair(app.cell));
                AdminAnswer::CellIdsListed(cells.collect())
            }
            AdminRequest::ListDnas => {
                let dnas = self.engine.health().await?.dnas.into_iter();
                AdminAnswer::DnasListed(dnas.map(|used| DnaBytes(used.dna)).collect())
            }
            AdminRequest::AttachAppInterface(attach) => AdminAnswer::AppInterfaceAttached {
                port: self.attach_wanted(attach).await?,
            },
            AdminRequest::ListAppInterfaces => {
                AdminAnswer::AppInterfacesListed(self.book.interfaces().await?)
            }
            AdminRequest::IssueAppAuthenticationToken(issue) => self.issue(issue)?,
            AdminRequest::RevokeAppAuthenticationToken(token) => {
                lock(&self.tokens).revoke(&token);
                AdminAnswer::AppAuthenticationTokenRevoked
            }
            AdminRequest::DumpState {
                cell_id,
                source_chain_cursor,
                limit,
            } => AdminAnswer::StateDumped(self.dump(&cell_id.0, source_chain_cursor, limit).await?),
            AdminRequest::StorageInfo => AdminAnswer::StorageInfo(self.storage().await?),
            AdminRequest::AgentInfo { .. } => AdminAnswer::AgentInfo(Vec::new()),
            AdminRequest::Commonhold(_) => AdminAnswer::Error(ErrorView::unreadable()),
        })
    }

    async fn generate(self: &Arc<Self>) -> Result<chain::AgentPubKey, Fault> {
        let desk = Arc::clone(self);
        self.blocking.run(move || desk.keys.generate()).await
    }

    async fn switch(&self, name: &str, is_enabled: bool) -> Result<AppId, ErrorView> {
        let app = self.known(name).await?;
        self.engine.set_enabled(&app, is_enabled).await?;
        if is_enabled {
            self.book.note_enabled(&app).await?;
        }
        Ok(app)
    }

    /// Returns the name of an app that is there.
    async fn known(&self, name: &str) -> Result<AppId, ErrorView> {
        // Nothing else than a name can be an app's.
        let unknown = || {
            let text = format!(
                "Conductor returned an error while using a ConductorApi: AppNotInstalled({name:?})"
            );
            ErrorView::internal(text)
        };
        let app: AppId = name.parse().map_err(|_| unknown())?;
        match self.engine.app(&app).await? {
            Some(_) => Ok(app),
            None => Err(unknown()),
        }
    }

    async fn install(self: &Arc<Self>, install: InstallApp) -> Result<AppView, ErrorView> {
        let bytes = match install.source {
            BundleSource::Bytes(bytes) => bytes.into_vec(),
            BundleSource::Path(path) => self.blocking.run(move || read_bundle(&path)).await?,
        };
        let bundle = self.blocking.run(move || bundle::read(&bytes)).await;
        let bundle = bundle.map_err(|error| refuse(&format!("AppBundleError({error})")))?;
        let mut seed = bundle.network_seed;
        for (role, settings) in install.roles_settings.unwrap_or_default() {
            let RoleSettings::Provisioned {
                membrane_proof,
                modifiers,
            } = settings;
            if role != dna::NAME {
                let words = format!(
                    "Tried to set modifiers for a role name that does not exist in the app manifest: {role}"
                );
                return Err(refuse(&format!(
                    "AppManifestError(InvalidRoleName({words:?}))"
                )));
            }
            let modifiers = modifiers.as_ref();
            let has_properties = modifiers.is_some_and(|given| given.properties.is_some());
            if membrane_proof.is_some() || has_properties {
                let fault = Fault::Unsupported("take membrane proofs and properties");
                return Err(words_of(&fault));
            }
            seed = modifiers
                .and_then(|given| given.network_seed.clone())
                .or(seed);
        }
        let seed = install.network_seed.or(seed).unwrap_or_default();
        if seed.len() > dna::NETWORK_SEED_BYTES_MAX {
            return Err(words_of(&Fault::Unsupported("take so long a network seed")));
        }
        let name = install.installed_app_id;
        let name = name.unwrap_or_else(|| dna::NAME.to_owned());
        let app: AppId = name
            .parse()
            .map_err(|error: crate::MalformedId| refuse(&error.to_string()))?;
        let dna = dna::hash_for(&seed);
        if let Some(hosted) = self.engine.app(&app).await? {
            let cell = hosted.cell;
            return Err(words_of(&Fault::AppTaken { app, cell }));
        }
        let agent = match install.agent_key {
            Some(agent) => agent.0,
            None => self.generate().await?,
        };
        let cell = CellId { dna, agent };
        if self.engine.app_of(&cell).await?.is_some() {
            return Err(InstallRefusal::cell_taken(&cell));
        }
        let custody = self.custody(&cell);
        let custody = custody.ok_or_else(|| Fault::NoSigner(cell.clone()))?;
        let hosted = self.provision(&seed, app, cell, Origin::Genesis, custody);
        Ok(self.view(hosted.await?).await?)
    }

    async fn attach_wanted(self: &Arc<Self>, attach: AttachInterface) -> Result<u16, ErrorView> {
        let limit = self.limits.interfaces_max;
        if self.interfaces.load(Ordering::Relaxed) >= limit {
            return Err(refuse(&format!("more than {limit} app interfaces")));
        }
        let address = match attach.danger_bind_addr.as_deref() {
            None | Some("localhost") => None,
            Some(text) => match text.parse::<IpAddr>() {
                Ok(address) if address.is_loopback() => Some(address),
                Ok(_) | Err(_) => {
                    return Err(refuse("only loopback addresses are listened on"));
                }
            },
        };
        let interface = InterfaceView {
            port: attach.port.unwrap_or(0),
            allowed_origins: attach.allowed_origins,
            installed_app_id: attach.installed_app_id,
        };
        let attached = self.attach(interface, address).await;
        attached.map_err(|error| refuse(&error.to_string()))
    }

    fn issue(&self, issue: IssueToken) -> Result<AdminAnswer, ErrorView> {
        let mut token = [0; TOKEN_BYTES];
        getrandom::fill(&mut token).map_err(|error| refuse(&format!("no randomness: {error}")))?;
        let expires = lock(&self.tokens).issue(
            self.clock.now(),
            token,
            issue.installed_app_id,
            issue.expiry_seconds,
            issue.single_use,
        );
        let limit = self.limits.tokens_max;
        let expires = expires.ok_or_else(|| refuse(&format!("more than {limit} tokens")))?;
        Ok(AdminAnswer::AppAuthenticationTokenIssued {
            token: token.to_vec(),
            expires_at: expires.map(|expires| expires.as_micros()),
        })
    }

    async fn storage(&self) -> Result<StorageView, Fault> {
        let hosted = self.all_hosted().await?;
        let dnas = self.engine.health().await?.dnas.into_iter();
        let blobs = dnas.map(|used| {
            let users = hosted.iter().filter(|app| app.cell.dna == used.dna);
            StorageBlobView::Dna(DnaStorageView {
                dht_data_size: used.bytes,
                dht_data_size_on_disk: used.bytes,
                used_by: users.map(|app| app.app_id.to_string()).collect(),
                dna_hash: DnaBytes(used.dna),
            })
        });
        Ok(StorageView {
            blobs: blobs.collect(),
        })
    }
}

impl From<Fault> for ErrorView {
    fn from(fault: Fault) -> Self {
        words_of(&fault)
    }
}

fn refuse(words: &str) -> ErrorView {
    ErrorView::internal(format!(
        "Conductor returned an error while using a ConductorApi: {words}"
    ))
}

fn is_wanted(view: &AppView, filter: Option<StatusFilter>) -> bool {
    match filter {
        None => true,
        Some(StatusFilter::Enabled) => view.status == StatusView::Enabled,
        Some(StatusFilter::Disabled) => view.status != StatusView::Enabled,
        Some(
            StatusFilter::AwaitingMemproofs
            | StatusFilter::AwaitingRestore
            | StatusFilter::Unrecoverable,
        ) => false,
    }
}

/// Reads a bundle from a file that a steward's program names. It is no state of ours, and is only read.
fn read_bundle(path: &str) -> Result<Vec<u8>, ErrorView> {
    #[allow(
        clippy::disallowed_methods,
        reason = "a bundle is what a steward hands in, not state"
    )]
    let opened = std::fs::File::open(path);
    let mut bytes = Vec::new();
    let read = opened.and_then(|file| file.take(BUNDLE_BYTES_MAX).read_to_end(&mut bytes));
    read.map_err(|error| refuse(&format!("AppBundleError({path}: {error})")))?;
    Ok(bytes)
}
