//! A page from a `data:` address, looked at in a real browser where there is one.

use super::*;

const PAGE: &str = "data:text/html,<meta name=viewport content='width=device-width'><title>t</title>\
    <style>body{background:white}@media(prefers-color-scheme:dark){body{background:black}}</style><p id=a>one</p>";

#[test]
fn a_page_can_be_read_judged_and_photographed() {
    let mut browser = match Browser::start().expect("Chromium starts where it is installed") {
        Start::Available(browser) => browser,
        Start::LeftOut(reason) => return println!("{reason}"),
    };
    browser
        .look_with(Screen::PHONE.dark())
        .expect("the screen can be set");
    browser.open(PAGE).expect("a data address opens");
    assert_eq!(
        browser.evaluate("innerWidth").expect("a number"),
        json!(390)
    );
    let colour = browser
        .evaluate("getComputedStyle(document.body).backgroundColor")
        .expect("a colour");
    assert_eq!(colour, json!("rgb(0, 0, 0)"));
    assert_eq!(
        browser
            .evaluate("Promise.resolve(6 * 7)")
            .expect("a promise is awaited"),
        json!(42)
    );
    let error = browser
        .evaluate("nothing.at.all")
        .expect_err("it throws")
        .to_string();
    assert!(error.contains("ReferenceError"), "{error}");
    assert!(browser.dom().expect("HTML").contains("<p id=\"a\">one</p>"));

    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("page.png");
    browser.screenshot(&file).expect("a picture is taken");
    let bytes = std::fs::read(&file).expect("it was written");
    assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
    assert_eq!(
        bytes[16..24],
        [0, 0, 1, 134, 0, 0, 3, 76],
        "390 by 844 pixels"
    );
}

#[test]
fn a_page_that_is_not_there_is_told() {
    let Start::Available(mut browser) =
        Browser::start().expect("Chromium starts where it is installed")
    else {
        return println!("left out: no Chromium");
    };
    let listener = std::net::TcpListener::bind("127.83.1.3:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("it listens");
    drop(listener);
    let error = browser
        .open(&format!("http://{address}/"))
        .expect_err("nobody listens")
        .to_string();
    assert!(error.contains("ERR_CONNECTION_REFUSED"), "{error}");
}
