//! How the pages look in a real browser: on a phone and on a desk, light and dark, and whether the film plays.
//!
//! Photographs go to the build folder, where a person can look at them; what a program can judge is judged here.

use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;
use testkit::browser::{Browser, Screen, Start};

use super::crawl::Crawl;
use super::picture::Picture;
use crate::accept::Stage;
use crate::accept::community::Community;
use crate::workspace;

/// Fewer colours than this are a page on which nothing is to be seen.
const COLOURS_MIN: usize = 50;

/// Between a light and a dark photograph of the same page lies at least this much brightness, of 255.
const BRIGHTNESS_STEP_MIN: u64 = 80;

const SCREENS: &[(&str, Screen)] = &[("phone", Screen::PHONE), ("desktop", Screen::DESKTOP)];

/// Looks at everything; returns what was seen, as part of a sentence.
pub(super) fn look(
    stage: &Stage<'_>,
    community: &Community,
    crawl: &Crawl,
) -> anyhow::Result<String> {
    let mut browser = match Browser::start()? {
        Start::Available(browser) => browser,
        Start::LeftOut(reason) => return Ok(reason),
    };
    let folder = workspace::target_folder(&workspace::root())?.join("accept/course");
    std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let url = community.url();
    let pages = photographed(crawl);
    let mut taken = 0;
    for (name, path) in &pages {
        for (screen_name, screen) in SCREENS {
            let file = |scheme| folder.join(format!("{name}-{screen_name}-{scheme}.png"));
            let address = format!("{url}{path}");
            let light = photograph(&mut browser, *screen, &address, &file("light"))?;
            let dark = photograph(&mut browser, screen.dark(), &address, &file("dark"))?;
            anyhow::ensure!(
                light >= dark + BRIGHTNESS_STEP_MIN,
                "{path} on a {screen_name} is {light} bright in light colours and {dark} in dark ones",
            );
            taken += 2;
        }
    }
    let narrow = fits_a_phone(stage, &mut browser, &url, crawl)?;
    let film = film(&mut browser, &url, crawl)?;
    println!("photographs of the pages: {}", folder.display());
    Ok(format!(
        "{taken} photographs taken, {narrow} pages fit the width of a phone, {film} film played and sought"
    ))
}

/// Chooses the pages of which photographs are taken: home, a course, a page with an image, a search.
fn photographed(crawl: &Crawl) -> Vec<(&'static str, String)> {
    let course = ["/courses/git-novice", "/courses/bread"]
        .into_iter()
        .find(|path| crawl.seen.contains_key(*path))
        .unwrap_or("/");
    let page = ["/courses/git-novice/04-changes", "/courses/bread/flour"]
        .into_iter()
        .find(|path| crawl.seen.contains_key(*path))
        .unwrap_or("/");
    vec![
        ("home", "/".to_owned()),
        ("course", course.to_owned()),
        ("page", page.to_owned()),
        ("search", "/search?q=water".to_owned()),
    ]
}

/// Photographs a page; returns how bright it is.
fn photograph(
    browser: &mut Browser,
    screen: Screen,
    address: &str,
    file: &Path,
) -> anyhow::Result<u64> {
    browser.look_with(screen)?;
    browser.open(address)?;
    browser.evaluate("document.fonts.ready.then(() => true)")?;
    browser.screenshot(file)?;
    println!("  {}", file.display());
    let picture = read(file)?;
    anyhow::ensure!(
        (picture.width, picture.height) == (screen.width, screen.height),
        "{} is {} by {} pixels",
        file.display(),
        picture.width,
        picture.height,
    );
    let colours = picture.colours();
    anyhow::ensure!(
        colours > COLOURS_MIN,
        "{} has {colours} colours only",
        file.display()
    );
    Ok(picture.brightness())
}

fn read(file: &Path) -> anyhow::Result<Picture> {
    let bytes = std::fs::read(file).with_context(|| format!("read {}", file.display()))?;
    Picture::decode(&bytes).with_context(|| format!("read {}", file.display()))
}

/// Opens pages on a phone and checks that nothing is wider than it: all of them in full size, else one of each sort.
fn fits_a_phone(
    stage: &Stage<'_>,
    browser: &mut Browser,
    url: &str,
    crawl: &Crawl,
) -> anyhow::Result<usize> {
    let mut sorts: Vec<&str> = Vec::new();
    let mut opened = 0;
    browser.look_with(Screen::PHONE)?;
    for (path, _, _) in crawl.pages() {
        let sort = path.split(['/', '?']).nth(1).unwrap_or_default();
        let is_known = sorts.iter().filter(|known| **known == sort).count() >= 3;
        if is_known && !stage.is_full {
            continue;
        }
        sorts.push(sort);
        browser.open(&format!("{url}{path}"))?;
        let width = browser.evaluate("document.scrollingElement.scrollWidth")?;
        let width = width.as_u64().context("a width is a number")?;
        if width > u64::from(Screen::PHONE.width) {
            let too_wide = browser.evaluate(TOO_WIDE)?;
            let phone = Screen::PHONE.width;
            anyhow::bail!("{path} is {width} pixels wide on a phone of {phone}: {too_wide}");
        }
        opened += 1;
    }
    Ok(opened)
}

/// Plays the film of the course of our own making, and jumps to its middle.
fn film(browser: &mut Browser, url: &str, crawl: &Crawl) -> anyhow::Result<usize> {
    let mut films = 0;
    let pages = crawl.pages().filter(|(path, _, page)| {
        let has_film = page
            .links
            .iter()
            .any(|link| link.role == super::page::Role::Media);
        has_film && path.starts_with("/courses/")
    });
    browser.look_with(Screen::DESKTOP)?;
    for (path, _, _) in pages {
        browser.open(&format!("{url}{path}"))?;
        let seen = browser
            .evaluate(PLAY)
            .with_context(|| format!("play the film on {path}"))?;
        let number = |name: &str| seen[name].as_f64().unwrap_or_default();
        let (duration, played, sought) = (number("duration"), number("played"), number("sought"));
        let holds = duration > 0.0
            && played > 0.0
            && (sought - duration / 2.0).abs() < 0.25
            && number("width") > 0.0
            && seen["error"] == Value::Null;
        anyhow::ensure!(holds, "the film on {path}: {seen}");
        films += 1;
    }
    anyhow::ensure!(films > 0, "no page has a film");
    Ok(films)
}

/// Names what is wider than the screen and cannot be scrolled by itself.
const TOO_WIDE: &str = r"[...document.body.querySelectorAll('*')].filter((element) => {
    if (element.getBoundingClientRect().right <= 390) return false;
    for (let outer = element.parentElement; outer; outer = outer.parentElement) {
        if (outer !== document.body && getComputedStyle(outer).overflowX !== 'visible') return false;
    }
    return true;
}).slice(-3).map((element) => element.outerHTML.slice(0, 200))";

/// Plays until time goes by, then seeks.
const PLAY: &str = r"(async () => {
    const film = document.querySelector('video');
    const once = (name) => new Promise((resolve, reject) => {
        film.addEventListener(name, resolve, { once: true });
        film.addEventListener('error', () => reject(new Error(film.error?.message)), { once: true });
    });
    film.muted = true;
    const ticking = once('timeupdate');
    await film.play();
    while (film.currentTime === 0 && !film.ended) await Promise.race([ticking, once('timeupdate'), once('ended')]);
    const played = film.currentTime;
    film.pause();
    const seeking = once('seeked');
    film.currentTime = film.duration / 2;
    await seeking;
    return {
        duration: film.duration, played, sought: film.currentTime,
        width: film.videoWidth, error: film.error,
    };
})()";
