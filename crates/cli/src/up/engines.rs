//! Opens what a doorway works with: chains, projection, blobs, bus.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::{Code, Problem};
use blobs::Blobs;
use bus::{Bus, Topic};
use conductor::Embedded;
use doorway::store::{PostgresStore, ProjectionStore, SqliteStore};
use doorway::{DoorwayMetrics, Engines, Origin};
use runtime::{Clock, Supervisor};
use tokio::time;

use super::config::{Config, Place};
use crate::dial;

/// How long the doorway that is followed may take to say whose it is when the copy starts.
const ASK_WAIT_MAX: Duration = Duration::from_secs(3);

/// Opens the engines; the conductor comes along for its closing, where there is one.
pub(super) async fn open(
    config: &Config,
    place: &Place,
    data: &Path,
    metrics: &DoorwayMetrics,
    supervisor: &Supervisor,
) -> Result<(Engines, Option<Arc<Embedded>>), Problem> {
    let ca = Some(Path::new(&config.follow_ca)).filter(|ca| !ca.as_os_str().is_empty());
    let (origin, engine) = match place {
        Place::Hosted => {
            let engine = conductor(data)?;
            (Origin::Hosted(engine.clone()), Some(engine))
        }
        Place::Shared => {
            let writer = match config.writer_url.as_str() {
                "" => None,
                url => Some(dial::trusting(url, ca)?),
            };
            (Origin::Shared { writer }, None)
        }
        Place::Followed(url) => (Origin::Followed(dial::trusting(url, ca)?), None),
    };
    let store = store(config, place, data, supervisor).await?;
    if let Origin::Followed(upstream) = &origin {
        refuse_other(store.as_ref(), upstream).await?;
    }
    let limits = blobs::Limits {
        blob_bytes_max: config.blob_bytes_max,
        cache_bytes_max: config.blob_cache_bytes_max,
        ..blobs::Limits::default()
    };
    let prefix = Topic::parse("commonhold").expect("letters make a topic");
    let bus = Bus::connect(&config.bus_url, &prefix, bus::Limits::default(), supervisor);
    let engines = Engines {
        origin,
        store,
        blobs: Blobs::open(&data.join("blobs"), limits).map_err(|error| error.problem())?,
        bus: bus.map_err(|problem| of_key("bus_url", problem))?,
        metrics: metrics.clone(),
    };
    Ok((engines, engine))
}

/// A copy goes on with its own community; a doorway that is away is asked later.
async fn refuse_other(
    store: &dyn ProjectionStore,
    upstream: &client::Doorway,
) -> Result<(), Problem> {
    let Some(known) = store.introduction().await? else {
        return Ok(());
    };
    let Ok(Ok(version)) = time::timeout(ASK_WAIT_MAX, upstream.version()).await else {
        return Ok(());
    };
    if version.community.network_seed == known.network_seed {
        return Ok(());
    }
    let detail = format!(
        "this data folder holds a copy of “{}”, and {} belongs to “{}”; name another folder with --data",
        known.name,
        upstream.address(),
        version.community.name
    );
    Err(Problem::new(Code::Config, detail))
}

/// Names the key whose value cannot be used.
fn of_key(key: &str, mut problem: Problem) -> Problem {
    if problem.code == Code::Config {
        problem.detail = format!("{key}: {}", problem.detail);
    }
    problem
}

fn conductor(data: &Path) -> Result<Arc<Embedded>, Problem> {
    let opened = Embedded::open(
        conductor::Config {
            id: "embedded".parse().expect("a well-formed name"),
            folder: data.join("conductor"),
            limits: conductor::Limits::default(),
        },
        Clock::system(),
    );
    opened.map_err(|error| Problem::caused(error.code(), &error))
}

async fn store(
    config: &Config,
    place: &Place,
    data: &Path,
    supervisor: &Supervisor,
) -> Result<Arc<dyn ProjectionStore>, Problem> {
    let refused =
        |error: db::OpenError| of_key("database_url", Problem::caused(error.code(), &error));
    if config.database_url.is_empty() {
        let opened = SqliteStore::open(&data.join("projection.sqlite"));
        let opened = opened.map_err(|error| Problem::caused(error.code(), &error));
        return Ok(Arc::new(opened?));
    }
    let access = match place {
        Place::Shared => db::Access::ReadOnly,
        Place::Hosted | Place::Followed(_) => db::Access::ReadWrite,
    };
    let opened = PostgresStore::connect(&config.database_url, access, supervisor).await;
    Ok(Arc::new(opened.map_err(refused)?))
}
