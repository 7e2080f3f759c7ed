//! Input that means harm, and input that means nothing.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{assert_safe, media, render, select};

/// Pieces that break renderers when they meet in the wrong order.
const PIECES: [&str; 78] = [
    "<script>",
    "</script>",
    "<style>",
    "<iframe src=\"https://x.org\">",
    "</iframe>",
    "<svg/onload=alert(1)>",
    "<img src=x onerror=alert(1)>",
    "<a href=\"javascript:alert(1)\">",
    "<a href=' &#106;avascript:x'>",
    "</a>",
    "[x](javascript:x)",
    "[x](JaVaScRiPt:x)",
    "[x](data:text/html,x)",
    "[x](//evil.org)",
    "[x](/\\evil.org)",
    "[x](<java\tscript:x>)",
    "![x](data:image/svg+xml,x)",
    "<video>",
    "<source src=/a.mp4>",
    "</video>",
    "<details>",
    "<summary>",
    "</details>",
    "<div id=text>",
    "</div>",
    "<p>",
    "</p>",
    "<b>",
    "</b>",
    "<i title='\"'>",
    "<table>",
    "<td>",
    "</table>",
    "<ul>",
    "<li>",
    "<h1>",
    "<h4>",
    "</h4>",
    "<!--",
    "-->",
    "<!x",
    "<?",
    "<math>",
    "<template>",
    "<textarea>",
    "<select>",
    "<base href=//x>",
    "<meta http-equiv=refresh>",
    "<your name>",
    "&lt;script&gt;",
    "&#x3c;",
    "::: challenge\n",
    ":::\n",
    "::: {.solution #text}\n",
    ":::: tab\n",
    "# T\n",
    "#### T\n",
    "> ",
    "> [!TIP]\n",
    "- ",
    "1. ",
    "  ",
    "    ",
    "\n",
    "\n\n",
    "```bash\n",
    "```\n",
    "~~~ output\n",
    "$",
    "$$",
    "`",
    "**",
    "_",
    "[^1]",
    "[^1]: note\n",
    "[a]{#b}",
    "{: .x}\n",
    "+--+--+\n|a |b |\n+==+==+\n|c |d |\n+--+--+\n",
];

const MORE: [&str; 14] = [
    "![c](/store/aaaa){alt='d' width=\"40%\"}",
    "![",
    "](x)",
    "{alt=\"",
    "\"}",
    "| a | b |\n|---|---|\n",
    "| c |",
    "term\n: def\n",
    "<https://x.org>",
    "<me@x.org>",
    "- [x] ",
    "\u{0}",
    "\u{202e}",
    "é漢🙂",
];

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(PIECES.to_vec()).prop_map(str::to_owned),
        1 => prop::sample::select(MORE.to_vec()).prop_map(str::to_owned),
        1 => "[a-z ]{1,6}",
        1 => any::<char>().prop_map(String::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_in_any_order_are_safe(pieces in vec(piece(), 0..40)) {
        assert_safe(&pieces.concat());
    }

    #[test]
    fn any_text_is_safe(body in any::<String>()) {
        assert_safe(&body);
    }
}

#[test]
fn scripts_leave_with_their_content() {
    let html = render(
        "a <script>alert(1)</script> b\n\n<script>\nx\n\ny\n</script>\n\nc",
        &media(),
    )
    .html;
    assert_eq!(html, "<p>a  b</p>\n\n<p>c</p>");
}

#[test]
fn handlers_and_styles_leave_their_element() {
    let html = render(
        "<b onclick=\"x()\" style=\"color:red\" class=\"evil\" title=\"t\">bold</b>",
        &media(),
    )
    .html;
    assert_eq!(html, "<p><b title=\"t\">bold</b></p>");
}

#[test]
fn refused_addresses_leave_their_words() {
    let refused = [
        "javascript:x",
        "JAVASCRIPT:x",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "//evil.org/x",
        "/\\evil.org",
        "ftp://x.org",
        "&#106;avascript:x",
    ];
    for address in refused {
        let html = render(
            &format!("[words]({address}) <a href=\"{address}\">more</a>"),
            &media(),
        )
        .html;
        assert_eq!(html, "<p>words more</p>", "{address}");
    }
}

#[test]
fn accepted_addresses_stay() {
    for (address, rel) in [
        ("https://x.org/a?b=1#c", 1),
        ("HTTP://x.org", 1),
        ("mailto:a@x.org", 1),
        ("/c/x", 0),
        ("#y", 0),
    ] {
        let html = render(&format!("[words]({address})"), &media()).html;
        assert_eq!(select(&html, "a[href]"), 1, "{address}");
        assert_eq!(select(&html, "a[rel=noopener]"), rel, "{address}");
    }
}

#[test]
fn ids_of_the_frame_are_not_given_to_texts() {
    let html = render("# Text\n\n# Main\n\n<div id=\"contents\">x</div>", &media()).html;
    assert_eq!(select(&html, "#text, #main, #contents"), 0);
    assert_eq!(select(&html, "#text-1, #main-1, #contents-1"), 3);
}

#[test]
fn what_once_went_wrong_stays_right() {
    let bodies = [
        // A heading inside a description that is thrown away counted as a heading.
        "![<h1>](x)term\n: def\n<h4>",
        // A parser takes the first byte order mark away, so a second look differed.
        "</div>\u{feff}\u{feff}",
        // A browser moves a heading out of a table, in front of which another is open.
        "<h1>\n<h1>\n<table>\nx\n</h1>",
        // The note's way back led to a description that is not shown.
        "![a[^1]](x)\n\n[^1]: note\n",
        // The only reference stood in a definition that was thrown away.
        "[^1]: one\n\n[^1]: two [^1]\n",
    ];
    for body in bodies {
        assert_safe(body);
    }
}
