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
    /// Every measurement is exactly this.
    Exactly(f64),
    /// Theirs divided by ours is at least this: ours is a cost, and the peer's is the limit.
    ShareAtLeast(f64),
    /// Ours divided by theirs is at most this.
    TimesAtMost(f64),
    /// Ours divided by theirs is at least this.
    TimesAtLeast(f64),
    /// It is told for its own sake.
    None,
}

impl Goal {
    fn holds(self, ours: &Spread, theirs: &Spread) -> bool {
        match self {
            Self::Below(bound) => ours.median() < bound,
            Self::AtLeast(bound) => ours.median() >= bound,
            Self::Exactly(wanted) => ours.ends() == (wanted, wanted),
            Self::ShareAtLeast(bound) => self.ratio(ours, theirs) >= bound,
            Self::TimesAtMost(bound) => self.ratio(ours, theirs) <= bound,
            Self::TimesAtLeast(bound) => self.ratio(ours, theirs) >= bound,
            Self::None => true,
        }
    }

    /// Returns the ratio of the medians, in the direction that [`Self::direction`] names.
    fn ratio(self, ours: &Spread, theirs: &Spread) -> f64 {
        match self {
            Self::ShareAtLeast(_) => theirs.median() / ours.median(),
            Self::Below(_)
            | Self::AtLeast(_)
            | Self::Exactly(_)
            | Self::TimesAtMost(_)
            | Self::TimesAtLeast(_)
            | Self::None => ours.median() / theirs.median(),
        }
    }

    const fn direction(self) -> &'static str {
        match self {
            Self::ShareAtLeast(_) => "theirs/ours",
            Self::Below(_)
            | Self::AtLeast(_)
            | Self::Exactly(_)
            | Self::TimesAtMost(_)
            | Self::TimesAtLeast(_)
            | Self::None => "ours/theirs",
        }
    }

    fn words(self) -> String {
        match self {
            Self::Below(bound) => format!("ours < {bound}"),
            Self::AtLeast(bound) => format!("ours >= {bound}"),
            Self::Exactly(wanted) => format!("ours = {wanted}"),
            Self::ShareAtLeast(bound) | Self::TimesAtLeast(bound) => {
                format!("ratio >= {bound:.2}")
            }
            Self::TimesAtMost(bound) => format!("ratio <= {bound:.2}"),
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
    /// What else was measured; told in JSON alone.
    pub(crate) more: Vec<(&'static str, f64)>,
}

/// All figures of a run.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// On what it ran, in a line.
    pub(crate) machine: String,
    /// The figures, in the order of the table.
    pub(crate) figures: Vec<Figure>,
    /// What could not be measured here, and what it would take, in a sentence each.
    pub(crate) left_out: Vec<String>,
}

impl Report {
    /// Returns one JSON document per figure.
    pub(crate) fn json_lines(&self) -> impl Iterator<Item = Value> {
        self.figures.iter().map(|figure| {
            let mut line = json!({
                "figure": figure.figure,
                "ours": figure.ours.median(),
                "unit": figure.unit,
                "against": figure.against,
                "theirs": figure.theirs.median(),
                "ratio": figure.goal.ratio(&figure.ours, &figure.theirs),
                "ratio_of": figure.goal.direction(),
                "goal": figure.goal.words(),
                "holds": figure.goal.holds(&figure.ours, &figure.theirs),
                "ours_min": figure.ours.ends().0,
                "ours_max": figure.ours.ends().1,
                "theirs_min": figure.theirs.ends().0,
                "theirs_max": figure.theirs.ends().1,
            });
            for (name, value) in &figure.more {
                line[name] = json!(value);
            }
            line
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
            let ratio = figure.goal.ratio(&figure.ours, &figure.theirs);
            let direction = match figure.goal {
                Goal::ShareAtLeast(_) => " (theirs / ours)",
                _ => "",
            };
            let holds = match figure.goal {
                Goal::None => "",
                goal if goal.holds(&figure.ours, &figure.theirs) => "yes",
                _ => "no",
            };
            writeln!(
                formatter,
                "| {} | {} {unit} ({} to {}) | {} | {} {unit} | {}{direction} | {} | {holds} |",
                figure.figure,
                short(ours),
                short(least),
                short(most),
                figure.against,
                short(theirs),
                short(ratio),
                figure.goal.words(),
            )?;
        }
        for sentence in &self.left_out {
            writeln!(formatter, "\nLeft out: {sentence}")?;
        }
        Ok(())
    }
}

/// Writes a number with three digits that count.
pub(crate) fn short(value: f64) -> String {
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
