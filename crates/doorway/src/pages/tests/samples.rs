//! One rich model per page kind.

use crate::markdown::{self, Media};
use crate::pages::model::*;
use crate::pages::strings::Language;

const AT: i64 = 1_795_167_247_000_000;
const BODY: &str = "Intro[^1] with $a^2$ and [a link](https://x.org).\n\n::: objectives\n\n- See\n- Do\n\n:::\n\n\
    ## Part one\n\n```bash\n$ git status\n```\n\n```output\nOn branch main\n```\n\n![A map](/store/HASH \"Our way\")\n\n\
    ::: challenge\n\n## Try it\n\nDo it.\n\n::: solution\n\n## Solution\n\nDone.\n\n:::\n:::\n\n### Deeper\n\n\
    | a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done\n\nTerm\n: Meaning.\n\n[^1]: The note.\n";

pub(super) fn site(language: Language) -> Site {
    Site {
        name: String::from("Parents of Lindenhof"),
        language,
        version: String::from("0.1.0"),
        origin: String::from("http://127.0.0.1:8080"),
    }
}

fn text() -> Article {
    let hash = "a".repeat(64);
    let media = [Media {
        hash: hash.clone(),
        media_type: String::from("image/png"),
        width: Some(640),
        height: Some(480),
        name: String::from("map.png"),
    }];
    // As long as a typical page of a course: about 8 KiB of Markdown.
    let body = BODY
        .replace("HASH", &hash)
        .replace("Do it.", &"Read this sentence twice. ".repeat(280));
    Article {
        html: markdown::render(&body, &media).html,
    }
}

fn byline() -> Byline {
    Byline {
        author: String::from("Marta Okafor"),
        author_href: String::from("/a/marta"),
        signed_at: AT,
        proof_href: String::from("/proof/x"),
        record_href: String::from("/api/v1/cache/content/x?proof=1"),
        history_href: String::from("/history/x"),
    }
}

pub(super) fn place(title: &str, href: &str) -> Place {
    Place {
        title: title.to_owned(),
        href: Some(href.to_owned()),
        minutes: Some(4),
        children: Vec::new(),
    }
}

fn contents() -> Contents {
    let section = |title: &str, children: Vec<Place>| Place {
        title: title.to_owned(),
        href: None,
        minutes: None,
        children,
    };
    Contents {
        title: String::from("Version Control with Git"),
        href: String::from("/c/git"),
        places: vec![
            section(
                "Episodes",
                vec![
                    place("Basics", "/c/git/basics"),
                    place("Changes", "/c/git/changes"),
                ],
            ),
            section(
                "For learners",
                vec![section("Deep", vec![place("Setup", "/c/git/setup")])],
            ),
        ],
    }
}

fn license() -> Option<License> {
    Some(License {
        name: String::from("CC-BY 4.0"),
        href: Some(String::from("https://creativecommons.org/licenses/by/4.0/")),
    })
}

pub(super) fn page(in_course: bool) -> Page {
    let neighbour = |title: &str, href: &str| {
        Some(Neighbour {
            title: title.to_owned(),
            href: href.to_owned(),
        })
    };
    Page {
        title: String::from("Tracking Changes"),
        href: String::from("/c/git/changes"),
        summary: String::from("How to record changes."),
        article: text(),
        minutes: 12,
        language: String::from("en"),
        license: license(),
        tags: vec![String::from("git"), String::from("two words")],
        byline: byline(),
        course: in_course.then(contents),
        previous: neighbour("Basics", "/c/git/basics").filter(|_| in_course),
        next: neighbour("Setup", "/c/git/setup").filter(|_| in_course),
    }
}

fn course() -> Course {
    Course {
        contents: contents(),
        description: String::from("Keep every version of a text."),
        language: String::from("en"),
        license: license(),
        tags: vec![String::from("git")],
        byline: byline(),
        page_count: 3,
        minutes: 75,
        start_href: Some(String::from("/c/git/basics")),
        attribution: "From a village, by its bakers.".to_owned(),
        introduction: Some(Article {
            html: markdown::render("## Why\n\nBecause.\n", &[]).html,
        }),
    }
}

fn course_card() -> CourseCard {
    CourseCard {
        title: String::from("Version Control with Git"),
        href: String::from("/c/git"),
        description: String::from("Keep every version of a text."),
        page_count: 18,
        author: String::from("Marta Okafor"),
        changed_at: AT,
        language: String::from("en"),
    }
}

fn page_card() -> PageCard {
    PageCard {
        title: String::from("Protokoll"),
        href: String::from("/p/protokoll"),
        summary: String::from("Wir trafen uns am Dienstag."),
        author: String::from("Jonas Weber"),
        changed_at: AT,
        language: String::from("de"),
    }
}

fn home() -> Home {
    let change = |kind, href: Option<&str>| Change {
        kind,
        title: String::from("Protokoll"),
        href: href.map(str::to_owned),
        author: String::from("Jonas Weber"),
        at: AT,
    };
    Home {
        about: String::from("Courses and minutes from our families."),
        courses: vec![course_card(), course_card()],
        pages: vec![page_card()],
        changes: vec![
            change(ChangeKind::Created, Some("/p/protokoll")),
            change(ChangeKind::Changed, Some("/p/protokoll")),
            change(ChangeKind::Withdrawn, None),
        ],
    }
}

pub(super) fn search(query: &str) -> Search {
    let piece = |text: &str, is_match| Snippet {
        text: text.to_owned(),
        is_match,
    };
    Search {
        query: query.to_owned(),
        found: vec![Found {
            title: String::from("Tracking Changes"),
            href: String::from("/c/git/changes"),
            snippet: vec![
                piece("… a ", false),
                piece(query, true),
                piece(" was found …", false),
            ],
            author: String::from("Marta Okafor"),
            course: Some(String::from("Version Control with Git")),
            changed_at: AT,
            language: String::from("en"),
        }],
        total: 57,
        from: 11,
        newer_href: Some(String::from("/search?q=x")),
        older_href: Some(String::from("/search?q=x&after=20")),
    }
}

pub(super) fn author() -> Author {
    Author {
        name: String::from("Marta Okafor"),
        href: String::from("/a/marta"),
        about: String::from("I teach.\n\nI garden."),
        key: format!("uhCAk{}", "aB3d".repeat(12)),
        record_href: Some("/api/v1/cache/profile/x?proof=1".to_owned()),
        courses: vec![course_card()],
        pages: vec![page_card()],
    }
}

fn proof() -> Proof {
    Proof {
        title: String::from("Tracking Changes"),
        href: String::from("/c/git/changes"),
        author: String::from("Marta Okafor"),
        author_href: String::from("/a/marta"),
        author_key: author().key,
        action_type: String::from("Create"),
        action_hash: format!("uhCkk{}", "aB3d".repeat(12)),
        sequence: 1042,
        signed_at: AT,
        signature: "aB3d".repeat(22),
        entry_hash: Some(format!("uhCEk{}", "aB3d".repeat(12))),
        dna_hash: format!("uhC0k{}", "aB3d".repeat(12)),
        verify_url: String::from("http://127.0.0.1:8080/c/git/changes"),
        record_href: String::from("/api/v1/cache/content/x?proof=1"),
    }
}

fn history() -> History {
    let version = |kind, is_current: bool| Version {
        kind,
        at: AT,
        author: String::from("Marta Okafor"),
        action_hash: proof().action_hash,
        href: (!is_current).then(|| String::from("/c/git/changes?version=1")),
        proof_href: String::from("/proof/x"),
        is_current,
    };
    History {
        title: String::from("Tracking Changes"),
        href: String::from("/c/git/changes"),
        versions: vec![
            version(ChangeKind::Changed, true),
            version(ChangeKind::Created, false),
        ],
    }
}

pub(super) fn problem(happened: &str) -> Problem {
    Problem {
        code: String::from("CH-0142"),
        happened: happened.to_owned(),
        means: String::from("Members kept there can read but not write."),
        todo: String::from("Restart it."),
    }
}

/// Every page kind, and the empty form of those that have one.
pub(super) fn written(site: &Site) -> Vec<(String, String)> {
    use crate::pages;
    let empty_home = Home {
        about: String::new(),
        courses: Vec::new(),
        pages: Vec::new(),
        changes: Vec::new(),
    };
    let nothing = Search {
        found: Vec::new(),
        total: 0,
        newer_href: None,
        older_href: None,
        ..search("x")
    };
    let notice = Notice {
        title: String::from("CH-0142"),
        href: String::from("/errors/CH-0142"),
        language: String::from("en"),
        article: Article {
            html: markdown::render("It happens.\n\n## What to do\n\nRestart.\n", &[]).html,
        },
    };
    let pages = [
        ("home", pages::home(site, &home())),
        ("status", pages::status(site, &crate::status::tests::busy())),
        (
            "young status",
            pages::status(site, &crate::status::tests::young()),
        ),
        ("empty home", pages::home(site, &empty_home)),
        ("course", pages::course(site, &course())),
        ("page", pages::page(site, &page(true))),
        ("lone page", pages::page(site, &page(false))),
        ("search", pages::search(site, &search("tea"))),
        ("search without results", pages::search(site, &nothing)),
        (
            "search without a query",
            pages::search(
                site,
                &Search {
                    query: String::new(),
                    ..nothing.clone()
                },
            ),
        ),
        ("author", pages::author(site, &author())),
        ("proof", pages::proof(site, &proof())),
        ("history", pages::history(site, &history())),
        ("not found", pages::not_found(site)),
        (
            "problem",
            pages::problem(site, &problem("Your doorway could not reach conductor 2")),
        ),
        ("notice", pages::notice(site, &notice)),
    ];
    pages
        .into_iter()
        .map(|(name, page)| (name.to_owned(), page.into_string()))
        .collect()
}
