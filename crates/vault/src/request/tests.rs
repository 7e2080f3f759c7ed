//! What is signed, and everything that only looks like it.

use chain::{ActionHash, Author, DnaHash, EntryHash, EntryVisibility, Envelope, Write};
use crypto::Keypair;
use crypto::token::{self, Claims};

use super::*;

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

fn pair(byte: u8) -> Keypair {
    Keypair::from_seed(&[byte; 32])
}

fn agent() -> RawAgent {
    pair(1).public()
}

fn actions(of: u8) -> Vec<Action> {
    let mut author = Author::new(agent_of(pair(of).public()), None);
    let dna = DnaHash::from_raw_32(vec![9; 32]);
    let mut drafts = author.genesis(&dna, NOW);
    let envelope = Envelope::new("note", 1, b"hello".to_vec()).expect("an envelope");
    drafts.push(author.write(
        NOW,
        Write::Create {
            envelope,
            visibility: EntryVisibility::Public,
        },
    ));
    drafts.push(author.write(
        NOW,
        Write::Delete {
            original: ActionHash::from_raw_32(vec![1; 32]),
            original_entry: EntryHash::from_raw_32(vec![2; 32]),
        },
    ));
    drafts.into_iter().map(|draft| draft.action).collect()
}

fn action(action: Action) -> Result<Parsed, RequestError> {
    Request::Action { epoch: 4, action }.parse(NOW, &agent())
}

#[test]
fn actions_of_the_agent_are_parsed() {
    let words: Vec<_> = actions(1)
        .into_iter()
        .enumerate()
        .map(|(seq, found)| {
            let bytes = record::action_bytes(&found);
            let parsed = action(found).expect("its own action");
            assert_eq!(parsed.seq as usize, seq);
            assert_eq!(parsed.bytes, bytes);
            parsed.what.as_str()
        })
        .collect();
    assert_eq!(
        words,
        ["dna", "membrane", "create", "init", "create", "delete"]
    );
}

#[test]
fn actions_of_others_and_in_wrong_places_are_not() {
    for foreign in actions(2) {
        assert_eq!(action(foreign), Err(RequestError::Foreign));
    }
    let mut moved = actions(1);
    moved[0].header.action_seq = 3;
    assert_eq!(action(moved[0].clone()), Err(RequestError::Start));
    moved[4].header.action_seq = 0;
    moved[4].header.prev_action = None;
    assert_eq!(action(moved[4].clone()), Err(RequestError::Start));
    // Under its own key, but written in another way.
    let mut crooked = actions(1);
    let mut bytes = agent_of(agent()).get_raw_39().to_vec();
    bytes[38] ^= 1;
    crooked[1].header.author = chain::AgentPubKey::from_raw_39(bytes.clone());
    assert_eq!(action(crooked[1].clone()), Err(RequestError::Foreign));
    assert_eq!(agent_key(&chain::AgentPubKey::from_raw_39(bytes)), None);
    assert_eq!(agent_key(&agent_of(agent())), Some(agent()));
}

#[test]
fn links_are_never_signed() {
    use chain::ActionData;
    let mut linked = actions(1)[4].clone();
    linked.data = ActionData::DeleteLink(holochain_integrity_types::action::DeleteLinkData {
        base_address: holo_hash::AnyLinkableHash::from(EntryHash::from_raw_32(vec![3; 32])),
        link_add_address: ActionHash::from_raw_32(vec![4; 32]),
    });
    assert_eq!(action(linked), Err(RequestError::Kind));
}

fn grant() -> HostingGrant {
    HostingGrant {
        person: chain::PersonId::from_bytes([3; 32]),
        seq: 0,
        key_event: chain::person::EventHash([3; 32]),
        made: NOW,
        agent: agent(),
        epoch: 7,
        expires: NOW + base::Duration::from_secs(60),
        doorway: "https://bread.example".to_owned(),
    }
}

#[test]
fn grants_name_a_doorway_and_a_time() {
    let parse = |grant: HostingGrant| Request::Grant(grant).parse(NOW, &agent());
    let parsed = parse(grant()).expect("a grant");
    assert_eq!(parsed.detail, "https://bread.example");
    assert_eq!((parsed.what, parsed.epoch), (What::Grant, 7));
    let wrong = |change: &dyn Fn(&mut HostingGrant)| {
        let mut changed = grant();
        change(&mut changed);
        parse(changed)
    };
    let refused = Err(RequestError::Grant);
    assert_eq!(wrong(&|grant| grant.doorway.clear()), refused);
    assert_eq!(wrong(&|grant| grant.doorway = "A".to_owned()), refused);
    assert_eq!(wrong(&|grant| grant.doorway = "a".repeat(254)), refused);
    assert_eq!(wrong(&|grant| grant.expires = grant.made), refused);
    let year = base::Duration::from_secs(367 * 24 * 60 * 60);
    assert_eq!(wrong(&|grant| grant.expires = grant.made + year), refused);
    let foreign = wrong(&|grant| grant.agent = pair(2).public());
    assert_eq!(foreign, Err(RequestError::Foreign));
}

fn challenge(audience: &str, of: u8, secs: i64) -> String {
    let claims = Claims {
        subject: agent_of(pair(of).public()).to_string(),
        audience: audience.to_owned(),
        expires: Timestamp::from_secs(NOW.as_secs() + secs),
        nonce: "nonce".to_owned(),
    };
    token::issue(&pair(9), &claims)
}

#[test]
fn challenges_of_doorways_are_answered_and_nothing_else() {
    let parse = |text: &str| Request::Challenge(text.to_owned()).parse(NOW, &agent());
    let good = challenge("challenge", 1, 60);
    let parsed = parse(&good).expect("a challenge");
    assert_eq!(parsed.bytes, statement_bytes(good.as_bytes()));
    assert_eq!(parsed.what, What::Challenge);
    for (text, expected) in [
        (challenge("challenge", 2, 60), RequestError::Foreign),
        (challenge("doorway", 1, 60), RequestError::Challenge),
        (challenge("challenge", 1, 0), RequestError::ChallengeTime),
        (challenge("challenge", 1, -9), RequestError::ChallengeTime),
        (challenge("challenge", 1, 901), RequestError::ChallengeTime),
        (String::new(), RequestError::Challenge),
        ("a.b.c".to_owned(), RequestError::Challenge),
        (format!("{good}."), RequestError::Challenge),
        (good.replace('.', ""), RequestError::Challenge),
        (good[..good.len() - 4].to_owned(), RequestError::Challenge),
        ("x".repeat(1_025), RequestError::Length),
    ] {
        assert_eq!(parse(&text), Err(expected), "{text}");
    }
}
