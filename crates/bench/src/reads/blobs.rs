//! Whole blobs of 64 KiB and 1 MiB, beside nginx that sends the same bytes with sendfile.

use anyhow::Context as _;

use super::Stage;
use super::answer::Asked;
use super::course::Blob;
use super::documents::same;
use super::load::{self, Contender, Unit};
use super::rivals::Rival;
use crate::figure::Goal;

/// Open connections.
const CONNECTIONS: u32 = 64;

const ROWS: [(&str, Blob, Goal); 2] = [
    (
        "blob of 64 KiB, 64 connections",
        Blob::Kib64,
        Goal::TimesAtMost(1.4),
    ),
    (
        "blob of 1 MiB, 64 connections",
        Blob::Mib1,
        Goal::TimesAtMost(1.8),
    ),
];

/// Measures both lengths.
pub(super) fn measure(stage: &mut Stage) -> anyhow::Result<()> {
    let Some(wrk) = stage.wrk("blobs")? else {
        return Ok(());
    };
    let Some(nginx) = stage.program(|all| &all.nginx, "blobs beside nginx") else {
        return Ok(());
    };
    let folder = stage.folder("blobs")?;
    let rival = Rival::nginx(&stage.bench, &nginx, &folder, None)?;
    for (name, blob, goal) in ROWS {
        eprintln!("{name}");
        let published = stage.published()?;
        let ours = published.blob(blob);
        let answer = ours.fetch(published.address())?;
        let bytes = published.bytes(blob)?;
        anyhow::ensure!(answer.body == bytes, "our bytes are not the blob's");
        let theirs = Asked::path(format!("/{}", bytes.len()));
        let file = folder.join(format!("www{}", theirs.path));
        std::fs::write(file, bytes).context("write a file for nginx")?;
        same(&answer, &theirs, rival.address())?;
        let (pid, address) = (published.community.pid(), published.address());
        let contenders = [
            Contender::new("commonhold up", pid, address, &ours),
            Contender::new("nginx, sendfile", rival.pid(), rival.address(), &theirs),
        ];
        let measured = wrk.take_turns(stage.shape(CONNECTIONS), &contenders)?;
        let against = (contenders[1].name, &measured[1]);
        let figure = load::figure(name, Unit::Mib, &measured[0], against, goal);
        stage.figures.push(figure);
    }
    Ok(())
}
