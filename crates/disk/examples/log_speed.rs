//! Measures the segment log beside a bare loop of writes and syncs of the same bytes, interleaved in one run.
//!
//! `cargo run --profile bench -p disk --example log_speed -- FOLDER [rounds] [milliseconds]`
//!
//! It prints records and syncs a second for 64 writers that each wait for their answer, what the bare loop reaches with
//! as many bytes per sync, and how fast the log is read back: the median of all rounds with the least and the most.
#![allow(
    clippy::disallowed_methods,
    reason = "an example has its own threads and reads its arguments"
)]

use std::error::Error;
use std::fs::File;
use std::io::{IoSlice, Write as _};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use disk::log::group::{self, Answer, Owner, Promise, Queue};
use disk::log::{Appender, CommitError, Log, LogConfig, Opened, Part, Record};
use disk::{Disk, RealDisk};
use wire::segment::{Lsn, span};

const WRITERS: usize = 64;
const BODY_BYTES: usize = 1024;

struct Put {
    body: Bytes,
    promise: Promise<Lsn>,
}

/// Stages bodies and answers with their numbers.
#[derive(Default)]
struct Scribe {
    waiting: Vec<(Lsn, Promise<Lsn>)>,
}

impl Owner for Scribe {
    type Command = Put;

    fn weight(command: &Put) -> usize {
        command.body.len()
    }

    fn stage(&mut self, command: Put, appender: &mut Appender) {
        let record = Record {
            stream: 1,
            kind: 1,
            key: [7; 32],
            body: &[Part::Shared(&command.body)],
        };
        if let Ok((_, lsn)) = appender.push(record) {
            self.waiting.push((lsn, command.promise));
        }
    }

    fn committed(&mut self, result: Result<Lsn, &CommitError>) {
        for (lsn, promise) in self.waiting.drain(..) {
            if result.is_ok() {
                promise.keep(lsn);
            }
        }
    }
}

/// What one round of the log did.
struct Round {
    records: u64,
    syncs: u64,
    seconds: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(
        arguments
            .next()
            .ok_or("name a folder on the disk to measure")?,
    );
    let rounds: usize = arguments.next().map_or(Ok(30), |text| text.parse())?;
    let slice: u64 = arguments.next().map_or(Ok(250), |text| text.parse())?;
    let limit = Duration::from_millis(slice);
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(&folder.join("log-speed"))?);
    let config = LogConfig::new("log", "speed");
    let Opened {
        log, mut appender, ..
    } = Log::open(Arc::clone(&disk), config.clone(), 0, &mut |_, _, _| {})?;
    let preparer = log.preparer();
    let preparing = std::thread::spawn(move || preparer.run());
    let bare_path = folder.join("log-speed").join("bare");
    let bare = zeroed(&bare_path, 256 << 20)?;
    let mut figures: [Vec<f64>; 5] = Default::default();
    for round in 0..=rounds {
        let done = write_log(&log, &mut appender, limit);
        let per_sync = (done.records / done.syncs.max(1)).max(1);
        let bytes = usize::try_from(per_sync * span(BODY_BYTES as u32))?;
        let bare_syncs = bare_loop(&bare, bytes, limit)?;
        let syncs = done.syncs as f64 / done.seconds;
        let records = done.records as f64 / done.seconds;
        // The first round warms up.
        if round > 0 {
            let row = [
                records,
                syncs,
                per_sync as f64,
                bare_syncs,
                syncs / bare_syncs,
            ];
            for (figure, value) in figures.iter_mut().zip(row) {
                figure.push(value);
            }
        }
        recycle(&log, &mut appender)?;
    }
    report(&mut figures)?;
    drop(appender);
    preparing.join().map_err(|_| "the preparer panicked")?;
    replay(disk, config)?;
    std::fs::remove_dir_all(folder.join("log-speed"))?;
    Ok(())
}

/// Prints the median of each figure with its least and most.
fn report(figures: &mut [Vec<f64>]) -> std::io::Result<()> {
    let names = [
        "records/s",
        "syncs/s",
        "records/sync",
        "bare loop, syncs/s",
        "ratio of syncs",
    ];
    let mut out = std::io::stdout().lock();
    for (name, figure) in names.iter().zip(figures) {
        figure.sort_unstable_by(f64::total_cmp);
        let (least, most) = (figure[0], figure[figure.len() - 1]);
        let median = figure[figure.len() / 2];
        writeln!(out, "{name:<20} {median:>10.2} [{least:.2} .. {most:.2}]")?;
    }
    Ok(())
}

/// Reads everything back and prints how fast.
fn replay(disk: Arc<dyn Disk>, config: LogConfig) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let recovery = Log::open(disk, config, 0, &mut |_, _, _| {})?.recovery;
    let seconds = start.elapsed().as_secs_f64();
    writeln!(
        std::io::stdout().lock(),
        "replay of {} log records, {} MB: {seconds:.3} s, {:.2} GB/s",
        recovery.replayed,
        recovery.bytes / 1_000_000,
        recovery.bytes as f64 / seconds / 1e9,
    )?;
    Ok(())
}

/// Keeps the newest segments and gives the others back, so that the disk does not fill.
fn recycle(log: &Log, appender: &mut Appender) -> Result<(), Box<dyn Error>> {
    let segments = log.segments();
    let old = segments.len().saturating_sub(6);
    for segment in &segments[..old] {
        appender.recycle(segment.number)?;
    }
    Ok(())
}

/// Lets 64 writers put one body after the other, each waiting for its answer.
fn write_log(log: &Log, appender: &mut Appender, limit: Duration) -> Round {
    let (queue, waiting) = group::queue(1024);
    let is_over = Arc::new(AtomicBool::new(false));
    let count = Arc::new(AtomicU64::new(0));
    let clients = {
        let (is_over, count) = (Arc::clone(&is_over), Arc::clone(&count));
        std::thread::spawn(move || drive(&queue, &is_over, &count))
    };
    let before = log.syncs();
    let start = Instant::now();
    let timer = std::thread::spawn(move || {
        std::thread::park_timeout(limit);
        is_over.store(true, Ordering::Relaxed);
    });
    waiting.run(&mut Scribe::default(), appender);
    let seconds = start.elapsed().as_secs_f64();
    drop((clients.join(), timer.join()));
    Round {
        records: count.load(Ordering::Relaxed),
        syncs: log.syncs() - before,
        seconds,
    }
}

/// One writer: a body on its way, and the mark that its answer is there.
struct Writer {
    answer: Option<Answer<Lsn>>,
    waker: Arc<Ready>,
}

/// Notes which writer was answered and wakes the thread that drives all of them.
struct Ready {
    is_ready: AtomicBool,
    thread: std::thread::Thread,
}

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        self.is_ready.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// Drives all writers on this thread, as an async runtime would.
fn drive(queue: &Queue<Put>, is_over: &AtomicBool, count: &AtomicU64) {
    let body = Bytes::from(vec![0xa5; BODY_BYTES]);
    let mut writers: Vec<Writer> = (0..WRITERS)
        .map(|_| Writer {
            answer: None,
            waker: Arc::new(Ready {
                is_ready: AtomicBool::new(true),
                thread: std::thread::current(),
            }),
        })
        .collect();
    loop {
        let is_last = is_over.load(Ordering::Relaxed);
        let mut is_idle = true;
        for writer in &mut writers {
            if !writer.waker.is_ready.swap(false, Ordering::AcqRel) {
                continue;
            }
            is_idle = false;
            if let Some(answer) = &mut writer.answer {
                let waker = Waker::from(Arc::clone(&writer.waker));
                match pin!(answer).poll(&mut Context::from_waker(&waker)) {
                    Poll::Pending => continue,
                    Poll::Ready(_) => {
                        count.fetch_add(1, Ordering::Relaxed);
                        writer.answer = None;
                    }
                }
            }
            if is_last {
                continue;
            }
            let (promise, mut answer) = group::answer();
            let put = Put {
                body: body.clone(),
                promise,
            };
            if queue.try_send(put).is_err() {
                return;
            }
            let waker = Waker::from(Arc::clone(&writer.waker));
            if pin!(&mut answer)
                .poll(&mut Context::from_waker(&waker))
                .is_ready()
            {
                writer.waker.is_ready.store(true, Ordering::Release);
                count.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            writer.answer = Some(answer);
        }
        if is_last && writers.iter().all(|writer| writer.answer.is_none()) {
            return;
        }
        if is_idle {
            std::thread::park();
        }
    }
}

/// Writes and syncs as many bytes at once as the log did, over and over in a file that is full of zeros.
fn bare_loop(file: &File, bytes: usize, limit: Duration) -> Result<f64, Box<dyn Error>> {
    use std::os::unix::fs::FileExt as _;
    let buffer = vec![0x5a; bytes];
    let len = file.metadata()?.len();
    let (mut offset, mut syncs) = (0, 0_u64);
    let start = Instant::now();
    while start.elapsed() < limit {
        if offset + bytes as u64 > len {
            offset = 0;
        }
        file.write_all_at(&buffer, offset)?;
        file.sync_data()?;
        offset += bytes as u64;
        syncs += 1;
    }
    Ok(syncs as f64 / start.elapsed().as_secs_f64())
}

fn zeroed(path: &Path, bytes: usize) -> Result<File, Box<dyn Error>> {
    let mut file = File::create(path)?;
    let zeros = vec![0; 1 << 20];
    for _ in 0..bytes >> 20 {
        file.write_all(IoSlice::new(&zeros).as_ref())?;
    }
    file.sync_all()?;
    Ok(file)
}
