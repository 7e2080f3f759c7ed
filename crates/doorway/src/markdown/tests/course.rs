//! A whole course of the Carpentries, where it is at hand.

#![allow(
    clippy::disallowed_methods,
    reason = "the test reads texts that the project does not own"
)]

use std::path::{Path, PathBuf};

use super::{assert_safe, media, render, select};

fn course() -> Option<PathBuf> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/courses/git-novice");
    if path.is_dir() {
        return Some(path);
    }
    println!("left out: the course is not at hand");
    None
}

fn texts(course: &Path) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for folder in ["", "episodes", "learners", "instructors"] {
        let entries = std::fs::read_dir(course.join(folder)).expect("the course has these folders");
        for entry in entries {
            let path = entry.expect("a readable folder").path();
            if path.extension().is_some_and(|ending| ending == "md") {
                let text = std::fs::read_to_string(&path).expect("a text in UTF-8");
                let body = text
                    .splitn(3, "---\n")
                    .last()
                    .unwrap_or_default()
                    .to_owned();
                out.push((path.display().to_string(), body));
            }
        }
    }
    out
}

#[test]
fn a_whole_course_leaves_no_marks_of_its_source() {
    let Some(course) = course() else {
        return;
    };
    let texts = texts(&course);
    assert!(texts.len() >= 18, "all folders were read");
    for (path, body) in &texts {
        assert_safe(body);
        let html = render(body, &media()).html;
        let outside_code = html
            .split("<pre")
            .map(|part| part.split_once("</pre>").map_or(part, |(_, rest)| rest));
        let prose: String = outside_code.collect();
        for mark in [
            ":::",
            "{alt",
            "{#",
            "{:",
            "+--",
            "&lt;!--",
            "](",
            "[]",
            "width=\"40%\"",
        ] {
            assert!(!prose.contains(mark), "{mark} is left in {path}");
        }
        assert_eq!(
            select(&html, "img[alt='']"),
            0,
            "a picture without words in {path}"
        );
    }
}

#[test]
fn every_division_of_the_course_is_a_call_out() {
    let Some(course) = course() else {
        return;
    };
    for (path, body) in texts(&course) {
        let opened = body
            .lines()
            .filter(|line| line.starts_with(":::") && !line.trim_matches([':', ' ']).is_empty())
            .count();
        let html = render(&body, &media()).html;
        assert_eq!(select(&html, ".callout"), opened, "{path}");
    }
}
