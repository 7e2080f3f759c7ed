//! Languages, numbers, dates and plurals as readers see them.

use super::{Language, machine_time};

/// 20 November 2026, 09:34:07 UTC.
const NOVEMBER: i64 = 1_795_167_247_000_000;

#[test]
fn the_language_with_the_highest_weight_is_chosen() {
    let cases = [
        (None, Language::English),
        (Some(""), Language::English),
        (Some("de"), Language::German),
        (Some("de-CH,de;q=0.9,en;q=0.8"), Language::German),
        (Some("en;q=0.2, de;q=0.7"), Language::German),
        (Some("fr,ja;q=0.9"), Language::English),
        (Some("fr, de;q=0.5"), Language::German),
        (Some("de;q=0"), Language::English),
        (Some("de;q=nonsense, en;q=0.1"), Language::English),
        (Some("*"), Language::English),
        (Some("DE_at"), Language::German),
        (Some(";;;,,,q=1"), Language::English),
    ];
    for (header, expected) in cases {
        assert_eq!(Language::choose(header), expected, "{header:?}");
    }
}

#[test]
fn numbers_dates_and_plurals_follow_the_language() {
    let (english, german) = (Language::English.strings(), Language::German.strings());
    assert_eq!(
        (
            english.number(1_234_567).as_str(),
            german.number(1_234_567).as_str()
        ),
        ("1,234,567", "1.234.567")
    );
    assert_eq!(
        (english.number(0).as_str(), german.number(999).as_str()),
        ("0", "999")
    );
    assert_eq!(english.date(NOVEMBER), "20 November 2026");
    assert_eq!(german.date(NOVEMBER), "20. November 2026");
    assert_eq!(
        english.date_time(NOVEMBER),
        "20 November 2026, 09:34:07 UTC"
    );
    assert_eq!(
        (english.pages(1).as_str(), english.pages(2).as_str()),
        ("1 page", "2 pages")
    );
    assert_eq!(
        (german.pages(1).as_str(), german.pages(2000).as_str()),
        ("1 Seite", "2.000 Seiten")
    );
    assert_eq!(
        (english.minutes(5).as_str(), english.minutes(60).as_str()),
        ("5 min", "1 h")
    );
    assert_eq!(german.minutes(65), "1 Std. 5 min");
    assert_eq!(english.results(1, "tea"), "1 result for “tea”");
    assert_eq!(german.results(1200, "Tee"), "1.200 Treffer für „Tee“");
    assert_eq!(english.language_name("de-CH"), "German");
    assert_eq!(german.language_name("tlh"), "tlh");
}

#[test]
fn times_are_readable_by_programs() {
    assert_eq!(machine_time(NOVEMBER), "2026-11-20T09:34:07Z");
    assert_eq!(machine_time(0), "1970-01-01T00:00:00Z");
    assert_eq!(machine_time(-1_000_000), "1969-12-31T23:59:59Z");
    assert_eq!(
        machine_time(i64::MAX),
        "",
        "a time beyond the calendar has no day"
    );
    assert_eq!(Language::English.strings().date(i64::MAX), "–");
}
