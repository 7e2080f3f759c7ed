//! Readers who never stop: they read whatever a doorway lists, and put up with nothing.
//!
//! What they have seen of a doorway is remembered over its restarts: a version that was seen once is never older later,
//! and what was listed once is never missing later.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;

use crate::accept::community::{list, text};
use crate::accept::http::{Answer, Client};
use crate::accept::lesson::{self, SLUG};

/// How many read at one doorway at the same time.
const THREADS: usize = 2;

/// How long so many answers may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a page is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    Json,
    Html,
}

/// What has been seen of one doorway.
#[derive(Debug, Default)]
pub(super) struct Seen {
    answers: AtomicU64,
    /// Newest version of each page, as programs and as people get it: each answer is kept and renewed by itself.
    versions: Mutex<BTreeMap<(u32, Form), u32>>,
    /// Most pages that were listed: for programs, and in the course for people.
    listed: AtomicU32,
    contents: AtomicU32,
    /// Each version of a page that was seen.
    distinct: Mutex<BTreeSet<(u32, u32)>>,
}

impl Seen {
    fn versions(&self) -> MutexGuard<'_, BTreeMap<(u32, Form), u32>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many requests were answered.
    pub(super) fn answers(&self) -> u64 {
        self.answers.load(Ordering::SeqCst)
    }

    /// Returns how many pages were seen, and in how many versions all together.
    pub(super) fn distinct(&self) -> (usize, usize) {
        let distinct = self.distinct.lock().unwrap_or_else(PoisonError::into_inner);
        let pages: BTreeSet<u32> = distinct.iter().map(|(page, _)| *page).collect();
        (pages.len(), distinct.len())
    }

    fn floor(&self, page: u32, form: Form) -> u32 {
        let versions = self.versions();
        versions.get(&(page, form)).copied().unwrap_or_default()
    }

    /// Notes a version of a page; it must not be older than what was seen before it was asked for.
    fn note(&self, (page, form): (u32, Form), version: u32, floor: u32) -> anyhow::Result<()> {
        anyhow::ensure!(
            version >= floor,
            "page {page} came in version {version} after {floor} had been seen here"
        );
        let mut versions = self.versions();
        let newest = versions.entry((page, form)).or_default();
        *newest = version.max(*newest);
        drop(versions);
        let mut distinct = self.distinct.lock().unwrap_or_else(PoisonError::into_inner);
        distinct.insert((page, version));
        Ok(())
    }
}

/// Readers at one doorway; dropping them stops them.
#[derive(Debug)]
pub(super) struct Readers {
    seen: Arc<Seen>,
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Readers {
    /// Starts to read; `newest` is the newest version that somebody began to publish.
    pub(super) fn start(
        doorway: SocketAddr,
        seen: &Arc<Seen>,
        newest: &Arc<AtomicU32>,
    ) -> anyhow::Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for number in 0..THREADS {
            let reader = Reader {
                client: Client::strict(doorway),
                seen: Arc::clone(seen),
                newest: Arc::clone(newest),
                is_over: Arc::clone(&is_over),
                start: number,
            };
            let named = std::thread::Builder::new().name(format!("reader {number}"));
            threads.push(named.spawn(move || reader.read())?);
        }
        Ok(Self {
            seen: Arc::clone(seen),
            is_over,
            threads,
        })
    }

    /// Waits until so many more requests were answered.
    pub(super) fn pass(&mut self, answers: u64) -> anyhow::Result<()> {
        let wanted = self.seen.answers() + answers;
        testkit::wait_for("the readers", PATIENCE, || {
            if self.threads.iter().any(JoinHandle::is_finished) {
                return Ok(Some(()));
            }
            Ok((self.seen.answers() >= wanted).then_some(()))
        })?;
        self.check()
    }

    /// Fails with what a reader met, when one has given up.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        let gave_up = self.threads.iter().position(JoinHandle::is_finished);
        match gave_up {
            Some(index) => joined(self.threads.swap_remove(index)),
            None => Ok(()),
        }
    }

    /// Stops; fails with what a reader met.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        self.is_over.store(true, Ordering::SeqCst);
        self.threads.drain(..).try_for_each(joined)
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            // What it met does not matter any more.
            drop(thread.join());
        }
    }
}

fn joined(thread: JoinHandle<anyhow::Result<()>>) -> anyhow::Result<()> {
    let ended = thread.join();
    ended.map_err(|_| anyhow::anyhow!("a reader panicked"))?
}

struct Reader {
    client: Client,
    seen: Arc<Seen>,
    newest: Arc<AtomicU32>,
    is_over: Arc<AtomicBool>,
    /// With which of all pages it begins, so that two do not read the same ones.
    start: usize,
}

impl Reader {
    fn read(mut self) -> anyhow::Result<()> {
        while !self.is_over() {
            self.front()?;
            self.pages()?;
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        let answer = self.client.get(path)?;
        let status = answer.status();
        anyhow::ensure!(
            status == 200,
            "GET {path} answered {status}: {}",
            String::from_utf8_lossy(&answer.body)
        );
        self.seen.answers.fetch_add(1, Ordering::SeqCst);
        Ok(answer)
    }

    /// Reads the home page and the course's contents.
    fn front(&mut self) -> anyhow::Result<()> {
        let home = String::from_utf8(self.get("/")?.body)?;
        let course = format!("/courses/{SLUG}");
        anyhow::ensure!(
            home.contains(&format!("href=\"{course}\"")),
            "the home page does not lead to {course}"
        );
        let floor = self.seen.contents.load(Ordering::SeqCst);
        let contents = String::from_utf8(self.get(&course)?.body)?;
        let pages: BTreeSet<&str> = contents
            .split(&format!("href=\"{course}/"))
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        let count = u32::try_from(pages.len())?;
        anyhow::ensure!(
            count >= floor,
            "{count} pages are in the course, {floor} were before"
        );
        self.seen.contents.fetch_max(count, Ordering::SeqCst);
        // The last is the newest.
        if let Some(page) = pages.last() {
            self.page_for_people(lesson::page_of(page)?)?;
        }
        Ok(())
    }

    /// Reads everything that is listed.
    fn pages(&mut self) -> anyhow::Result<()> {
        let floor = self.seen.listed.load(Ordering::SeqCst);
        let items = list(&mut self.client, "content")?;
        self.seen.answers.fetch_add(1, Ordering::SeqCst);
        let slugs: BTreeSet<&str> = items
            .iter()
            .map(|item| text(item, "/slug"))
            .collect::<Result<_, _>>()?;
        anyhow::ensure!(slugs.len() == items.len(), "a page is listed twice");
        let count = u32::try_from(items.len())?;
        anyhow::ensure!(
            count >= floor,
            "{count} pages are listed, {floor} were before"
        );
        self.seen.listed.fetch_max(count, Ordering::SeqCst);
        let half = self.start * items.len() / THREADS;
        for item in items.iter().cycle().skip(half).take(items.len()) {
            if self.is_over() {
                return Ok(());
            }
            let page = lesson::page_of(text(item, "/slug")?)?;
            self.item(page, text(item, "/id")?)?;
            self.page_for_people(page)?;
        }
        Ok(())
    }

    /// Reads a page as programs get it, and the picture that it names.
    fn item(&mut self, page: u32, id: &str) -> anyhow::Result<()> {
        let floor = self.seen.floor(page, Form::Json);
        let item = self.get(&format!("/api/v1/cache/content/{id}"))?.json()?;
        let version = lesson::version_of_item(page, &item)?;
        self.note((page, Form::Json), version, floor)?;
        let hash = lesson::drawing_hash(page, version);
        let picture = self.get(&format!("/store/{hash}"))?;
        anyhow::ensure!(
            picture.body == lesson::drawing(page, version).as_bytes(),
            "the picture of page {page} in version {version} is another one"
        );
        Ok(())
    }

    fn page_for_people(&mut self, page: u32) -> anyhow::Result<()> {
        let floor = self.seen.floor(page, Form::Html);
        let path = format!("/courses/{SLUG}/{}", lesson::slug(page));
        let html = String::from_utf8(self.get(&path)?.body)?;
        let version = lesson::version_of_html(page, &html)?;
        self.note((page, Form::Html), version, floor)
            .with_context(|| format!("GET {path}"))
    }

    fn note(&self, (page, form): (u32, Form), version: u32, floor: u32) -> anyhow::Result<()> {
        let newest = self.newest.load(Ordering::SeqCst);
        anyhow::ensure!(
            version <= newest,
            "page {page} came in version {version}, and {newest} is the newest there is"
        );
        self.seen.note((page, form), version, floor)
    }
}
