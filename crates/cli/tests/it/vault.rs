//! The vault as a process: keys, persons, SIGKILL, and a folder that was put back.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use base::Timestamp;
use chain::{
    Action, AgentPubKey, Author, DnaHash, EntryVisibility, Envelope, SignError, Signature,
    Signer as _, Write, record,
};
use runtime::Blocking;
use serde_json::Value;
use testkit::Process;
use vault::HostedSigner;
use vault::request::agent_key;
use vault::socket::Remote;

use crate::home::{DEADLINE, Home, block_on, copy};

/// A vault that runs.
struct Running {
    process: Process,
    told: Value,
}

fn start(home: &Home, words: &[&str]) -> Running {
    let words = [&["vault", "--json"], words].concat();
    let mut process = home.spawn(home.command(&words));
    let is_ready = |line: &str| line.contains("\"socket\"");
    let line = process.wait_for_line(DEADLINE, is_ready).unwrap();
    let told = serde_json::from_str(&line).unwrap();
    Running { process, told }
}

impl Running {
    fn socket(&self) -> &Path {
        Path::new(self.told["socket"].as_str().unwrap())
    }

    fn signer(&self, agent: &str) -> HostedSigner {
        let key = AgentPubKey::try_from(agent).unwrap();
        let key = agent_key(&key).unwrap();
        HostedSigner::outside(Remote::new(self.socket()), Blocking::new(1), key, 1)
    }
}

/// Makes a key and returns what was told.
fn new_key(home: &Home, name: &str) -> Value {
    home.write("password.txt", "correct horse battery\n");
    let person = home.at(&format!("{name}.person"));
    let password = home.at("password.txt");
    home.run(&[
        "vault",
        "new",
        "--json",
        "--password-file",
        password.to_str().unwrap(),
        "--person",
        person.to_str().unwrap(),
    ])
    .ok()
    .json()
}

fn unlock(home: &Home, agent: &str) {
    let password = home.at("password.txt");
    let password = password.to_str().unwrap();
    home.run(&["vault", "unlock", agent, "--password-file", password])
        .ok();
}

/// Somebody who writes a chain and keeps what was signed.
struct Writer {
    author: Author,
    signed: Vec<(Action, Signature)>,
    /// Drafted, and not known to be signed.
    open: Vec<Action>,
}

impl Writer {
    fn new(agent: &str) -> Self {
        let mut author = Author::new(AgentPubKey::try_from(agent).unwrap(), None);
        let dna = DnaHash::from_raw_32(vec![4; 32]);
        let drafts = author.genesis(&dna, Timestamp(1));
        Self {
            author,
            signed: Vec::new(),
            open: drafts.into_iter().map(|draft| draft.action).collect(),
        }
    }

    /// Has the next action signed.
    fn step(&mut self, signer: &HostedSigner) -> Result<(), SignError> {
        if self.open.is_empty() {
            let write = Write::Create {
                envelope: Envelope::new("note", 1, vec![7]).unwrap(),
                visibility: EntryVisibility::Public,
            };
            self.open
                .push(self.author.write(Timestamp(2), write).action);
        }
        let signature = signer.sign(&self.open[0])?;
        self.signed.push((self.open.remove(0), signature));
        Ok(())
    }
}

/// Returns another action for the place of one.
fn rival(action: &Action) -> Action {
    let mut rival = action.clone();
    rival.header.timestamp = chain_time(99);
    rival
}

fn chain_time(micros: i64) -> holochain_timestamp::Timestamp {
    holochain_timestamp::Timestamp::from_micros(micros)
}

#[test]
fn after_sigkill_what_was_signed_is_signed_again_and_nothing_else_in_its_place() {
    const MEMBERS: usize = 6;
    let home = Home::new();
    let mut running = start(&home, &[]);
    let agents: Vec<_> = (0..MEMBERS)
        .map(|member| {
            let told = new_key(&home, &format!("member-{member}"));
            told["agent"].as_str().unwrap().to_owned()
        })
        .collect();
    let mut writers: Vec<_> = agents.iter().map(|agent| Writer::new(agent)).collect();
    for round in 0..3 {
        for agent in &agents {
            unlock(&home, agent);
        }
        let done = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for (agent, writer) in agents.iter().zip(&mut writers) {
                let (signer, done) = (running.signer(agent), &done);
                scope.spawn(move || {
                    // Until the vault is gone.
                    while writer.step(&signer).is_ok() {
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            let mut waited = 0_u32;
            while done.load(Ordering::Relaxed) < 40 * (round + 1) {
                waited += 1;
                std::thread::yield_now();
                assert!(waited < u32::MAX, "nobody signs");
            }
            running.process.kill().unwrap();
        });
        running = start(&home, &[]);
        assert_eq!(running.told["unconfirmed"], 0);
        for (agent, writer) in agents.iter().zip(&mut writers) {
            unlock(&home, agent);
            let signer = running.signer(agent);
            assert!(!writer.signed.is_empty());
            for (action, signature) in writer.signed.iter().rev().take(20) {
                assert_eq!(signer.sign(action).as_ref(), Ok(signature));
                let refused = signer.sign(&rival(action));
                let seq = action.action_seq();
                assert_eq!(refused, Err(SignError::Equivocation { seq }));
            }
            // What was asked for when it died is signed now, whether it had been written down or not.
            writer.step(&signer).unwrap();
        }
    }
    for (agent, writer) in agents.iter().zip(&writers) {
        let log = home.run(&["vault", "log", agent, "--json", "--limit", "100000"]);
        let log = log.ok().json();
        let log = log["signed"].as_array().unwrap();
        for (action, _) in &writer.signed {
            let hash = hex::encode(record::action_hash(action).get_raw_32());
            let seq = action.action_seq();
            let at_place: Vec<_> = log.iter().filter(|signed| signed["seq"] == seq).collect();
            assert_eq!(at_place.len(), 1, "place {seq}");
            assert_eq!(at_place[0]["hash"], hash.as_str());
        }
    }
    running.process.terminate().unwrap();
    assert!(running.process.wait(DEADLINE).unwrap().success());
}

#[test]
fn a_folder_that_was_put_back_signs_nothing() {
    let home = Home::new();
    let mut running = start(&home, &[]);
    let told = new_key(&home, "anna");
    let agent = told["agent"].as_str().unwrap();
    unlock(&home, agent);
    let mut writer = Writer::new(agent);
    for _ in 0..6 {
        writer.step(&running.signer(agent)).unwrap();
    }
    running.process.terminate().unwrap();
    running.process.wait(DEADLINE).unwrap();
    let (vault, copied) = (home.at("home").join("vault"), home.at("copied"));
    fs::remove_file(vault.join("vault.sock")).ok();
    copy(&vault, &copied);
    let key = copied.join("server.key");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&key, private).unwrap();
    let running = start(&home, &["--data", copied.to_str().unwrap()]);
    assert_eq!(running.told["unconfirmed"], 1);
    let password = home.at("password.txt");
    let words = [
        "vault",
        "unlock",
        agent,
        "--data",
        "copied",
        "--password-file",
    ];
    home.run(&[&words[..], &[password.to_str().unwrap()]].concat())
        .ok();
    let refused = writer.step(&running.signer(agent));
    assert!(matches!(refused, Err(SignError::Unavailable(why)) if why.contains("restored")));
    let twice = start_refused(&home, &copied);
    assert!(twice.contains("CH-0404"), "{twice}");
}

/// Starts a second vault in a folder that is in use, and returns what it said.
fn start_refused(home: &Home, folder: &Path) -> String {
    let ran = home.run(&["vault", "--data", folder.to_str().unwrap()]);
    assert_ne!(ran.status, 0);
    ran.stderr
}

#[test]
fn a_person_begins_is_hosted_and_leaves() {
    let home = Home::new();
    let _running = start(&home, &[]);
    let told = new_key(&home, "anna");
    let (agent, next) = (
        told["agent"].as_str().unwrap(),
        told["next_key"].as_str().unwrap(),
    );
    let person = home.at("anna.person");
    let person = person.to_str().unwrap();
    let doorway = "https://bread.example";
    let grant = ["vault", "grant", "--person", person, "--doorway", doorway];
    home.run(&grant).refused(1, "CH-0315");
    unlock(&home, agent);
    home.run(&grant).ok();
    let shown = home.run(&["vault", "person", person, "--json"]).ok().json();
    assert_eq!(shown["hosted_by"], doorway);
    assert_eq!(shown["person"], told["person"]);
    // The code on paper unlocks as well, and a wrong one does not.
    home.run(&["vault", "lock", agent]).ok();
    home.write("code.txt", told["code"].as_str().unwrap());
    let code = home.at("code.txt");
    let by_code = [
        "vault",
        "unlock",
        agent,
        "--code-file",
        code.to_str().unwrap(),
    ];
    home.run(&by_code).ok();
    home.write("code.txt", next);
    home.run(&by_code).refused(1, "CH-0318");
    home.write("password.txt", "another");
    let password = home.at("password.txt");
    let by_password = ["vault", "unlock", agent, "--password-file"];
    home.run(&[&by_password[..], &[password.to_str().unwrap()]].concat())
        .refused(1, "CH-0318");
    // With the next key the person leaves, and the vault is not asked.
    home.write("next.txt", told["code"].as_str().unwrap());
    let file = home.at("next.txt");
    let rotate = [
        "vault",
        "rotate",
        person,
        "--next-file",
        file.to_str().unwrap(),
    ];
    home.run(&rotate).refused(1, "CH-0318");
    home.write("next.txt", next);
    let rotated = home.run(&[&rotate[..], &["--json"]].concat()).ok().json();
    assert_ne!(rotated["agent"], agent);
    home.run(&rotate).refused(1, "CH-0306");
    let shown = home.run(&["vault", "person", person, "--json"]).ok().json();
    assert_eq!(shown["hosted_by"], Value::Null);
    assert_eq!(shown["keys"].as_array().unwrap().len(), 2);
    let bytes = fs::read(home.at("anna.person")).unwrap();
    fs::write(home.at("anna.person"), &bytes[..bytes.len() - 1]).unwrap();
    home.run(&["vault", "person", person]).refused(1, "CH-0306");
    let log = home.run(&["vault", "log", agent, "--json"]).ok().json();
    let words: Vec<_> = log["signed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|signed| signed["what"].clone())
        .collect();
    assert_eq!(words, ["grant", "inception"]);
}

#[test]
fn a_vault_that_was_restored_learns_the_head_from_a_doorway() {
    let (home, doorway) = Home::with_doorway();
    let mut running = start(&home, &[]);
    let told = new_key(&home, "anna");
    let agent = told["agent"].as_str().unwrap();
    let ran = home.run(&["vault", "confirm", agent, "--from", &doorway.url]);
    ran.refused(1, "CH-0105");
    unlock(&home, agent);
    home.run(&["member", "add", agent, "--to", &doorway.url])
        .ok();
    let client = client::Doorway::new(&doorway.url).unwrap();
    let community = block_on(client.version()).unwrap().community;
    let dna = DnaHash::try_from(community.dna_hash.as_str()).unwrap();
    let mut author = Author::new(AgentPubKey::try_from(agent).unwrap(), None);
    let drafts = author.genesis(&dna, Timestamp(1));
    // The vault is put back to where it was before it signed anything.
    running.process.terminate().unwrap();
    running.process.wait(DEADLINE).unwrap();
    let vault = home.at("home").join("vault");
    fs::remove_file(vault.join("vault.sock")).ok();
    copy(&vault, &home.at("backup"));
    let mut running = start(&home, &[]);
    unlock(&home, agent);
    let signer = running.signer(agent);
    let records = drafts.into_iter().map(|draft| {
        let signature = signer.sign(&draft.action).unwrap();
        record::assemble(draft.action, signature, draft.entry)
    });
    let records: Vec<_> = records.collect();
    let views = records.iter().map(api::RecordView::of).collect();
    block_on(client.append(agent, views)).unwrap();
    running.process.terminate().unwrap();
    running.process.wait(DEADLINE).unwrap();
    let backup = home.at("backup").to_str().unwrap().to_owned();
    let running = start(&home, &["--data", &backup]);
    assert_eq!(running.told["unconfirmed"], 1);
    let password = home.at("password.txt");
    let password = password.to_str().unwrap();
    let words = ["vault", "unlock", agent, "--data", &backup];
    home.run(&[&words[..], &["--password-file", password]].concat())
        .ok();
    let signer = running.signer(agent);
    let first = records[0].action();
    let unconfirmed = signer.sign(first);
    assert!(matches!(unconfirmed, Err(SignError::Unavailable(_))));
    let words = ["vault", "confirm", agent, "--from", &doorway.url];
    let said = home.run(&[&words[..], &["--json", "--data", &backup]].concat());
    assert_eq!(said.ok().json()["seq"], 3);
    let refused = signer.sign(&rival(first));
    assert_eq!(refused, Err(SignError::Equivocation { seq: 0 }));
    let write = Write::Create {
        envelope: Envelope::new("note", 1, vec![7]).unwrap(),
        visibility: EntryVisibility::Public,
    };
    signer
        .sign(&author.write(Timestamp(2), write).action)
        .unwrap();
}

#[test]
fn a_key_is_carried_home_and_to_another_vault() {
    let home = Home::new();
    let running = start(&home, &[]);
    let told = new_key(&home, "anna");
    let agent = told["agent"].as_str().unwrap();
    unlock(&home, agent);
    let mut writer = Writer::new(agent);
    for _ in 0..4 {
        writer.step(&running.signer(agent)).unwrap();
    }
    home.write("phrase.txt", "a long way home\n");
    let at = |name: &str| home.at(name).to_str().unwrap().to_owned();
    let (password, phrase, bundle, person) = (
        at("password.txt"),
        at("phrase.txt"),
        at("anna.seed"),
        at("anna.person"),
    );
    let export = [
        "vault",
        "export",
        agent,
        "--password-file",
        &password,
        "--passphrase-file",
        &phrase,
        "--bundle",
        &bundle,
    ];
    home.run(&export).ok();
    home.run(&export).refused(1, "CH-0813");
    let _other = start(&home, &["--data", &at("other")]);
    let import = [
        "vault",
        "import",
        &bundle,
        "--passphrase-file",
        &password,
        "--password-file",
        &password,
        "--person",
        &person,
        "--data",
        &at("other"),
    ];
    home.run(&import).refused(1, "CH-0318");
    let mut import = import.to_vec();
    import[4] = &phrase;
    let taken = home.run(&[&import[..], &["--json"]].concat()).ok().json();
    assert_eq!(taken["agent"], agent);
    let listed = home
        .run(&["vault", "ls", "--json", "--data", &at("other")])
        .ok()
        .json();
    assert_eq!(listed["keys"][0]["confirmed"], false);
    assert_eq!(listed["keys"][0]["person"], told["person"]);
}
