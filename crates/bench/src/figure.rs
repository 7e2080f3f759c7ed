//! Figures: what was measured, what it stands beside, and whether the goal was met; as a table and as JSON.

use std::fmt;

use serde_json::{Value, json};

/// Several measurements of the same thing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spread(Vec<f64>);

impl Spread {
    /// Takes measurements.
    ///
    /// # Panics
    /// When there are none, or one is no number.
    pub(crate) fn of(measured: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = measured.into_iter().collect();
        assert!(
            !sorted.is_empty() && sorted.iter().all(|value| !value.is_nan()),
            "there is something measured"
        );
        sorted.sort_by(f64::total_cmp);
        Self(sorted)
    }

    /// Returns the middle one.
    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// Returns the smallest measurement that at least this share of all does not exceed.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let wanted = (share * self.0.len() as f64).ceil() as usize;
        self.0[wanted.clamp(1, self.0.len()) - 1]
    }

    /// Returns the smallest and the largest.
    pub(crate) fn ends(&self) -> (f64, f64) {
        (self.0[0], self.0[self.0.len() - 1])
    }
}

/// What is wanted of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// The median stays below this.
    Below(f64),
    /// The median is at least this.
    AtLeast(f64),
    /// It is told for its own sake.
    None,
}

impl Goal {
    fn holds(self, ours: f64) -> bool {
        match self {
            Self::Below(bound) => ours < bound,
            Self::AtLeast(bound) => ours >= bound,
            Self::None => true,
        }
    }

    fn words(self) -> String {
        match self {
            Self::Below(bound) => format!("ours < {bound}"),
            Self::AtLeast(bound) => format!("ours >= {bound}"),
            Self::None => String::new(),
        }
    }
}

/// One figure.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) figure: &'static str,
    /// The measurements.
    pub(crate) ours: Spread,
    /// Their unit.
    pub(crate) unit: &'static str,
    /// What it stands beside.
    pub(crate) against: &'static str,
    /// The measurements of that, in the same unit and the same run.
    pub(crate) theirs: Spread,
    /// What is wanted.
    pub(crate) goal: Goal,
}

/// All figures of a run.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// On what it ran, in a line.
    pub(crate) machine: String,
    /// The figures, in the order of the table.
    pub(crate) figures: Vec<Figure>,
}

impl Report {
    /// Returns one JSON document per figure.
    pub(crate) fn json_lines(&self) -> impl Iterator<Item = Value> {
        self.figures.iter().map(|figure| {
            let (ours, theirs) = (figure.ours.median(), figure.theirs.median());
            json!({
                "figure": figure.figure,
                "ours": ours,
                "unit": figure.unit,
                "against": figure.against,
                "theirs": theirs,
                "ratio": ours / theirs,
                "goal": figure.goal.words(),
                "holds": figure.goal.holds(ours),
                "ours_min": figure.ours.ends().0,
                "ours_max": figure.ours.ends().1,
            })
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}\n", self.machine)?;
        writeln!(
            formatter,
            "| figure | ours: median (smallest to largest) | beside | theirs | ratio | goal | holds |"
        )?;
        writeln!(formatter, "|:--|--:|:--|--:|--:|:--|:--|")?;
        for figure in &self.figures {
            let (ours, theirs) = (figure.ours.median(), figure.theirs.median());
            let (least, most) = figure.ours.ends();
            let unit = figure.unit;
            let holds = match figure.goal {
                Goal::None => "",
                goal if goal.holds(ours) => "yes",
                Goal::Below(_) | Goal::AtLeast(_) => "no",
            };
            writeln!(
                formatter,
                "| {} | {} {unit} ({} to {}) | {} | {} {unit} | {} | {} | {holds} |",
                figure.figure,
                short(ours),
                short(least),
                short(most),
                figure.against,
                short(theirs),
                short(ours / theirs),
                figure.goal.words(),
            )?;
        }
        Ok(())
    }
}

/// Writes a number with three digits that count.
fn short(value: f64) -> String {
    let size = value.abs();
    if size >= 1_000.0 {
        return format!("{value:.0}");
    }
    if size >= 100.0 {
        return format!("{value:.1}");
    }
    if size >= 1.0 {
        return format!("{value:.2}");
    }
    format!("{value:.4}")
}

#[cfg(test)]
mod tests;
