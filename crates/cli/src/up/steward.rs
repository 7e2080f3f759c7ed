//! The port on which a steward sees how the doorway is.

use base::{Code, Problem};
use http_kit::{Instruments, Served};
use runtime::{Supervisor, TaskKind, telemetry};

use super::config::Config;
use super::{Community, listen};
use crate::output::Output;

/// Opens the port, unless it is not wanted or taken; the doorway goes on without it.
pub(super) async fn open(
    config: &Config,
    community: &Community,
    telemetry: &telemetry::Handle,
    supervisor: &Supervisor,
    output: &Output,
) -> Result<(), Problem> {
    telemetry.register(&community.registry);
    if config.admin_listen.is_empty() {
        return Ok(());
    }
    let listener = match listen::bind("admin_listen", &config.admin_listen).await {
        Ok(listener) => listener,
        Err(problem) if problem.code == Code::PortTaken => {
            let detail = format!(
                "{}; the doorway goes on without its admin port",
                problem.detail
            );
            output.warn(&Problem::new(Code::PortTaken, detail));
            return Ok(());
        }
        Err(problem) => return Err(problem),
    };
    let address = listener.address();
    let admin = Instruments {
        registry: community.registry.clone(),
        supervisor: supervisor.clone(),
        telemetry: telemetry.clone(),
        hosts: vec![address.ip().to_string()],
    };
    let status = community.doorway.status_for_steward();
    let serving = http_kit::serve(
        Served::new(http_kit::admin(admin, status)),
        listener,
        supervisor.group("admin connections"),
        supervisor.shutdown(),
        http_kit::Limits {
            lanes: 0,
            connections_max: 64,
            ..http_kit::Limits::default()
        },
    );
    drop(supervisor.spawn("admin", TaskKind::Ordinary, serving));
    tracing::info!(%address, "metrics and status");
    Ok(())
}
