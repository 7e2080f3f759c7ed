//! How commands get to a doorway: whom to believe that it is the one, and what a person sees while it makes them wait.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::{Code, Problem};
use client::{Doorway, Waiting};
use indicatif::ProgressBar;

use crate::output::Output;

/// Largest file with certificates, in bytes.
const PEM_BYTES_MAX: u64 = 1_024 * 1_024;

/// What a person sees of the work with a doorway: one bar at a time. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Progress(Arc<Shown>);

struct Shown {
    output: Output,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The bar of the work in hand, with its name.
    bar: Option<(ProgressBar, &'static str)>,
    /// What turns where there is no bar.
    spinner: Option<ProgressBar>,
    /// Requests that wait.
    waiting: u32,
}

/// Names the doorway at an address; `ca` is a file with certificates that are trusted besides the system's.
pub(crate) fn doorway(
    address: &str,
    ca: Option<&Path>,
    progress: &Progress,
) -> Result<Doorway, Problem> {
    let doorway = trusting(address, ca)?;
    let progress = progress.clone();
    Ok(doorway.telling(move |waiting| progress.tell(waiting)))
}

/// As [`doorway`], where nobody watches.
pub(crate) fn trusting(address: &str, ca: Option<&Path>) -> Result<Doorway, Problem> {
    let Some(file) = ca else {
        return Doorway::new(address);
    };
    let refuse = |detail: String| Problem::new(Code::Tls, detail);
    let bytes = disk::read_path(file, PEM_BYTES_MAX);
    let bytes = bytes.map_err(|error| refuse(error.problem().detail))?;
    let Some(bytes) = bytes else {
        return Err(refuse(format!("there is no file {}", file.display())));
    };
    Doorway::trusting(address, &bytes).map_err(|mut problem| {
        if problem.code == Code::Tls {
            problem.detail = format!("{}: {}", file.display(), problem.detail);
        }
        problem
    })
}

impl Progress {
    pub(crate) fn new(output: Output) -> Self {
        let state = Mutex::default();
        Self(Arc::new(Shown { output, state }))
    }

    /// Shows how work goes in a bar that takes the place of the one before.
    pub(crate) fn begin(&self, name: &'static str, total: u64, is_bytes: bool) -> ProgressBar {
        let bar = self.0.output.progress(name, total, is_bytes);
        self.state().bar = Some((bar.clone(), name));
        bar
    }

    /// Shows that the doorway makes the work wait, for as long as any request waits.
    fn tell(&self, waiting: Waiting) {
        let mut state = self.state();
        let before = state.waiting;
        state.waiting = match waiting {
            Waiting::Began => before + 1,
            Waiting::Ended => before.saturating_sub(1),
        };
        let bar = state.bar.clone().filter(|(bar, _)| !bar.is_finished());
        match (before, state.waiting, bar) {
            (0, 1, Some((bar, _))) => bar.set_message("waiting"),
            (0, 1, None) => {
                state.spinner = Some(self.0.output.spinner("the doorway is busy: waiting"))
            }
            (1, 0, bar) => {
                if let Some((bar, name)) = bar {
                    bar.set_message(name);
                }
                if let Some(spinner) = state.spinner.take() {
                    spinner.finish_and_clear();
                }
            }
            _ => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use client::Waiting;

    use super::Progress;
    use crate::output::Output;

    #[test]
    fn a_bar_says_that_it_waits_until_the_last_request_goes_on() {
        let progress = Progress::new(Output::SILENT);
        let bar = progress.begin("files", 10, true);
        let check = |waiting: Waiting, expect: &str| {
            progress.tell(waiting);
            assert_eq!(bar.message(), expect, "{waiting:?}");
        };
        check(Waiting::Began, "waiting");
        check(Waiting::Began, "waiting");
        check(Waiting::Ended, "waiting");
        check(Waiting::Ended, "files");
        bar.finish_and_clear();
        progress.tell(Waiting::Began);
        assert!(progress.state().spinner.is_some());
        progress.tell(Waiting::Ended);
        assert!(progress.state().spinner.is_none());
    }
}
