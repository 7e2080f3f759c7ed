//! A naive verifier: it looks at the whole list each time, and at nothing that the real one keeps.

use proptest::prelude::*;

use super::*;
use crate::fixture::START;

/// Whether `next` continues `taken`, from the words of the rules.
fn is_next(rules: Rules, author: &AgentPubKey, taken: &[Record], next: &Record) -> bool {
    let action = next.action();
    let bytes = rmp_serde::to_vec_named(action).unwrap();
    let hash = |bytes: &[u8]| holo_hash::encode::blake2b_256(bytes);
    let name = format!("{:?}", action.data);
    let starts = [
        "Dna(",
        "AgentValidationPkg(",
        "Create(CreateData { entry_type: AgentPubKey",
    ];
    let start = starts.iter().position(|start| name.starts_with(start));
    let is_key_change = name.contains("entry_type: AgentPubKey") && start.is_none();
    let before = taken.last().map(|last| {
        let bytes = rmp_serde::to_vec_named(last.action()).unwrap();
        (hash(&bytes), last.action().timestamp())
    });
    let entry_fits = next.entry().as_option().is_none_or(|entry| {
        let found = match entry {
            Entry::Agent(key) => key.get_raw_32().to_vec(),
            entry => hash(&rmp_serde::to_vec_named(entry).unwrap()),
        };
        let kind = format!("{entry:?}");
        let kind = kind
            .split('(')
            .next()
            .unwrap()
            .replace("Agent", "AgentPubKey");
        let wanted = action.entry_data();
        wanted.is_some_and(|(hash, entry_type)| {
            hash.get_raw_32() == found && format!("{entry_type:?}").starts_with(&kind)
        })
    });
    let visible = |index| name.contains(&format!("entry_index: EntryDefIndex({index})"));
    let is_ours =
        !name.contains("Link(") && (!name.contains("entry_type: App(") || visible(0) || visible(1));
    action.author() == author
        && action.action_seq() as usize == taken.len()
        && action.prev_action().map(|hash| hash.get_raw_32().to_vec())
            == before.as_ref().map(|(hash, _)| hash.clone())
        && before.is_none_or(|(_, time)| time <= action.timestamp())
        && start == Some(taken.len()).filter(|place| *place < 3)
        && !is_key_change
        && !taken
            .iter()
            .any(|record| format!("{:?}", record.action().data).starts_with("Close"))
        && PublicKey::from_bytes(&public_of(author))
            .unwrap()
            .verify(&bytes, &next.signature().0)
            .is_ok()
        && entry_fits
        && (rules == Rules::Holochain || is_ours)
}

/// What goes wrong with one record on its way.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    None,
    Lost,
    Twice,
    Late,
    Withheld,
    EntryOf(usize),
    DataOf(usize),
    LinkOf(usize),
    Number(u32),
    Time(i64),
    SignatureBit(usize),
    Author(u8),
}

pub(super) fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        12 => Just(Fault::None),
        1 => Just(Fault::Lost),
        1 => Just(Fault::Twice),
        1 => Just(Fault::Late),
        2 => Just(Fault::Withheld),
        1 => (0..14_usize).prop_map(Fault::EntryOf),
        2 => (0..14_usize).prop_map(Fault::DataOf),
        1 => (0..14_usize).prop_map(Fault::LinkOf),
        1 => (0..15_u32).prop_map(Fault::Number),
        1 => (-20..20_i64).prop_map(Fault::Time),
        1 => (0..512_usize).prop_map(Fault::SignatureBit),
        1 => (1..4_u8).prop_map(Fault::Author),
    ]
}

/// Applies a fault and signs again where the author itself could have done it.
pub(super) fn spoil(source: &Chain, index: usize, fault: Fault, sent: &mut Vec<Record>) {
    let record = source.records[index].clone();
    let other = |other: usize| source.records[other % source.records.len()].clone();
    let mut action = record.action().clone();
    let mut entry = record::present(&record).cloned();
    match fault {
        Fault::None => return sent.push(record),
        Fault::Lost => return,
        Fault::Twice => return sent.extend([record.clone(), record]),
        Fault::Late => {
            let last = sent.pop();
            sent.push(record);
            return sent.extend(last);
        }
        Fault::Withheld => return sent.push(record::withhold(&record)),
        Fault::SignatureBit(bit) => {
            let mut signature = record.signature().0;
            signature[bit / 8] ^= 1 << (bit % 8);
            return sent.push(record::assemble(action, Signature(signature), entry));
        }
        Fault::EntryOf(index) => entry = record::present(&other(index)).cloned().or(entry),
        Fault::DataOf(index) => {
            action.data = other(index).action().data.clone();
            entry = record::present(&other(index)).cloned();
        }
        Fault::LinkOf(index) => {
            action.header.prev_action = Some(other(index).action_address().clone());
        }
        Fault::Number(seq) => action.header.action_seq = seq,
        Fault::Time(micros) => {
            action.header.timestamp = holochain_timestamp::Timestamp::from_micros(START + micros);
        }
        Fault::Author(number) => action.header.author = signer(number).agent().clone(),
    }
    sent.push(force(&source.signer, action, entry));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// A spoiled chain, then the good one: both verifiers take the same records.
    #[test]
    fn both_take_the_same(
        faults in prop::collection::vec(fault(), 14),
        is_ours in any::<bool>(),
    ) {
        let chain = Chain::of_all_types(1);
        let rules = if is_ours { Rules::Commonhold } else { Rules::Holochain };
        let mut sent = Vec::new();
        for (index, fault) in faults.into_iter().enumerate() {
            spoil(&chain, index, fault, &mut sent);
        }
        sent.extend(chain.records.iter().cloned());
        let mut verifier = verifier(&chain, rules);
        let mut taken: Vec<Record> = Vec::new();
        for record in sent {
            let expect = is_next(rules, chain.agent(), &taken, &record);
            let found = verifier.apply(&record);
            prop_assert_eq!(found.is_ok(), expect, "{:?} after {}: {:?}", found, taken.len(), record);
            if expect {
                taken.push(record);
            }
            prop_assert_eq!(verifier.wanted() as usize, taken.len());
        }
    }
}
