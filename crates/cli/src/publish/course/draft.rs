//! One page on its way from a file to the web.
//!
//! Invariant: apart from addresses, deleted frames of broken links and a heading that became the title, the body that
//! comes out is byte for byte the one that was read, and a parser finds in it exactly the links that were meant.
//! Does not know other pages beyond their addresses.

use std::collections::BTreeMap;
use std::ops::Range;

use base::{Code, ContentHash, Problem};

use super::LinkCounts;
use crate::publish::file_path::FilePath;
use crate::publish::front_matter::{self, FrontMatter};
use crate::publish::links::{self, Target};
use crate::publish::markdown::{self, Form, Link, Outline};
use crate::publish::source::Source;

/// A page that was read.
pub(super) struct Draft<'s> {
    pub(super) file: FilePath,
    pub(super) front: FrontMatter,
    pub(super) outline: Outline,
    /// What the outline's links mean, in the same order.
    pub(super) targets: Vec<Target>,
    body: &'s str,
    /// Line of the file in which the body starts.
    body_line: u32,
    /// Where the lines of the body end.
    breaks: Vec<usize>,
}

/// Where everything stands on the web.
pub(super) struct Web<'w> {
    /// The course's slug; empty for a loose page.
    pub(super) course: &'w str,
    pub(super) slugs: &'w BTreeMap<FilePath, String>,
    pub(super) files: &'w BTreeMap<FilePath, ContentHash>,
}

/// The links of the new body are not those that were meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Distorted;

/// Bytes of the body and what stands there instead.
struct Edit {
    range: Range<usize>,
    text: String,
}

impl<'s> Draft<'s> {
    /// Reads a Markdown file of the folder.
    ///
    /// # Errors
    /// [`Code::FrontMatter`] for each thing that is wrong with its front matter.
    pub(super) fn read(file: &FilePath, source: &'s Source) -> Result<Self, Vec<Problem>> {
        let Some(text) = source.texts.get(file) else {
            let detail = "it does not exist";
            return Err(vec![
                Problem::new(Code::SourceUnreadable, detail).at(file.as_str(), 0),
            ]);
        };
        let parts = front_matter::split(file, text)?;
        let outline = markdown::outline(parts.body);
        let targets = outline
            .links
            .iter()
            .map(|link| links::resolve(&link.dest, file, source))
            .collect();
        Ok(Self {
            file: file.clone(),
            front: parts.front,
            outline,
            targets,
            body: parts.body,
            body_line: parts.body_line,
            breaks: parts.body.match_indices('\n').map(|(at, _)| at).collect(),
        })
    }

    /// Returns the line of the file, counted from 1, in which a byte of the body stands.
    pub(super) fn line(&self, offset: usize) -> u32 {
        let above = self.breaks.partition_point(|end| *end < offset);
        u32::try_from(above)
            .unwrap_or(u32::MAX)
            .saturating_add(self.body_line)
    }

    /// Returns the text of the first heading of the first level.
    pub(super) fn heading(&self) -> Option<String> {
        self.outline
            .top
            .as_ref()
            .map(|top| top.text.clone())
            .filter(|text| !text.is_empty())
    }

    /// Returns the blobs that the page shows or links to, in order.
    pub(super) fn media(&self, web: &Web<'_>) -> Vec<ContentHash> {
        let hash = |target: &Target| match target {
            Target::Media { file, .. } => web.files.get(file).copied(),
            Target::Elsewhere
            | Target::Here { .. }
            | Target::Page { .. }
            | Target::Root { .. }
            | Target::Fault { .. } => None,
        };
        self.targets.iter().filter_map(hash).collect()
    }

    /// Returns the body as it will be signed: with addresses of the web, and without the heading that is its title.
    ///
    /// # Errors
    /// [`Distorted`] when a new address changes what its neighbours mean, as one without the backtick of the old may.
    pub(super) fn body(
        &self,
        web: &Web<'_>,
        title: &str,
    ) -> Result<(String, LinkCounts), Distorted> {
        let title_edit = self.title_edit(title);
        let title_range = title_edit.as_ref().map(|edit| edit.range.clone());
        let mut edits: Vec<Edit> = title_edit.into_iter().collect();
        let mut counts = LinkCounts::default();
        let mut expected = Vec::new();
        for (link, target) in self.outline.links.iter().zip(&self.targets) {
            let goes = title_range
                .as_ref()
                .is_some_and(|range| is_within(link, range));
            match (address(target, web), &link.place) {
                (Some(address), Some(place)) => {
                    counts.rewritten += 1;
                    let text = written(&address, link);
                    let range = place.clone();
                    edits.push(Edit { range, text });
                    expected.extend((!goes).then(|| address.replace("&amp;", "&")));
                }
                _ if matches!(target, Target::Fault { .. }) => {
                    counts.unlinked += 1;
                    let frame = link.frame.iter().cloned();
                    edits.extend(frame.map(|range| Edit {
                        range,
                        text: String::new(),
                    }));
                }
                _ => {
                    counts.kept += 1;
                    expected.extend((!goes).then(|| link.dest.clone()));
                }
            }
        }
        let body = apply(self.body, edits);
        let found = markdown::outline(&body)
            .links
            .into_iter()
            .map(|link| link.dest);
        if found.eq(expected) {
            Ok((body, counts))
        } else {
            Err(Distorted)
        }
    }

    /// The heading goes when it gave the title, or repeats it at the top.
    fn title_edit(&self, title: &str) -> Option<Edit> {
        let top = self.outline.top.as_ref()?;
        let gave_title = self.front.title.is_none() && !top.text.is_empty();
        let repeats = top.is_first && top.text == title;
        (gave_title || repeats).then(|| Edit {
            range: top.range.clone(),
            // What stood apart above and below stays apart.
            text: "\n".to_owned(),
        })
    }
}

/// Returns whether a link goes with the heading at `range`; a definition goes when all its uses do.
fn is_within(link: &Link, range: &Range<usize>) -> bool {
    let inside = |at: usize| range.start <= at && at < range.end;
    if link.frame.is_empty() {
        inside(link.offset)
    } else {
        link.frame.iter().all(|frame| inside(frame.start))
    }
}

/// Returns what an address becomes; `None` when it stays as it is.
fn address(target: &Target, web: &Web<'_>) -> Option<String> {
    match target {
        Target::Page { file, tail } => {
            let slug = web.slugs.get(file)?;
            Some(match web.course {
                "" => format!("/pages/{slug}{}", tail.of_page()),
                course => format!("/courses/{course}/{slug}{}", tail.of_page()),
            })
        }
        Target::Root { tail } => {
            let loose = web.slugs.values().next();
            Some(match (web.course, loose) {
                ("", Some(slug)) => format!("/pages/{slug}{}", tail.of_page()),
                (course, _) => format!("/courses/{course}{}", tail.of_page()),
            })
        }
        Target::Media { file, tail } => {
            let hash = web.files.get(file)?;
            Some(format!("/store/{hash}{}", tail.of_media()))
        }
        Target::Elsewhere | Target::Here { .. } | Target::Fault { .. } => None,
    }
}

fn written(address: &str, link: &Link) -> String {
    match link.form {
        Form::Markdown => address.to_owned(),
        Form::Attribute => format!("\"{address}\""),
    }
}

/// Makes all edits; one that lies inside of an earlier one has nothing left to change.
fn apply(body: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| (edit.range.start, std::cmp::Reverse(edit.range.end)));
    let mut out = String::with_capacity(body.len() + edits.len() * 32);
    let mut at = 0;
    for edit in edits {
        if edit.range.start < at {
            continue;
        }
        out.push_str(&body[at..edit.range.start]);
        out.push_str(&edit.text);
        at = edit.range.end;
    }
    out.push_str(&body[at..]);
    out
}
