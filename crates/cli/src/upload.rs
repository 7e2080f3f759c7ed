//! Files on their way to a doorway: only those that it does not have, read while they are sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::{Code, Problem};
use chain::EntryVisibility;
use client::{Body, FileBody};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use indicatif::ProgressBar;

use crate::publish::course::Course;
use crate::publish::media::Media;
use crate::publish::plan::visibility;
use crate::session::Session;

/// Files that are sent at once.
const UPLOADS_MAX: usize = 4;

/// Sends the media of a course that the doorway does not have.
pub(crate) async fn media(session: &Session<'_>, course: &Course) -> Result<(), Problem> {
    let leaving = || course.media.values().filter(|media| leaves(media));
    let total = leaving().map(|media| media.manifest.bytes).sum();
    let bar = session.progress.begin("files", total, true);
    stream::iter(leaving().map(Ok))
        .try_for_each_concurrent(UPLOADS_MAX, |media| one(session, media, &bar))
        .await?;
    bar.finish_and_clear();
    Ok(())
}

/// Returns whether a file leaves this machine: what is private stays.
fn leaves(media: &Media) -> bool {
    visibility(media.manifest.reach.0) == EntryVisibility::Public
}

async fn one(session: &Session<'_>, media: &Media, bar: &ProgressBar) -> Result<(), Problem> {
    let token = session.token().await?;
    let (hash, bytes) = (media.id(), media.manifest.bytes);
    let limit = session.version.blob_bytes_max;
    if bytes > limit {
        let detail = format!("{bytes} bytes; this doorway takes {limit}");
        return Err(Problem::new(Code::FileTooLarge, detail).at(media.file.as_str(), 0));
    }
    if session.doorway.has_blob(&hash, &token).await? {
        bar.inc(bytes);
        return Ok(());
    }
    let counted = Arc::new(AtomicU64::new(0));
    let body = || opened(media, bar, &counted);
    session.doorway.put_blob(&hash, bytes, body, &token).await?;
    Ok(())
}

/// Opens a file to be sent, from its beginning; what an earlier try counted in `bar` is taken back.
async fn opened(
    media: &Media,
    bar: &ProgressBar,
    counted: &Arc<AtomicU64>,
) -> Result<Body, Problem> {
    bar.dec(counted.swap(0, Ordering::Relaxed));
    let body = FileBody::open(&media.path).await.map_err(|error| {
        Problem::new(Code::SourceUnreadable, error.to_string()).at(media.file.as_str(), 0)
    })?;
    let (bar, counted) = (bar.clone(), Arc::clone(counted));
    let stream = body.chunks().inspect(move |chunk| {
        if let Ok(chunk) = chunk {
            let bytes = chunk.len() as u64;
            counted.fetch_add(bytes, Ordering::Relaxed);
            bar.inc(bytes);
        }
    });
    Ok(client::body_of(stream))
}
