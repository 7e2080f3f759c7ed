//! What people and programs get to read: sentences or JSON, problems with code, hint and page, progress bars.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use base::{Kind, Problem};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use owo_colors::{OwoColorize as _, Stream};
use serde::Serialize;
use serde_json::{Value, json};

use crate::args::Common;

/// Exit status when a request was wrong, and when the world was.
const STATUS_REJECTION: u8 = 1;
const STATUS_FAILURE: u8 = 2;

/// Why a command ends without success: one problem, or all that were found.
#[derive(Debug)]
pub(crate) struct Problems {
    pub(crate) all: Vec<Problem>,
    /// Whether something was done all the same.
    is_partial: bool,
}

impl Problems {
    /// Tells problems of a command that did everything else.
    pub(crate) const fn beside_the_rest(all: Vec<Problem>) -> Self {
        let is_partial = true;
        Self { all, is_partial }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        vec![problem].into()
    }
}

impl From<Vec<Problem>> for Problems {
    fn from(all: Vec<Problem>) -> Self {
        let is_partial = false;
        Self { all, is_partial }
    }
}

/// How a command ends.
pub(crate) type Outcome<T = ()> = Result<T, Problems>;

/// Where a command's words go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    is_json: bool,
    is_quiet: bool,
}

impl Output {
    /// Says nothing but faults.
    pub(crate) const SILENT: Self = Self {
        is_json: false,
        is_quiet: true,
    };

    pub(crate) const fn new(common: &Common) -> Self {
        Self {
            is_json: common.json,
            is_quiet: common.quiet,
        }
    }

    /// Says one sentence to a person; programs do not get it.
    pub(crate) fn say(&self, sentence: &str) {
        if !self.is_json && !self.is_quiet {
            line(&mut std::io::stdout(), sentence);
        }
    }

    /// Says what was done: a document for programs, lines for people who did not ask for quiet.
    pub(crate) fn done(&self, document: &impl Serialize, lines: &[String]) {
        self.result(document, if self.is_quiet { &[] } else { lines });
    }

    /// Gives what was asked for: a document for programs, lines for people.
    pub(crate) fn result(&self, document: &impl Serialize, lines: &[String]) {
        if self.is_json {
            let text = serde_json::to_string(document).expect("a result can be said in JSON");
            line(&mut std::io::stdout(), &text);
        } else {
            for text in lines {
                line(&mut std::io::stdout(), text);
            }
        }
    }

    /// Says one sentence to a person beside a result that another program may read.
    pub(crate) fn remark(&self, sentence: &str) {
        if !self.is_json && !self.is_quiet {
            line(&mut std::io::stderr(), sentence);
        }
    }

    /// Tells whether programs read the result.
    pub(crate) const fn is_json(&self) -> bool {
        self.is_json
    }

    /// Warns about something that does not stop the command.
    pub(crate) fn warn(&self, problem: &Problem) {
        if !self.is_quiet && !self.is_json {
            let word = "warning".if_supports_color(Stream::Stderr, |word| word.yellow());
            line(
                &mut std::io::stderr(),
                &format!("{word}: {problem} ({})", problem.code),
            );
        }
    }

    /// Shows how long work goes; only a person at a terminal sees it.
    pub(crate) fn progress(&self, name: &'static str, total: u64, is_bytes: bool) -> ProgressBar {
        let target = self.draw_target();
        let bar = ProgressBar::with_draw_target(Some(total), target).with_message(name);
        let template = if is_bytes {
            "{msg:12} {wide_bar:.green/dim} {bytes}/{total_bytes} {bytes_per_sec} {eta}"
        } else {
            "{msg:12} {wide_bar:.green/dim} {pos}/{len} {per_sec} {eta}"
        };
        let style = ProgressStyle::with_template(template).expect("the template is well-formed");
        bar.set_style(style);
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }

    /// Shows that something goes on of which nobody knows how long it takes; only a person at a terminal sees it.
    pub(crate) fn spinner(&self, name: &'static str) -> ProgressBar {
        let spinner = ProgressBar::with_draw_target(None, self.draw_target()).with_message(name);
        let style = ProgressStyle::with_template("{spinner} {msg}");
        spinner.set_style(style.expect("the template is well-formed"));
        spinner.enable_steady_tick(Duration::from_millis(200));
        spinner
    }

    /// Shows how many bytes went of which nobody knows how many there are; only a person at a terminal sees it.
    pub(crate) fn counter(&self, name: &'static str) -> ProgressBar {
        let counter = ProgressBar::with_draw_target(None, self.draw_target()).with_message(name);
        let style = ProgressStyle::with_template("{spinner} {msg} {bytes} {bytes_per_sec}");
        counter.set_style(style.expect("the template is well-formed"));
        counter.enable_steady_tick(Duration::from_millis(200));
        counter
    }

    fn draw_target(&self) -> ProgressDrawTarget {
        if !self.is_json && !self.is_quiet && std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        }
    }

    /// Tells problems and returns the exit status.
    pub(crate) fn fail(&self, problems: &Problems) -> u8 {
        if self.is_json {
            let problems: Vec<Value> = problems.all.iter().map(document).collect();
            let document = json!({ "ok": false, "problems": problems });
            line(&mut std::io::stdout(), &document.to_string());
        } else {
            for problem in &problems.all {
                tell(problem);
            }
        }
        let is_rejection = problems
            .all
            .iter()
            .all(|problem| problem.code.kind() == Kind::Rejection);
        let found = problems.all.len();
        if found > 1 && !self.is_json {
            let sentence = match is_rejection && !problems.is_partial {
                true => format!("{found} problems; nothing was changed."),
                false => format!("{found} problems."),
            };
            line(&mut std::io::stderr(), &sentence);
        }
        if is_rejection {
            STATUS_REJECTION
        } else {
            STATUS_FAILURE
        }
    }
}

/// Tells a person one problem: what happened, what to do, where to read more.
fn tell(problem: &Problem) {
    let code = problem.code;
    let word = code.kind().as_str();
    let word = word.if_supports_color(Stream::Stderr, |word| word.red());
    let mut stderr = std::io::stderr();
    line(&mut stderr, &format!("{word} {code}: {problem}"));
    line(&mut stderr, &format!("  what to do: {}", code.hint()));
    line(
        &mut stderr,
        &format!("  more: docs/errors/{code}.md, or /errors/{code} on any doorway"),
    );
}

fn document(problem: &Problem) -> Value {
    let code = problem.code;
    json!({
        "code": code.to_string(),
        "kind": code.kind().as_str(),
        "title": code.title(),
        "detail": problem.detail,
        "hint": code.hint(),
        "page": format!("/errors/{code}"),
        "file": problem.place.as_ref().map(|place| &place.file),
        "line": problem.place.as_ref().map(|place| place.line).filter(|line| *line > 0),
    })
}

/// Writes a line. Somebody who stops reading is no fault of the command's.
fn line(target: &mut impl std::io::Write, text: &str) {
    drop(writeln!(target, "{text}"));
    drop(target.flush());
}

/// Writes a count with its noun.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{number} {many}")
    }
}

/// Flushes what is written, before the process ends.
pub(crate) fn finish() {
    drop(std::io::stdout().flush());
}
