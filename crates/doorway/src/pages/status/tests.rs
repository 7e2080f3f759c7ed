//! The page as a steward sees it, and its drawings.

use scraper::{Html, Selector};

use crate::pages::assets;
use crate::pages::model::Site;
use crate::pages::strings::Language;
use crate::status::tests::{busy, young};
use crate::status::{Database, FollowingState, Sparkline, StatusModel, Writer};
use runtime::metrics::Fold;

use super::drawing::{POINTS_MAX, ROWS_MAX, folded, path};

fn written(language: Language, model: &StatusModel) -> String {
    let site = Site {
        name: String::from("Parents of Lindenhof"),
        language,
        version: String::from("0.1.0"),
        origin: String::from("http://127.0.0.1:8080"),
    };
    super::status(&site, model).into_string()
}

/// What stands in the page, an element with text of its own per line.
fn told(html: &str) -> String {
    let document = Html::parse_document(html);
    let main = Selector::parse("main").expect("a valid selector");
    let main = document.select(&main).next().expect("a page has a main");
    let texts = main.text().map(str::trim).filter(|text| !text.is_empty());
    texts.collect::<Vec<_>>().join("\n")
}

fn count(html: &str, selector: &str) -> usize {
    let selector = Selector::parse(selector).expect("a valid selector");
    Html::parse_document(html).select(&selector).count()
}

#[test]
fn a_young_doorway_says_so() {
    insta::assert_snapshot!("young-english", told(&written(Language::English, &young())));
    insta::assert_snapshot!("young-german", told(&written(Language::German, &young())));
}

#[test]
fn a_busy_doorway_tells_everything() {
    insta::assert_snapshot!("busy-english", told(&written(Language::English, &busy())));
}

#[test]
fn every_drawing_has_a_title_a_description_and_a_table() {
    let html = written(Language::English, &busy());
    let document = Html::parse_document(&html);
    let svg = Selector::parse("main svg").expect("a valid selector");
    let drawings: Vec<_> = document.select(&svg).collect();
    assert_eq!(drawings.len(), 9 + 9 + 8);
    for drawing in drawings {
        assert_eq!(drawing.attr("role"), Some("img"));
        for element in ["title", "desc"] {
            let selector = Selector::parse(element).expect("a valid selector");
            let texts: Vec<String> = drawing
                .select(&selector)
                .map(|text| text.text().collect())
                .collect();
            assert!(texts.len() == 1 && !texts[0].is_empty(), "{texts:?}");
        }
    }
    assert_eq!(
        count(&html, "details table caption"),
        count(&html, "div.chart")
    );
    assert_eq!(count(&html, "table th:not([scope])"), 0);
    assert!(count(&html, "tbody tr") > 0);
    assert!(count(&html, "#memory tbody tr") <= ROWS_MAX);
}

#[test]
fn every_state_has_a_word_beside_its_colour() {
    let mut model = busy();
    model.states.writer = Writer::Nobody;
    model.states.database = Database::Away {
        kind: "PostgreSQL".to_owned(),
        since: Some(model.taken_at),
    };
    model.states.damaged_blobs = 2;
    if let Some(following) = &mut model.states.following {
        following.state = FollowingState::Refused {
            reason: "record 7 of <uhCAk> has another author's signature".to_owned(),
        };
    }
    let html = written(Language::English, &model);
    let document = Html::parse_document(&html);
    let states = Selector::parse("span.state").expect("a valid selector");
    let words: Vec<String> = document
        .select(&states)
        .map(|state| state.text().collect())
        .collect();
    assert_eq!(
        words,
        ["Broken", "Broken", "Broken", "Waiting", "Broken", "Broken"]
    );
    assert!(html.contains("record 7 of &lt;uhCAk&gt;"), "escaped");
    assert!(html.contains("until they are stored again: 2"), "{html}");
    let told = told(&written(Language::English, &young()));
    assert!(told.contains("Good\nEverything works."), "{told}");
}

#[test]
fn the_page_stays_small_whatever_the_numbers_are() {
    let mut model = busy();
    let huge = Sparkline {
        values: (0..100_000).map(|at| Some(1e15 + at as f64)).collect(),
        step_secs: 10,
        fold: Fold::Mean,
    };
    for line in &mut model.charts.requests {
        line.values = huge.clone();
    }
    for (name, model) in [("busy", busy()), ("huge", model)] {
        let html = written(Language::German, &model);
        let weight = html.len() + assets::stylesheet().len();
        assert!(
            weight < 60_000,
            "{name}: {} of page, {weight} in all",
            html.len()
        );
    }
}

#[test]
fn a_line_is_drawn_from_the_bottom_with_gaps_where_nothing_is_known() {
    for (values, top, expected) in [
        (vec![], 1.0, ""),
        (vec![Some(0.0), Some(1.0)], 1.0, "M0 38l240-36"),
        (
            vec![Some(5.0), Some(5.0), Some(5.0)],
            10.0,
            "M0 20l120 0l120 0",
        ),
        (vec![Some(0.0), Some(0.0)], 0.0, "M0 38l240 0"),
        (vec![Some(9.0), Some(-9.0)], 1.0, "M0 2l240 36"),
        (
            vec![None, Some(1.0), None, Some(1.0), Some(1.0)],
            1.0,
            "M60 2h0M180 2l60 0",
        ),
        (vec![Some(1.0)], 1.0, "M0 2h0"),
    ] {
        assert_eq!(path(&values, top), expected, "{values:?}");
    }
}

#[test]
fn many_values_are_folded_and_the_last_group_ends_with_the_last_value() {
    let line = |fold, values: Vec<Option<f64>>| Sparkline {
        values,
        step_secs: 10,
        fold,
    };
    let values: Vec<_> = (0..361).map(|at| Some(f64::from(at))).collect();
    let largest = folded(&line(Fold::Max, values.clone()), POINTS_MAX);
    assert!(largest.len() <= POINTS_MAX);
    assert_eq!(largest.last(), Some(&Some(360.0)));
    let mean = folded(&line(Fold::Mean, values), 361);
    assert_eq!(mean.len(), 361);
    let gaps = folded(&line(Fold::Mean, vec![None, None, Some(4.0), None]), 2);
    assert_eq!(gaps, [None, Some(4.0)]);
    assert!(folded(&line(Fold::Mean, Vec::new()), 60).is_empty());
}
