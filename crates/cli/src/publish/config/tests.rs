//! Tests of course configurations.

use super::*;

fn check(text: &str) -> Result<Config, Vec<u32>> {
    let file = FilePath::new("config.yaml").expect("a file");
    read(&file, text).map_err(|problems| {
        assert!(
            problems
                .iter()
                .all(|problem| problem.code == Code::CourseConfig),
            "{problems:?}"
        );
        problems
            .iter()
            .filter_map(|problem| Some(problem.place.as_ref()?.line))
            .collect()
    })
}

fn lined(line: u32, text: &str) -> Lined<String> {
    Lined {
        value: text.to_owned(),
        line,
    }
}

fn page(line: u32, file: &str) -> Lined<Entry> {
    Lined {
        value: Entry::Page(file.to_owned()),
        line,
    }
}

#[test]
fn a_carpentries_lesson_is_read() {
    let text = "carpentry: 'swc'\ntitle: 'Git'\nkeywords: 'a, b'\nlicense: 'CC-BY 4.0'\nsource: 'https://x.org/y'\n\
        episodes: \n- 01-a.md\n- 02-b.md\nlearners: \ninstructors:\nprofiles:\nanalytics: carpentries\nlang: en\n";
    let config = check(text).expect("a configuration");
    let lesson = Lesson {
        episodes: vec![lined(7, "01-a.md"), lined(8, "02-b.md")],
        ..Lesson::default()
    };
    assert_eq!(config.order, Order::Lesson(lesson));
    assert_eq!(config.title.as_deref(), Some("Git"));
    assert_eq!(config.licence.as_deref(), Some("CC-BY 4.0"));
    assert_eq!(config.tags, ["a", "b"]);
    assert_eq!(config.language.as_deref(), Some("en"));
    let bare = check("carpentry: incubator\n").expect("a configuration");
    assert_eq!(bare.order, Order::Lesson(Lesson::default()));
}

#[test]
fn our_own_form_is_read() {
    let text = "title: Bread\nslug: bread\nreach: commons\norder:\n  - index.md\n  - title: First\n    pages:\n      - a/b.md\n      - title: Deeper\n        pages: [c.md]\n";
    let config = check(text).expect("a configuration");
    let deeper = Entry::Section {
        title: "Deeper".to_owned(),
        pages: vec![page(10, "c.md")],
    };
    let first = Entry::Section {
        title: "First".to_owned(),
        pages: vec![
            page(8, "a/b.md"),
            Lined {
                value: deeper,
                line: 9,
            },
        ],
    };
    assert_eq!(
        config.order,
        Order::Listed(vec![
            page(5, "index.md"),
            Lined {
                value: first,
                line: 6
            }
        ])
    );
    assert_eq!(
        (config.slug.as_deref(), config.reach),
        (Some("bread"), Some(Reach::Commons))
    );
    assert_eq!(check("").expect("nothing"), Config::default());
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let cases: &[(&str, &[u32])] = &[
        ("title: [a]\n", &[1]),
        ("a: 1\nepisodes: x.md\n", &[2]),
        ("a: 1\nepisodes:\n- [x]\n", &[3]),
        ("title: T\norder:\n- index.md\nepisodes:\n- a.md\n", &[3]),
        ("order:\n- a.md\n- page: b.md\n", &[3]),
        ("order:\n- pages: [b.md]\n", &[2]),
        ("order: a.md\n", &[1]),
        ("slug: A B\nreach: x\n", &[1, 2]),
        ("title: 'x\n", &[1]),
    ];
    for (text, lines) in cases {
        let found = check(text).expect_err(text);
        assert_eq!(found, *lines, "{text:?}");
    }
}
