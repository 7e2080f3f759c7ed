//! Measured values as readers see them.

use runtime::metrics::Label as _;

use super::{ENGLISH, GERMAN, hours_and_minutes};
use crate::pages::strings::Language;
use crate::status::RequestClass;

#[test]
fn measured_values_follow_the_language() {
    let (english, german) = (Language::English.strings(), Language::German.strings());
    for (value, in_english, in_german) in [
        (0.0, "0", "0"),
        (-3.0, "0", "0"),
        (0.254, "0.25", "0,25"),
        (3.5, "3.5", "3,5"),
        (9.996, "10", "10"),
        (12.34, "12.3", "12,3"),
        (99.96, "100", "100"),
        (1_204.4, "1,204", "1.204"),
    ] {
        assert_eq!(english.measured(value), in_english, "{value}");
        assert_eq!(german.measured(value), in_german, "{value}");
    }
    for (secs, expected) in [
        (0.000_4, "0.4 ms"),
        (0.0125, "12.5 ms"),
        (1.5, "1.5 s"),
        (10.0, "10 s"),
    ] {
        assert_eq!(english.seconds(secs), expected);
    }
    for (bytes, expected) in [
        (0.0, "0 B"),
        (1_023.0, "1,023 B"),
        (1_536.0, "1.5 KiB"),
        (33_554_432.0, "32 MiB"),
        (5e15, "4,547 TiB"),
    ] {
        assert_eq!(english.bytes(bytes), expected);
    }
    assert_eq!(english.percent(1.0), "100 %");
    assert_eq!(english.percent(0.999_99), "99.9 %", "only all is all");
    assert_eq!(german.percent(0.975), "97,5 %");
    for (secs, in_english, in_german) in [
        (59, "0 min", "0 min"),
        (4 * 3_600 + 720, "4 h 12 min", "4 Std. 12 min"),
        (3 * 86_400 + 4 * 3_600, "3 d 4 h", "3 Tg. 4 Std."),
    ] {
        assert_eq!(english.lasting(secs), in_english);
        assert_eq!(german.lasting(secs), in_german);
    }
    assert_eq!(hours_and_minutes(1_795_167_247_000_000), "09:34");
}

#[test]
fn every_class_has_a_word_in_every_language() {
    for words in [&ENGLISH, &GERMAN] {
        assert_eq!(words.classes.len(), RequestClass::ALL.len());
    }
    assert_eq!(ENGLISH.classes[RequestClass::Blob.index()], "Files");
    assert_eq!(GERMAN.classes[RequestClass::Write.index()], "Schreibendes");
}
