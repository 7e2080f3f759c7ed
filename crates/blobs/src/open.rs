//! How a store begins: the format, the index, the log, what is left over, and what an older version wrote.

mod import;
mod replay;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::thread;

use base::ContentHash;
use disk::log::{Log, LogConfig, OpenLogError, Opened, Recovery, TailState, group};
use disk::{Disk, Lock, read_exact_at};
use runtime::Clock;
use storage_core::clock::{self, SlowClock, SlowTime};
use wire::blobs::{BLOB_HEAD_BYTES, SMALL_BYTES_MAX};
use wire::segment::{SEGMENT_HEAD_BYTES, span};

use self::replay::Replay;
use crate::checkpoint::Checkpoints;
use crate::core::{Core, LARGE, LOG, Parts};
use crate::files::TEMPORARY;
use crate::groups::groups_of;
use crate::index::{self, Index, Meta};
use crate::rows::Place;
use crate::space::Space;
use crate::store::Store;
use crate::view::View;
use crate::writer::Writer;
use crate::{Blobs, Limits, OpenError, Opening};

/// The file that says how to read the folder.
const FORMAT: &str = "format";

/// The newest format that this version reads.
const KNOWN: u32 = 1;

/// What the file begins with.
const FORMAT_PREFIX: &str = "commonhold blobs ";

/// Says that records of the log were lost. As long as it is there, no file is removed because nothing links to it.
const LOST: &str = "log.damaged";

/// How the log's segments say whose they are.
const OWNER: &str = "blobs";

/// What is known of a store before its threads start.
struct Read {
    opened: Opened,
    view: View,
    space: Space,
    meta: Option<Meta>,
    /// The latest time of the slow clock that a record carried.
    seen: u64,
    opening: Opening,
}

pub(crate) fn open(
    disk: Arc<dyn Disk>,
    limits: Limits,
    clock: Clock,
    lock: Option<Lock>,
) -> Result<Blobs, OpenError> {
    check_segments(&limits)?;
    let is_older = check_format(&disk)?;
    empty_temporary(&disk)?;
    let mut read = read_or_rebuild(&disk, &limits)?;
    if read.opening.damaged_records > 0 {
        // Which files there were links to is not known any more, now or after later starts.
        mark_lost(&disk).map_err(|source| OpenError::Disk {
            attempt: "make",
            path: disk.path(LOST),
            source,
        })?;
    }
    let may_remove = disk.file_len(LOST).ok().flatten().is_none();
    read.opening.orphans = sweep_orphans(&disk, &read.view, may_remove)?;
    let blobs = start(disk, limits, clock, lock, read)?;
    if is_older {
        let imported = import::import(&blobs)?;
        tracing::info!(target: "blobs::event::imported", imported, "the blobs of the older format were taken over");
    }
    Ok(blobs)
}

/// Refuses segments that have no room for the largest blob that goes into the log: putting one would fail later.
fn check_segments(limits: &Limits) -> Result<(), OpenError> {
    let bytes = limits.blob_bytes_max.min(SMALL_BYTES_MAX as u64);
    let body = BLOB_HEAD_BYTES as u64 + groups_of(bytes) * 32 + bytes;
    let body = u32::try_from(body).expect("about 1 MiB at most");
    if limits.segment_bytes < SEGMENT_HEAD_BYTES as u64 + span(body) {
        let what = "size of segments";
        return Err(OpenLogError::Config { what }.into());
    }
    Ok(())
}

/// Reads the format, and writes it into a new folder. Tells whether there are files of the older format.
fn check_format(disk: &Arc<dyn Disk>) -> Result<bool, OpenError> {
    let failed = |attempt, path: &str, source| OpenError::Disk {
        attempt,
        path: disk.path(path),
        source,
    };
    if let Some(file) = disk
        .open(FORMAT)
        .map_err(|source| failed("open", FORMAT, source))?
    {
        let len = file
            .len()
            .map_err(|source| failed("measure", FORMAT, source))?;
        let mut text = vec![0; usize::try_from(len.min(64)).unwrap_or(64)];
        read_exact_at(&*file, 0, &mut text).map_err(|source| failed("read", FORMAT, source))?;
        let text = String::from_utf8_lossy(&text);
        let found = text.strip_prefix(FORMAT_PREFIX).map(str::trim);
        if found.and_then(|found| found.parse::<u32>().ok()) == Some(KNOWN) {
            return import::is_older(disk);
        }
        return Err(OpenError::Newer {
            path: disk.path(""),
            found: found.unwrap_or("unknown").to_owned(),
            known: KNOWN,
        });
    }
    for folder in [TEMPORARY, LARGE] {
        disk.make_folder(folder)
            .map_err(|source| failed("make", folder, source))?;
    }
    let text = format!("{FORMAT_PREFIX}{KNOWN}\n");
    let draft = format!("{TEMPORARY}/{FORMAT}");
    let written = (|| {
        drop(disk.remove(&draft));
        let file = disk.create(&draft)?;
        file.write_at(0, &[io::IoSlice::new(text.as_bytes())])?;
        file.sync()?;
        disk.rename(&draft, FORMAT)?;
        disk.sync_folder("")
    })();
    written.map_err(|source| failed("write", FORMAT, source))?;
    import::is_older(disk)
}

/// Removes what earlier processes left half-written.
fn empty_temporary(disk: &Arc<dyn Disk>) -> Result<(), OpenError> {
    let failed = |attempt, path: &str, source| OpenError::Disk {
        attempt,
        path: disk.path(path),
        source,
    };
    disk.make_folder(TEMPORARY)
        .map_err(|source| failed("make", TEMPORARY, source))?;
    for name in disk
        .names(TEMPORARY)
        .map_err(|source| failed("list", TEMPORARY, source))?
    {
        let path = format!("{TEMPORARY}/{name}");
        disk.remove(&path)
            .map_err(|source| failed("remove", &path, source))?;
    }
    Ok(())
}

/// Reads the index and the log behind it; an index that cannot be used is made again from the whole log.
fn read_or_rebuild(disk: &Arc<dyn Disk>, limits: &Limits) -> Result<Read, OpenError> {
    let is_there = disk
        .file_len(index::FILE)
        .ok()
        .flatten()
        .is_some_and(|len| len > 0);
    let why = match Index::open(disk) {
        Ok((index, Some(meta))) => match read(disk, limits, index, Some(meta)) {
            Err(OpenError::Log(OpenLogError::Behind { last, after, .. })) => {
                format!("it knows of record {after}, and the log ends with {last}")
            }
            Err(OpenError::Index(error)) if error.code() == base::Code::StoreFailed => {
                error.to_string()
            }
            read => return read,
        },
        Ok((index, None)) => {
            let mut read = read(disk, limits, index, None)?;
            if read.opening.replayed > 0 && !is_there {
                read.opening.index_rebuilt = Some("it was missing".to_owned());
            }
            return Ok(read);
        }
        Err(error) if error.code() != base::Code::StoreFailed => return Err(error.into()),
        Err(error) => error.to_string(),
    };
    tracing::warn!(target: "blobs::event::index_rebuilt", why, "the index is made again from the log");
    Index::remove(disk).map_err(|source| OpenError::Disk {
        attempt: "remove",
        path: disk.path(index::FILE),
        source,
    })?;
    let (index, _) = Index::open(disk)?;
    let mut read = read(disk, limits, index, None)?;
    read.opening.index_rebuilt = Some(why);
    Ok(read)
}

fn read(
    disk: &Arc<dyn Disk>,
    limits: &Limits,
    index: Index,
    meta: Option<Meta>,
) -> Result<Read, OpenError> {
    let after = meta.as_ref().map_or(0, |meta| meta.lsn);
    let space = meta
        .as_ref()
        .map_or_else(Space::default, |meta| meta.space.clone());
    let view = View::new(index);
    let config = LogConfig {
        first_segment_bytes: limits.first_segment_bytes,
        segment_bytes: limits.segment_bytes,
        on_corruption: limits.on_corruption,
        ..LogConfig::new(LOG, OWNER)
    };
    let (opened, (mut space, seen)) = thread::scope(|threads| {
        let mut replay = Replay::new(&view, space, threads);
        let opened = Log::open(
            Arc::clone(disk),
            config,
            after,
            &mut |record, head, body| {
                replay.take(record, head, body);
            },
        )?;
        Ok::<_, OpenError>((opened, replay.end()?))
    })?;
    space.damaged = crate::damage::count(&view)?;
    forget_recycled(&mut space, &opened.log);
    let opening = told(&opened.recovery);
    Ok(Read {
        opened,
        view,
        space,
        meta,
        seen,
        opening,
    })
}

/// Forgets segments that were given back after the last checkpoint.
fn forget_recycled(space: &mut Space, log: &Log) {
    let segments = log.segments();
    let there: BTreeSet<u64> = segments.iter().map(|stat| stat.number).collect();
    let known = space.segments.keys().copied();
    let gone: Vec<u64> = known.filter(|segment| !there.contains(segment)).collect();
    for segment in gone {
        space.recycled(segment);
    }
}

/// Says what came of reading the log.
fn told(recovery: &Recovery) -> Opening {
    let torn_bytes = match recovery.tail {
        TailState::Clean => 0,
        TailState::Torn { bytes, .. } => bytes,
    };
    for mended in &recovery.mended {
        tracing::warn!(target: "blobs::event::log_mended", ?mended, "damage of the log was mended");
    }
    for corrupt in &recovery.quarantined {
        tracing::error!(target: "blobs::event::log_damaged", ?corrupt, "records in the middle of the log are damaged and lost");
    }
    Opening {
        replayed: recovery.replayed,
        torn_bytes,
        damaged_records: recovery.quarantined.len() as u64,
        mended_heads: recovery.mended.len() as u64,
        ..Opening::default()
    }
}

/// Writes down that records of the log were lost.
fn mark_lost(disk: &Arc<dyn Disk>) -> io::Result<()> {
    match disk.create(LOST) {
        Ok(file) => file.sync()?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    disk.sync_folder("")
}

/// Removes files below `large` to which no record links, if they may be; tells how many there are.
fn sweep_orphans(disk: &Arc<dyn Disk>, view: &View, may_remove: bool) -> Result<u64, OpenError> {
    let failed = |attempt, path: &str, source| OpenError::Disk {
        attempt,
        path: disk.path(path),
        source,
    };
    let mut orphans = 0;
    for folder in disk
        .names(LARGE)
        .map_err(|source| failed("list", LARGE, source))?
    {
        let folder = format!("{LARGE}/{folder}");
        for name in disk
            .names(&folder)
            .map_err(|source| failed("list", &folder, source))?
        {
            // Files of other names were put there by somebody else.
            let Ok(hash) = name
                .strip_suffix(".groups")
                .unwrap_or(&name)
                .parse::<ContentHash>()
            else {
                continue;
            };
            let row = view.blob(hash.as_bytes())?;
            if row.is_some_and(|row| matches!(row.place, Place::File(_))) {
                continue;
            }
            let path = format!("{folder}/{name}");
            if may_remove {
                disk.remove(&path)
                    .map_err(|source| failed("remove", &path, source))?;
            }
            orphans += 1;
        }
    }
    Ok(orphans)
}

/// Starts the threads.
fn start(
    disk: Arc<dyn Disk>,
    limits: Limits,
    clock: Clock,
    lock: Option<Lock>,
    read: Read,
) -> Result<Blobs, OpenError> {
    let Opened {
        log, mut appender, ..
    } = read.opened;
    let meta = read.meta;
    let (shown, last) = meta.as_ref().map_or((0, None), |meta| meta.clock);
    let mut slow = SlowClock::resume(
        clock::Limits::default(),
        SlowTime(shown),
        last.map(base::Timestamp),
    );
    slow.not_before(SlowTime(read.seen));
    let core = Arc::new(Core::new(Parts {
        disk,
        log: log.clone(),
        limits,
        clock,
        view: read.view,
        opening: read.opening,
        space: read.space,
        flushed: meta.as_ref().map_or(0, |meta| meta.lsn),
        scrub: meta.as_ref().and_then(|meta| meta.scrub),
        slow: slow.shown().0,
    }));
    let (queue, waiting) = group::queue(limits.queue_len_max);
    let queue = Arc::new(queue);
    let checkpoints =
        Checkpoints::start(&core, Arc::downgrade(&queue)).map_err(OpenError::Thread)?;
    let mut writer = Writer::new(Arc::clone(&core), slow, checkpoints);
    let preparer = log.preparer();
    let write = move || {
        waiting.run(&mut writer, &mut appender);
        writer.end();
        // The log is closed with it.
        drop(appender);
    };
    let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
        thread::Builder::new().name(name.to_owned()).spawn(work)
    };
    let threads = vec![
        spawn("blobs-writer", Box::new(write)).map_err(OpenError::Thread)?,
        spawn("blobs-segments", Box::new(move || preparer.run())).map_err(OpenError::Thread)?,
    ];
    let store = Store {
        core,
        queue: Some(queue),
        threads,
        lock,
    };
    Ok(Blobs {
        store: Arc::new(store),
        namespace: 0,
    })
}

#[cfg(test)]
mod tests;
