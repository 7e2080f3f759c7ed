//! What does not keep a doorway from starting but should be known: told to people, logged for programs, and kept for
//! the document that `--json` prints.

use base::Problem;

use super::config::Config;
use crate::output::Output;

/// Warnings of one start.
pub(super) struct Notes<'a> {
    output: &'a Output,
    /// Whether the lines on standard error are for programs.
    is_logged: bool,
    told: Vec<String>,
}

impl<'a> Notes<'a> {
    pub(super) fn new(output: &'a Output, config: &Config) -> Self {
        Self {
            output,
            is_logged: config.is_log_json(),
            told: Vec::new(),
        }
    }

    /// Tells a warning.
    pub(super) fn warn(&mut self, problem: &Problem) {
        if self.is_logged {
            tracing::warn!(target: "commonhold::event::start_warning", code = %problem.code, detail = %problem, "something should be looked at");
        } else {
            self.output.warn(problem);
        }
        self.told.push(problem.to_string());
    }

    /// Returns everything that was told.
    pub(super) fn told(&self) -> &[String] {
        &self.told
    }
}
