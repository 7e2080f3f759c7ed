//! Layers, kinds of values and faults that say where.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use base::Code;

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Colour {
    Red,
    DarkBlue,
}

runtime::configuration! {
    /// What a mill is told.
    struct Mill {
        /// Where it listens.
        /// A second line.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080)), unit: "address and port", env: "LISTEN", since: "0.1.0";
        /// Its name.
        name: String = "mill".to_owned(), unit: "text", env: "MILL_NAME", since: "0.1.0";
        /// How many sacks may wait.
        sacks_max: u32 = 20, unit: "sacks", env: "SACKS_MAX", since: "0.1.0";
        /// How fine it grinds.
        fineness: f64 = 0.5, unit: "mm", env: "FINENESS", since: "0.2.0";
        /// Whether it turns.
        turns: bool = true, unit: "true or false", env: "TURNS", since: "0.1.0";
        /// Who may bring corn.
        farmers: Vec<String> = Vec::new(), unit: "names", env: "FARMERS", since: "0.1.0";
        /// Which millstones are in.
        stones: Vec<u8> = vec![1, 2], unit: "numbers", env: "STONES", since: "0.1.0";
        /// Who owns it, if anybody.
        owner: Option<String> = None, unit: "text", env: "OWNER", since: "0.1.0";
        /// What it is painted in.
        colour: Colour = Colour::Red, unit: "red or dark-blue", env: "COLOUR", since: "0.1.0";
    }
}

fn load_mill(
    file: &str,
    environment: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<Mill, LoadError> {
    let environment: BTreeMap<String, String> = environment
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    let flags: Vec<(&str, String)> = flags
        .iter()
        .map(|(name, value)| (*name, (*value).into()))
        .collect();
    load(&Layers {
        file: Some(File {
            path: Path::new("mill.toml"),
            text: file,
        }),
        environment: &environment,
        flags: &flags,
    })
}

#[test]
fn nothing_said_is_all_defaults() {
    let mill = load_mill("", &[], &[]).unwrap();
    assert_eq!(format!("{mill:?}"), format!("{:?}", Mill::default()));
    let without_file: Mill = load(&Layers {
        file: None,
        environment: &BTreeMap::new(),
        flags: &[],
    })
    .unwrap();
    assert_eq!(without_file.sacks_max, 20);
}

#[test]
fn flags_beat_the_environment_and_that_beats_the_file() {
    let file = "name = \"file\"\nsacks_max = 1\nlisten = \"0.0.0.0:1\"\n";
    let mill = load_mill(
        file,
        &[("MILL_NAME", "environment"), ("SACKS_MAX", "2")],
        &[("name", "flag")],
    )
    .unwrap();
    assert_eq!(mill.name, "flag");
    assert_eq!(mill.sacks_max, 2);
    assert_eq!(mill.listen.port(), 1);
}

#[test]
fn every_kind_of_value_can_be_text() {
    let environment = [
        ("LISTEN", "[::1]:9000"),
        ("MILL_NAME", "8080"),
        ("FINENESS", "0.25"),
        ("TURNS", "false"),
        ("FARMERS", "ann, bob,"),
        ("STONES", "7,8,9"),
        ("OWNER", "true"),
        ("COLOUR", "dark-blue"),
    ];
    let mill = load_mill("", &environment, &[("sacks_max", " 4 ")]).unwrap();
    assert_eq!(mill.listen.to_string(), "[::1]:9000");
    assert_eq!(mill.name, "8080");
    assert_eq!(mill.fineness, 0.25);
    assert!(!mill.turns);
    assert_eq!(mill.farmers, ["ann", "bob"]);
    assert_eq!(mill.stones, [7, 8, 9]);
    assert_eq!(mill.owner.as_deref(), Some("true"));
    assert_eq!(mill.colour, Colour::DarkBlue);
    assert_eq!(mill.sacks_max, 4);
}

#[test]
fn every_kind_of_value_can_be_in_the_file_under_others() {
    let file = "turns = false\nfineness = 1.5\nfarmers = [\"cyd\"]\nstones = [3]\nowner = \"dan\"\ncolour = \"dark-blue\"\n";
    // One key from the environment makes all of them go through the layers.
    let mill = load_mill(file, &[("SACKS_MAX", "3")], &[]).unwrap();
    assert!(!mill.turns);
    assert_eq!((mill.fineness, mill.sacks_max), (1.5, 3));
    assert_eq!(
        (mill.farmers.as_slice(), mill.stones.as_slice()),
        (&["cyd".to_owned()][..], &[3][..])
    );
    assert_eq!(
        (mill.owner.as_deref(), mill.colour),
        (Some("dan"), Colour::DarkBlue)
    );
}

#[test]
fn an_empty_variable_is_not_set() {
    assert_eq!(
        load_mill("", &[("SACKS_MAX", "")], &[]).unwrap().sacks_max,
        20
    );
}

#[test]
fn faults_say_where_and_what() {
    let file = |text| load_mill(text, &[], &[]).unwrap_err().to_string();
    assert_eq!(
        file("\n# x\nsack_max = 1\n"),
        "mill.toml:3: unknown key sack_max; did you mean sacks_max?"
    );
    assert_eq!(file("wings = 4"), "mill.toml:1: unknown key wings");
    assert_eq!(
        file("[wings]\nlength = 4"),
        "mill.toml:1: unknown key wings"
    );
    let wrong = file("name = \"x\"\nsacks_max = \"many\"");
    assert!(
        wrong.starts_with("mill.toml:2: sacks_max: invalid type: string \"many\", expected u32"),
        "{wrong}"
    );
    let negative = file("sacks_max = -1");
    assert!(
        negative.starts_with("mill.toml:1: sacks_max: invalid value"),
        "{negative}"
    );
    let list = file("stones = [\n  1,\n  300,\n]");
    assert!(list.starts_with("mill.toml:3: stones: "), "{list}");
    let syntax = load_mill("name = \"x\"\nsacks_max 1", &[], &[]).unwrap_err();
    assert!(
        matches!(
            syntax,
            LoadError::Syntax {
                place: Place::File { line: 2, .. },
                ..
            }
        ),
        "{syntax:?}"
    );
    let variable = load_mill("", &[("SACKS_MAX", "many")], &[])
        .unwrap_err()
        .to_string();
    assert_eq!(
        variable,
        "environment variable SACKS_MAX: sacks_max: \"many\": invalid digit found in string"
    );
    let flag = load_mill("", &[], &[("turns", "perhaps")])
        .unwrap_err()
        .to_string();
    assert!(
        flag.starts_with("--turns: turns: \"perhaps\": provided string was not"),
        "{flag}"
    );
    let unknown = load_mill("", &[], &[("turn", "true")])
        .unwrap_err()
        .to_string();
    assert_eq!(unknown, "--turn: unknown key turn; did you mean turns?");
    let colour = load_mill("", &[("COLOUR", "green")], &[])
        .unwrap_err()
        .to_string();
    assert!(colour.contains("unknown variant `green`"), "{colour}");
}

#[test]
fn a_person_gets_the_line_as_a_place() {
    let problem = load_mill("\nwings = 4", &[], &[]).unwrap_err().problem();
    assert_eq!(problem.code, Code::Config);
    assert_eq!(problem.to_string(), "mill.toml:2: unknown key wings");
    let problem = load_mill("", &[("STONES", "x")], &[])
        .unwrap_err()
        .problem();
    assert_eq!(problem.place, None);
    assert!(
        problem
            .detail
            .starts_with("environment variable STONES: stones: "),
        "{}",
        problem.detail
    );
}

#[test]
fn keys_are_documented() {
    let keys = Mill::keys();
    assert_eq!(keys.len(), 9);
    assert_eq!(keys[0].default, "127.0.0.1:8080");
    assert_eq!(keys[0].about, "Where it listens. A second line.");
    let page = reference::<Mill>();
    let wanted = "## `fineness`\n\nHow fine it grinds.\n\nUnit: mm.\nDefault: `0.5`.\nEnvironment: `FINENESS`.\nSince: 0.2.0.\n";
    assert!(page.contains(wanted), "{page}");
}
