//! Names: what they may hold.

use super::*;

#[test]
fn names_are_bounded_and_printable() {
    for good in ["a", "commonhold:uhCAk", &"x".repeat(ID_BYTES_MAX)] {
        assert_eq!(good.parse::<AppId>().unwrap().as_str(), good);
    }
    for bad in ["", "a b", "line\n", "grün", &"x".repeat(ID_BYTES_MAX + 1)] {
        assert_eq!(bad.parse::<AppId>(), Err(MalformedId), "{bad:?}");
        assert_eq!(bad.parse::<ConductorId>(), Err(MalformedId), "{bad:?}");
    }
}

#[test]
fn name_of_an_agent_is_a_name() {
    let agent = AgentPubKey::from_raw_32(vec![7; 32]);
    let app = AppId::of_agent(&agent);
    assert_eq!(app.as_str().parse::<AppId>().unwrap(), app);
}
