//! What is served under `/assets/`.

use super::{FILES, FONTS, compact, find, icon_href, paths, style_href, stylesheet};

#[test]
fn every_embedded_address_is_found_and_no_other() {
    for path in paths() {
        let asset = find(path).expect("a path that is listed");
        assert!(!asset.bytes.is_empty() && asset.etag.len() == 34, "{path}");
        let in_name = path
            .rsplit_once('-')
            .and_then(|(_, rest)| rest.split('.').next())
            .unwrap_or_default();
        assert!(
            asset.etag[1..].starts_with(in_name) && in_name.len() == 8,
            "{path} names the hash of its bytes"
        );
    }
    for path in [
        "/assets/style.css",
        "/assets/../Cargo.toml",
        "/assets/",
        "",
        "/assets/style-00000000.css",
    ] {
        assert!(find(path).is_none(), "{path}");
    }
}

#[test]
fn the_style_sheet_and_the_icon_have_their_types() {
    assert_eq!(
        find(style_href()).map(|asset| asset.media_type),
        Some("text/css; charset=utf-8")
    );
    let icon = find(icon_href()).expect("the icon is embedded");
    assert_eq!(icon.media_type, "image/svg+xml");
    assert!(
        icon.bytes.starts_with(b"<svg "),
        "an icon that browsers read"
    );
}

#[test]
fn a_font_is_named_exactly_when_its_file_is_embedded() {
    let css = stylesheet();
    for (file, _, _) in FONTS {
        let stem = file.trim_end_matches(".woff2");
        let is_named = css.contains(&format!("url(/assets/{stem}-"));
        assert_eq!(is_named, FILES.get_file(file).is_some(), "{file}");
    }
}

#[test]
fn compacting_keeps_meaning() {
    let cases = [
        ("a { b: c; }", "a{b:c}\n"),
        ("/* x */ a > b + c { d: e  f; }\n\n", "a > b + c{d:e f}\n"),
        (
            "a::before { content: \" ({;\"; }",
            "a::before{content:\" ({;\"}\n",
        ),
        ("@media print { a { b: c } }", "@media print{a{b:c}\n}\n"),
        ("/**/a{b:c}", "a{b:c}\n"),
        ("/* open", ""),
    ];
    for (css, expected) in cases {
        assert_eq!(compact(css), expected, "{css:?}");
    }
}
