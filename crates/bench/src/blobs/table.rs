//! The table of the blob store: figures, what the acknowledgement of each peer means, and the limit beside each.

use std::fmt;

use serde_json::{Value, json};

use crate::figure::{Figure, Goal, Report, Spread, short};

/// What nothing on this machine can go beyond, measured in the same run.
#[derive(Clone, Debug)]
pub(super) struct Limit {
    /// What was measured.
    pub(super) name: &'static str,
    /// In the unit of its row.
    pub(super) measured: Spread,
}

/// One row.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// What was measured, beside whom.
    pub(super) figure: Figure,
    /// What an acknowledgement of the peer means; empty where nothing is acknowledged.
    pub(super) acknowledged: String,
    /// The limit.
    pub(super) limit: Option<Limit>,
}

/// All rows.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    report: Report,
    rest: Vec<(String, Option<Limit>)>,
}

impl Row {
    /// Makes a row for a figure that stands beside no acknowledgement and no limit.
    pub(super) const fn plain(figure: Figure) -> Self {
        Self {
            figure,
            acknowledged: String::new(),
            limit: None,
        }
    }
}

impl Table {
    /// Puts rows below each other.
    pub(super) fn of(machine: String, rows: Vec<Row>, left_out: Vec<String>) -> Self {
        let mut table = Self {
            report: Report {
                machine,
                figures: Vec::new(),
                left_out,
            },
            rest: Vec::new(),
        };
        for row in rows {
            table.report.figures.push(row.figure);
            table.rest.push((row.acknowledged, row.limit));
        }
        table
    }

    /// Returns what was left out, in a sentence each.
    pub(crate) fn left_out(&self) -> &[String] {
        &self.report.left_out
    }

    /// Returns one JSON document per figure.
    pub(crate) fn json_lines(&self) -> impl Iterator<Item = Value> {
        self.report
            .json_lines()
            .zip(&self.rest)
            .map(|(mut line, (acknowledged, limit))| {
                line["acknowledged"] = json!(acknowledged);
                if let Some(limit) = limit {
                    line["limit"] = json!(limit.name);
                    line["at_limit"] = json!(limit.measured.median());
                }
                line
            })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}\n", self.report.machine)?;
        writeln!(
            formatter,
            "| figure | ours: median (smallest to largest) | beside | its acknowledgement means | theirs | ratio | goal | holds | limit in this run |"
        )?;
        writeln!(formatter, "|:--|--:|:--|:--|--:|--:|:--|:--|:--|")?;
        let lines = self.report.json_lines();
        for ((figure, line), (acknowledged, limit)) in
            self.report.figures.iter().zip(lines).zip(&self.rest)
        {
            let unit = figure.unit;
            let (least, most) = figure.ours.ends();
            let limit = limit.as_ref().map_or_else(String::new, |limit| {
                format!("{}: {} {unit}", limit.name, short(limit.measured.median()))
            });
            let holds = match (figure.goal, &line["holds"]) {
                (Goal::None, _) => "",
                (_, Value::Bool(true)) => "yes",
                _ => "no",
            };
            writeln!(
                formatter,
                "| {} | {} {unit} ({} to {}) | {} | {acknowledged} | {} {unit} | {} | {} | {holds} | {limit} |",
                figure.figure,
                short(figure.ours.median()),
                short(least),
                short(most),
                figure.against,
                short(figure.theirs.median()),
                short(line["ratio"].as_f64().unwrap_or(f64::NAN)),
                line["goal"].as_str().unwrap_or_default(),
            )?;
        }
        for sentence in &self.report.left_out {
            writeln!(formatter, "\nLeft out: {sentence}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
