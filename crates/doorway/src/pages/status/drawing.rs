//! Small charts: thin lines as inline SVG with the latest value beside them, and the same numbers as a table.
//!
//! Invariants: at most [`POINTS_MAX`] points in a line and [`ROWS_MAX`] rows in a table (half as many where it has
//! several lines), whatever the model holds;
//! a gap in the values is a gap in the line.

use std::fmt::Write as _;

use maud::{Markup, html};
use runtime::metrics::Fold;

use super::super::strings::Strings;
use super::at;
use crate::status::{Sparkline, StatusModel};

/// Most points of a line.
pub(super) const POINTS_MAX: usize = 40;

/// Most rows of a table.
pub(super) const ROWS_MAX: usize = 12;

/// Size of a drawing in its own units; the style sheet stretches it.
const WIDTH: u32 = 240;
const HEIGHT: u32 = 40;

/// How much of the height is left free at top and bottom, so that a line of its own width is not cut.
const MARGIN: f64 = 2.0;

/// A chart: one or several drawings under each other that share a table.
pub(super) struct Chart<'m> {
    /// For fragments; unique in the page.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) hint: &'static str,
    pub(super) lines: Vec<Line<'m>>,
    /// Writes a value with its unit.
    pub(super) write: &'m dyn Fn(f64) -> String,
    /// The value at the upper edge; the largest one where there is none.
    pub(super) top: Option<f64>,
    /// Whether every line that there could be is among `lines`.
    pub(super) is_whole: bool,
}

/// One drawing.
pub(super) struct Line<'m> {
    pub(super) name: &'static str,
    pub(super) values: &'m Sparkline,
    /// A second line in the same drawing, which is never below the first.
    pub(super) above: Option<&'m Sparkline>,
}

impl<'m> Line<'m> {
    /// A drawing with one line.
    pub(super) fn alone(name: &'static str, values: &'m Sparkline) -> Self {
        Self {
            name,
            values,
            above: None,
        }
    }

    fn series(&self) -> impl Iterator<Item = &'m Sparkline> {
        [Some(self.values), self.above].into_iter().flatten()
    }
}

/// Writes a chart with its heading, its drawings and its table.
pub(super) fn chart(strings: &Strings, model: &StatusModel, chart: &Chart<'_>) -> Markup {
    let words = strings.status;
    let lines = &chart.lines;
    let is_blank = lines
        .iter()
        .all(|line| line.series().all(Sparkline::is_blank));
    html! {
        div.chart #(chart.id) {
            h3 { (chart.title) }
            p.quiet { (chart.hint) }
            @if is_blank {
                p { (words.nothing_yet) }
            } @else {
                ul.lines {
                    @for line in lines { (drawing(strings, chart, line)) }
                }
                @if !chart.is_whole { p.small.quiet { (words.others_quiet) } }
                (table(strings, model, chart))
            }
        }
    }
}

fn drawing(strings: &Strings, chart: &Chart<'_>, line: &Line<'_>) -> Markup {
    let words = strings.status;
    let shown: Vec<Vec<Option<f64>>> = line
        .series()
        .map(|series| folded(series, POINTS_MAX))
        .collect();
    // Of the values as they were taken: what is drawn may be a mean of several.
    let known = line.series().flat_map(|series| &series.values).flatten();
    let largest = known.copied().fold(0.0, f64::max);
    let top = chart.top.unwrap_or(largest);
    let value = |series: &Sparkline| match series.latest() {
        Some(value) => (chart.write)(value),
        None => words.unknown.to_owned(),
    };
    let latest = match line.above {
        None => value(line.values),
        Some(above) => format!(
            "{} {} · {} {}",
            words.median,
            value(line.values),
            words.slow,
            value(above)
        ),
    };
    let largest = format!("{} {}", words.largest, (chart.write)(largest));
    let named = line.name != chart.title;
    html! {
        li {
            @if named { span.what { (line.name) } }
            svg.line viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) width=(WIDTH) height=(HEIGHT) role="img"
                preserveAspectRatio="none" {
                title { (chart.title) @if named { ": " (line.name) } }
                desc { (latest) ", " (largest) }
                @for (order, values) in shown.iter().enumerate().rev() {
                    path.above[order > 0] d=(path(values, top)) {}
                }
            }
            span.value { b { (latest) } " " span.quiet { (largest) } }
        }
    }
}

/// Writes values as an SVG path (SVG 2 §9): a stroke for each run without a gap, in whole units, each point relative
/// to the one before, which is shortest.
pub(super) fn path(values: &[Option<f64>], top: f64) -> String {
    let mut out = String::new();
    let last = values.len().saturating_sub(1).max(1);
    let mut before: Option<(i64, i64)> = None;
    for (idx, value) in values.iter().enumerate() {
        let Some(value) = value else {
            before = None;
            continue;
        };
        let share = if top > 0.0 {
            (value / top).clamp(0.0, 1.0)
        } else {
            0.0
        };
        let height = f64::from(HEIGHT);
        let x = (idx as f64 / last as f64 * f64::from(WIDTH)).round() as i64;
        let y = (height - MARGIN - share * (height - 2.0 * MARGIN)).round() as i64;
        let written = match before.replace((x, y)) {
            Some((from_x, from_y)) => {
                let (right, down) = (x - from_x, y - from_y);
                // A minus parts two numbers as well as a blank does.
                let blank = if down < 0 { "" } else { " " };
                write!(out, "l{right}{blank}{down}")
            }
            // A round cap makes a dot of a value that stands alone.
            None if values.get(idx + 1).copied().flatten().is_none() => write!(out, "M{x} {y}h0"),
            None => write!(out, "M{x} {y}"),
        };
        written.expect("a string takes every text");
    }
    out
}

/// Folds values into at most `len_max` groups of the same length; the last group ends with the last value.
pub(super) fn folded(series: &Sparkline, len_max: usize) -> Vec<Option<f64>> {
    let group = series.values.len().div_ceil(len_max).max(1);
    let mut groups: Vec<_> = series
        .values
        .rchunks(group)
        .map(|group| {
            let known = group.iter().copied().flatten();
            match series.fold {
                Fold::Max => known.reduce(f64::max),
                Fold::Mean => {
                    let count = group.iter().flatten().count();
                    (count > 0).then(|| known.sum::<f64>() / count as f64)
                }
            }
        })
        .collect();
    groups.reverse();
    groups
}

fn table(strings: &Strings, model: &StatusModel, chart: &Chart<'_>) -> Markup {
    let words = strings.status;
    let rows_max = if chart.lines.len() > 1 {
        ROWS_MAX / 2
    } else {
        ROWS_MAX
    };
    let series: Vec<&Sparkline> = chart.lines.iter().flat_map(Line::series).collect();
    let columns: Vec<_> = series
        .iter()
        .map(|series| folded(series, rows_max))
        .collect();
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
    let len = series.iter().map(|series| series.values.len()).max();
    let group = len.unwrap_or(0).div_ceil(rows_max).max(1) as u64;
    let step = series
        .first()
        .map_or(0, |series| u64::from(series.step_secs));
    let cell = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), chart.write);
    html! {
        details.contents {
            summary { (words.as_table) span.unseen { ": " (chart.title) } }
            div.scroll tabindex="0" role="region" aria-label=(chart.title) {
                table.numbers {
                    caption.unseen { (chart.title) }
                    thead {
                        tr {
                            th scope="col" { (words.time) }
                            @for line in &chart.lines {
                                @if line.above.is_some() {
                                    th scope="col" { (line.name) ", " (words.median) }
                                    th scope="col" { (line.name) ", " (words.slow) }
                                } @else {
                                    th scope="col" { (line.name) }
                                }
                            }
                        }
                    }
                    tbody {
                        @for row in (0..rows).rev() {
                            @let back_secs = (rows - 1 - row) as u64 * group * step;
                            tr {
                                th scope="row" { (at(model, back_secs)) }
                                @for column in &columns { td { (cell(column.get(row).copied().flatten())) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
