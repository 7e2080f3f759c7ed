//! The table of questions, request by request.

use proptest::prelude::*;

use super::{Question, Sort, of};

fn ask(address: &str) -> Option<Question<'_>> {
    let (path, query) = match address.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (address, None),
    };
    of(path, query)
}

fn text(address: &str) -> Option<String> {
    ask(address).map(|question| question.text.into_owned())
}

#[test]
fn requests_for_the_same_answer_have_the_same_question() {
    let table = [
        ("/?_=123", "/"),
        ("/pages/bread?_=1&utm_source=x", "/pages/bread"),
        ("/pages/bread?", "/pages/bread"),
        ("/search?q=", "/search"),
        ("/search?_=%FF&q=a+b", "/search?q=a b"),
        ("/search?cursor=20&q=a%20b", "/search?q=a b&cursor=20"),
        ("/search?q=a%26cursor%3D20", "/search?q=a%26cursor=20"),
        ("/search?q=50%25", "/search?q=50%25"),
        ("/search?q=x&limit=5", "/search?q=x"),
        ("/api/v1/search?limit=100&q=x", "/api/v1/search?q=x"),
        ("/api/v1/search?q=x&limit=0", "/api/v1/search?q=x&limit=1"),
        (
            "/api/v1/search?q=x&limit=9999",
            "/api/v1/search?q=x&limit=1000",
        ),
        (
            "/api/v1/cache/content?course=&limit=20&author=a",
            "/api/v1/cache/content?limit=20&author=a&course=",
        ),
        (
            "/api/v1/cache/content/a/b?proof=0",
            "/api/v1/cache/content/a/b",
        ),
        (
            "/api/v1/cache/path/x?seq=007&proof=1",
            "/api/v1/cache/path/x?proof=1&seq=7",
        ),
    ];
    for (address, expect) in table {
        assert_eq!(text(address).as_deref(), Some(expect), "{address}");
    }
}

#[test]
fn requests_for_different_answers_have_different_questions() {
    let addresses = [
        "/",
        "/search",
        "/search?q=a",
        "/search?q=a%26cursor=2",
        "/search?q=a&cursor=2",
        "/search?q=a&cursor=",
        "/pages/a",
        "/pages/a%2Fb",
        "/courses/a/b",
        "/api/v1/cache/content",
        "/api/v1/cache/content?course=",
        "/api/v1/cache/content?author=",
        "/api/v1/cache/content/a",
        "/api/v1/cache/content/a?proof=1",
        "/api/v1/search?q=a",
    ];
    let texts: Vec<String> = addresses
        .iter()
        .map(|address| text(address).unwrap_or_else(|| panic!("{address} has no question")))
        .collect();
    for (index, one) in texts.iter().enumerate() {
        assert!(!texts[index + 1..].contains(one), "{one}");
    }
}

#[test]
fn some_requests_have_no_question() {
    let long = format!("/pages/{}", "a".repeat(2_048));
    let table = [
        "",
        "pages/a",
        "*",
        "//",
        "/pages",
        "/pages/",
        "/pages//a",
        "/pages/./a",
        "/pages/../a",
        "/pages/..",
        "/pages/%61",
        "/pages/%c3%bc",
        "/pages/%",
        "/pages/%2",
        "/pages/a/b",
        "/courses/a/b/c",
        "/api/v1/cache",
        "/api/v1/cache/Content",
        "/api/v1/cache/other/x",
        "/api/v1/chains/x",
        "/store/x",
        "/health",
        "/assets/style.css",
        "/api/v1/search?q=a&q=b",
        "/api/v1/search?q=%FF",
        "/api/v1/search?q=%2",
        "/api/v1/search?q=a&limit=many",
        "/api/v1/cache/content/a?proof=yes",
        "/api/v1/cache/content/a?seq=-1",
        &long,
    ];
    for address in table {
        assert_eq!(text(address), None, "{address}");
    }
}

#[test]
fn a_path_without_parameters_is_borrowed() {
    for address in ["/", "/pages/bread?_=1", "/courses/a/b"] {
        let question = ask(address).expect("it is a page");
        assert_eq!(question.sort, Sort::Page);
        assert!(matches!(question.text, std::borrow::Cow::Borrowed(_)));
    }
    let list = ask("/api/v1/cache/content").expect("it is a list");
    assert_eq!(list.sort, Sort::Json);
}

proptest! {
    #[test]
    fn anything_is_read_without_panicking(path in ".{0,40}", query in ".{0,40}") {
        let slashed = format!("/{path}");
        drop(of(&path, Some(&query)));
        drop(of(&slashed, Some(&query)));
    }

    /// The question of a question's own text is itself, when its values need no escapes.
    #[test]
    fn a_question_asks_itself(q in "[a-z0-9 ]{1,20}", cursor in prop::option::of("[a-z0-9]{0,5}"), limit in 0_u32..2_000) {
        let q = q.replace(' ', "+");
        let cursor = cursor.map(|cursor| format!("cursor={cursor}&")).unwrap_or_default();
        let address = format!("/api/v1/search?{cursor}limit={limit}&_=9&q={q}");
        let first = text(&address).expect("it is a search");
        let again = text(&first.replace(' ', "+")).expect("it is a search");
        prop_assert_eq!(first, again);
    }

    #[test]
    fn order_and_strangers_do_not_matter(pairs in Just(vec!["author=a", "course=b", "limit=7", "cursor=c", "_=1", "x=%20"]).prop_shuffle()) {
        let address = format!("/api/v1/cache/content?{}", pairs.join("&"));
        let found = text(&address);
        prop_assert_eq!(found.as_deref(), Some("/api/v1/cache/content?cursor=c&limit=7&author=a&course=b"));
    }
}
