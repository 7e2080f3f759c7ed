//! The last lock: what the writer made is parsed as a browser would and only listed things pass.
//!
//! Invariants: the output is balanced HTML; it holds no script, no style, no event handler, no
//! address with a scheme other than http, https and mailto, and no class that the style sheet of
//! the pages does not know.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};

const TAGS: [&str; 57] = [
    "a",
    "abbr",
    "audio",
    "b",
    "bdi",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "section",
    "small",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
    "var",
    "video",
    "wbr",
];

const CLASSES: [&str; 51] = [
    "callout",
    "objectives",
    "questions",
    "keypoints",
    "prereq",
    "note",
    "challenge",
    "solution",
    "hint",
    "discussion",
    "testimonial",
    "checklist",
    "instructor",
    "spoiler",
    "caution",
    "tab",
    "other",
    "kind",
    "title",
    "code",
    "output",
    "error",
    "label",
    "math",
    "scroll",
    "task",
    "notes",
    "back",
    "ref",
    "right",
    "middle",
    "w-10",
    "w-20",
    "w-30",
    "w-40",
    "w-50",
    "w-60",
    "w-70",
    "w-80",
    "w-90",
    "hl-c",
    "hl-s",
    "hl-n",
    "hl-k",
    "hl-f",
    "hl-a",
    "hl-t",
    "hl-i",
    "hl-d",
    "hl-h",
    "hl-p",
];

static POLICY: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut attributes: HashMap<&str, HashSet<&str>> = HashMap::new();
    let mut allow = |tag: &'static str, names: &[&'static str]| {
        attributes
            .entry(tag)
            .or_default()
            .extend(names.iter().copied());
    };
    allow("a", &["href", "rel", "aria-label"]);
    allow("audio", &["src", "controls", "preload", "aria-label"]);
    allow("blockquote", &["cite"]);
    allow("details", &["open"]);
    allow(
        "img",
        &[
            "src",
            "alt",
            "width",
            "height",
            "loading",
            "decoding",
            "referrerpolicy",
        ],
    );
    allow("li", &["value"]);
    allow("ol", &["start", "reversed", "type"]);
    allow("q", &["cite"]);
    allow("section", &["role", "aria-label"]);
    allow("span", &["role", "aria-label"]);
    allow("td", &["colspan", "rowspan"]);
    allow("th", &["colspan", "rowspan", "scope"]);
    allow(
        "video",
        &[
            "src",
            "controls",
            "preload",
            "width",
            "height",
            "poster",
            "aria-label",
        ],
    );

    let mut policy = Builder::empty();
    policy
        .tags(TAGS.into_iter().collect())
        .clean_content_tags(
            ["script", "style", "iframe", "object", "template"]
                .into_iter()
                .collect(),
        )
        .tag_attributes(attributes)
        .generic_attributes(
            ["class", "id", "title", "lang", "dir"]
                .into_iter()
                .collect(),
        )
        .url_schemes(["http", "https", "mailto"].into_iter().collect())
        .url_relative(UrlRelative::PassThrough)
        .link_rel(None)
        .strip_comments(true)
        .attribute_filter(known_classes);
    policy
});

fn known_classes<'v>(_tag: &str, name: &str, value: &'v str) -> Option<Cow<'v, str>> {
    let is_known = |class: &str| CLASSES.contains(&class);
    if name == "class" && !value.split_ascii_whitespace().all(is_known) {
        return None;
    }
    Some(Cow::Borrowed(value))
}

/// Returns `html` with everything left out that is not listed here.
pub(super) fn clean(html: &str) -> String {
    POLICY.clean(html).to_string()
}
