//! Contrast of every colour with what it stands on, computed as WCAG 2.2 does (§1.4.3, §1.4.11).

use std::collections::HashMap;

const STYLE: &str = include_str!("../../../assets/style.css");

/// What must be read at length.
const BODY: f64 = 7.0;
/// Every other text.
const TEXT: f64 = 4.5;
/// Edges of fields, and shapes that mean something.
const SHAPE: f64 = 3.0;

/// Colour, ground, least contrast; text that may be as small as a label counts as text.
const PAIRS: [(&str, &str, f64); 30] = [
    ("ink", "paper", BODY),
    ("ink", "card", BODY),
    ("ink", "wash", BODY),
    ("ink", "find", BODY),
    ("quiet", "paper", TEXT),
    ("quiet", "card", TEXT),
    ("quiet", "wash", TEXT),
    ("moss", "paper", TEXT),
    ("moss", "card", TEXT),
    ("moss", "wash", TEXT),
    ("clay", "paper", TEXT),
    ("clay", "card", TEXT),
    ("clay", "wash", TEXT),
    ("sky", "paper", TEXT),
    ("sky", "card", TEXT),
    ("sky", "wash", TEXT),
    ("rust", "paper", TEXT),
    ("rust", "card", TEXT),
    ("rust", "wash", TEXT),
    ("straw", "paper", TEXT),
    ("straw", "card", TEXT),
    ("straw", "wash", TEXT),
    ("on-moss", "moss", TEXT),
    ("hl-string", "card", TEXT),
    ("hl-string", "wash", TEXT),
    ("hl-name", "card", TEXT),
    ("hl-name", "wash", TEXT),
    ("edge", "paper", SHAPE),
    ("edge", "card", SHAPE),
    ("edge", "wash", SHAPE),
];

/// The colours that the app shares: token, light, dark. Changing one changes every face.
const FIXED: [(&str, &str, &str); 10] = [
    ("paper", "#FBF8F1", "#161412"),
    ("card", "#FFFFFF", "#1F1C19"),
    ("ink", "#1E1C19", "#EDE8DF"),
    ("quiet", "#6A645B", "#A79F93"),
    ("line", "#E4DDCF", "#34302A"),
    ("moss", "#1F5A43", "#6FBF9A"),
    ("clay", "#A84A22", "#E2905F"),
    ("sky", "#245F8A", "#7DB6DD"),
    ("rust", "#9B1C1C", "#F08A80"),
    ("straw", "#8A6A12", "#E0BE5C"),
];

/// Reads the colours of the first block after `start`.
fn tokens(start: &str) -> HashMap<String, String> {
    let from = STYLE.find(start).expect("the style sheet has both themes");
    let block = STYLE[from..].split('}').next().unwrap_or_default();
    let lines = block
        .lines()
        .filter_map(|line| line.trim().strip_prefix("--")?.split_once(": "));
    let colours = lines.filter(|(_, value)| value.starts_with('#'));
    colours
        .map(|(name, value)| (name.to_owned(), value.trim_end_matches(';').to_owned()))
        .collect()
}

fn themes() -> [(&'static str, HashMap<String, String>); 2] {
    [
        ("light", tokens(":root {\n  color-scheme")),
        ("dark", tokens("@media (prefers-color-scheme: dark)")),
    ]
}

fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let value = u8::from_str_radix(&colour[at..at + 2], 16).expect("a colour of six digits");
        let share = f64::from(value) / 255.0;
        if share <= 0.040_45 {
            share / 12.92
        } else {
            ((share + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn every_pair_in_use_can_be_read_in_both_themes() {
    assert!(
        (contrast("#000000", "#FFFFFF") - 21.0).abs() < 0.01,
        "the formula gives its known value"
    );
    for (theme, colours) in themes() {
        for (colour, ground, least) in PAIRS {
            let found = contrast(&colours[colour], &colours[ground]);
            assert!(
                found >= least,
                "{colour} on {ground} has {found:.2} in {theme}, less than {least}"
            );
        }
    }
}

#[test]
fn the_tokens_are_the_ones_that_were_decided() {
    let [(_, light), (_, dark)] = themes();
    for (token, in_light, in_dark) in FIXED {
        assert_eq!(
            (light[token].as_str(), dark[token].as_str()),
            (in_light, in_dark),
            "{token}"
        );
    }
    assert_eq!(light.len(), dark.len(), "each theme gives every colour");
}

#[test]
fn colours_are_written_as_tokens_only() {
    let rules = STYLE
        .split("*, ::before")
        .nth(1)
        .expect("rules follow the tokens");
    let outside_print = rules.split("@media print").next().unwrap_or_default();
    let literal = outside_print.matches('#').count();
    assert_eq!(literal, 0, "a colour of its own in the rules");
}
