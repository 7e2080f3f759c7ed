//! Judges what stands in pages: links that lead nowhere, fragments that name nothing, scripts.
//!
//! Invariant: what would break a page or run in a browser is a problem, what only disappoints a reader is a warning;
//! broken links are what [`BrokenLinks`] says. Does not change a page.

use std::collections::BTreeMap;

use base::{Code, Problem};

use super::Builder;
use super::draft::Draft;
use crate::publish::BrokenLinks;
use crate::publish::file_path::FilePath;
use crate::publish::links::{ACTIVE_CONTENT, Target, is_lost};

impl<'s> Builder<'s> {
    /// Tells links that are wrong, and fragments that name nothing.
    pub(super) fn judge_links(&mut self, drafts: &BTreeMap<FilePath, Draft<'s>>) {
        for draft in drafts.values() {
            for (link, target) in draft.outline.links.iter().zip(&draft.targets) {
                let line = draft.line(link.offset);
                let file = draft.file.as_str();
                match target {
                    Target::Fault { code, detail } => {
                        let problem = Problem::new(*code, detail.clone()).at(file, line);
                        let may_unlink = *code == Code::BrokenLink
                            && self.options.broken_links == BrokenLinks::Unlink;
                        let list = if may_unlink {
                            &mut self.warnings
                        } else {
                            &mut self.problems
                        };
                        list.push(problem);
                    }
                    Target::Page { .. } | Target::Media { .. } | Target::Root { .. }
                        if link.place.is_none() =>
                    {
                        let detail = "this link cannot be rewritten; write its address on one line";
                        self.problems
                            .push(Problem::new(Code::BrokenLink, detail).at(file, line));
                    }
                    Target::Page { .. } | Target::Here { .. } => {
                        self.judge_fragment(drafts, draft, target, line)
                    }
                    Target::Elsewhere | Target::Media { .. } | Target::Root { .. } => {}
                }
            }
            for (offset, what) in &draft.outline.scripts {
                let detail = format!("{what} would be run by browsers");
                let problem = Problem::new(ACTIVE_CONTENT, detail)
                    .at(draft.file.as_str(), draft.line(*offset));
                self.problems.push(problem);
            }
            for (offset, name) in &draft.outline.dropped {
                let detail = format!("doorways leave out <{name}>");
                let problem = Problem::new(ACTIVE_CONTENT, detail)
                    .at(draft.file.as_str(), draft.line(*offset));
                self.warnings.push(problem);
            }
        }
    }

    fn judge_fragment(
        &mut self,
        drafts: &BTreeMap<FilePath, Draft<'s>>,
        draft: &Draft<'s>,
        target: &Target,
        line: u32,
    ) {
        let (other, fragment) = match target {
            Target::Page { file, tail } => (drafts.get(file), tail.fragment()),
            Target::Here { fragment } => (Some(draft), fragment.clone()),
            Target::Elsewhere
            | Target::Root { .. }
            | Target::Media { .. }
            | Target::Fault { .. } => return,
        };
        if let Some(other) = other.filter(|other| is_lost(&fragment, &other.outline.anchors)) {
            let detail = format!(
                "{} has no heading or anchor \"{}\"",
                other.file,
                fragment.escape_debug()
            );
            self.warnings
                .push(Problem::new(Code::BrokenLink, detail).at(draft.file.as_str(), line));
        }
    }
}
