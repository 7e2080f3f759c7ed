//! What `commonhold publish DIR` does before it talks to a doorway: read the folder, understand it, plan the difference.
//!
//! [`source::read`] is the only part that walks the folder, [`media`] the only other one that opens a file.
//! [`course::build`] makes pages of what was read, [`plan::diff`] compares them with the author's own chain.
//! All faults of a folder are collected and told together, sorted by file and line.
//!
//! Invariants: nothing outside of the folder is read; nothing is written; the same folder gives the same course.
//! Does not know keys, doorways or the network: the shell of the command signs and sends what the plan says.
//!
//! ```text
//! understand(dir) = source::read → course::build (front_matter, config, layout, markdown, links, media)
//! plan::diff(Existing::fold(own chain), course) → steps → plan.path(hashes of the new pages)
//! ```

pub(crate) mod config;
pub(crate) mod course;
pub(crate) mod fields;
pub(crate) mod file_path;
pub(crate) mod front_matter;
pub(crate) mod html;
pub(crate) mod ignore;
pub(crate) mod layout;
pub(crate) mod links;
pub(crate) mod markdown;
pub(crate) mod media;
pub(crate) mod plan;
pub(crate) mod slug;
pub(crate) mod source;
pub(crate) mod yaml;

use std::path::Path;

use base::{Problem, Reach};

use course::Course;
use source::Limits;

/// How a folder is to be published.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// What is read at most.
    pub(crate) limits: Limits,
    /// What becomes of links that lead nowhere.
    pub(crate) broken_links: BrokenLinks,
    /// Who may see what says nothing about it; the folder's own words win.
    pub(crate) reach: Reach,
}

/// What becomes of links that lead nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BrokenLinks {
    /// They are problems: nothing is published.
    Refuse,
    /// They are warnings: the page shows their text without a link.
    Unlink,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            broken_links: BrokenLinks::Refuse,
            reach: Reach::Commons,
        }
    }
}

/// Reads the folder `dir` and makes a course, or a loose page, of it.
///
/// # Errors
/// Every problem of the folder, sorted by file and line.
pub(crate) fn understand(dir: &Path, options: &Options) -> Result<Course, Vec<Problem>> {
    let source = source::read(dir, &options.limits)?;
    course::build(&source, options)
}

/// Brings problems into the order in which a person works through them: by file, then by line.
fn sort(problems: &mut Vec<Problem>) {
    problems.sort_by(|left, right| {
        let key = |problem: &Problem| (problem.place.clone(), problem.code, problem.detail.clone());
        key(left).cmp(&key(right))
    });
    problems.dedup();
}
