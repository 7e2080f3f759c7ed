//! How the doorway is doing: what is so now in words, what was so lately in thin lines with a table behind each.
//!
//! Invariants: every state has a word and a shape; every drawing has a title, a description and a table; what is not
//! known is a gap and never a zero. The whole page stays small whatever the numbers are.

mod drawing;

use maud::{Markup, html};
use runtime::metrics::Label as _;

use super::layout::{Head, Kind, SearchBox, refreshed};
use super::model::Site;
use super::strings::status::{StatusWords, hours_and_minutes};
use super::strings::{Strings, machine_time};
use crate::status::{
    Bus, Database, Following, FollowingState, RequestClass, Span, Sparkline, StatusModel, Writer,
};

use drawing::{Chart, Line};

/// After how many seconds the page is fetched again.
const REFRESH_SECS: u32 = 30;

/// How good a thing is, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mood {
    Good,
    Waiting,
    Broken,
}

/// One line of what is so now.
struct Fact<'m> {
    name: &'static str,
    mood: Mood,
    text: &'static str,
    /// What the text ends with: a name, an address, a reason.
    more: Vec<String>,
    /// Since when.
    since: Option<i64>,
    /// Where it stands to.
    source: Option<&'m str>,
}

/// Writes the status page.
#[must_use]
pub fn status(site: &Site, model: &StatusModel) -> Markup {
    let strings = site.language.strings();
    let words = strings.status;
    let facts = facts(strings, model);
    let mood = facts.iter().map(|fact| fact.mood).max();
    let mood = mood.unwrap_or(Mood::Good);
    let age_us = model.taken_at.saturating_sub(model.started_at).max(0);
    let content = html! {
        div.wide.status {
            header.title {
                h1 { (words.title) }
                p.lead { (words.lead) }
                p.meta {
                    (mood_word(words, mood))
                    span { (mood_text(words, mood)) }
                    span {
                        (words.taken) " "
                        time datetime=(machine_time(model.taken_at)) { (strings.date_time(model.taken_at)) }
                    }
                    span { (words.running_for) " " (strings.lasting(age_us.unsigned_abs() / 1_000_000)) }
                }
                (spans(words, model.span))
            }
            section {
                h2 { (words.now) }
                dl.record.facts { @for fact in &facts { (fact_line(strings, fact)) } }
            }
            (charts(strings, model))
        }
    };
    let head = Head {
        search: SearchBox::Page,
        ..Head::titled(words.title, Kind::Unlisted)
    };
    refreshed(site, &head, REFRESH_SECS, &content)
}

fn spans(words: &StatusWords, span: Span) -> Markup {
    html! {
        nav.meta aria-label=(words.spans) {
            @for (each, name, href) in [
                (Span::Hour, words.hour, "/status"),
                (Span::Day, words.day, "/status?span=day"),
            ] {
                @if each == span {
                    a href=(href) aria-current="page" { (name) }
                } @else {
                    a href=(href) { (name) }
                }
            }
        }
    }
}

fn mood_word(words: &StatusWords, mood: Mood) -> Markup {
    let (class, word) = match mood {
        Mood::Good => ("good", words.good),
        Mood::Waiting => ("waiting", words.waiting),
        Mood::Broken => ("broken", words.broken),
    };
    html! { span.state.(class) { (word) } }
}

fn mood_text(words: &StatusWords, mood: Mood) -> &'static str {
    match mood {
        Mood::Good => words.all_good,
        Mood::Waiting => words.some_waiting,
        Mood::Broken => words.some_broken,
    }
}

fn facts<'m>(strings: &Strings, model: &'m StatusModel) -> Vec<Fact<'m>> {
    let states = &model.states;
    let mut facts = vec![
        writer(strings, &states.writer),
        database(strings.status, &states.database),
        bus(strings.status, &states.bus),
        blobs(strings, states.damaged_blobs),
    ];
    facts.extend(states.following.iter().map(|one| following(strings, one)));
    facts
}

impl Fact<'_> {
    fn new(name: &'static str, mood: Mood, text: &'static str) -> Self {
        Self {
            name,
            mood,
            text,
            more: Vec::new(),
            since: None,
            source: None,
        }
    }
}

fn writer<'m>(strings: &Strings, writer: &Writer) -> Fact<'m> {
    let words = strings.status;
    let epoch = |epoch: &u64| format!("{} {}", words.epoch, strings.number(*epoch));
    let (mood, text, more) = match writer {
        Writer::Here { epoch: at } => (Mood::Good, words.writer_here, vec![epoch(at)]),
        Writer::Elsewhere { holder, epoch: at } => {
            let more = [Some(holder.clone()), at.as_ref().map(epoch)];
            let more = more.into_iter().flatten().collect();
            (Mood::Good, words.writer_elsewhere, more)
        }
        Writer::Lost { holder, epoch: at } => {
            let more = vec![holder.clone(), epoch(at)];
            (Mood::Waiting, words.writer_lost, more)
        }
        Writer::Nobody => (Mood::Broken, words.writer_nobody, Vec::new()),
    };
    Fact {
        more,
        ..Fact::new(words.writer, mood, text)
    }
}

fn bus<'m>(words: &StatusWords, bus: &Bus) -> Fact<'m> {
    let (mood, text, kind, since) = match bus {
        Bus::InProcess => (Mood::Good, words.bus_in_process, None, None),
        Bus::Connected { kind } => (Mood::Good, words.bus_connected, Some(kind), None),
        Bus::Away { kind, since } => (Mood::Waiting, words.bus_away, Some(kind), *since),
    };
    Fact {
        more: kind.into_iter().cloned().collect(),
        since,
        ..Fact::new(words.bus, mood, text)
    }
}

fn database<'m>(words: &StatusWords, database: &Database) -> Fact<'m> {
    let (mood, text, kind, since) = match database {
        Database::Embedded => (Mood::Good, words.database_embedded, None, None),
        Database::Connected { kind } => (Mood::Good, words.database_connected, Some(kind), None),
        Database::Away { kind, since } => (Mood::Broken, words.database_away, Some(kind), *since),
    };
    Fact {
        more: kind.into_iter().cloned().collect(),
        since,
        ..Fact::new(words.database, mood, text)
    }
}

fn blobs<'m>(strings: &Strings, damaged: u64) -> Fact<'m> {
    let words = strings.status;
    if damaged == 0 {
        return Fact::new(words.blobs, Mood::Good, words.blobs_sound);
    }
    Fact {
        more: vec![strings.number(damaged)],
        ..Fact::new(words.blobs, Mood::Broken, words.blobs_damaged)
    }
}

fn following<'m>(strings: &Strings, following: &'m Following) -> Fact<'m> {
    let words = strings.status;
    let (mood, text) = match &following.state {
        FollowingState::CaughtUp => (Mood::Good, words.following_caught_up),
        FollowingState::CatchingUp => (Mood::Waiting, words.following_catching_up),
        FollowingState::SourceAway => (Mood::Waiting, words.following_away),
        FollowingState::Refused { .. } => (Mood::Broken, words.following_refused),
    };
    let mut more = Vec::new();
    if let FollowingState::Refused { reason } = &following.state {
        more.push(reason.clone());
    }
    let lag = following.lag_events.map(|lag| strings.number(lag));
    let lag = lag.unwrap_or_else(|| words.unknown.to_owned());
    more.push(format!("{} {lag}", words.lag));
    more.push(match following.heard_at {
        Some(at) => format!("{} {}", words.heard, strings.date_time(at)),
        None => words.never.to_owned(),
    });
    Fact {
        more,
        source: Some(&following.source),
        ..Fact::new(words.following, mood, text)
    }
}

fn fact_line(strings: &Strings, fact: &Fact<'_>) -> Markup {
    let words = strings.status;
    html! {
        dt { (fact.name) @if let Some(source) = fact.source { " " (source) } }
        dd {
            (mood_word(words, fact.mood)) " "
            (fact.text)
            @for (idx, more) in fact.more.iter().enumerate() {
                @if idx > 0 { " ·" }
                " " (more)
            }
            @if let Some(since) = fact.since {
                " · " (words.since) " "
                time datetime=(machine_time(since)) { (strings.date_time(since)) }
            }
        }
    }
}

fn charts(strings: &Strings, model: &StatusModel) -> Markup {
    let words = strings.status;
    let charts = &model.charts;
    let number = |value: f64| strings.measured(value);
    let bytes = |value: f64| strings.bytes(value);
    let rate = |value: f64| format!("{}/s", strings.bytes(value));
    let draw = |chart: &Chart<'_>| drawing::chart(strings, model, chart);
    let single = |id: &'static str,
                  title: &'static str,
                  hint: &'static str,
                  values: &Sparkline,
                  write: &dyn Fn(f64) -> String| {
        let lines = vec![Line::alone(title, values)];
        draw(&Chart {
            id,
            title,
            hint,
            lines,
            write,
            top: None,
            is_whole: true,
        })
    };
    let requests = charts
        .requests
        .iter()
        .map(|line| Line::alone(class(words, line.class), &line.values));
    let latency = charts.latency.iter().map(|line| Line {
        name: class(words, line.class),
        values: &line.median,
        above: Some(&line.slow),
    });
    let (requests, latency) = (heard(requests), heard(latency));
    let share = |value: f64| strings.percent(value);
    let time = |value: f64| strings.seconds(value);
    html! {
        section {
            h2 { (words.readers) }
            (draw(&Chart { id: "requests", title: words.requests, hint: words.requests_hint, is_whole: requests.len() == charts.requests.len(), lines: requests, write: &number, top: None }))
            (draw(&Chart { id: "latency", title: words.latency, hint: words.latency_hint, is_whole: latency.len() == charts.latency.len(), lines: latency, write: &time, top: None }))
            (draw(&Chart { id: "hits", title: words.hit_ratio, hint: words.hit_ratio_hint, lines: vec![Line::alone(words.hit_ratio, &charts.hit_ratio)], write: &share, top: Some(1.0), is_whole: true }))
            (single("origin", words.origin_calls, words.origin_calls_hint, &charts.origin_calls, &number))
        }
        section {
            h2 { (words.copies) }
            (single("projection", words.projection_lag, words.projection_lag_hint, &charts.projection_lag, &number))
            @if model.states.following.is_some() {
                (single("follower", words.follower_lag, words.follower_lag_hint, &charts.follower_lag, &number))
            }
            (single("consumers", words.consumers, words.consumers_hint, &charts.consumers, &number))
        }
        section {
            h2 { (words.machine) }
            (single("memory", words.memory, words.memory_hint, &charts.memory, &bytes))
            (single("sent", words.blob_sent, words.blob_sent_hint, &charts.blob_sent, &rate))
            (single("stored", words.blob_stored, words.blob_stored_hint, &charts.blob_stored, &bytes))
        }
    }
}

/// Leaves out the classes that nobody asked for.
fn heard<'m>(lines: impl Iterator<Item = Line<'m>>) -> Vec<Line<'m>> {
    let is_heard = |line: &Line<'_>| {
        line.values
            .values
            .iter()
            .flatten()
            .any(|value| *value > 0.0)
    };
    lines.filter(is_heard).collect()
}

fn class(words: &StatusWords, class: RequestClass) -> &'static str {
    words.classes[class.index()]
}

/// Returns when it was some seconds before the model was taken, as a reader sees it.
fn at(model: &StatusModel, back_secs: u64) -> String {
    let back_us = i64::try_from(back_secs.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
    hours_and_minutes(model.taken_at.saturating_sub(back_us))
}

#[cfg(test)]
mod tests;
