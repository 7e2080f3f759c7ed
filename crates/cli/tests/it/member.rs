//! People of a community: keys, the list of members, roles, names.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::home::{DEADLINE, Doorway, Home};

/// Runs `commonhold member` as this person.
fn member(home: &Home, doorway: &Doorway, words: &[&str]) -> crate::home::Ran {
    let words = [&["member"], words, &["--to", &doorway.url]].concat();
    home.run(&words)
}

/// Returns the members with their roles, as a steward sees them.
fn members(home: &Home, doorway: &Doorway) -> Vec<(String, String)> {
    let said = member(home, doorway, &["list", "--json"]).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let members = said["members"].as_array().unwrap().iter();
    members
        .map(|member| (text(&member["agent"]), text(&member["role"])))
        .collect()
}

#[test]
fn whoami_makes_a_key_once() {
    let home = Home::new();
    let key = home.key();
    assert!(key.starts_with("uhCAk") && key.len() == 53, "{key}");
    assert_eq!(home.key(), key);
    let said = home.run(&["whoami", "--json"]).json();
    assert_eq!(said["agent"], key.as_str());
    let other = home.run(&["whoami", "--data", "bea"]).ok().stdout;
    assert_ne!(other.trim(), key);
}

#[test]
fn whoever_asks_first_at_once_gets_the_same_key() {
    let home = Home::new();
    let spawn = |_| home.spawn(home.command(&["whoami"]));
    let mut processes: Vec<_> = (0..8).map(spawn).collect();
    let mut keys = BTreeSet::new();
    for process in &mut processes {
        let status = process.wait(DEADLINE).unwrap();
        assert!(status.success(), "{}", process.stderr());
        keys.insert(process.stdout());
    }
    assert_eq!(keys, BTreeSet::from([format!("{}\n", home.key())]));
}

#[test]
fn a_key_file_of_another_length_is_refused_and_kept() {
    let home = Home::new();
    home.key();
    let file = home.agent().join("agent.key");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..31]).unwrap();
    home.run(&["whoami"]).refused(1, "CH-0208");
    assert_eq!(fs::read(&file).unwrap(), whole[..31]);
}

#[test]
fn the_first_steward_is_the_one_who_started_it() {
    let (home, doorway) = Home::with_doorway();
    assert_eq!(
        members(&home, &doorway),
        [(home.key(), "steward".to_owned())]
    );
    let said = member(&home, &doorway, &["list"]).ok().stdout;
    assert_eq!(
        said,
        format!("{:<10} {:<24} {}\n1 member\n", "steward", "—", home.key())
    );
}

#[test]
fn roles_are_given_and_changed() {
    let (home, doorway) = Home::with_doorway();
    let bea = Home::new();
    let said = member(&home, &doorway, &["add", &bea.key()]).ok().stdout;
    assert_eq!(
        said,
        format!("{} may now write here as member.\n", bea.key())
    );
    for role in ["member", "editor", "moderator", "steward"] {
        member(&home, &doorway, &["add", &bea.key(), "--role", role]).ok();
        let expect = [
            (home.key(), "steward".to_owned()),
            (bea.key(), role.to_owned()),
        ];
        assert_eq!(members(&home, &doorway), expect);
    }
    // An unknown role is known to be wrong before anything is asked.
    let ran = member(&home, &doorway, &["add", &bea.key(), "--role", "king"]);
    assert_eq!(ran.status, 2);
    assert!(
        ran.stderr.contains("steward, moderator, editor, member"),
        "{}",
        ran.stderr
    );
}

#[test]
fn only_stewards_change_the_list() {
    let (home, doorway) = Home::with_doorway();
    let (bea, carl) = (Home::new(), Home::new());
    member(&home, &doorway, &["add", &bea.key()]).ok();
    let key = carl.key();
    for words in [vec!["add", &key], vec!["remove", &key], vec!["list"]] {
        // A member is told to ask a steward, a stranger how to become a member.
        member(&bea, &doorway, &words).refused(1, "CH-0207");
        member(&carl, &doorway, &words).refused(1, "CH-0205");
    }
    member(&home, &doorway, &["add", &bea.key(), "--role", "moderator"]).ok();
    member(&bea, &doorway, &["list"]).ok();
    member(&bea, &doorway, &["add", &key]).refused(1, "CH-0207");
    assert_eq!(members(&home, &doorway).len(), 2);
}

#[test]
fn who_was_let_go_writes_nothing_more_and_what_they_wrote_stays() {
    let (home, doorway) = Home::with_doorway();
    let bea = Home::new();
    member(&home, &doorway, &["add", &bea.key()]).ok();
    let bread = bea.bread();
    bea.publish(&bread, &doorway);
    let head = doorway.head(&bea.key());
    member(&home, &doorway, &["remove", &bea.key()]).ok();

    bea.write("bread/index.md", "# Changed\n");
    let ran = bea.try_publish(&bread, &doorway);
    assert_eq!(ran.code(1), "CH-0205");
    assert_eq!(doorway.head(&bea.key()), head);
    assert_eq!(doorway.status("/courses/bread/flour"), 200);

    member(&home, &doorway, &["add", &bea.key()]).ok();
    assert_eq!(bea.publish(&bread, &doorway)["pages"]["changed"], 1);
}

#[test]
fn the_last_steward_stays() {
    let (home, doorway) = Home::with_doorway();
    let bea = Home::new();
    member(&home, &doorway, &["remove", &home.key()]).refused(1, "CH-0207");
    member(&home, &doorway, &["add", &bea.key(), "--role", "steward"]).ok();
    member(&home, &doorway, &["remove", &home.key()]).ok();
    assert_eq!(members(&bea, &doorway), [(bea.key(), "steward".to_owned())]);
    member(&home, &doorway, &["list"]).refused(1, "CH-0205");
}

#[test]
fn whoever_is_not_on_the_list_cannot_be_taken_off_it() {
    let (home, doorway) = Home::with_doorway();
    let stranger = Home::new().key();
    let ran = member(&home, &doorway, &["remove", &stranger]).refused(1, "CH-0105");
    assert!(
        ran.stderr.contains("not on the list of members"),
        "{}",
        ran.stderr
    );
    assert_eq!(members(&home, &doorway).len(), 1);
}

/// Runs `commonhold join` as this person.
fn join(home: &Home, words: &[&str]) -> crate::home::Ran {
    home.run(&[&["join"], words].concat())
}

#[test]
fn an_invite_is_all_that_a_new_member_needs() {
    let (home, doorway) = Home::with_doorway();
    let bea = Home::new();
    let made = member(
        &home,
        &doorway,
        &["invite", "--note", "picnic", "--svg", "poster.svg"],
    )
    .ok();
    let url = made.stdout.trim().to_owned();
    let code = url.strip_prefix(&format!("{}/join#", doorway.url)).unwrap();
    assert_eq!(code.len(), 19, "{url}");
    assert!(made.stderr.contains("1 person"), "{}", made.stderr);
    let poster = fs::read_to_string(home.at("poster.svg")).unwrap();
    assert!(poster.contains("<svg"), "{poster}");

    let said = join(&bea, &[&url]).ok().stdout;
    assert!(
        said.contains("You are a member of Our community, as member."),
        "{said}"
    );
    let bread = bea.bread();
    bea.publish(&bread, &doorway);
    assert_eq!(doorway.status("/courses/bread/flour"), 200);
    let listed = member(&home, &doorway, &["invites"]).ok().stdout;
    assert!(
        listed.contains("1 of 1") && listed.contains("picnic"),
        "{listed}"
    );
    assert!(!listed.contains(code), "{listed}");

    let listed = member(&home, &doorway, &["list"]).ok().stdout;
    let came = format!("{}  invited by {}…\n", bea.key(), &home.key()[..16]);
    assert!(listed.contains(&came), "{listed}");
    assert_eq!(listed.matches("invited by").count(), 1, "{listed}");
    let words = ["profile", "--name", "Anna", "--to", &doorway.url];
    home.run(&words).ok();
    let listed = member(&home, &doorway, &["list"]).ok().stdout;
    let came = format!("{}  invited by Anna\n", bea.key());
    assert!(listed.contains(&came), "{listed}");

    let carl = Home::new();
    join(&carl, &[&url]).refused(1, "CH-0209");
    join(&carl, &[&doorway.url]).refused(1, "CH-0209");
    join(&carl, &[&url, "--code", code]).refused(1, "CH-0602");
    assert_eq!(members(&home, &doorway).len(), 2);

    let made = member(&home, &doorway, &["invite", "--json", "--uses", "2"]).json();
    let (id, code) = (made["id"].as_str().unwrap(), made["code"].as_str().unwrap());
    join(&carl, &[&doorway.url, "--code", code]).ok();
    member(&home, &doorway, &["withdraw", id]).ok();
    join(&Home::new(), &[&doorway.url, "--code", code]).refused(1, "CH-0209");
    for wrong in [["--for", "7"], ["--for", "0d"], ["--uses", "501"]] {
        let ran = member(&home, &doorway, &[&["invite"], wrong.as_slice()].concat());
        assert_ne!(ran.status, 0, "{wrong:?}");
    }
}

#[test]
fn who_waits_is_seen_by_stewards_who_let_them_in_or_not() {
    let home = Home::new();
    let mut command = home.command(&["up", "--empty", "--listen", "127.0.0.1:0"]);
    command.env("SIGN_UP", "approval");
    let doorway = home.start(command);
    let (bea, carl) = (Home::new(), Home::new());
    let said = join(&bea, &[&doorway.url, "--name", "Bea from number 7"])
        .ok()
        .stdout;
    assert!(said.contains(&bea.key()), "{said}");
    join(&carl, &[&doorway.url]).ok();
    let listed = member(&home, &doorway, &["list", "--waiting"]).ok().stdout;
    assert!(listed.contains("Bea from number 7"), "{listed}");
    assert!(listed.ends_with("2 people wait\n"), "{listed}");
    member(&home, &doorway, &["approve", &bea.key()]).ok();
    member(&home, &doorway, &["decline", &carl.key()]).ok();
    member(&home, &doorway, &["decline", &carl.key()]).refused(1, "CH-0105");
    let said = join(&bea, &[&doorway.url]).ok().stdout;
    assert!(said.contains("You are a member"), "{said}");
    let listed = member(&home, &doorway, &["list", "--waiting"]).ok().stdout;
    assert_eq!(listed, "0 people wait\n");
}

#[test]
fn a_malformed_key_is_refused() {
    let (home, doorway) = Home::with_doorway();
    let key = Home::new().key();
    let end = if key.ends_with('A') { "B" } else { "A" };
    let mistyped = format!("{}{end}", &key[..key.len() - 1]);
    // The last one is well-formed and the hash of an action.
    let action = "uhCkkD9PIPf23PDxq_bvXKS-uFXEAyJ-cXe7kqzgfvrijW971OdC0";
    for wrong in ["bea", "", &key[1..], &mistyped, action] {
        member(&home, &doorway, &["add", wrong]).refused(1, "CH-0101");
        member(&home, &doorway, &["remove", wrong]).refused(1, "CH-0101");
    }
    assert_eq!(members(&home, &doorway).len(), 1);
}

#[test]
fn a_profile_is_a_signed_record_on_the_authors_page() {
    let (home, doorway) = Home::with_doorway();
    let key = home.key();
    let page = format!("/authors/{key}");
    let profile = |words: &[&str]| {
        let words = [&["profile", "--to", &doorway.url], words].concat();
        home.run(&words)
    };
    profile(&[]).refused(1, "CH-0311");
    assert_eq!(doorway.status(&page), 404);

    let said = profile(&[
        "--name",
        "Anna <from> number 9",
        "--about",
        "Bakes on Saturdays.",
    ])
    .ok();
    assert_eq!(said.stdout, "You are shown as Anna <from> number 9.\n");
    let html = doorway.text(&page);
    assert!(html.contains("Anna &lt;from&gt; number 9"), "{html}");
    assert!(html.contains("Bakes on Saturdays."), "{html}");
    home.run(&["verify", &doorway.join(&page)]).ok();
    let said = member(&home, &doorway, &["list"]).ok().stdout;
    assert!(said.contains("Anna <from> number 9"), "{said}");

    // The same again writes nothing; one word alone leaves the other.
    let head = doorway.newest(&key);
    profile(&["--name", "Anna <from> number 9"]).ok();
    assert_eq!(doorway.newest(&key), head);
    let said = profile(&["--name", "Anna", "--json"]).json();
    assert_eq!(said["about"], "Bakes on Saturdays.");
    assert_ne!(doorway.newest(&key), head);
    let said = home.run(&["verify", &doorway.join(&page)]).ok().stdout;
    assert!(said.starts_with("verified: profile of Anna\n"), "{said}");
}

#[test]
fn a_stranger_has_no_profile() {
    let (_home, doorway) = Home::with_doorway();
    let stranger = Home::new();
    let ran = stranger.run(&["profile", "--name", "X", "--to", &doorway.url]);
    ran.refused(1, "CH-0205");
    assert_eq!(doorway.head(&stranger.key()), None);
    assert_eq!(stranger.chains(), 0, "nothing was signed");
}
