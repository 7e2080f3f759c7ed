//! A course: an ordered tree of pages.

use holo_hash::ActionHash;
use serde::{Deserialize, Serialize};

use super::KindError;
use super::rules::{ReachWord, broken, check_language, check_line, check_slug, check_text};

/// Most nodes in one tree.
pub const NODES_MAX: usize = 10_000;

/// Deepest nesting of sections.
pub const DEPTH_MAX: usize = 8;

/// A course: its contents in reading order, in sections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Path {
    /// What it is called, 1 to 300 characters.
    pub title: String,
    /// Its place in addresses.
    pub slug: String,
    /// What it is about, at most 500 characters.
    pub summary: String,
    /// The language it is written in.
    pub language: String,
    /// Under which licence it may be used.
    pub licence: String,
    /// Where it comes from and who made it, when that is not the author of the record; at most 1,000 characters.
    pub attribution: String,
    /// At most 20 words that describe it, each at most 40 characters.
    pub tags: Vec<String>,
    /// Who may see it.
    pub reach: ReachWord,
    /// The tree, in reading order.
    pub nodes: Vec<Node>,
}

/// A page in the tree, a section, or a page with pages below it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Node {
    /// What the contents list shows, 1 to 300 characters.
    pub title: String,
    /// The first action of the page; nothing for a section.
    pub page: Option<ActionHash>,
    /// What stands below it.
    pub children: Vec<Node>,
}

impl Path {
    /// Name of the kind.
    pub const KIND: &'static str = "path";

    pub(super) fn check(&self) -> Result<(), KindError> {
        check_line("title", &self.title, 1..=300)?;
        check_slug("slug", &self.slug)?;
        check_text("summary", &self.summary, 0..=500)?;
        check_language(&self.language)?;
        check_line("licence", &self.licence, 0..=100)?;
        check_text("attribution", &self.attribution, 0..=1_000)?;
        if self.tags.len() > 20 {
            return Err(broken(
                "tags",
                format!("at most 20, not {}", self.tags.len()),
            ));
        }
        for tag in &self.tags {
            check_line("tags", tag, 1..=40)?;
        }
        let mut count = 0;
        check_nodes(&self.nodes, 1, &mut count)
    }

    /// Returns the pages of the tree in reading order.
    #[must_use]
    pub fn pages(&self) -> Vec<&Node> {
        let mut pages = Vec::new();
        collect(&self.nodes, &mut pages);
        pages
    }
}

fn collect<'a>(nodes: &'a [Node], pages: &mut Vec<&'a Node>) {
    for node in nodes {
        if node.page.is_some() {
            pages.push(node);
        }
        collect(&node.children, pages);
    }
}

fn check_nodes(nodes: &[Node], depth: usize, count: &mut usize) -> Result<(), KindError> {
    if depth > DEPTH_MAX && !nodes.is_empty() {
        return Err(broken("nodes", format!("at most {DEPTH_MAX} levels")));
    }
    for node in nodes {
        *count += 1;
        if *count > NODES_MAX {
            return Err(broken("nodes", format!("at most {NODES_MAX}")));
        }
        check_line("nodes.title", &node.title, 1..=300)?;
        check_nodes(&node.children, depth + 1, count)?;
    }
    Ok(())
}
