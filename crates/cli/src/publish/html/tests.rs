//! Tests of the tag scanner.

use proptest::prelude::*;

use super::*;

/// Tags as `name[attribute=value …]`.
fn check(html: &str) -> Vec<String> {
    let tags = start_tags(html);
    tags.iter()
        .map(|tag| {
            let list: Vec<String> = tag
                .attributes
                .iter()
                .map(|attribute| format!("{}={}", attribute.name, attribute.value))
                .collect();
            format!("{}[{}]", tag.name, list.join(" "))
        })
        .collect()
}

#[test]
fn tags_and_attributes_are_found() {
    let cases: &[(&str, &[&str])] = &[
        ("<a href=\"x.md\">text</a>", &["a[href=x.md]"]),
        (
            "<IMG SRC=a.png Alt='b > c' hidden/>",
            &["img[src=a.png alt=b > c]"],
        ),
        (
            "<video controls src = \"a b.mp4\"\n poster='p'>",
            &["video[src=a b.mp4 poster=p]"],
        ),
        ("<!-- <a href=x> --><b>", &["b[]"]),
        ("<!doctype html><?xml <a>?><p>", &["p[]"]),
        ("a < b <c", &[]),
        ("<a href=\"x", &[]),
        ("<b><a href=\"x <i>", &["b[]"]),
        ("</a><br><br/>", &["br[]", "br[]"]),
        (
            "<a href='?a=1&amp;b=&#50;&#x33;&c;'>",
            &["a[href=?a=1&b=23&c;]"],
        ),
        (
            "<a href='java&Tab;script&colon;x'>",
            &["a[href=java\tscript:x]"],
        ),
        ("<a =x y=>", &["a[y=]"]),
    ];
    for (html, expect) in cases {
        assert_eq!(check(html), *expect, "{html}");
    }
}

#[test]
fn ranges_hold_what_they_say() {
    let html = "ü<a title='ß' href=\"x.md\">";
    let tag = start_tags(html).remove(0);
    let href = &tag.attributes[1];
    assert_eq!(&html[href.value_range.clone()], "\"x.md\"");
    assert_eq!(&html[href.range.clone()], "href=\"x.md\"");
    assert_eq!(&html[tag.range.clone()], &html[2..]);
    assert_eq!(tag.value("title"), Some("ß"));
}

proptest! {
    #[test]
    fn any_text_can_be_scanned(html in "[<>a='\"/ !?&;#x-ü]{0,60}") {
        for tag in start_tags(&html) {
            prop_assert!(html[tag.range.clone()].starts_with('<') && html[tag.range.clone()].ends_with('>'));
            for attribute in &tag.attributes {
                prop_assert!(html.get(attribute.range.clone()).is_some());
            }
        }
    }
}

#[test]
fn tags_that_never_close_cost_no_more_than_their_length() {
    let html = "<a ".repeat(300_000);
    assert_eq!(start_tags(&html), []);
}
