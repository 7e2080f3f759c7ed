//! One case per feature: what an author writes, what a reader gets.

use super::super::{Heading, render_in};
use super::{assert_balanced, media, render};

fn check(cases: &[(&str, &str)]) {
    for (body, expected) in cases {
        let html = render(body, &media()).html;
        assert_eq!(html, *expected, "for {body:?}");
        assert_balanced(&html);
    }
}

#[test]
fn plain_markdown() {
    check(&[
        ("", ""),
        (
            "a *b* **c** ~~d~~ `e<f`",
            "<p>a <em>b</em> <strong>c</strong> <del>d</del> <code>e&lt;f</code></p>",
        ),
        ("a  \nb", "<p>a<br>\nb</p>"),
        ("\"q\" -- it's", "<p>\"q\" -- it's</p>"),
        ("- a\n- b\n", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        (
            "3. a\n4. b\n",
            "<ol start=\"3\">\n<li>a</li>\n<li>b</li>\n</ol>",
        ),
        ("> a\n", "<blockquote>\n<p>a</p>\n</blockquote>"),
        ("---\n", "<hr>"),
        ("\u{feff}a\r\nb", "<p>a\nb</p>"),
    ]);
}

#[test]
fn tables_keep_their_alignment() {
    check(&[(
        "| a | b | c |\n|---|--:|:-:|\n| 1 | 2 | 3 |\n",
        "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">a</th><th scope=\"col\" class=\"right\">b</th>\
         <th scope=\"col\" class=\"middle\">c</th></tr></thead><tbody>\n<tr><td>1</td><td class=\"right\">2</td>\
         <td class=\"middle\">3</td></tr>\n</tbody></table></div>",
    )]);
}

#[test]
fn grid_tables_hold_blocks() {
    check(&[
        (
            "+------+-------+\n| Code | Shown |\n+======+=======+\n| ```   | a |\n",
            // The last line does not fit its border, so the table stays text.
            "<p>+------+-------+\n| Code | Shown |\n+======+=======+\n| ```   | a |</p>",
        ),
        (
            "[r]: /x\n\n+------+---------+\n| Code | Shown   |\n+======+=========+\n+------+---------+\n| ```  | <p></p> |\n\
             | - a  | - a [r] |\n| ```  |         |\n+------+---------+\n\nafter",
            "<div class=\"scroll\"><table>\n<thead>\n<tr><th scope=\"col\">Code</th><th scope=\"col\">Shown</th></tr>\n</thead>\n\
             <tbody>\n<tr><td><pre class=\"code\"><code>- a</code></pre></td><td><ul>\n<li>a <a href=\"/x\">r</a></li>\n</ul></td>\
             </tr>\n</tbody>\n</table></div>\n<p>after</p>",
        ),
    ]);
}

#[test]
fn footnotes_are_numbered_by_their_references() {
    check(&[(
        "x[^b] y[^a]\n\n[^a]: A\n[^b]: B\n[^c]: C\n",
        "<p>x<sup class=\"ref\"><a href=\"#note-1\" id=\"noteref-1\" aria-label=\"Note 1\">1</a></sup> y<sup class=\"ref\">\
         <a href=\"#note-2\" id=\"noteref-2\" aria-label=\"Note 2\">2</a></sup></p>\n\
         <section class=\"notes\" role=\"doc-endnotes\" aria-label=\"Notes\"><ol>\n\
         <li id=\"note-1\"><p>B <a class=\"back\" href=\"#noteref-1\" aria-label=\"Back to the text\">↩</a></p></li>\n\
         <li id=\"note-2\"><p>A <a class=\"back\" href=\"#noteref-2\" aria-label=\"Back to the text\">↩</a></p></li>\n\
         <li id=\"note-3\"><p>C</p></li>\n</ol></section>",
    )]);
}

#[test]
fn task_lists_say_what_is_done() {
    check(&[(
        "- [ ] a\n- [x] b\n",
        "<ul>\n<li><span class=\"task\" role=\"img\" aria-label=\"open\">☐</span> a</li>\n\
         <li><span class=\"task\" role=\"img\" aria-label=\"done\">☑</span> b</li>\n</ul>",
    )]);
}

#[test]
fn definition_lists_and_places_to_link_to() {
    check(&[
        (
            "[commit]{#commit}\n:   To record\nchanges.\n\n[merge]{#merge}\n:   To join, see [commit](#commit).\n",
            "<dl>\n<dt><span id=\"commit\">commit</span></dt>\n<dd>To record\nchanges.</dd>\n\
             <dt><span id=\"merge\">merge</span></dt>\n<dd>To join, see <a href=\"#commit\">commit</a>.</dd>\n</dl>",
        ),
        ("[not a place] {x}", "<p>[not a place] {x}</p>"),
    ]);
}

#[test]
fn formulas_stay_readable() {
    check(&[
        ("it costs $5 and $10", "<p>it costs $5 and $10</p>"),
        ("$a<b$", "<p><span class=\"math\">$a&lt;b$</span></p>"),
        ("$$\na_1\n$$", "<div class=\"math\">$$\na_1\n$$</div>"),
        (
            "so $$x$$ it is",
            "<p>so <span class=\"math\">$$x$$</span> it is</p>",
        ),
    ]);
}

#[test]
fn headings_keep_order_and_ids_apart() {
    let rendered = render(
        "# One\n\n### Two {#own}\n\n## One\n\n#### `c` & Übung!\n",
        &media(),
    );
    assert_eq!(
        rendered.html,
        "<h2 id=\"one\">One</h2>\n<h3 id=\"own\">Two</h3>\n<h3 id=\"one-1\">One</h3>\n\
         <h4 id=\"c-übung\"><code>c</code> &amp; Übung!</h4>"
    );
    let heading = |level, id: &str, text: &str| Heading {
        level,
        id: id.to_owned(),
        text: text.to_owned(),
    };
    let expected = vec![
        heading(2, "one", "One"),
        heading(3, "own", "Two"),
        heading(3, "one-1", "One"),
        heading(4, "c-übung", "c & Übung!"),
    ];
    assert_eq!(rendered.headings, expected);
}

#[test]
fn code_is_coloured_by_classes() {
    check(&[
        (
            "```bash\n$ git commit -m \"x\"\n```\n",
            "<pre class=\"code\"><code><span class=\"hl-p\">$ </span><span class=\"hl-f\">git</span> commit<span class=\"hl-a\"> -m </span>\
             <span class=\"hl-s\">\"x\"</span></code></pre>",
        ),
        (
            "```output\na < b\n```\n",
            "<div class=\"output\"><p class=\"label\">Output</p><pre><code>a &lt; b</code></pre></div>",
        ),
        (
            "```error\nno\n```\n",
            "<div class=\"error\"><p class=\"label\">Error</p><pre><code>no</code></pre></div>",
        ),
        (
            "```klingon\nx\n```\n",
            "<pre class=\"code\"><code>x</code></pre>",
        ),
        ("    x\n", "<pre class=\"code\"><code>x</code></pre>"),
        (
            "```diff\n-a\n+b\n```\n",
            "<pre class=\"code\"><code><span class=\"hl-d\">-a\n</span><span class=\"hl-i\">+b</span></code></pre>",
        ),
    ]);
}

#[test]
fn every_language_of_the_lessons_has_colours() {
    let cases = [
        ("bash", "echo \"x\""),
        ("python", "def f(): return 1"),
        ("r", "x <- c(1)"),
        ("diff", "+a"),
        ("yaml", "a: 1"),
        ("json", "{\"a\": 1}"),
        ("rust", "fn main() {}"),
        ("html", "<p class=\"x\">"),
        ("css", "p { color: red; }"),
        ("sql", "SELECT 1 FROM t;"),
        ("{r, echo=FALSE}", "x <- 1"),
        ("{.python}", "def f(): pass"),
    ];
    for (info, code) in cases {
        let html = render(&format!("```{info}\n{code}\n```\n"), &media()).html;
        assert!(html.contains("<span class=\"hl-"), "{info}: {html}");
    }
}

#[test]
fn divisions_become_call_outs() {
    check(&[
        (
            "::::::::: objectives\n- a\n- b\n:::::\n",
            "<section class=\"callout objectives\"><p class=\"kind\">Objectives</p>\n<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n</section>",
        ),
        (
            "text\n::: challenge :::\n## Try `it`\ndo\n\n::: solution\n## Solution\ndone\n:::\n::::\nafter",
            "<p>text</p>\n<section class=\"callout challenge\"><p class=\"kind\">Challenge</p>\
             <h2 class=\"title\" id=\"try-it\">Try <code>it</code></h2>\n<p>do</p>\n\
             <details class=\"callout solution\" id=\"solution\"><summary><span class=\"kind\">Solution</span></summary>\n\
             <p>done</p>\n</details>\n</section>\n<p>after</p>",
        ),
        (
            "::: {.hint #h}\n### Look\nx\n",
            "<details class=\"callout hint\" id=\"h\"><summary><span class=\"kind\">Hint</span> \
             <span class=\"title\">Look</span></summary>\n<p>x</p>\n</details>",
        ),
        (
            "::: group-work\nx\n:::\n",
            "<section class=\"callout other\"><p class=\"kind\">Group work</p>\n<p>x</p>\n</section>",
        ),
        (
            "```\n::: callout\n```\n",
            "<pre class=\"code\"><code>::: callout</code></pre>",
        ),
        (
            "    ::: callout\n",
            "<pre class=\"code\"><code>::: callout</code></pre>",
        ),
        ("a\n\n:::\n\nb", "<p>a</p>\n<p>b</p>"),
        ("<!-- \n::: callout\n-->\nx", "<p>x</p>"),
        (
            "1. a\n\n   ::: callout\n   b\n   :::\n\n2. c\n",
            "<ol>\n<li><p>a</p>\n<section class=\"callout note\"><p class=\"kind\">Note</p>\n<p>b</p>\n</section>\n</li>\n\
             <li><p>c</p>\n</li>\n</ol>",
        ),
        (
            "> [!WARNING]\n> hot\n",
            "<section class=\"callout caution\"><p class=\"kind\">Caution</p>\n<p>hot</p>\n</section>",
        ),
    ]);
}

#[test]
fn every_name_of_the_lessons_has_its_word() {
    let names = [
        ("objectives", "Objectives"),
        ("questions", "Questions"),
        ("keypoints", "Key points"),
        ("prereq", "Prerequisites"),
        ("callout", "Note"),
        ("challenge", "Challenge"),
        ("solution", "Solution"),
        ("hint", "Hint"),
        ("discussion", "Discussion"),
        ("testimonial", "Testimonial"),
        ("checklist", "Checklist"),
        ("instructor", "For instructors"),
        ("spoiler", "More"),
        ("caution", "Caution"),
        ("tab", "Choose one"),
        ("group-tab", "Choose one"),
    ];
    for (name, word) in names {
        let html = render(&format!("::: {name}\nx\n:::\n"), &media()).html;
        assert!(
            html.contains(&format!("class=\"kind\">{word}<")),
            "{name}: {html}"
        );
        let folded = ["solution", "hint", "instructor", "spoiler"].contains(&name);
        assert_eq!(html.starts_with("<details"), folded, "{name}");
    }
    let html = render_in("::: solution\n:::\n", &media(), "de-AT").html;
    assert!(html.contains("Lösung"), "{html}");
}

#[test]
fn pictures_know_their_size() {
    let hash = "a".repeat(64);
    let img = |rest: &str| {
        format!("<img src=\"/store/{hash}\" {rest} loading=\"lazy\" decoding=\"async\">")
    };
    let sized = "width=\"640\" height=\"480\"";
    check(&[
        (
            &format!("![A map](/store/{hash})"),
            &format!(
                "<figure>{}</figure>",
                img(&format!("alt=\"A map\" {sized}"))
            ),
        ),
        (
            &format!("![A map](/store/{hash} \"Our way\")"),
            &format!(
                "<figure>{}<figcaption>Our way</figcaption></figure>",
                img(&format!("alt=\"A map\" {sized}"))
            ),
        ),
        (
            &format!(
                "![By *Jo*, <https://x.org>](/store/{hash}){{alt='it\\'s \"ours\" `x`'\nwidth=\"40%\"}}"
            ),
            &format!(
                "<figure>{}<figcaption>By <em>Jo</em>, <a href=\"https://x.org\" rel=\"noopener\">https://x.org</a></figcaption></figure>",
                img(&format!(
                    "alt=\"it's &quot;ours&quot; `x`\" {sized} class=\"w-40\""
                ))
            ),
        ),
        (
            &format!("see ![](/store/{hash}){{alt=\"a\" width=320}} here"),
            &format!(
                "<p>see {} here</p>",
                img("alt=\"a\" width=\"320\" height=\"240\"")
            ),
        ),
        (
            &format!("<img src=\"/store/{hash}\" onerror=\"x\" alt=\"b\">"),
            &img(&format!("alt=\"b\" {sized}")),
        ),
    ]);
}

#[test]
fn videos_and_sounds_get_players() {
    let (film, song) = ("b".repeat(64), "c".repeat(64));
    check(&[
        (
            &format!("![Our talk](/store/{film})"),
            &format!(
                "<figure><video controls=\"\" preload=\"metadata\" src=\"/store/{film}\" width=\"1280\" height=\"720\" \
                 aria-label=\"Our talk\"><a href=\"/store/{film}\">Our talk</a></video></figure>"
            ),
        ),
        (
            &format!(
                "<video autoplay onplay=\"x\">\n<source src=\"/store/{film}\" type=\"video/mp4\">\nold\n</video>\n"
            ),
            &format!(
                "<video controls=\"\" preload=\"metadata\" src=\"/store/{film}\" width=\"1280\" height=\"720\" \
                 aria-label=\"talk.mp4\"><a href=\"/store/{film}\">talk.mp4</a></video>"
            ),
        ),
        (
            &format!("![](/store/{song})"),
            &format!(
                "<figure><audio controls=\"\" preload=\"metadata\" src=\"/store/{song}\" aria-label=\"song.ogg\">\
                 <a href=\"/store/{song}\">song.ogg</a></audio></figure>"
            ),
        ),
    ]);
}

#[test]
fn html_of_authors_is_kept_where_it_is_harmless() {
    check(&[
        ("press <kbd>Q</kbd>", "<p>press <kbd>Q</kbd></p>"),
        ("a <commit message> b", "<p>a &lt;commit message&gt; b</p>"),
        ("a <b>c\n\nd", "<p>a <b>c</b></p>\n<p>d</p>"),
        ("a <!-- gone --> b", "<p>a  b</p>"),
        (
            "<details>\n<summary>S</summary>\n\n*x*\n\n</details>\n\ny",
            "<details>\n<summary>S</summary>\n<p><em>x</em></p>\n</details>\n<p>y</p>",
        ),
        (
            "<iframe src=\"https://v.org/1\" title=\"A film\"></iframe>",
            "<p><a href=\"https://v.org/1\" rel=\"noopener\">A film</a></p>",
        ),
        (
            "<h1>Big</h1>\n\n<h5>Small</h5>",
            "<h2>Big</h2>\n<h3>Small</h3>",
        ),
    ]);
}

#[test]
fn attribute_lists_leave_no_trace() {
    check(&[
        (
            "[a](https://x.org){:target=\"_blank\"} b",
            "<p><a href=\"https://x.org\" rel=\"noopener\">a</a> b</p>",
        ),
        ("`x`{.bash} y", "<p><code>x</code> y</p>"),
        (
            "> q\n{: .callout}\n",
            "<blockquote>\n<p>q</p>\n</blockquote>",
        ),
        (
            "[a](/x){ not attributes }",
            "<p><a href=\"/x\">a</a>{ not attributes }</p>",
        ),
        ("## T {#t .c}\n", "<h2 id=\"t\">T</h2>"),
    ]);
}

#[test]
fn words_are_collected_for_the_search() {
    let body = "# Title\n\nOne *two* `three`.\n\n- four\n\n```bash\nfive\n```\n\n![six](/a.png)\n\n::: hint\nseven\n:::\n";
    let rendered = render(body, &media());
    assert_eq!(
        rendered.plain_text,
        "Title\nOne two three.\nfour\nfive\nsix\nseven"
    );
    assert_eq!(rendered.minutes, 1);
    assert_eq!(render("", &media()).minutes, 0);
    assert_eq!(render(&"word ".repeat(221), &media()).minutes, 2);
}
