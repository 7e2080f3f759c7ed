//! Reading a page the way a browser does.

use super::*;

fn address() -> SocketAddr {
    "127.0.0.1:8080".parse().expect("an address")
}

fn here(target: &str, fragment: Option<&str>) -> Place {
    Place::Here {
        target: target.to_owned(),
        fragment: fragment.map(str::to_owned),
    }
}

#[test]
fn addresses_are_resolved_against_their_page() {
    let cases = [
        ("/x?y=1#z", here("/x?y=1", Some("z"))),
        ("#caf%C3%A9", here("/courses/a/b?q=1", Some("café"))),
        ("#", here("/courses/a/b?q=1", None)),
        ("?p=2", here("/courses/a/b?p=2", None)),
        ("c", here("/courses/a/c", None)),
        ("../d/e?f=g:h", here("/courses/d/e?f=g:h", None)),
        ("http://127.0.0.1:8080/h", here("/h", None)),
        ("http://127.0.0.1:8080", here("/", None)),
        ("http://127.0.0.1:80801/h", Place::Elsewhere),
        ("https://example.org/", Place::Elsewhere),
        ("//example.org/", Place::Elsewhere),
        ("mailto:a@example.org", Place::Elsewhere),
        (" JavaScript:alert(1)", Place::Script),
    ];
    for (to, expect) in cases {
        assert_eq!(resolve(to, address(), "/courses/a/b?q=1"), expect, "{to}");
    }
}

#[test]
fn a_page_tells_what_it_links_to_and_what_is_wrong_with_it() {
    let html = r#"<!doctype html><html lang="en"><link rel="stylesheet" href="/s.css">
        <h1>One</h1><p id="a">out <p id="a">again
        <article id="text"><p>Author's <b>words</b></p><img src="/i.png" alt="" width="1" height="2">
        <img src="/j.png" alt="" srcset="/k.png 2x, /l.png 3x"><video src="/v" poster="/p"></video></article>
        <a rel="next noopener" href="/n#m">next</a><script>1</script><b onclick="x">"#;
    let page = Page::read(html, address(), "/");
    assert_eq!((page.lang.as_str(), page.headings.len()), ("en", 1));
    assert_eq!(page.text, "Author's words");
    assert_eq!(page.next.as_deref(), Some("/n"));
    let links: Vec<(&str, Role)> = page
        .links
        .iter()
        .map(|link| (link.target.as_str(), link.role))
        .collect();
    for expect in [
        ("/s.css", Role::Style),
        ("/i.png", Role::Image),
        ("/k.png", Role::Image),
        ("/l.png", Role::Image),
        ("/v", Role::Media),
        ("/p", Role::Image),
        ("/n", Role::Way),
    ] {
        assert!(links.contains(&expect), "{expect:?} in {links:?}");
    }
    assert_eq!(
        page.faults,
        [
            "the id a twice",
            "the image /j.png without its size or its text",
            "a <script>",
            "the attribute onclick of <b>",
        ]
    );
}
