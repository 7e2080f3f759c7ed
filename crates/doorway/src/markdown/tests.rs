//! What a body becomes, what it can never become, and how much work that is.

mod bounds;
mod cases;
mod course;
mod hostile;

use std::collections::HashSet;

use scraper::{Html, Selector};

use super::{Media, render};

/// A picture and a video, as `publish` would have stored them.
fn media() -> Vec<Media> {
    let blob = |digit: &str, media_type: &str, size: Option<(u32, u32)>, name: &str| Media {
        hash: digit.repeat(64),
        media_type: media_type.to_owned(),
        width: size.map(|(width, _)| width),
        height: size.map(|(_, height)| height),
        name: name.to_owned(),
    };
    vec![
        blob("a", "image/png", Some((640, 480)), "map.png"),
        blob("b", "video/mp4", Some((1280, 720)), "talk.mp4"),
        blob("c", "audio/ogg", None, "song.ogg"),
    ]
}

/// Elements that have no end tag.
const VOID: [&str; 4] = ["br", "hr", "img", "wbr"];

/// Elements that pages may contain at all.
fn select(html: &str, selector: &str) -> usize {
    let selector = Selector::parse(selector).expect("selectors in tests are valid");
    Html::parse_fragment(html).select(&selector).count()
}

/// Panics when a tag is left open or closed twice.
fn assert_balanced(html: &str) {
    let mut open: Vec<String> = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = tag_end(rest);
        let tag = &rest[..end];
        rest = &rest[end..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(
                open.pop().as_deref(),
                Some(name),
                "closed in the wrong order in {html}"
            );
        } else {
            let name = tag.split([' ', '>']).next().unwrap_or_default();
            if !VOID.contains(&name) {
                open.push(name.to_owned());
            }
        }
    }
    assert!(open.is_empty(), "left open: {open:?} in {html}");
}

fn tag_end(rest: &str) -> usize {
    let mut in_quotes = false;
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            b'"' => in_quotes = !in_quotes,
            b'>' if !in_quotes => return at,
            _ => {}
        }
    }
    rest.len()
}

/// Checks everything that holds for every output, whatever came in.
fn assert_safe(body: &str) {
    let rendered = render(body, &media());
    let html = &rendered.html;
    assert_balanced(html);
    assert_eq!(
        rendered,
        render(body, &media()),
        "the same body renders to the same bytes"
    );
    assert_eq!(
        super::sanitize::clean(html),
        *html,
        "a second look finds nothing to remove"
    );
    let document = Html::parse_fragment(html);
    let mut ids = HashSet::new();
    let mut targets = Vec::new();
    let mut last_level = 1;
    for element in document.root_element().descendent_elements() {
        let name = element.value().name();
        assert!(
            ![
                "script", "style", "iframe", "object", "form", "input", "svg", "h1", "link"
            ]
            .contains(&name),
            "{html}"
        );
        if let Some(level) = name
            .strip_prefix('h')
            .and_then(|level| level.parse::<u32>().ok())
        {
            assert!(
                level <= last_level + 1,
                "h{level} after h{last_level} in {html}"
            );
            last_level = level;
        }
        if name == "img" {
            assert!(
                element.attr("alt").is_some() && element.attr("loading") == Some("lazy"),
                "{html}"
            );
        }
        for (key, value) in element.value().attrs() {
            assert!(
                !key.starts_with("on") && key != "style" && key != "srcset",
                "{key} in {html}"
            );
            if ["href", "src", "poster", "cite"].contains(&key) {
                assert_address(value);
            }
            if key == "href" && value.starts_with("#note") {
                targets.push(value[1..].to_owned());
            }
            assert!(
                key != "id" || ids.insert(value.to_owned()),
                "id {value} twice in {html}"
            );
        }
    }
    for target in targets {
        assert!(ids.contains(&target), "#{target} leads nowhere in {html}");
    }
}

/// Accepts an address only when a browser cannot take it for a scheme of its own.
fn assert_address(address: &str) {
    let plain: String = address
        .chars()
        .filter(|character| !character.is_control() && *character != ' ')
        .collect();
    let plain = plain.to_ascii_lowercase();
    let before_colon = plain
        .split_once(':')
        .map(|(before, _)| before)
        .filter(|before| !before.contains(['/', '?', '#']));
    if let Some(scheme) = before_colon {
        assert!(
            ["http", "https", "mailto"].contains(&scheme),
            "address {address}"
        );
    }
}
