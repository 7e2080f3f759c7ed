//! Tests of whole folders: our own course, a real lesson, and every kind of bad input.

#![allow(
    clippy::disallowed_methods,
    reason = "tests prepare and read their own files"
)]

use std::fs;
use std::path::{Path as FsPath, PathBuf};

use super::*;
use crate::publish::{BrokenLinks, understand};

fn fixture(name: &str) -> PathBuf {
    FsPath::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn bread() -> Course {
    understand(&fixture("bread"), &Options::default()).expect("a course")
}

fn page<'c>(course: &'c Course, slug: &str) -> &'c Content {
    let found = course.pages.iter().find(|page| page.content.slug == slug);
    &found.expect("a page").content
}

fn hash_of(course: &Course, file: &str) -> ContentHash {
    let found = course
        .media
        .values()
        .find(|media| media.file.as_str() == file);
    found.expect("media").id()
}

/// Writes the contents list as `title(slug)[children]`.
fn tree(course: &Course, branches: &[Branch]) -> String {
    let branch = |branch: &Branch| {
        let slug = branch
            .page
            .map(|idx| format!("({})", course.pages[idx].content.slug))
            .unwrap_or_default();
        let below = if branch.children.is_empty() {
            String::new()
        } else {
            format!("[{}]", tree(course, &branch.children))
        };
        format!("{}{slug}{below}", branch.title)
    };
    branches.iter().map(branch).collect::<Vec<_>>().join("; ")
}

/// Problems as `CODE file:line`.
fn told(problems: &[Problem]) -> Vec<String> {
    let place = |problem: &Problem| {
        problem
            .place
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    problems
        .iter()
        .map(|problem| format!("{:?} {}", problem.code, place(problem)))
        .collect()
}

fn problems(dir: &FsPath) -> Vec<String> {
    told(&understand(dir, &Options::default()).expect_err("problems"))
}

#[test]
fn our_own_course_is_understood() {
    let course = bread();
    assert_eq!(told(&course.warnings), [] as [&str; 0]);
    assert_eq!(
        tree(&course, &course.tree),
        "Why we bake together(index); The first loaf[Flour and water: the ratio(flour); A starter to give away(starter)]; \
         Baking for everybody[A day at the oven(oven-day); Brotzeit für alle(brotzeit)]"
    );
    assert_eq!(
        (course.slug.as_str(), course.title.as_str()),
        ("bread", "Baking bread together")
    );
    assert_eq!(
        (
            course.language.as_str(),
            course.licence.as_str(),
            course.reach
        ),
        ("en", "CC0-1.0", Reach::Commons)
    );
    assert_eq!(course.tags, ["bread", "baking", "neighbours"]);
    assert!(course.attribution.starts_with("Written by"));
    assert_eq!(
        course.links,
        LinkCounts {
            rewritten: 19,
            kept: 2,
            unlinked: 0
        }
    );
    assert!(!course.is_loose);
    assert_eq!(page(&course, "brotzeit").language, "de");
    assert_eq!(page(&course, "flour").tags, ["flour", "water", "hydration"]);
    assert_eq!(
        page(&course, "oven-day").summary,
        "The oven is lit once, and its falling heat bakes pizza, bread and cake in turn."
    );
    assert!(
        course
            .pages
            .iter()
            .all(|page| page.content.course == "bread" && page.content.licence == "CC0-1.0")
    );
}

#[test]
fn links_are_rewritten_and_nothing_else() {
    let course = bread();
    let crumb = hash_of(&course, "images/crumb.png");
    let film = hash_of(&course, "images/rising.webm");
    let cases = [
        (
            "index",
            format!(
                "![A round loaf, cut open, with an even crumb](/store/{crumb}){{alt='A round loaf, cut open' width=\"60%\"}}"
            ),
        ),
        (
            "index",
            "[flour](/courses/bread/flour) and in the [schedule][plan]".to_owned(),
        ),
        (
            "index",
            "[Flour and water](/courses/bread/flour#how-much-water)".to_owned(),
        ),
        ("index", "[A starter](/courses/bread/starter)".to_owned()),
        (
            "index",
            "(/courses/bread/oven-day?view=print#who-comes-when)".to_owned(),
        ),
        (
            "index",
            "[plan]: /courses/bread/oven-day \"Who bakes when\"".to_owned(),
        ),
        (
            "index",
            "<baker@example.org> or read more at <https://example.org/bread>".to_owned(),
        ),
        ("flour", "`[not a link](nowhere.md)`".to_owned()),
        ("flour", "see [the table](nowhere.md)".to_owned()),
        ("flour", "see the [course](/courses/bread).".to_owned()),
        (
            "starter",
            format!("src=\"/store/{film}\" poster=\"/store/{crumb}\" width=\"160\""),
        ),
        (
            "starter",
            "<a href=\"nowhere.md\">nothing</a> -->".to_owned(),
        ),
        (
            "starter",
            format!("[![A loaf](/store/{crumb})](/store/{crumb})"),
        ),
        ("oven-day", "[list](#who-comes-when)".to_owned()),
        (
            "oven-day",
            "<a href=\"/courses/bread/index#what-you-will-find\">".to_owned(),
        ),
        (
            "brotzeit",
            "[Mehl und Wasser](/courses/bread/flour)".to_owned(),
        ),
    ];
    for (slug, expect) in &cases {
        let body = &page(&course, slug).body;
        assert!(body.contains(expect.as_str()), "{slug}: {expect} in {body}");
    }
    // The heading that became the title is gone, the others are there.
    let starter = &page(&course, "starter").body;
    assert!(!starter.contains("# A starter to give away") && starter.contains("## Feeding it"));
}

#[test]
fn media_are_described() {
    let course = bread();
    let found: Vec<(String, String, u32, u32)> = {
        let mut list: Vec<_> = course
            .media
            .values()
            .map(|media| {
                (
                    media.file.to_string(),
                    media.manifest.media_type.clone(),
                    media.width,
                    media.height,
                )
            })
            .collect();
        list.sort();
        list
    };
    let expect = [
        ("images/crumb.png", "image/png", 320, 200),
        ("images/heat.svg", "image/svg+xml", 480, 240),
        ("images/rising.webm", "video/webm", 0, 0),
    ];
    let expect =
        expect.map(|(file, kind, width, height)| (file.to_owned(), kind.to_owned(), width, height));
    assert_eq!(found, expect);
    for media in course.media.values() {
        let bytes = fs::read(&media.path).expect("the file");
        assert_eq!(
            (media.id(), media.manifest.bytes),
            (ContentHash::of(&bytes), bytes.len() as u64)
        );
        assert_eq!(media.manifest.reach.0, Reach::Commons);
    }
    // A page names each of its blobs once.
    assert_eq!(page(&course, "starter").blobs.len(), 2);
}

#[test]
fn bad_folders_are_refused_with_code_file_and_line() {
    let cases: &[(&str, &[&str])] = &[
        ("front-matter", &["FrontMatter index.md:3"]),
        ("front-matter-open", &["FrontMatter index.md:1"]),
        ("not-utf8", &["NotUtf8 index.md:3"]),
        (
            "outside",
            &["OutsideFolder index.md:3", "OutsideFolder index.md:5"],
        ),
        (
            "broken-link",
            &[
                "BrokenLink index.md:5",
                "BrokenLink index.md:7",
                "BrokenLink index.md:9",
                "BrokenLink index.md:11",
            ],
        ),
        ("slug-taken", &["SlugTaken two.md:1"]),
        (
            "script",
            &[
                "ActiveContent index.md:3",
                "ActiveContent index.md:5",
                "ActiveContent index.md:5",
                "ActiveContent index.md:6",
                "ActiveContent index.md:6",
            ],
        ),
        ("config", &["CourseConfig config.yaml:4"]),
        (
            "missing-page",
            &["CourseConfig config.yaml:4", "OutsideFolder config.yaml:6"],
        ),
    ];
    for (name, expect) in cases {
        assert_eq!(problems(&fixture("bad").join(name)), *expect, "{name}");
    }
    let both = understand(&fixture("bad/slug-taken"), &Options::default()).expect_err("a problem");
    assert!(
        both[0].detail.contains("one.md") && both[0].detail.contains("two.md"),
        "{}",
        both[0]
    );
    assert_eq!(problems(&fixture("bread/images")), ["EmptyFolder "]);
}

#[test]
fn broken_links_may_become_plain_text() {
    let options = Options {
        broken_links: BrokenLinks::Unlink,
        ..Options::default()
    };
    let course = understand(&fixture("bad/broken-link"), &options).expect("a course");
    let expect = [
        "BrokenLink index.md:5",
        "BrokenLink index.md:7",
        "BrokenLink index.md:9",
        "BrokenLink index.md:11",
        "BrokenLink second.md:3",
    ];
    assert_eq!(told(&course.warnings), expect);
    let body = &page(&course, "index").body;
    assert!(
        body.contains(
            "See the [second page](/courses/broken-link/second) and the third.\n\nA loaf\n"
        ),
        "{body}"
    );
    assert!(body.contains("The plan and <a >a page</a>."), "{body}");
    assert_eq!(
        course.links,
        LinkCounts {
            rewritten: 3,
            kept: 0,
            unlinked: 4
        }
    );
    // Nothing else is forgiven.
    assert!(understand(&fixture("bad/outside"), &options).is_err());
    assert!(understand(&fixture("bad/script"), &options).is_err());
}

/// Makes a folder `name` of texts.
fn folder(name: &str, files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join(name);
    for (file, text) in files {
        let path = root.join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, text).expect("a file");
    }
    (dir, root)
}

#[test]
fn a_single_file_is_a_loose_page() {
    let (_dir, root) = folder(
        "Über uns",
        &[
            (
                "README.md",
                "# Wir\n\n[oben](.) [hier](README.md#x) ![](a.png)\n",
            ),
            ("a.png", "x"),
        ],
    );
    let course = understand(&root, &Options::default()).expect("a page");
    assert!(course.is_loose);
    assert_eq!(
        (course.slug.as_str(), course.title.as_str()),
        ("ueber-uns", "Wir")
    );
    let content = &course.pages[0].content;
    assert_eq!(
        (
            content.slug.as_str(),
            content.course.as_str(),
            content.title.as_str()
        ),
        ("ueber-uns", "", "Wir")
    );
    assert!(
        content
            .body
            .contains("[oben](/pages/ueber-uns) [hier](/pages/ueber-uns#x) ![](/store/"),
        "{}",
        content.body
    );

    let (_dir, root) = folder(
        "x",
        &[(
            "note.md",
            "---\nslug: my-note\nlang: de\nreach: neighborhood\n---\nText.\n",
        )],
    );
    let course = understand(&root, &Options::default()).expect("a page");
    let content = &course.pages[0].content;
    assert_eq!(
        (
            content.slug.as_str(),
            content.title.as_str(),
            content.language.as_str()
        ),
        ("my-note", "Note", "de")
    );
    assert_eq!(content.reach.0, Reach::Neighborhood);
}

#[test]
fn a_folder_without_configuration_is_a_course() {
    let (_dir, root) = folder(
        "Garten",
        &[
            (
                "index.md",
                "---\nslug: garden\nlanguage: de\nlicence: CC0-1.0\n---\n# Der Garten\n\n# Noch einer\n",
            ),
            ("10-ernte.md", "---\ntitle: Ernte\n---\n# Ernte\n\nText\n"),
            ("9-saat.md", "---\ntitle: Saat\n---\nText\n\n# Saat\n"),
            ("beete/hoch-beet.md", "Text"),
            ("wege/README.md", "# Alle Wege"),
            ("leer/a.txt", "kein Text"),
        ],
    );
    let course = understand(&root, &Options::default()).expect("a course");
    assert_eq!(
        tree(&course, &course.tree),
        "Der Garten(index); Saat(9-saat); Ernte(10-ernte); Beete[Hoch beet(hoch-beet)]; Alle Wege(wege)"
    );
    assert_eq!(
        (
            course.slug.as_str(),
            course.title.as_str(),
            course.language.as_str()
        ),
        ("garden", "Der Garten", "de")
    );
    assert!(
        course
            .pages
            .iter()
            .all(|page| page.content.language == "de")
    );
    assert_eq!(page(&course, "index").body.trim(), "# Noch einer");
    // A heading goes when it repeats the title at the top, and stays where it says something in the text.
    assert_eq!(page(&course, "10-ernte").body.trim(), "Text");
    assert_eq!(page(&course, "9-saat").body, "Text\n\n# Saat\n");
}

#[test]
fn line_numbers_survive_front_matter_and_foreign_line_ends() {
    let (_dir, root) = folder(
        "x",
        &[
            (
                "a.md",
                "\u{feff}---\r\ntitle: A\r\n---\r\n\r\n[x](gone.md)\r\n",
            ),
            ("b.md", "b"),
        ],
    );
    assert_eq!(problems(&root), ["BrokenLink a.md:5"]);
    // Everything is told at once.
    let (_dir, root) = folder(
        "x",
        &[
            ("b.md", "[x](gone.md)\n[y](../y.md)"),
            ("a.md", "---\nreach: x\n---\n"),
            ("c.md", "---\nslug: b\n---\n![](big.png)"),
            ("big.png", "12345"),
        ],
    );
    let mut options = Options::default();
    options.limits.media_bytes_max = 4;
    let found = told(&understand(&root, &options).expect_err("problems"));
    assert_eq!(
        found,
        [
            "FrontMatter a.md:2",
            "BrokenLink b.md:1",
            "OutsideFolder b.md:2",
            "FileTooLarge big.png",
            "SlugTaken c.md:1"
        ]
    );
}

#[test]
fn an_address_that_holds_its_surroundings_together_is_refused() {
    // Without the backtick in its address the line would start a block of code.
    let (_dir, root) = folder("x", &[("a.md", "```[x](`.md)\n"), ("`.md", "b")]);
    assert_eq!(problems(&root), ["BrokenLink a.md"]);
    let (_dir, root) = folder(
        "x",
        &[
            (
                "a.md",
                "# On [b](b.md) and [c]\n[c]: b.md\n\n[b](b.md#x&y)\n",
            ),
            ("b.md", "b"),
        ],
    );
    let course = understand(&root, &Options::default()).expect("a course");
    let body = &page(&course, "a").body;
    assert_eq!(body, "\n[c]: /courses/x/b\n\n[b](/courses/x/b#x&amp;y)\n");
    assert_eq!(page(&course, "a").title, "On b and c");
}

#[test]
fn a_blob_may_be_seen_by_all_who_may_see_a_page_with_it() {
    let (_dir, root) = folder(
        "x",
        &[
            ("a.md", "---\nreach: private\n---\n![](1.png) ![](2.png)"),
            ("b.md", "---\nreach: regional\n---\n![](2.png)"),
            ("1.png", "1"),
            ("2.png", "2"),
        ],
    );
    let course = understand(&root, &Options::default()).expect("a course");
    let reach = |file: &str| course.media[&hash_of(&course, file)].manifest.reach.0;
    assert_eq!(
        (reach("1.png"), reach("2.png")),
        (Reach::Private, Reach::Regional)
    );
}

#[test]
fn what_chains_do_not_take_is_a_problem() {
    let images: String = (0..1_001)
        .map(|number| format!("![]({number}.png)\n"))
        .collect();
    let names: Vec<(String, String)> = (0..1_001)
        .map(|number| (format!("{number}.png"), number.to_string()))
        .collect();
    let mut files = vec![("a.md", images.as_str())];
    files.extend(
        names
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str())),
    );
    let (_dir, root) = folder("x", &files);
    assert_eq!(problems(&root), ["FileTooLarge a.md"]);
    let deep = (0..9).fold("- title: T\n  pages: [a.md]".to_owned(), |inner, _| {
        let indented = inner.replace('\n', "\n  ");
        format!("- title: T\n  pages:\n  {indented}")
    });
    let (_dir, root) = folder(
        "x",
        &[("a.md", "a"), ("config.yaml", &format!("order:\n{deep}\n"))],
    );
    assert_eq!(problems(&root), ["CourseConfig config.yaml"]);
}

#[test]
fn the_course_names_the_pages_that_it_lacks() {
    let course = bread();
    assert_eq!(course.path(|_| None), Err("index".to_owned()));
    let hash = |slug: &str| Some(ActionHash::from_raw_32(vec![slug.len() as u8; 32]));
    let path = course.path(hash).expect("a path");
    assert_eq!(path.pages().len(), 5);
    assert_eq!(path.nodes[1].page, None);
    assert_eq!(path.nodes[1].children[0].page, hash("flour"));
}

#[test]
fn a_real_lesson_is_understood() {
    let dir =
        FsPath::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/courses/git-novice");
    if !dir.is_dir() {
        println!("left out: {} is missing", dir.display());
        return;
    }
    let course = understand(&dir, &Options::default()).expect("a course");
    assert_eq!(told(&course.warnings), [] as [&str; 0]);
    assert_eq!(
        (course.slug.as_str(), course.title.as_str()),
        ("git-novice", "Version Control with Git")
    );
    let sections: Vec<(&str, usize)> = course
        .tree
        .iter()
        .map(|branch| (branch.title.as_str(), branch.children.len()))
        .collect();
    let expect = [
        ("Version Control with Git", 0),
        ("Episodes", 14),
        ("For learners", 3),
        ("For instructors", 1),
        ("About this course", 1),
    ];
    assert_eq!(sections, expect);
    assert_eq!((course.pages.len(), course.media.len()), (20, 30));
    assert_eq!(
        course.links,
        LinkCounts {
            rewritten: 65,
            kept: 145,
            unlinked: 0
        }
    );
    assert!(
        course
            .attribution
            .starts_with("From https://github.com/swcarpentry/git-novice, by Alison Appling, ")
    );
    assert!(
        course
            .attribution
            .contains("Licence: CC-BY 4.0, see LICENSE.md. Please cite as: Ivan Gonzalez")
    );
    assert!(
        course
            .media
            .values()
            .all(|media| media.width > 0 && media.height > 0)
    );
    for page in &course.pages {
        let relative = ["](../", "](fig/", "](0", "](1", "](learners/"]
            .iter()
            .find(|sign| page.content.body.contains(**sign));
        assert_eq!(relative, None, "{}", page.file);
        assert_eq!(page.content.licence, "CC-BY 4.0");
    }
    let basics = &course.pages[1].content;
    assert!(
        basics
            .body
            .contains("[conflict](/courses/git-novice/reference#conflict)")
    );
    assert_eq!(basics.blobs.len(), 4);
}
