//! Tests of which files are pages and in which order.

use std::collections::BTreeMap;

use super::*;
use crate::publish::config::{self, Config};

fn file(path: &str) -> FilePath {
    FilePath::new(path).expect("a file")
}

fn source(texts: &[&str], config: Option<&str>) -> Source {
    let folders = texts
        .iter()
        .map(|path| file(path).folder().to_owned())
        .filter(|folder| !folder.is_empty());
    let mut all = BTreeSet::new();
    for folder in folders {
        let parts: Vec<&str> = folder.split('/').collect();
        all.extend((1..=parts.len()).map(|len| file(&parts[..len].join("/"))));
    }
    Source {
        root: "/".into(),
        name: "course".to_owned(),
        texts: texts
            .iter()
            .map(|path| (file(path), String::new()))
            .collect(),
        config: config.map(|text| (file("config.yaml"), text.to_owned())),
        notes: BTreeMap::new(),
        files: [(file("a.txt"), 0)].into(),
        folders: all,
        symlinks: BTreeSet::new(),
    }
}

fn layout(source: &Source) -> (Layout, Vec<Problem>) {
    let config = match &source.config {
        Some((file, text)) => config::read(file, text).expect("a configuration"),
        None => Config::default(),
    };
    Layout::of(source, &config.order)
}

/// Writes places as `name[places]`.
fn written(places: &[Place]) -> String {
    let place = |place: &Place| match place {
        Place::Page(file) => file.to_string(),
        Place::Section {
            name,
            index,
            places,
        } => {
            let name = match name {
                Name::Title(title) => title.clone(),
                Name::Folder(folder) => format!("{folder}/"),
                Name::Part(part) => part.title("en").to_owned(),
            };
            let index = index
                .as_ref()
                .map(|index| format!("={index}"))
                .unwrap_or_default();
            format!("{name}{index}[{}]", written(places))
        }
    };
    places.iter().map(place).collect::<Vec<_>>().join(" ")
}

fn check(texts: &[&str], config: Option<&str>) -> String {
    let source = source(texts, config);
    let (layout, problems) = layout(&source);
    assert_eq!(problems, []);
    written(&layout.places)
}

#[test]
fn without_a_configuration_names_give_the_order() {
    let cases: &[(&[&str], &str)] = &[
        (
            &["10-z.md", "9-a.md", "README.md"],
            "README.md 9-a.md 10-z.md",
        ),
        (
            &["README.md", "index.md", "a.md"],
            "index.md a.md README.md",
        ),
        (
            &["1.md", "2-more/index.md", "2-more/b.md", "3.md"],
            "1.md 2-more/=2-more/index.md[2-more/b.md] 3.md",
        ),
        (&["a/b/c.md", "a/d.md"], "a/[b/[a/b/c.md] a/d.md]"),
    ];
    for (texts, expect) in cases {
        assert_eq!(check(texts, None), *expect, "{texts:?}");
    }
}

#[test]
fn a_lesson_has_parts_in_a_fixed_order() {
    let texts = [
        "index.md",
        "episodes/02-b.md",
        "episodes/01-a.md",
        "learners/setup.md",
        "instructors/notes.md",
        "LICENSE.md",
        "README.md",
    ];
    let all = "carpentry: swc\nepisodes:\n";
    assert_eq!(
        check(&texts, Some(all)),
        "index.md Episodes[episodes/01-a.md episodes/02-b.md] For learners[learners/setup.md] \
         For instructors[instructors/notes.md] About this course[LICENSE.md]"
    );
    let some = "episodes:\n- 02-b.md\nlearners:\n- setup.md\n";
    let source = source(&texts, Some(some));
    let (mut layout, problems) = layout(&source);
    assert_eq!(problems, []);
    assert!(!layout.holds(&file("episodes/01-a.md")));
    for linked in [
        "README.md",
        "episodes/01-a.md",
        "profiles/x.md",
        "episodes/01-a.md",
    ] {
        layout.add(&file(linked));
    }
    assert_eq!(
        written(&layout.places),
        "index.md Episodes[episodes/02-b.md episodes/01-a.md] For learners[learners/setup.md] \
         For instructors[instructors/notes.md] Learner profiles[profiles/x.md] About this course[LICENSE.md README.md]"
    );
}

#[test]
fn our_own_list_gives_order_and_sections() {
    let texts = ["index.md", "a.md", "b/c.md", "d.md"];
    let config = "order:\n- d.md\n- title: Part\n  pages:\n  - b/c.md\n";
    assert_eq!(check(&texts, Some(config)), "index.md d.md Part[b/c.md]");
    let source = source(&texts, Some("order:\n- a.md\n- index.md\n"));
    let (mut layout, _) = layout(&source);
    layout.add(&file("b/c.md"));
    assert_eq!(written(&layout.places), "a.md index.md b/c.md");
}

#[test]
fn what_is_listed_must_be_a_page_inside() {
    let cases: &[(&str, Code, u32)] = &[
        ("order:\n- gone.md\n", Code::CourseConfig, 2),
        ("order:\n- a.txt\n", Code::CourseConfig, 2),
        ("order:\n- index.md\n- ../x.md\n", Code::OutsideFolder, 3),
        ("order:\n- index.md\n- index.md\n", Code::CourseConfig, 3),
        ("episodes:\n- index.md\n", Code::CourseConfig, 2),
        (
            "episodes:\n- ../index.md\nlearners:\n- ../../x.md\n",
            Code::OutsideFolder,
            4,
        ),
        ("order:\n- .\n", Code::CourseConfig, 2),
    ];
    for (config, code, line) in cases {
        let source = source(&["index.md"], Some(config));
        let (_, problems) = layout(&source);
        let found: Vec<(Code, u32)> = problems
            .iter()
            .map(|problem| (problem.code, problem.place.as_ref().expect("a place").line))
            .collect();
        assert_eq!(found, [(*code, *line)], "{config}");
    }
}

#[test]
fn parts_are_named_in_the_language_of_the_course() {
    assert_eq!(Part::Learners.title("de-AT"), "Für Lernende");
    assert_eq!(Part::Learners.title("es"), "Para estudiantes");
    assert_eq!(Part::Learners.title("sv"), "For learners");
}
