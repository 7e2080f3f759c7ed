//! Headless Chromium, driven over its DevTools protocol.
//!
//! The protocol runs over two pipes (`--remote-debugging-pipe`, messages end with a zero byte), so that no port is open.
//! Each browser has an empty profile of its own and asks nobody outside of loopback for anything.
//! Where Chromium is missing, [`Browser::start`] says so and the test leaves the page out.
//! Protocol: <https://chromedevtools.github.io/devtools-protocol/>.

mod pipe;

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use pipe::Pipe;

const PROGRAM: &str = "/usr/bin/chromium";

/// How long a page may take to load, and a command to be answered.
const DEADLINE: Duration = Duration::from_secs(45);

/// A running browser, or why there is none.
#[derive(Debug)]
pub enum Start {
    /// It runs.
    Available(Box<Browser>),
    /// There is none; a test prints the sentence and goes on.
    LeftOut(String),
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Width in CSS pixels.
    pub width: u32,
    /// Height in CSS pixels.
    pub height: u32,
    /// Whether it is a phone: touch, and the page's own viewport.
    pub is_phone: bool,
    /// Whether the person prefers dark colours.
    pub is_dark: bool,
}

impl Screen {
    /// A laptop in daylight.
    pub const DESKTOP: Self = Self {
        width: 1280,
        height: 900,
        is_phone: false,
        is_dark: false,
    };
    /// A small phone in daylight.
    pub const PHONE: Self = Self {
        width: 390,
        height: 844,
        is_phone: true,
        is_dark: false,
    };

    /// Returns the same screen for a person who prefers dark colours.
    #[must_use]
    pub const fn dark(self) -> Self {
        Self {
            is_dark: true,
            ..self
        }
    }
}

/// A headless Chromium with one page; dropping it ends it.
#[derive(Debug)]
pub struct Browser {
    pipe: Pipe,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// Starts Chromium, if it is there.
    ///
    /// # Errors
    /// When it is there and does not start.
    pub fn start() -> anyhow::Result<Start> {
        if !Path::new(PROGRAM).exists() {
            return Ok(Start::LeftOut(format!(
                "left out: {PROGRAM} is missing (Debian's package chromium)"
            )));
        }
        let profile = tempfile::Builder::new()
            .prefix("commonhold-browser-")
            .tempdir()?;
        let mut pipe = Pipe::open(PROGRAM, &flags(profile.path()), profile.path())?;
        let target = pipe.call(
            None,
            "Target.createTarget",
            &json!({"url": "about:blank"}),
            DEADLINE,
        )?;
        let target = target["targetId"].as_str().context("a target has an id")?;
        let attach = json!({"targetId": target, "flatten": true});
        let attached = pipe.call(None, "Target.attachToTarget", &attach, DEADLINE)?;
        let session = attached["sessionId"]
            .as_str()
            .context("a session has an id")?
            .to_owned();
        let mut browser = Self {
            pipe,
            session,
            _profile: profile,
        };
        browser.call("Page.enable", &json!({}))?;
        browser.call("Runtime.enable", &json!({}))?;
        Ok(Start::Available(Box::new(browser)))
    }

    /// Sets how pages are looked at from now on.
    ///
    /// # Errors
    /// When the browser refuses.
    pub fn look_with(&mut self, screen: Screen) -> anyhow::Result<()> {
        let Screen {
            width,
            height,
            is_phone,
            is_dark,
        } = screen;
        self.call(
            "Emulation.setDeviceMetricsOverride",
            &json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone}),
        )?;
        self.call(
            "Emulation.setTouchEmulationEnabled",
            &json!({"enabled": is_phone}),
        )?;
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", &json!({"features": features}))?;
        Ok(())
    }

    /// Opens a page and waits until it and everything in it has loaded.
    ///
    /// # Errors
    /// When it cannot be reached or does not load in time.
    pub fn open(&mut self, url: &str) -> anyhow::Result<()> {
        self.pipe.forget_events();
        let answer = self.call("Page.navigate", &json!({"url": url}))?;
        if let Some(error) = answer["errorText"].as_str() {
            anyhow::bail!("open {url}: {error}");
        }
        self.pipe
            .event(&self.session, "Page.loadEventFired", DEADLINE)
            .with_context(|| format!("open {url}"))?;
        Ok(())
    }

    /// Evaluates a JavaScript expression in the page and returns its value; a promise is awaited.
    ///
    /// It counts as done by the person, so that a video may play.
    ///
    /// # Errors
    /// When the expression throws or its value is not JSON.
    pub fn evaluate(&mut self, expression: &str) -> anyhow::Result<Value> {
        let answer = self.call(
            "Runtime.evaluate",
            &json!({"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true}),
        )?;
        if let Some(thrown) = answer.get("exceptionDetails") {
            let text = thrown["exception"]["description"]
                .as_str()
                .or(thrown["text"].as_str());
            anyhow::bail!("{expression}: {}", text.unwrap_or("it threw"));
        }
        Ok(answer["result"]["value"].clone())
    }

    /// Returns the page as HTML, as it stands now.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn dom(&mut self) -> anyhow::Result<String> {
        let value = self.evaluate("document.documentElement.outerHTML")?;
        Ok(value.as_str().context("HTML is a string")?.to_owned())
    }

    /// Writes what the screen shows as a PNG file.
    ///
    /// # Errors
    /// When the browser does not answer or the file cannot be written.
    pub fn screenshot(&mut self, file: &Path) -> anyhow::Result<()> {
        let answer = self.call("Page.captureScreenshot", &json!({"format": "png"}))?;
        let text = answer["data"].as_str().context("a screenshot has bytes")?;
        let bytes = STANDARD.decode(text).context("a screenshot is base64")?;
        std::fs::write(file, bytes).with_context(|| format!("write {}", file.display()))
    }

    fn call(&mut self, method: &str, parameters: &Value) -> anyhow::Result<Value> {
        self.pipe
            .call(Some(&self.session), method, parameters, DEADLINE)
    }
}

/// Opens `url` in a new browser and writes what `screen` shows as a PNG file.
///
/// Returns why not where Chromium is missing.
///
/// # Errors
/// When the page cannot be opened or the file cannot be written.
pub fn screenshot(url: &str, screen: Screen, file: &Path) -> anyhow::Result<Option<String>> {
    match Browser::start()? {
        Start::LeftOut(reason) => Ok(Some(reason)),
        Start::Available(mut browser) => {
            browser.look_with(screen)?;
            browser.open(url)?;
            browser.screenshot(file)?;
            Ok(None)
        }
    }
}

fn flags(profile: &Path) -> Vec<String> {
    let mut flags: Vec<String> = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-default-apps",
        "--disable-extensions",
        "--disable-sync",
        "--no-first-run",
        "--no-default-browser-check",
        "--hide-scrollbars",
        "--mute-audio",
        "--force-color-profile=srgb",
        "--remote-debugging-pipe",
    ]
    .map(str::to_owned)
    .to_vec();
    flags.push(format!("--user-data-dir={}", profile.display()));
    flags
}

#[cfg(test)]
mod tests;
