//! A course goes on the web with one command, and everything in it works for a visitor.
//!
//! A community starts with its handbook; the course of our own making and, where it lies beside the workspace, a real
//! one are published; a crawler reads all that can be reached from the home page. Then a page comes, changes and goes.
//! With Chromium there, the pages are looked at: on a phone and on a desk, light and dark, with the film in them.

mod crawl;
mod judge;
mod looks;
mod page;
mod picture;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

use super::community::{Community, First, Person, list, number, text};
use super::{Stage, files};
use crawl::Crawl;
use judge::Count;

/// A folder that is published.
struct Course {
    folder: PathBuf,
    slug: &'static str,
}

impl Course {
    /// Returns its address on the doorway.
    fn path(&self) -> String {
        format!("/courses/{}", self.slug)
    }
}

/// A page that comes, changes and goes: its file, and its line in the list of pages.
const PAGE: &str = "oven/tiles.md";
const BEFORE: &str = "- oven/brotzeit.md";

/// Runs the scenario.
pub(crate) fn run(stage: &Stage<'_>) -> anyhow::Result<String> {
    let steward = Person::new(stage, "steward");
    let community = Community::start(&steward, First::Handbook)?;
    let mut courses = Vec::new();
    let folder = stage.scratch.join("bread");
    files::copy(&files::fixture(), &folder)?;
    courses.push(Course {
        folder,
        slug: "bread",
    });
    courses.extend(
        testkit::shared_data("courses/git-novice").map(|folder| Course {
            folder,
            slug: "git-novice",
        }),
    );
    let handbook = pages_of(&testkit::workspace_root().join("docs/handbook"))?;
    let mut published = handbook;
    for course in &courses {
        published += publish(&steward, &community, course)?;
    }
    let (crawl, count) = visit(&community, &courses)?;
    let mut client = community.client();
    let listed = list(&mut client, "content")?;
    anyhow::ensure!(
        listed.len() == published,
        "{published} pages were published, {} are listed",
        listed.len()
    );
    let searched = judge::search(&crawl, &mut client, &listed)?;
    for course in &courses {
        read_through(&crawl, course)?;
        unchanged(&steward, &community, course)?;
    }
    let looked = looks::look(stage, &community, &crawl)?;
    change(&steward, &community, &courses[0])?;
    visit(&community, &courses)?;
    community.end()?;
    let Count {
        pages,
        links,
        fragments,
        images,
        media,
        largest_bytes,
    } = count;
    Ok(format!(
        "{} courses and the handbook's {handbook} pages: {published} pages published; {} addresses \
         answered with 200, of them {pages} pages for people, {images} images, films and sounds: {media}; {links} links, \
         {fragments} of them to a place in a page, lead where they say; the largest page needs {largest_bytes} bytes \
         before images; {searched} words searched and found; a second publish sent nothing; one page came, changed \
         and went; {looked}",
        courses.len(),
        crawl.seen.len(),
    ))
}

/// Counts the Markdown files of a folder.
fn pages_of(folder: &Path) -> anyhow::Result<usize> {
    let files = files::below(folder)?;
    let is_page = |file: &&PathBuf| file.extension().is_some_and(|extension| extension == "md");
    Ok(files.iter().filter(is_page).count())
}

/// Publishes a course for the first time; returns how many pages it has.
fn publish(steward: &Person<'_>, community: &Community, course: &Course) -> anyhow::Result<usize> {
    let expected = pages_of(&course.folder)?;
    let folder = course.folder.to_string_lossy();
    let url = community.url();
    let tried = steward.json(&["publish", &folder, "--to", &url, "--dry-run"])?;
    let done = steward.publish(&course.folder, &url)?;
    for (document, sent) in [(&tried, false), (&done, true)] {
        let new = number(document, "/pages/new")?;
        anyhow::ensure!(
            new == expected as u64,
            "{expected} pages are in {folder}: {document}"
        );
        anyhow::ensure!(
            (number(document, "/records_sent")? > 0) == sent,
            "{document}"
        );
        anyhow::ensure!(
            document["warnings"] == Value::Array(Vec::new()),
            "{document}"
        );
    }
    anyhow::ensure!(
        text(&done, "/url")? == format!("{url}{}", course.path()),
        "{done}"
    );
    Ok(expected)
}

/// Crawls the doorway and checks what was reached: everything that is listed, and nothing that is broken.
fn visit(community: &Community, courses: &[Course]) -> anyhow::Result<(Crawl, Count)> {
    let crawl = Crawl::of(community.address())?;
    let mut sources = BTreeMap::new();
    let handbook = testkit::workspace_root().join("docs/handbook");
    for folder in courses
        .iter()
        .map(|course| &course.folder)
        .chain([&handbook])
    {
        sources.extend(files::by_hash(folder)?);
    }
    let count = judge::check(&crawl, &sources)?;
    let mut client = community.client();
    for kind in ["content", "path"] {
        for item in list(&mut client, kind)? {
            let path = text(&item, "/url")?;
            crawl
                .page(path)
                .context("what is listed can be reached by links")?;
        }
    }
    Ok((crawl, count))
}

/// Turns the pages of a course from the first to the last: all come, in the order of its configuration.
fn read_through(crawl: &Crawl, course: &Course) -> anyhow::Result<()> {
    let order = judge::in_order(crawl, &course.path())?;
    let expected = pages_of(&course.folder)?;
    anyhow::ensure!(
        order.len() == expected,
        "{} of {expected} pages of {} follow each other: {order:?}",
        order.len(),
        course.slug,
    );
    let config = std::fs::read_to_string(course.folder.join("config.yaml"))?;
    let episodes = config
        .lines()
        .skip_while(|line| line.trim() != "episodes:")
        .skip(1)
        .map_while(|line| line.trim().strip_prefix("- "));
    let mut rest = order.iter();
    for episode in episodes {
        let path = format!("{}/{}", course.path(), episode.trim_end_matches(".md"));
        anyhow::ensure!(
            rest.any(|reached| *reached == path),
            "{path} does not come in its order: {order:?}",
        );
    }
    Ok(())
}

/// Publishes a course that did not change: nothing is sent.
fn unchanged(steward: &Person<'_>, community: &Community, course: &Course) -> anyhow::Result<()> {
    let again = steward.publish(&course.folder, &community.url())?;
    let pages = pages_of(&course.folder)? as u64;
    counts(&again, [0, 0, 0, pages])?;
    anyhow::ensure!(number(&again, "/records_sent")? == 0, "{again}");
    anyhow::ensure!(number(&again, "/blobs/new")? == 0, "{again}");
    Ok(())
}

/// Adds a page, changes it and takes it away; each time only that is sent, and readers see it.
fn change(steward: &Person<'_>, community: &Community, course: &Course) -> anyhow::Result<()> {
    let url = community.url();
    let path = format!("{}/tiles", course.path());
    let old = pages_of(&course.folder)? as u64;
    let file = course.folder.join(PAGE);
    let config = course.folder.join("config.yaml");
    let line = format!("{BEFORE}\n      - {PAGE}");

    std::fs::write(&file, "# Tiles\n\nHot tiles hold the heat of yesterday.\n")?;
    files::replace(&config, BEFORE, &line)?;
    let added = steward.publish(&course.folder, &url)?;
    counts(&added, [1, 0, 0, old])?;
    shows(community, &path, Some("yesterday"), None)?;

    files::replace(&file, "yesterday", "overmorrow")?;
    let changed = steward.publish(&course.folder, &url)?;
    counts(&changed, [0, 1, 0, old])?;
    anyhow::ensure!(number(&changed, "/records_sent")? == 1, "{changed}");
    shows(community, &path, Some("overmorrow"), Some("yesterday"))?;
    found(community, "overmorrow", 1)?;
    found(community, "yesterday", 0)?;

    std::fs::remove_file(&file)?;
    files::replace(&config, &line, BEFORE)?;
    let withdrawn = steward.publish(&course.folder, &url)?;
    counts(&withdrawn, [0, 0, 1, old])?;
    shows(community, &path, None, None)?;
    found(community, "overmorrow", 0)?;
    unchanged(steward, community, course)
}

/// Checks how many pages were new, changed, withdrawn and unchanged.
fn counts(document: &Value, expected: [u64; 4]) -> anyhow::Result<()> {
    let mut counted = [0; 4];
    for (index, name) in ["new", "changed", "withdrawn", "unchanged"]
        .iter()
        .enumerate()
    {
        counted[index] = number(document, &format!("/pages/{name}"))?;
    }
    anyhow::ensure!(
        counted == expected,
        "new, changed, withdrawn and unchanged pages are {expected:?}: {document}",
    );
    Ok(())
}

/// Checks that a page shows one word and not another, or that there is no page.
fn shows(
    community: &Community,
    path: &str,
    word: Option<&str>,
    without: Option<&str>,
) -> anyhow::Result<()> {
    let answer = community.client().get(path)?;
    let html = String::from_utf8_lossy(&answer.body);
    let Some(word) = word else {
        anyhow::ensure!(
            answer.status() == 404,
            "{path} answered {}",
            answer.status()
        );
        return Ok(());
    };
    anyhow::ensure!(
        answer.status() == 200,
        "{path} answered {}",
        answer.status()
    );
    anyhow::ensure!(html.contains(word), "{path} does not show {word}");
    let is_gone = without.is_none_or(|without| !html.contains(without));
    anyhow::ensure!(is_gone, "{path} still shows {without:?}");
    Ok(())
}

fn found(community: &Community, word: &str, expected: u64) -> anyhow::Result<()> {
    let view = community
        .client()
        .json(&format!("/api/v1/search?q={word}"))?;
    let total = number(&view, "/total")?;
    anyhow::ensure!(total == expected, "{total} pages have the word {word}");
    Ok(())
}
