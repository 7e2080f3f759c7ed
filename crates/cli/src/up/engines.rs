//! Opens what a doorway works with: chains, projection, blobs, bus.

use std::path::Path;
use std::sync::Arc;

use base::Problem;
use blobs::Blobs;
use bus::{Bus, Topic};
use conductor::Embedded;
use doorway::store::{PostgresStore, ProjectionStore, SqliteStore};
use doorway::{DoorwayMetrics, Engines, Origin};
use runtime::{Clock, Supervisor};

use super::config::{Config, Place};

/// Opens the engines; the conductor comes along for its closing, where there is one.
pub(super) async fn open(
    config: &Config,
    place: &Place,
    data: &Path,
    metrics: &DoorwayMetrics,
    supervisor: &Supervisor,
) -> Result<(Engines, Option<Arc<Embedded>>), Problem> {
    let (origin, engine) = match place {
        Place::Hosted => {
            let engine = conductor(data)?;
            (Origin::Hosted(engine.clone()), Some(engine))
        }
        Place::Shared => {
            let writer = match config.writer_url.as_str() {
                "" => None,
                url => Some(client::Doorway::new(url)?),
            };
            (Origin::Shared { writer }, None)
        }
        Place::Followed(url) => (Origin::Followed(client::Doorway::new(url)?), None),
    };
    let limits = blobs::Limits {
        blob_bytes_max: config.blob_bytes_max,
        cache_bytes_max: config.blob_cache_bytes_max,
        ..blobs::Limits::default()
    };
    let prefix = Topic::parse("commonhold").expect("letters make a topic");
    let engines = Engines {
        origin,
        store: store(config, place, data, supervisor).await?,
        blobs: Blobs::open(&data.join("blobs"), limits).map_err(|error| error.problem())?,
        bus: Bus::connect(&config.bus_url, &prefix, bus::Limits::default(), supervisor)?,
        metrics: metrics.clone(),
    };
    Ok((engines, engine))
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
    let refused = |error: db::OpenError| Problem::caused(error.code(), &error);
    if config.database_url.is_empty() {
        let opened = SqliteStore::open(&data.join("projection.sqlite"));
        return Ok(Arc::new(opened.map_err(refused)?));
    }
    let access = match place {
        Place::Shared => db::Access::ReadOnly,
        Place::Hosted | Place::Followed(_) => db::Access::ReadWrite,
    };
    let opened = PostgresStore::connect(&config.database_url, access, supervisor).await;
    Ok(Arc::new(opened.map_err(refused)?))
}
