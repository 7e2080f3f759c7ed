//! Reads Pandoc's grid tables (`+---+---+`), whose cells hold whole blocks of Markdown.
//!
//! Columns are cut by character position, as Pandoc does for text without wide characters.
//! Cells that span rows or columns are not known here: such a table stays text.

/// Most columns a grid may have; a wider one stays text.
const COLUMNS_MAX: usize = 32;

/// A table whose cells are Markdown of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// Rows above the line of equals signs; empty when there is none.
    pub(super) head: Vec<Vec<String>>,
    /// The other rows.
    pub(super) body: Vec<Vec<String>>,
}

/// Returns whether a line is a grid's border: plus signs joined by hyphens or equals signs.
pub(super) fn is_border(line: &str) -> bool {
    let line = line.trim_end();
    let mut cells = line.split('+');
    let opens = cells.next() == Some("");
    let mut filled = 0;
    let mut last = None;
    for cell in cells {
        if let Some(previous) = last.replace(cell) {
            if !is_rule(previous) {
                return false;
            }
            filled += 1;
        }
    }
    opens && filled > 0 && last == Some("")
}

fn is_rule(cell: &str) -> bool {
    let inner = cell.strip_prefix(':').unwrap_or(cell);
    let inner = inner.strip_suffix(':').unwrap_or(inner);
    !inner.is_empty()
        && (inner.bytes().all(|byte| byte == b'-') || inner.bytes().all(|byte| byte == b'='))
}

/// Parses the lines of one table, without the prefix of what they stand in.
pub(super) fn parse(lines: &[&str]) -> Option<Grid> {
    let first = lines.first()?;
    let edges: Vec<usize> = first
        .trim_end()
        .chars()
        .enumerate()
        .filter(|(_, character)| *character == '+')
        .map(|(at, _)| at)
        .collect();
    let columns = edges.len().checked_sub(1)?;
    if columns == 0 || columns > COLUMNS_MAX || !is_border(first) || !is_border(lines.last()?) {
        return None;
    }
    let mut grid = Grid {
        head: Vec::new(),
        body: Vec::new(),
    };
    let mut open: Vec<Vec<String>> = vec![Vec::new(); columns];
    for line in &lines[1..] {
        let characters: Vec<char> = line.trim_end().chars().collect();
        let has_edges = |edge: char| {
            characters.len() == edges[columns] + 1
                && edges.iter().all(|at| characters.get(*at) == Some(&edge))
        };
        if is_border(line) {
            if !has_edges('+') {
                return None;
            }
            let cells: Vec<String> = open
                .iter_mut()
                .map(|cell| cell_text(&std::mem::take(cell)))
                .collect();
            if cells.iter().any(|cell| !cell.is_empty()) {
                grid.body.push(cells);
            }
            if line.contains('=') {
                grid.head.append(&mut grid.body);
            }
        } else {
            if !has_edges('|') {
                return None;
            }
            for (cell, edge) in open.iter_mut().zip(edges.windows(2)) {
                cell.push(characters[edge[0] + 1..edge[1]].iter().collect());
            }
        }
    }
    Some(grid)
}

/// Joins a cell's lines without the indentation that all of them share.
///
/// An empty paragraph in HTML is how authors keep a cell's first line free; CommonMark would take
/// what follows for HTML too, so the line goes.
fn cell_text(lines: &[String]) -> String {
    let lines: Vec<&String> = lines
        .iter()
        .filter(|line| line.trim() != "<p></p>")
        .collect();
    let indent = |line: &&String| line.len() - line.trim_start_matches(' ').len();
    let shared = lines
        .iter()
        .copied()
        .filter(|line| !line.trim().is_empty())
        .map(|line| indent(&line))
        .min()
        .unwrap_or(0);
    let cut: Vec<&str> = lines
        .iter()
        .map(|line| line.get(shared..).unwrap_or("").trim_end())
        .collect();
    cut.join("\n").trim_matches('\n').to_owned()
}
