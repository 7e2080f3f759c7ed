//! What holds for every page, whatever it shows.

mod contrast;
mod samples;

use scraper::{ElementRef, Html, Selector};

use super::assets;
use super::strings::Language;
use samples::{site, written};

fn all(document: &Html, selector: &str) -> Vec<String> {
    let selector = Selector::parse(selector).expect("selectors in tests are valid");
    document
        .select(&selector)
        .map(|element| element.html())
        .collect()
}

fn name_of(element: ElementRef<'_>) -> String {
    let label = element.attr("aria-label").unwrap_or_default();
    format!("{label}{}", element.text().collect::<String>())
        .trim()
        .to_owned()
}

/// Every page kind in both languages, by name.
fn pages() -> Vec<(String, String)> {
    [Language::English, Language::German]
        .iter()
        .flat_map(|language| written(&site(*language)))
        .collect()
}

#[test]
fn every_page_has_one_title_and_headings_in_order() {
    for (name, page) in pages() {
        let document = Html::parse_document(&page);
        assert_eq!(all(&document, "h1").len(), 1, "{name}");
        assert_eq!(all(&document, "main").len(), 1, "{name}");
        assert_eq!(all(&document, "head title").len(), 1, "{name}");
        let selector = Selector::parse("h1, h2, h3, h4, h5, h6").expect("a valid selector");
        let mut last = 0;
        for heading in document.select(&selector) {
            let level: u32 = heading.value().name()[1..]
                .parse()
                .expect("a heading's level");
            assert!(level <= last + 1, "h{level} after h{last} in {name}");
            assert!(!name_of(heading).is_empty(), "an empty heading in {name}");
            last = level;
        }
    }
}

#[test]
fn no_page_brings_scripts_or_styles_of_its_own() {
    for (name, page) in pages() {
        let document = Html::parse_document(&page);
        assert!(
            all(&document, "script, style, iframe, [style]").is_empty(),
            "{name}"
        );
        let any = Selector::parse("*").expect("a valid selector");
        for element in document.select(&any) {
            assert!(
                element
                    .value()
                    .attrs()
                    .all(|(key, _)| !key.starts_with("on")),
                "a handler in {name}"
            );
        }
    }
}

#[test]
fn every_picture_has_words_and_size() {
    let mut seen = 0;
    for (name, page) in pages() {
        let document = Html::parse_document(&page);
        seen += all(&document, "img").len();
        assert!(all(&document, "img:not([alt])").is_empty(), "{name}");
        assert!(
            all(
                &document,
                "img:not([width]), img:not([height]), svg:not([width])"
            )
            .is_empty(),
            "{name}"
        );
    }
    assert!(seen > 0, "the samples hold pictures");
}

#[test]
fn every_link_button_and_field_has_a_name() {
    for (name, page) in pages() {
        let document = Html::parse_document(&page);
        let named = Selector::parse("a, button, summary, nav").expect("a valid selector");
        for element in document.select(&named) {
            assert!(!name_of(element).is_empty(), "{} in {name}", element.html());
        }
        let fields = Selector::parse("input").expect("a valid selector");
        for field in document.select(&fields) {
            let id = field.attr("id").expect("a field has an id");
            assert_eq!(
                all(&document, &format!("label[for={id}]")).len(),
                1,
                "{name}"
            );
        }
    }
}

#[test]
fn ids_are_unique_and_fragments_lead_somewhere() {
    for (name, page) in pages() {
        let document = Html::parse_document(&page);
        let with_id = Selector::parse("[id]").expect("a valid selector");
        let mut ids: Vec<&str> = document
            .select(&with_id)
            .filter_map(|element| element.attr("id"))
            .collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{name}");
        let links = Selector::parse("a[href^='#']").expect("a valid selector");
        for link in document.select(&links) {
            let target = link
                .attr("href")
                .unwrap_or_default()
                .trim_start_matches('#');
            assert!(ids.contains(&target), "#{target} in {name}");
        }
    }
}

#[test]
fn every_page_says_its_language_and_what_made_it() {
    for language in [Language::English, Language::German] {
        for (name, page) in written(&site(language)) {
            assert!(
                page.starts_with(&format!(
                    "<!DOCTYPE html><html lang=\"{}\">",
                    language.tag()
                )),
                "{name}"
            );
            assert!(
                page.contains("<meta name=\"generator\" content=\"Commonhold 0.1.0\">"),
                "{name}"
            );
            assert!(page.contains("name=\"viewport\""), "{name}");
            assert!(
                page.contains(assets::style_href()) && page.contains(assets::icon_href()),
                "{name}"
            );
        }
    }
}

#[test]
fn pages_and_courses_point_to_their_records() {
    for (name, page) in written(&site(Language::English)) {
        let is_signed = ["page", "course", "lone page"].contains(&name.as_str());
        let alternate = "<link rel=\"alternate\" type=\"application/json\" href=\"/api/v1/cache/content/x?proof=1\">";
        let canonical = "<link rel=\"canonical\" href=\"http://127.0.0.1:8080/";
        if is_signed {
            assert!(
                page.contains(alternate) && page.contains(canonical),
                "{name}"
            );
            assert!(page.contains("class=\"signed\""), "{name}");
        }
    }
}

#[test]
fn a_text_stands_between_its_tags_as_it_was_rendered() {
    let site = site(Language::German);
    let sample = samples::page(true);
    let html = super::page(&site, &sample).into_string();
    let start = html
        .find("<article class=\"text\" id=\"text\">")
        .expect("the article opens")
        + 32;
    let end = html.rfind("</article>").expect("the article closes");
    assert_eq!(html[start..end], sample.article.html);
}

#[test]
fn a_typical_page_weighs_less_than_sixty_kilobytes() {
    for (name, page) in pages() {
        let weight = page.len() + assets::stylesheet().len();
        assert!(weight < 60_000, "{name} weighs {weight} bytes");
    }
}

#[test]
fn long_contents_show_the_surroundings_only() {
    let mut page = samples::page(true);
    let course = page.course.as_mut().expect("the sample stands in a course");
    course.places = (0..2000)
        .map(|idx| samples::place(&format!("Page {idx}"), &format!("/c/{idx}")))
        .collect();
    page.href = String::from("/c/1000");
    let html = super::page(&site(Language::English), &page).into_string();
    let document = Html::parse_document(&html);
    assert_eq!(
        all(&document, "nav.aside li").len(),
        super::PLACES_SHOWN_MAX
    );
    assert_eq!(all(&document, "nav.aside [aria-current]").len(), 1);
    assert!(html.contains("Page 1,001 of 2,000"));
    assert!(html.len() + assets::stylesheet().len() < 60_000);
}

#[test]
fn words_of_readers_are_escaped() {
    let evil = "\"><script>alert(1)</script>";
    let search = samples::search(evil);
    let html = super::search(&site(Language::English), &search).into_string();
    assert!(!html.contains("<script"), "{html}");
    let problem = samples::problem(evil);
    assert!(
        !super::problem(&site(Language::English), &problem)
            .into_string()
            .contains("<script")
    );
    assert_eq!(super::query_value("a b&c=ü"), "a%20b%26c%3D%C3%BC");
}

#[test]
fn a_key_is_copied_as_one_word() {
    let html = super::author(&site(Language::English), &samples::author()).into_string();
    let document = Html::parse_document(&html);
    let key = Selector::parse("code.key").expect("a valid selector");
    let shown: String = document
        .select(&key)
        .next()
        .expect("the key is shown")
        .text()
        .collect();
    assert_eq!(shown, samples::author().key);
}
