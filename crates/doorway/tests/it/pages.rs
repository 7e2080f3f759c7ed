//! Pages for people, from records to HTML.

use base::Reach;
use chain::kind::{Content, Node, Path, Profile, ReachWord};
use chain::{ActionHash, Item};
use doorway::pages::strings::Language;
use scraper::{Html, Selector};

use crate::harness::{House, Person, page};

fn in_course(slug: &str, title: &str, reach: Reach) -> Item {
    Item::Content(Content {
        title: title.to_owned(),
        slug: slug.to_owned(),
        course: "baking".to_owned(),
        body: format!("# {title}\n\nKnead the *dough* for {slug}."),
        language: "en".to_owned(),
        reach: ReachWord(reach),
        ..Content::default()
    })
}

fn course(pages: &[(&str, &str)]) -> Item {
    Item::Path(Path {
        title: "Baking & more".to_owned(),
        slug: "baking".to_owned(),
        language: "en".to_owned(),
        reach: ReachWord(Reach::Commons),
        nodes: pages
            .iter()
            .map(|(title, id)| Node {
                title: (*title).to_owned(),
                page: Some(ActionHash::try_from(*id).unwrap()),
                children: Vec::new(),
            })
            .collect(),
        ..Path::default()
    })
}

async fn bakery() -> House {
    let house = House::new().await;
    let mut ana = Person::new(1);
    let (first, _) = ana.create(&in_course("flour", "Flour", Reach::Commons));
    let (second, _) = ana.create(&in_course("starter", "Starter", Reach::Private));
    let (third, _) = ana.create(&in_course("oven", "Oven", Reach::Commons));
    ana.create(&course(&[
        ("Flour", &first),
        ("Starter", &second),
        ("Oven", &third),
    ]));
    ana.create(&Item::Profile(Profile {
        name: "Ana <Baker>".to_owned(),
        about: "Bakes.".to_owned(),
        reach: ReachWord(Reach::Commons),
    }));
    house.publish(&ana).await;
    house
}

fn links(html: &str) -> Vec<String> {
    let anchors = Selector::parse("a[href]").unwrap();
    Html::parse_document(html)
        .select(&anchors)
        .map(|anchor| anchor.attr("href").unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_course_shows_its_pages_in_order_and_hides_what_is_not_for_everybody() {
    let house = bakery().await;
    let html = house.get("/courses/baking").await.text();
    let places: Vec<String> = links(&html)
        .into_iter()
        .filter(|href| href.starts_with("/courses/baking/"))
        .collect();
    assert!(places.contains(&"/courses/baking/flour".to_owned()));
    assert!(
        !html.contains("Starter"),
        "private pages are not even named"
    );
    assert!(html.contains("Baking &amp; more"));
    let page = house.get("/courses/baking/flour").await.text();
    assert!(
        links(&page).contains(&"/courses/baking/oven".to_owned()),
        "next"
    );
    assert!(page.contains("Ana &lt;Baker&gt;"));
    assert_eq!(house.get("/courses/baking/starter").await.status, 404);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_on_every_page_leads_somewhere() {
    let house = bakery().await;
    let mut seen = std::collections::BTreeSet::new();
    let mut open = vec!["/".to_owned()];
    while let Some(path) = open.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let answer = house.get(&path).await;
        assert_eq!(answer.status, 200, "{path}");
        if answer.header("content-type").starts_with("text/html") {
            let inner = links(&answer.text())
                .into_iter()
                .filter(|href| href.starts_with('/'))
                .map(|href| href.split('#').next().unwrap().to_owned());
            open.extend(inner);
        }
    }
    assert!(seen.len() > 8, "{seen:?}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_puts_a_page_into_another_ones_course() {
    let house = bakery().await;
    let mut ben = Person::new(2);
    house.admit(&ben, "member").await;
    ben.create(&in_course("poison", "Poison", Reach::Commons));
    house.publish(&ben).await;
    for path in [
        "/courses/baking/poison",
        "/api/v1/cache/content/baking%2Fpoison",
    ] {
        assert_eq!(house.get(path).await.status, 404, "{path}");
    }
    for path in [
        "/courses/baking/flour",
        "/api/v1/cache/content/baking%2Fflour",
    ] {
        assert_eq!(house.get(path).await.status, 200, "{path}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_belongs_to_whoever_came_first_whatever_the_clocks_say() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    ana.create(&page("bread", "flour", Reach::Commons));
    ana.create(&course(&[]));
    house.publish(&ana).await;
    let mut ben = Person::new(2);
    ben.set_clock_back(10_000 * 86_400);
    house.admit(&ben, "member").await;
    ben.create(&page("bread", "sawdust", Reach::Commons));
    ben.create(&in_course("intro", "Taken over", Reach::Commons));
    ben.create(&course(&[]));
    house.publish(&ben).await;
    let check = async |house: &House| {
        let text = house.get("/pages/bread").await.text();
        assert!(text.contains("flour") && !text.contains("sawdust"));
        let text = house.get("/api/v1/cache/path/baking").await.text();
        assert!(text.contains(&ana.key().to_string()));
        assert_eq!(house.get("/courses/baking/intro").await.status, 404);
    };
    check(&house).await;
    let folder = house.close().await;
    std::fs::remove_file(folder.path().join("projection.sqlite")).unwrap();
    let house = House::at(folder, doorway::Limits::default()).await;
    house.settle().await;
    check(&house).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_a_text_runs() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    let evil = "<script>alert(1)</script>\n\n<img src=x onerror=alert(2)>\n\n[click](javascript:alert(3))\n\n<iframe src=\"https://example.org\"></iframe>\n\nfine words";
    ana.create(&page("evil", evil, Reach::Commons));
    house.publish(&ana).await;
    let answer = house.get("/pages/evil").await;
    let html = answer.text();
    let article = html.split("<article").nth(1).unwrap();
    for word in ["<script", "onerror", "javascript:", "<iframe"] {
        assert!(!article.contains(word), "{word}");
    }
    assert!(article.contains("fine words"));
    assert!(
        answer
            .header("content-security-policy")
            .starts_with("default-src 'none'")
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_get_pages_for_faults_and_programs_get_documents() {
    let house = House::new().await;
    let browser = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let page = house.get_with("/pages/nothing", &browser).await;
    assert_eq!(page.status, 404);
    assert!(page.header("content-type").starts_with("text/html"));
    assert_eq!(house.get("/pages/nothing").await.code(), "CH-0105");
    let explained = house.get("/errors/CH-0105").await;
    assert_eq!(explained.status, 200);
    assert!(explained.text().contains("CH-0105"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_frame_speaks_the_readers_language() {
    let house = bakery().await;
    let german = house
        .get_with("/", &[("accept-language", "de")])
        .await
        .text();
    let english = house
        .get_with("/", &[("accept-language", "fr")])
        .await
        .text();
    assert!(german.contains("lang=\"de\"") && english.contains("lang=\"en\""));
    assert_ne!(german, english);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_told_in_the_readers_language() {
    let house = House::new().await;
    for path in [
        "/pages/nothing",
        "/no/such/address",
        "/history/x?q",
        "/search?cursor=zzz&q=a",
    ] {
        for (wish, language) in [("de-CH, en;q=0.3", "de"), ("fr, en", "en"), ("", "en")] {
            let wishes = [("accept", "text/html"), ("accept-language", wish)];
            let answer = house.get_with(path, &wishes).await;
            assert!(answer.status.is_client_error(), "{path}");
            let html = Html::parse_document(&answer.text());
            let root = html.root_element();
            assert_eq!(root.attr("lang"), Some(language), "{path} for {wish:?}");
            let home = Selector::parse("main a[href='/']").unwrap();
            let words: String = html.select(&home).flat_map(|link| link.text()).collect();
            let expect = Language::of_tag(language).strings().problem.to_home;
            assert_eq!(words, expect, "{path} for {wish:?}");
        }
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_page_is_gone_and_its_history_stays_in_the_chain() {
    let house = House::new().await;
    let mut ana = Person::new(1);
    let (id, _) = ana.create(&page("bread", "flour", Reach::Commons));
    ana.update(4, &page("bread", "rye", Reach::Commons));
    house.publish(&ana).await;
    let history = house.get(&format!("/history/{id}")).await.text();
    let named = history.matches("uhCkk").count();
    assert!(named >= 2, "both versions are named");
    let old = house.get(&format!("/history/{id}/4")).await.text();
    assert!(
        old.contains("flour") && !old.contains("rye"),
        "old versions stay readable"
    );
    ana.delete(4);
    house.publish(&ana).await;
    for path in [
        "/pages/bread".to_owned(),
        format!("/proofs/{id}"),
        format!("/api/v1/cache/content/{id}"),
    ] {
        assert_eq!(house.get(&path).await.status, 404, "{path}");
    }
    let found: api::SearchView = house.get("/api/v1/search?q=rye").await.json();
    assert_eq!(found.total, 0);
    let chain: api::ChainView = house
        .get(&format!("/api/v1/chains/{}", ana.key()))
        .await
        .json();
    assert!(chain.records[4].entry.is_some() && chain.records[5].entry.is_some());
    house.close().await;
}
