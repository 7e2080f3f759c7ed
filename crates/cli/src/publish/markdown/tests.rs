//! Tests of finding links, anchors and headings in Markdown.

use proptest::prelude::*;

use super::*;

/// Destinations with the bytes that would be replaced.
fn check(text: &str) -> Vec<(String, Option<String>)> {
    let outline = outline(text);
    let raw = |link: &Link| link.place.clone().map(|place| text[place].to_owned());
    outline
        .links
        .iter()
        .map(|link| (link.dest.clone(), raw(link)))
        .collect()
}

#[test]
fn links_are_found_with_their_exact_bytes() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("[a](b.md)", &[("b.md", "b.md")]),
        ("[a]( b.md \"title (x)\" )", &[("b.md", "b.md")]),
        ("[a](<b c.md> 'x')", &[("b c.md", "b c.md")]),
        ("[a](b\\_c(d).md)", &[("b_c(d).md", "b\\_c(d).md")]),
        ("[a](b&amp;c.md)", &[("b&c.md", "b&amp;c.md")]),
        ("[a](b.md\n'x')", &[("b.md", "b.md")]),
        ("[](b.md)", &[("b.md", "b.md")]),
        ("[a]()", &[("", "")]),
        ("[a\\](b.md)](c.md)", &[("c.md", "c.md")]),
        ("[`](b.md)` ](c.md)", &[("c.md", "c.md")]),
        (
            "![a [b](c.md)](d.png){alt='x'}",
            &[("c.md", "c.md"), ("d.png", "d.png")],
        ),
        (
            "[![a](b.png)](c.md)",
            &[("b.png", "b.png"), ("c.md", "c.md")],
        ),
        ("> [a](b.md)\n> text\n", &[("b.md", "b.md")]),
        ("- x\n  - [a\n    b](c.md)\n", &[("c.md", "c.md")]),
        (
            "|a|b|\n|-|-|\n|[a](b.md)|[c](d.md)|\n",
            &[("b.md", "b.md"), ("d.md", "d.md")],
        ),
        ("x[^1]\n\n[^1]: [a](b.md)\n", &[("b.md", "b.md")]),
        (
            "::: x\n[a](b.md)\n:::\n[c](d.md)",
            &[("b.md", "b.md"), ("d.md", "d.md")],
        ),
        ("ü [ß](ä.md)", &[("ä.md", "ä.md")]),
    ];
    for (text, expect) in cases {
        let found = check(text);
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(dest, raw)| (dest.as_str(), raw.as_deref().unwrap_or("?")))
            .collect();
        assert_eq!(found, *expect, "{text}");
    }
}

#[test]
fn definitions_are_replaced_once_and_only_when_they_are_used() {
    let text = "[a][x], [X] and [x][].\n\n[x]: b.md \"t\"\n[y]: c.md\n";
    let links = outline(text).links;
    assert_eq!(links.len(), 1);
    assert_eq!(
        links[0].place.clone().map(|place| &text[place]),
        Some("b.md")
    );
    let frames: Vec<&str> = links[0]
        .frame
        .iter()
        .map(|range| &text[range.clone()])
        .collect();
    assert_eq!(frames, ["[", "][x]", "[", "]", "[", "][]"]);
    // A definition that follows a div's line is one, although CommonMark would see a paragraph.
    assert_eq!(
        check("[a]\n\n:::\n[a]: <b.md>\n:::\n"),
        [("b.md".to_owned(), Some("b.md".to_owned()))]
    );
}

#[test]
fn attributes_of_raw_html_hold_links() {
    let text = "<p><a title=x href='b.md'>t</a> <img src=c.png>\n<video src=\"d.mp4\" poster=\"e.png\"><source src=f.webm></video></p>\n\nText <audio src=g.mp3>.";
    let found: Vec<String> = check(text).into_iter().map(|(dest, _)| dest).collect();
    assert_eq!(
        found,
        ["b.md", "c.png", "d.mp4", "e.png", "f.webm", "g.mp3"]
    );
    let link = &outline(text).links[0];
    assert_eq!(
        (link.form, &text[link.frame[0].clone()]),
        (Form::Attribute, "href='b.md'")
    );
}

#[test]
fn code_comments_and_autolinks_are_left_alone() {
    let cases = [
        "`[a](b.md)`",
        "```\n[a](b.md)\n:::\n<a href=b.md>\n```",
        "    [a](b.md)",
        "<!-- [a](b.md) <a href=b.md> -->",
        "\\[a](b.md)",
        "[a] (b.md)",
        "$[a](b.md)$",
        "<me@example.org>",
    ];
    for text in cases {
        assert_eq!(check(text), [], "{text}");
    }
    assert_eq!(
        check("<https://x.org>"),
        [("https://x.org".to_owned(), None)]
    );
}

#[test]
fn anchors_are_those_of_headings_and_written_ones() {
    let text = "# Über uns!\n\n## A `b` *c*\n\n## A b c\n\n### Given {#own}\n\n[term]{#commit}\n\n::: box {#div}\n:::\n\n<a id=\"raw\"></a>\n\n```\n# not\n```\n";
    let anchors: Vec<String> = outline(text).anchors.into_iter().collect();
    assert_eq!(
        anchors,
        [
            "a-b-c",
            "a-b-c-1",
            "commit",
            "div",
            "own",
            "raw",
            "über-uns"
        ]
    );
}

#[test]
fn the_first_top_heading_can_be_the_title() {
    let cases: &[(&str, Option<(&str, bool)>)] = &[
        ("# A *b* `c`\n\ntext", Some(("A b c", true))),
        ("text\n\nTitle\n=====\n", Some(("Title", false))),
        ("## A\n\n# B\n\n# C", Some(("B", false))),
        ("> # A\n", None),
        ("- # A\n", None),
        ("```\n# A\n```\n", None),
        ("text", None),
    ];
    for (text, expect) in cases {
        let top = outline(text).top;
        let found = top.as_ref().map(|top| (top.text.as_str(), top.is_first));
        assert_eq!(found, *expect, "{text}");
    }
}

#[test]
fn scripts_are_told_apart_from_their_pictures() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("<script src=x></script>", &["<script>"], &[]),
        ("Text <b onClick='x'>b</b>", &["the attribute onclick"], &[]),
        ("<iframe src=x></iframe>", &[], &["iframe"]),
        ("`<script>` and `<b onclick=x>`", &[], &[]),
        ("```html\n<script>x</script>\n```", &[], &[]),
    ];
    for (text, scripts, dropped) in cases {
        let outline = outline(text);
        let found: Vec<&str> = outline
            .scripts
            .iter()
            .map(|(_, what)| what.as_str())
            .collect();
        assert_eq!(found, *scripts, "{text}");
        let found: Vec<&str> = outline
            .dropped
            .iter()
            .map(|(_, name)| name.as_str())
            .collect();
        assert_eq!(found, *dropped, "{text}");
    }
}

/// Pieces of Markdown that can stand next to each other in all kinds of ways.
const PIECES: [&str; 40] = [
    "[a](b.md)",
    "[a](<b c.md> \"t\")",
    "![p](q.png)",
    "[![p](q.png)](c.md)",
    "[a][x]",
    "[x]",
    "[x][]",
    "[a](b\\)c)",
    "[",
    "]",
    "](",
    "(",
    ")",
    "`",
    "``",
    "*",
    "**",
    "_",
    "\\",
    "<",
    ">",
    "> ",
    "- ",
    "1. ",
    "|",
    "|-|-|",
    "\n",
    "\n\n",
    "    ",
    "# ",
    ":::",
    "::: note",
    "```",
    "$",
    "<a href=\"b.md\">",
    "<!--",
    "-->",
    "[x]: y.md\n",
    "[^1]",
    "ü text ",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_replaced_is_what_the_parser_sees(picks in prop::collection::vec(0..PIECES.len(), 0..24)) {
        let text: String = picks.into_iter().map(|pick| PIECES[pick]).collect();
        let found = outline(&text);
        // An address with a backtick can keep a line from being code; publishing refuses it.
        prop_assume!(found.links.iter().all(|link| !link.dest.contains('`')));
        let mut edited = String::new();
        let mut at = 0;
        for link in &found.links {
            for range in &link.frame {
                prop_assert!(text.get(range.clone()).is_some(), "{:?} {:?}", text, range);
            }
            if let Some(place) = &link.place {
                prop_assert!(place.start >= at, "places overlap in {:?}", text);
                let new = if link.form == Form::Attribute { "\"/new\"" } else { "/new" };
                edited.push_str(&text[at..place.start]);
                edited.push_str(new);
                at = place.end;
            }
        }
        edited.push_str(&text[at..]);
        let expect: Vec<&str> = found.links.iter().map(|link| if link.place.is_some() { "/new" } else { &link.dest }).collect();
        let again = outline(&edited);
        let dests: Vec<&str> = again.links.iter().map(|link| link.dest.as_str()).collect();
        prop_assert_eq!(dests, expect, "{:?} became {:?}", text, edited);
    }
}
