//! A vault that was put back from last night, or copied.

use super::*;

/// A vault that signed a whole evening, and the copy of the afternoon.
struct Evening {
    afternoon: FaultyDisk,
    agent: RawAgent,
    actions: Vec<Action>,
    signatures: Vec<Signature>,
}

const AFTERNOON: usize = 7;

fn evening() -> Evening {
    let disk = FaultyDisk::new(1);
    let vault = open(&disk);
    let agent = enrolled(&vault);
    vault
        .unlock(NOW, &agent, 1, &secret(7))
        .expect("the key fits");
    let actions = drafts(agent, 12);
    let mut signatures: Vec<_> = actions[..AFTERNOON]
        .iter()
        .map(|action| sign(&vault, &agent, action).expect("it continues"))
        .collect();
    let afternoon = disk.copy(2);
    signatures.extend(
        actions[AFTERNOON..12]
            .iter()
            .map(|action| sign(&vault, &agent, action).expect("it continues")),
    );
    Evening {
        afternoon,
        agent,
        actions,
        signatures,
    }
}

impl Evening {
    fn restored(&self, config: &Config) -> Vault {
        let vault = Vault::open(config, server()).expect("it opens");
        vault
            .unlock(NOW, &self.agent, 1, &secret(7))
            .expect("the key fits");
        vault
    }

    fn told(&self, place: usize) -> ToldHead {
        let head = (self.actions[place].clone(), self.signatures[place].clone());
        ToldHead {
            head: Some(head),
            grant: None,
        }
    }

    /// Another action for the place at which the afternoon ends.
    fn rival(&self) -> Action {
        let mut rival = self.actions[AFTERNOON].clone();
        rival.header.timestamp = holochain_timestamp::Timestamp::from_micros(1);
        rival
    }

    /// Nothing is signed, whether it was signed in the evening or not.
    fn check_silent(&self, vault: &Vault) {
        assert_eq!(vault.stat().unconfirmed, 1);
        for action in self.actions.iter().chain([&self.rival()]) {
            let refused = sign(vault, &self.agent, action);
            assert!(matches!(
                refused,
                Err(SignError::Refused(Refusal::Unconfirmed))
            ));
        }
    }
}

#[test]
fn a_copy_in_another_folder_signs_nothing_until_its_head_is_confirmed() {
    let evening = evening();
    let agent = evening.agent;
    let elsewhere = Config {
        folder: Some((1, 2)),
        ..config(&evening.afternoon)
    };
    let vault = evening.restored(&elsewhere);
    evening.check_silent(&vault);
    drop(vault);
    // Starting it once more in the same place does not make it forget.
    let vault = evening.restored(&elsewhere);
    evening.check_silent(&vault);

    let behind = wait(vault.confirm(NOW, &agent, &evening.told(AFTERNOON - 2)));
    assert!(matches!(
        behind,
        Err(ChangeError::Refused(Refusal::Behind { known: 6 }))
    ));
    let mut forged = evening.told(11);
    if let Some((action, _)) = &mut forged.head {
        action.header.action_seq = 40;
    }
    let refused = wait(vault.confirm(NOW, &agent, &forged));
    assert!(matches!(refused, Err(ChangeError::Head)));
    let nothing = ToldHead {
        head: None,
        grant: None,
    };
    assert!(wait(vault.confirm(NOW, &agent, &nothing)).is_err());
    evening.check_silent(&vault);

    wait(vault.confirm(NOW, &agent, &evening.told(11))).expect("a follower has it");
    for action in [&evening.rival(), &evening.actions[AFTERNOON]] {
        let refused = sign(&vault, &agent, action);
        assert!(matches!(
            refused,
            Err(SignError::Refused(Refusal::Equivocation { .. }))
        ));
    }
    for action in &evening.actions[12..] {
        sign(&vault, &agent, action).expect("it goes on behind the head");
    }
    drop(vault);
    let vault = evening.restored(&elsewhere);
    assert_eq!(vault.stat().unconfirmed, 0);
    let head = vault.find(&agent).and_then(|listed| listed.head);
    assert_eq!(head.map(|head| head.seq), Some(15));
}

#[test]
fn who_restores_says_so_where_the_folder_cannot_tell() {
    let evening = evening();
    let said = Config {
        is_restored: true,
        ..config(&evening.afternoon)
    };
    let vault = evening.restored(&said);
    evening.check_silent(&vault);
    drop(vault);
    let vault = evening.restored(&config(&evening.afternoon));
    evening.check_silent(&vault);
}

#[test]
fn a_key_from_elsewhere_waits_for_its_head() {
    let evening = evening();
    let disk = FaultyDisk::new(9);
    let there = open(&evening.afternoon);
    let seed = there.export(&evening.agent, 1, &secret(7));
    let seed = seed.expect("the key fits");
    let vault = open(&disk);
    let person = PersonId::from_bytes([3; 32]);
    let adopted = wait(vault.adopt(NOW, person, &seed, &slots()));
    assert_eq!(adopted.ok(), Some(evening.agent));
    let again = wait(vault.adopt(NOW, person, &seed, &slots()));
    assert!(matches!(again, Err(ChangeError::Kept)));
    vault
        .unlock(NOW, &evening.agent, 2, &secret(8))
        .expect("the code fits");
    evening.check_silent(&vault);
    let told = evening.told(11);
    wait(vault.confirm(NOW, &evening.agent, &told)).expect("a follower has it");
    sign(&vault, &evening.agent, &evening.actions[12]).expect("it goes on");
}

#[test]
fn the_first_vault_of_a_folder_is_no_restored_one() {
    let disk = FaultyDisk::new(3);
    let said = Config {
        is_restored: true,
        ..config(&disk)
    };
    let vault = Vault::open(&said, server()).expect("it opens");
    let agent = enrolled(&vault);
    assert_eq!(vault.stat().unconfirmed, 0);
    vault
        .unlock(NOW, &agent, 1, &secret(7))
        .expect("the key fits");
    sign(&vault, &agent, &drafts(agent, 0)[0]).expect("it is new");
}
