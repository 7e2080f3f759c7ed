//! How much work a body can make.

use std::time::{Duration, Instant};

use super::super::DEPTH_MAX;
use super::super::code::{BLOCK_LEN_MAX, LINE_LEN_MAX, PAGE_LEN_MAX};
use super::{assert_balanced, media, render, select};

/// A body of at least `len` bytes made of one piece.
fn full_of(piece: &str, len: usize) -> String {
    piece.repeat(len / piece.len() + 1)
}

#[test]
fn long_bodies_unfold_to_a_small_multiple_of_themselves() {
    let pieces = [
        "Some *words* with `code` and [a link](https://x.org/y).\n\n",
        ">",
        "> > > > a\n",
        "[",
        "![",
        "*a **b ",
        "$a ",
        "$$a ",
        "a <!x ",
        "<!-- ",
        "::: a\n",
        "::: a\n:::\n",
        ":::\n",
        "|a",
        "[a](b){x=\"",
        "<b>",
        "<i><b></i>",
        "a </b> ",
        "<a ",
        "<script>",
        "a <video> ",
        "# a\n",
        "```bash\n$ ls -la \"x\" | grep y\n```\n",
        "+--+--+\n|a |b |\n",
        "a\n: b\n\n",
        "&#x41;",
        "[^1]: a\n\n",
    ];
    let mut slowest = (Duration::ZERO, "");
    for piece in pieces {
        let started = Instant::now();
        let body = full_of(piece, 1 << 17);
        let rendered = render(&body, &media());
        slowest = slowest.max((started.elapsed(), piece));
        assert!(
            rendered.html.len() < 12 * body.len(),
            "{piece:?} became {} bytes",
            rendered.html.len()
        );
    }
    println!("slowest 128 KiB: {slowest:?}");
}

#[test]
fn a_mebibyte_of_prose_is_rendered_whole() {
    let paragraph = "Some *words* with `code` and [a link](https://x.org/y).\n\n";
    let html = render(&full_of(paragraph, 1 << 20), &media()).html;
    assert_eq!(html.matches("<p>").count(), (1 << 20) / paragraph.len() + 1);
}

#[test]
fn twice_the_body_is_not_four_times_the_steps() {
    // Counted in output, not in time: what nests beyond the limit leaves no frames behind.
    for opening in ["> ", "<div>\n\n", "::: callout\n"] {
        let shallow = render(&format!("{}x", opening.repeat(DEPTH_MAX * 2)), &media()).html;
        let deep = render(&format!("{}x", opening.repeat(DEPTH_MAX * 20)), &media()).html;
        assert_eq!(
            shallow.matches('<').count(),
            deep.matches('<').count(),
            "{opening:?}"
        );
        assert_balanced(&deep);
        assert!(deep.contains('x'), "content outlives its frame");
    }
}

#[test]
fn nesting_stops_at_the_limit() {
    let at = |depth: usize| {
        select(
            &render(&format!("{}x", "> ".repeat(depth)), &media()).html,
            "blockquote",
        )
    };
    assert_eq!(at(DEPTH_MAX), DEPTH_MAX);
    assert_eq!(at(DEPTH_MAX + 1), DEPTH_MAX);
}

#[test]
fn code_beyond_the_limits_stays_plain() {
    let block = |code: &str| render(&format!("```python\n{code}\n```\n"), &media()).html;
    let line = "x = 1\n";
    let fits = line.repeat(BLOCK_LEN_MAX / line.len() - 1);
    assert!(select(&block(&fits), "pre span") > 0);
    assert_eq!(
        select(
            &block(&line.repeat(BLOCK_LEN_MAX / line.len() + 1)),
            "pre span"
        ),
        0
    );
    assert!(
        select(
            &block(&format!("y = {}", "1".repeat(LINE_LEN_MAX - 4))),
            "pre span"
        ) > 0
    );
    assert_eq!(
        select(
            &block(&format!("y = {}", "1".repeat(LINE_LEN_MAX))),
            "pre span"
        ),
        0
    );
}

#[test]
fn a_page_highlights_only_so_much() {
    let block = format!("```python\n{}```\n\n", "x = 1\n".repeat(4000));
    let blocks = PAGE_LEN_MAX / 24_000 + 3;
    let html = render(&block.repeat(blocks), &media()).html;
    assert_eq!(select(&html, "pre"), blocks);
    assert!(
        html.ends_with("x = 1</code></pre>"),
        "the last block is plain"
    );
}
