//! Lines as Loki takes them.

use std::collections::HashSet;
use std::io;

use serde_json::Value;
use tracing::dispatcher;

use crate::telemetry::tests::Pen;
use crate::telemetry::{Format, Options, build};

/// Logs with JSON lines at `trace` and returns the lines.
fn logged(say: impl FnOnce()) -> Vec<String> {
    let pen = Pen::default();
    let (dispatch, _handle) = build(&Options::new(Format::Json, "trace"), pen.clone()).unwrap();
    dispatcher::with_default(&dispatch, say);
    pen.lines()
}

/// Returns the keys of an object in order, also those that stand twice.
fn keys(line: &str) -> Vec<String> {
    struct Keys(Vec<String>);
    impl<'de> serde::Deserialize<'de> for Keys {
        fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Keys;
                fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    out.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Keys, A::Error> {
                    let mut keys = Vec::new();
                    while let Some((key, _)) = map.next_entry::<String, Value>()? {
                        keys.push(key);
                    }
                    Ok(Keys(keys))
                }
            }
            input.deserialize_map(Visitor)
        }
    }
    serde_json::from_str::<Keys>(line).unwrap().0
}

fn say_everything() {
    tracing::info!("plain");
    tracing::warn!(target: "doorway::event::odd", count = 3_u64, share = 0.5, is_late = true, "values");
    tracing::error!(
        reason = "two\nlines\r\n\tand a \"quote\" \u{1}",
        "a message\nof two lines"
    );
    tracing::debug!(
        level = "mine",
        timestamp = 1,
        target = "x",
        span = "y",
        message = "named"
    );
    tracing::trace!(huge = u128::MAX, negative = i128::MIN, nothing = f64::NAN, list = ?[1, 2]);
    let error = io::Error::other("the disk is away");
    tracing::error!(
        error = &error as &(dyn std::error::Error + 'static),
        "failed"
    );
    let outer = tracing::info_span!(
        "outer",
        id = "o",
        who = "outer",
        late = tracing::field::Empty
    );
    let _outer = outer.enter();
    outer.record("late", 7);
    let _inner = tracing::info_span!("inner", id = "i", depth = 2).entered();
    tracing::info!(depth = 3, r#type = "kind", "inside");
}

#[test]
fn every_line_of_a_mixed_log_is_one_flat_object() {
    let lines = logged(say_everything);
    assert_eq!(lines.len(), 7, "{lines:#?}");
    for line in &lines {
        let object: Value = serde_json::from_str(line).unwrap();
        let object = object.as_object().expect("an object");
        for (key, value) in object {
            assert!(!value.is_object() && !value.is_array(), "{key} in {line}");
        }
        let keys = keys(line);
        let unique: HashSet<_> = keys.iter().collect();
        assert_eq!(unique.len(), keys.len(), "a key stands twice in {line}");
        assert_eq!(
            keys[..4],
            ["timestamp", "level", "target", "message"],
            "{line}"
        );
        let time = object["timestamp"].as_str().unwrap();
        let is_zoned = time.len() >= 20 && time.as_bytes()[10] == b'T' && time.ends_with('Z');
        assert!(is_zoned, "{time} is no time of RFC 3339 with its zone");
    }
}

#[test]
fn values_keep_their_kind_and_their_text() {
    let lines = logged(say_everything);
    let line = |index: usize| -> Value { serde_json::from_str(&lines[index]).unwrap() };
    assert_eq!(line(0)["message"], "plain");
    assert_eq!(line(0)["level"], "INFO");
    let values = line(1);
    assert_eq!(values["target"], "doorway::event::odd");
    assert_eq!(
        (&values["count"], &values["share"], &values["is_late"]),
        (&3.into(), &0.5.into(), &true.into())
    );
    assert_eq!(line(2)["message"], "a message\nof two lines");
    assert_eq!(line(2)["reason"], "two\nlines\r\n\tand a \"quote\" \u{1}");
    let named = line(3);
    assert_eq!(
        (&named["level"], &named["field_level"]),
        (&"DEBUG".into(), &"mine".into())
    );
    assert_eq!(
        (&named["message"], &named["field_timestamp"]),
        (&"named".into(), &1.into())
    );
    assert_eq!(
        (&named["field_target"], &named["field_span"]),
        (&"x".into(), &"y".into())
    );
    let odd = line(4);
    assert_eq!(odd["huge"], u128::MAX.to_string());
    assert_eq!(
        (&odd["nothing"], &odd["list"]),
        (&"NaN".into(), &"[1, 2]".into())
    );
    assert_eq!(line(5)["error"], "the disk is away");
}

#[test]
fn fields_of_spans_stand_beside_those_of_the_event_and_the_inner_wins() {
    let lines = logged(say_everything);
    let inside: Value = serde_json::from_str(&lines[6]).unwrap();
    assert_eq!(inside["span"], "inner");
    assert_eq!(inside["id"], "i", "the inner span's");
    assert_eq!(inside["who"], "outer");
    assert_eq!(inside["depth"], 3, "the event's own");
    assert_eq!(inside["late"], 7, "what was recorded later");
    assert_eq!(inside["type"], "kind");
    assert!(inside.get("trace_id").is_none(), "nothing is traced");
}
