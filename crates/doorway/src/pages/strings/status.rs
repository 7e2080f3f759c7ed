//! The words of the status page, and how it writes what it measured.
//!
//! Numbers follow the reader's language; bytes are counted in 1,024s, as memory is.

use super::{Language, Strings, machine_time};

/// Words of the status page.
#[expect(missing_docs, reason = "each field is the name of what it names")]
pub struct StatusWords {
    pub title: &'static str,
    pub lead: &'static str,
    pub taken: &'static str,
    pub running_for: &'static str,
    pub hour: &'static str,
    pub day: &'static str,
    pub spans: &'static str,
    pub good: &'static str,
    pub waiting: &'static str,
    pub broken: &'static str,
    pub all_good: &'static str,
    pub some_waiting: &'static str,
    pub some_broken: &'static str,
    pub now: &'static str,
    pub writer: &'static str,
    pub writer_here: &'static str,
    pub writer_elsewhere: &'static str,
    pub writer_lost: &'static str,
    pub writer_nobody: &'static str,
    pub epoch: &'static str,
    pub bus: &'static str,
    pub bus_in_process: &'static str,
    pub bus_connected: &'static str,
    pub bus_away: &'static str,
    pub database: &'static str,
    pub database_embedded: &'static str,
    pub database_connected: &'static str,
    pub database_away: &'static str,
    pub blobs: &'static str,
    pub blobs_sound: &'static str,
    pub blobs_damaged: &'static str,
    pub since: &'static str,
    pub following: &'static str,
    pub following_caught_up: &'static str,
    pub following_catching_up: &'static str,
    pub following_away: &'static str,
    pub following_refused: &'static str,
    pub lag: &'static str,
    pub heard: &'static str,
    pub never: &'static str,
    pub readers: &'static str,
    pub copies: &'static str,
    pub machine: &'static str,
    pub requests: &'static str,
    pub requests_hint: &'static str,
    pub latency: &'static str,
    pub latency_hint: &'static str,
    pub median: &'static str,
    pub slow: &'static str,
    pub hit_ratio: &'static str,
    pub hit_ratio_hint: &'static str,
    pub origin_calls: &'static str,
    pub origin_calls_hint: &'static str,
    pub projection_lag: &'static str,
    pub projection_lag_hint: &'static str,
    pub follower_lag: &'static str,
    pub follower_lag_hint: &'static str,
    pub consumers: &'static str,
    pub consumers_hint: &'static str,
    pub memory: &'static str,
    pub memory_hint: &'static str,
    pub blob_sent: &'static str,
    pub blob_sent_hint: &'static str,
    pub blob_stored: &'static str,
    pub blob_stored_hint: &'static str,
    pub as_table: &'static str,
    pub time: &'static str,
    pub largest: &'static str,
    pub unknown: &'static str,
    pub nothing_yet: &'static str,
    pub others_quiet: &'static str,
    /// The classes of requests, in the order of `RequestClass::ALL`.
    pub classes: [&'static str; 9],
}

impl Strings {
    /// Writes a number with as many decimals as it takes to be told from its neighbours: "0.25", "3.5", "1,204".
    #[must_use]
    pub fn measured(&self, value: f64) -> String {
        let value = value.max(0.0);
        let decimals = match value {
            value if value == 0.0 || value >= 99.95 => 0,
            value if value >= 9.995 => 1,
            _ => 2,
        };
        if decimals == 0 {
            return self.number(value.round() as u64);
        }
        let text = format!("{value:.decimals$}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        match self.language {
            Language::English => text.to_owned(),
            Language::German => text.replace('.', ","),
        }
    }

    /// Writes a share from 0 to 1: "97.5 %".
    #[must_use]
    pub fn percent(&self, share: f64) -> String {
        // Only what is all is written as 100 %.
        let percent = (share.clamp(0.0, 1.0) * 1_000.0).floor() / 10.0;
        format!("{} %", self.measured(percent))
    }

    /// Writes a time in seconds: "0.4 ms", "12 ms", "1.5 s".
    #[must_use]
    pub fn seconds(&self, secs: f64) -> String {
        if secs < 1.0 {
            format!("{} ms", self.measured(secs * 1_000.0))
        } else {
            format!("{} s", self.measured(secs))
        }
    }

    /// Writes a size: "512 B", "1.5 KiB", "31 MiB".
    #[must_use]
    pub fn bytes(&self, bytes: f64) -> String {
        let mut value = bytes.max(0.0);
        let mut unit = "B";
        for larger in ["KiB", "MiB", "GiB", "TiB"] {
            if value < 1_024.0 {
                break;
            }
            value /= 1_024.0;
            unit = larger;
        }
        format!("{} {unit}", self.measured(value))
    }

    /// Writes how long something has been so: "3 d 4 h", "4 h 12 min", "12 min".
    #[must_use]
    pub fn lasting(&self, secs: u64) -> String {
        let (day, hour) = match self.language {
            Language::English => ("d", "h"),
            Language::German => ("Tg.", "Std."),
        };
        let (days, hours, minutes) = (secs / 86_400, secs / 3_600 % 24, secs / 60 % 60);
        match (days, hours) {
            (0, 0) => format!("{minutes} min"),
            (0, hours) => format!("{hours} {hour} {minutes} min"),
            (days, hours) => format!("{} {day} {hours} {hour}", self.number(days)),
        }
    }
}

/// Returns hours and minutes of a time in microseconds since 1970, in UTC: "09:34".
#[must_use]
pub fn hours_and_minutes(micros: i64) -> String {
    machine_time(micros).get(11..16).unwrap_or("–").to_owned()
}

pub(super) static ENGLISH: StatusWords = StatusWords {
    title: "Status",
    lead: "How this doorway is doing, now and lately. The page comes again by itself every 30 seconds.",
    taken: "Taken",
    running_for: "running for",
    hour: "The last hour",
    day: "The last day",
    spans: "How far back",
    good: "Good",
    waiting: "Waiting",
    broken: "Broken",
    all_good: "Everything works.",
    some_waiting: "Everything is served, but something is behind. See below which.",
    some_broken: "Something does not work. See below which, and what still does.",
    now: "Now",
    writer: "Who writes",
    writer_here: "This process takes in what members sign.",
    writer_elsewhere: "Another process takes in what members sign; this one serves readers:",
    writer_lost: "Another process has taken over writing; this one has stopped and serves readers:",
    writer_nobody: "Nobody takes in what members sign. Readers are served. Start the writer, or wait until its lease is renewed.",
    epoch: "epoch",
    bus: "Messages between processes",
    bus_in_process: "There is one process, so nothing has to be carried.",
    bus_connected: "Carried by",
    bus_away: "The bus does not answer. Readers are served; changes from other processes show up later. Check:",
    database: "Database",
    database_embedded: "SQLite, in this process.",
    database_connected: "Answers:",
    database_away: "The database does not answer. What is in memory is still served. Check:",
    blobs: "Files",
    blobs_sound: "None is known to be damaged.",
    blobs_damaged: "Some are damaged, and not served until they are stored again:",
    since: "since",
    following: "Follows",
    following_caught_up: "Everything is copied and checked.",
    following_catching_up: "Copies and checks what it lacks.",
    following_away: "The source does not answer. What was copied is served.",
    following_refused: "The source sent something that its author did not sign. Copying has stopped:",
    lag: "Events behind:",
    heard: "last heard",
    never: "never heard",
    readers: "Readers",
    copies: "Copies and followers",
    machine: "This machine",
    requests: "Requests per second",
    requests_hint: "By what they are for.",
    latency: "How long answers take",
    latency_hint: "Until the head of the answer leaves. The whole line is what half of the requests do not exceed, the broken line what 99 of 100 do not.",
    median: "half",
    slow: "99 of 100",
    hit_ratio: "Answered from memory",
    hit_ratio_hint: "The share of questions that cost nothing behind the hot cache.",
    origin_calls: "Calls behind the cache per minute",
    origin_calls_hint: "What popular pages cost you. It should hardly grow with the number of readers.",
    projection_lag: "Records not yet projected",
    projection_lag_hint: "Stored, but not yet seen by readers. It should go back to 0 by itself.",
    follower_lag: "Events behind the source",
    follower_lag_hint: "What the source has and this doorway does not have yet.",
    consumers: "Consumers of the event log",
    consumers_hint: "Followers, mirrors and pages that listen for changes.",
    memory: "Memory",
    memory_hint: "What this process holds in RAM.",
    blob_sent: "Files sent per second",
    blob_sent_hint: "Pictures, sound, video, downloads.",
    blob_stored: "Files stored",
    blob_stored_hint: "Each content counts once.",
    as_table: "As a table",
    time: "Time (UTC)",
    largest: "largest",
    unknown: "not known",
    nothing_yet: "Nothing was measured in this time.",
    others_quiet: "Nobody asked for anything else.",
    classes: [
        "Pages",
        "Items",
        "Lists and searches",
        "Files",
        "Chains",
        "Event log",
        "Style and fonts",
        "Writes",
        "Others",
    ],
};

pub(super) static GERMAN: StatusWords = StatusWords {
    title: "Zustand",
    lead: "Wie es diesem Server geht, jetzt und in letzter Zeit. Die Seite kommt alle 30 Sekunden von selbst neu.",
    taken: "Stand",
    running_for: "läuft seit",
    hour: "Die letzte Stunde",
    day: "Der letzte Tag",
    spans: "Wie weit zurück",
    good: "Gut",
    waiting: "Wartet",
    broken: "Gestört",
    all_good: "Alles läuft.",
    some_waiting: "Alles wird ausgeliefert, aber etwas hängt hinterher. Unten steht, was.",
    some_broken: "Etwas läuft nicht. Unten steht, was, und was trotzdem geht.",
    now: "Jetzt",
    writer: "Wer schreibt",
    writer_here: "Dieser Prozess nimmt an, was Mitglieder unterschreiben.",
    writer_elsewhere: "Ein anderer Prozess nimmt an, was Mitglieder unterschreiben; dieser bedient Lesende:",
    writer_lost: "Ein anderer Prozess hat das Schreiben übernommen; dieser hat aufgehört und bedient Lesende:",
    writer_nobody: "Niemand nimmt an, was Mitglieder unterschreiben. Lesende werden bedient. Starte den schreibenden Prozess oder warte, bis er sich wieder meldet.",
    epoch: "Epoche",
    bus: "Nachrichten zwischen Prozessen",
    bus_in_process: "Es gibt einen Prozess, also muss nichts überbracht werden.",
    bus_connected: "Überbracht von",
    bus_away: "Der Bus antwortet nicht. Lesende werden bedient; Änderungen anderer Prozesse kommen später an. Prüfe:",
    database: "Datenbank",
    database_embedded: "SQLite, in diesem Prozess.",
    database_connected: "Antwortet:",
    database_away: "Die Datenbank antwortet nicht. Was im Speicher liegt, wird weiter ausgeliefert. Prüfe:",
    blobs: "Dateien",
    blobs_sound: "Keine ist als beschädigt bekannt.",
    blobs_damaged: "Einige sind beschädigt und erst wieder zu haben, wenn sie neu gespeichert sind:",
    since: "seit",
    following: "Folgt",
    following_caught_up: "Alles ist kopiert und geprüft.",
    following_catching_up: "Kopiert und prüft, was noch fehlt.",
    following_away: "Die Quelle antwortet nicht. Was kopiert ist, wird ausgeliefert.",
    following_refused: "Die Quelle hat etwas geschickt, was so niemand unterschrieben hat. Das Kopieren steht still:",
    lag: "Ereignisse zurück:",
    heard: "zuletzt gehört",
    never: "nie gehört",
    readers: "Lesende",
    copies: "Kopien und Folgende",
    machine: "Diese Maschine",
    requests: "Anfragen pro Sekunde",
    requests_hint: "Danach, wofür sie sind.",
    latency: "Wie lange Antworten brauchen",
    latency_hint: "Bis der Kopf der Antwort hinausgeht. Die ganze Linie überschreitet die Hälfte der Anfragen nicht, die unterbrochene 99 von 100 nicht.",
    median: "Hälfte",
    slow: "99 von 100",
    hit_ratio: "Aus dem Speicher beantwortet",
    hit_ratio_hint: "Der Anteil der Fragen, die hinter dem Zwischenspeicher nichts kosten.",
    origin_calls: "Abrufe hinter dem Zwischenspeicher pro Minute",
    origin_calls_hint: "Was beliebte Seiten dich kosten. Mit der Zahl der Lesenden sollte das kaum wachsen.",
    projection_lag: "Noch nicht aufbereitete Einträge",
    projection_lag_hint: "Gespeichert, aber noch nicht zu lesen. Das sollte von selbst auf 0 zurückgehen.",
    follower_lag: "Ereignisse hinter der Quelle",
    follower_lag_hint: "Was die Quelle hat und dieser Server noch nicht.",
    consumers: "Zuhörende am Ereignisprotokoll",
    consumers_hint: "Folgende, Spiegel und Seiten, die auf Änderungen warten.",
    memory: "Arbeitsspeicher",
    memory_hint: "Was dieser Prozess im RAM hält.",
    blob_sent: "Gesendete Dateien pro Sekunde",
    blob_sent_hint: "Bilder, Ton, Video, Downloads.",
    blob_stored: "Gespeicherte Dateien",
    blob_stored_hint: "Jeder Inhalt zählt einmal.",
    as_table: "Als Tabelle",
    time: "Zeit (UTC)",
    largest: "höchstens",
    unknown: "nicht bekannt",
    nothing_yet: "In dieser Zeit wurde nichts gemessen.",
    others_quiet: "Nach anderem hat niemand gefragt.",
    classes: [
        "Seiten",
        "Einträge",
        "Listen und Suchen",
        "Dateien",
        "Ketten",
        "Ereignisprotokoll",
        "Stil und Schriften",
        "Schreibendes",
        "Anderes",
    ],
};

#[cfg(test)]
mod tests;
