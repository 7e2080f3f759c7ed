//! What a real Holochain 0.7.1 conductor was asked and answered, frame by frame: ours is asked the same, and its answers
//! must have the same shape.
//!
//! The recording is not part of the project; where it is missing this is left out, and says so. Keys and DNA hashes are
//! replaced by ones of ours with as many bytes, calls are signed again, and the clock stands where it stood then.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use base::Timestamp;
use chain::{Signer as _, dna};
use conductor::protocol::frame::Frame;
use conductor::remote::{Remote, RemoteConfig, RemoteLimits};
use conductor::server::SocketLimits;
use conductor::{Conductor as _, wire};
use crypto::Keypair;
use rmpv::Value;
use runtime::{Clock, Supervisor};
use serde_json::json;

use crate::remote::{BUNDLE, serve};
use crate::sockets::Program;

/// When the recording was made.
const THEN: Timestamp = Timestamp::from_secs(1_795_166_243);

/// What is asked of Holochain and not of ours: the type of the request.
const LEFT_OUT: &[&str] = &[
    "get_dna_definition",
    "grant_zome_call_capability",
    "list_capability_grants",
    "revoke_zome_call_capability",
    "dump_network_stats",
    "dump_network_metrics",
    "list_wasm_host_functions",
];

/// One frame of a recording.
#[derive(serde::Deserialize)]
struct Recorded {
    label: String,
    direction: String,
    hex: String,
}

fn recording(name: &str) -> Option<Vec<Recorded>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/holochain");
    let Ok(text) = std::fs::read_to_string(folder.join(name)) else {
        println!("left out: {name} is not there");
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

/// Reads the data of a frame; `None` when it is none.
fn data(hex_text: &str) -> Option<(Frame, Value)> {
    let bytes = hex::decode(hex_text).ok()?;
    let frame = Frame::decode(&bytes.into())?;
    let bytes = match &frame {
        Frame::Request { data, .. } | Frame::Response { data, .. } => data.clone(),
        Frame::Signal { data } | Frame::Authenticate { data } => data.clone(),
    };
    let value = rmpv::decode::read_value(&mut bytes.as_ref()).unwrap_or(Value::Nil);
    Some((frame, value))
}

fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, value).unwrap();
    bytes
}

fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    let found = value.as_map().into_iter().flatten();
    let found = found.filter(|(key, _)| key.as_str() == Some(name));
    found.map(|(_, value)| value).next().unwrap_or(&Value::Nil)
}

fn field_mut<'a>(value: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    let Value::Map(pairs) = value else {
        return None;
    };
    let mut found = pairs
        .iter_mut()
        .filter(|(key, _)| key.as_str() == Some(name));
    found.next().map(|(_, value)| value)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What stands for what: keys and hashes of the recording, and ours.
#[derive(Default)]
struct Stand {
    hashes: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The seeds of our keys.
    seeds: BTreeMap<Vec<u8>, [u8; 32]>,
}

impl Stand {
    /// Gives an agent of the recording a key of ours.
    fn agent(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut seed = [0; 32];
        seed.copy_from_slice(&bytes[3..35]);
        let ours = chain::agent_of(Keypair::from_seed(&seed).public());
        let ours = ours.get_raw_39().to_vec();
        self.seeds.insert(ours.clone(), seed);
        self.hashes.insert(bytes.to_vec(), ours.clone());
        ours
    }

    /// Replaces keys and hashes, which keep their length. A DNA becomes the community's with this seed.
    fn replace(&mut self, value: &mut Value, seed: &str) {
        match value {
            Value::Binary(bytes) if bytes.len() == 39 && bytes.starts_with(&[0x84, 0x20, 0x24]) => {
                let known = self.hashes.get(bytes.as_slice()).cloned();
                *bytes = known.unwrap_or_else(|| self.agent(bytes));
            }
            Value::Binary(bytes)
                if bytes.len() == 39
                    && bytes.starts_with(&[0x84, 0x2d, 0x24])
                    && bytes[3..35].iter().any(|byte| *byte != 0) =>
            {
                *bytes = dna::hash_for(seed).get_raw_39().to_vec();
            }
            Value::Array(values) => values
                .iter_mut()
                .for_each(|value| self.replace(value, seed)),
            Value::Map(pairs) => pairs
                .iter_mut()
                .for_each(|(_, value)| self.replace(value, seed)),
            _ => {}
        }
    }
}

/// Says where two answers have different shapes.
fn differences(theirs: &Value, ours: &Value, path: &str, found: &mut Vec<String>) {
    match (theirs, ours) {
        (Value::Map(one), Value::Map(other)) => {
            // The only role has another name here.
            if path.ends_with("cell_info") {
                if let (Some((_, one)), Some((_, other))) = (one.first(), other.first()) {
                    differences(one, other, &format!("{path}.*"), found);
                }
                return;
            }
            let names = |pairs: &[(Value, Value)]| -> Vec<String> {
                pairs.iter().map(|(key, _)| text(key).to_owned()).collect()
            };
            let (one_names, other_names) = (names(one), names(other));
            if one_names != other_names {
                found.push(format!(
                    "{path}: fields {one_names:?}, ours {other_names:?}"
                ));
                return;
            }
            for ((key, one), (_, other)) in one.iter().zip(other) {
                differences(one, other, &format!("{path}.{}", text(key)), found);
            }
        }
        (Value::Array(one), Value::Array(other)) => {
            if let (Some(one), Some(other)) = (one.first(), other.first()) {
                differences(one, other, &format!("{path}[]"), found);
            }
        }
        (Value::String(one), Value::String(other)) => {
            if path.ends_with(".type") && one != other {
                found.push(format!("{path}: {one}, ours {other}"));
            }
        }
        // Ours has no properties.
        _ if path.ends_with("modifiers.properties") => {}
        // Optional fields.
        (Value::Nil, Value::String(_)) | (Value::String(_), Value::Nil) => {}
        (one, other) if std::mem::discriminant(one) == std::mem::discriminant(other) => {
            let is_hash = matches!(one, Value::Binary(bytes) if bytes.len() == 39);
            if is_hash && !matches!(other, Value::Binary(bytes) if bytes.len() == 39) {
                found.push(format!("{path}: a hash, ours {other}"));
            }
        }
        (one, other) => found.push(format!("{path}: {one}, ours {other}")),
    }
}

/// The part of an error's words that is the same for every key, hash and machine.
fn head_of(words: &str) -> String {
    let words = words
        .replace("golden", "commonhold")
        .replace("fetch", "write");
    let cut = match words.find("ConductorApi: ") {
        Some(at) => words[at..].find('(').map(|end| at + end),
        None => words.find("AgentPubKey("),
    };
    words[..cut.unwrap_or(words.len())].to_owned()
}

fn compare(label: &str, theirs: &Value, ours: &Value) -> Vec<String> {
    let mut found = Vec::new();
    differences(theirs, ours, label, &mut found);
    if text(field(theirs, "type")) == "error" && found.is_empty() {
        let words = |answer| head_of(text(field(field(answer, "value"), "value")));
        let (one, other) = (words(theirs), words(ours));
        if one != other {
            found.push(format!("{label}: {one:?}, ours {other:?}"));
        }
    }
    if text(field(theirs, "type")) == "state_dumped" && found.is_empty() {
        found.extend(compare_dumps(label, theirs, ours));
    }
    found
}

/// Compares the JSON inside of a dump, of which the first record says what all look like.
fn compare_dumps(label: &str, theirs: &Value, ours: &Value) -> Vec<String> {
    let read = |answer: &Value| -> Value {
        let json: serde_json::Value = serde_json::from_str(text(field(answer, "value"))).unwrap();
        rmpv::decode::read_value(&mut rmp_serde::to_vec(&json).unwrap().as_slice()).unwrap()
    };
    let mut found = Vec::new();
    differences(
        &sorted(read(theirs)),
        &sorted(read(ours)),
        label,
        &mut found,
    );
    found
}

/// Brings the fields of all maps into the order of the alphabet: JSON readers do not look at it.
fn sorted(value: Value) -> Value {
    match value {
        Value::Map(pairs) => {
            let pairs = pairs.into_iter().map(|(key, value)| (key, sorted(value)));
            let mut pairs: Vec<_> = pairs.collect();
            pairs.sort_by(|one, other| text(&one.0).cmp(text(&other.0)));
            Value::Map(pairs)
        }
        Value::Array(values) => Value::Array(values.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// Changes an install so that it installs our bundle, without what a membrane asks for.
fn adapt_install(request: &mut Value) -> String {
    let value = field_mut(request, "value").unwrap();
    let source = field_mut(value, "source").unwrap();
    if text(field(source, "value")) == "golden.happ" {
        *source = Value::Map(vec![
            ("type".into(), "bytes".into()),
            ("value".into(), Value::Binary(BUNDLE.to_vec())),
        ]);
    }
    let mut seed = String::new();
    if let Some(Value::Map(roles)) = field_mut(value, "roles_settings") {
        for (role, settings) in roles {
            if role.as_str() == Some("main") {
                *role = "commonhold".into();
            }
            let settings = field_mut(settings, "value").unwrap();
            *field_mut(settings, "membrane_proof").unwrap() = Value::Nil;
            let modifiers = field_mut(settings, "modifiers").unwrap();
            text(field(modifiers, "network_seed")).clone_into(&mut seed);
            *field_mut(modifiers, "properties").unwrap() = Value::Nil;
        }
    }
    seed
}

/// Makes a call of the recording one of ours, and signs it again when it was signed.
fn adapt_call(stand: &mut Stand, request: &mut Value) {
    let value = field_mut(request, "value").unwrap();
    let bytes = field(value, "bytes").as_slice().unwrap().to_vec();
    let mut params = rmpv::decode::read_value(&mut bytes.as_slice()).unwrap();
    stand.replace(&mut params, "");
    if text(field(&params, "zome_name")) == "golden" {
        *field_mut(&mut params, "zome_name").unwrap() = wire::ZOME.into();
    }
    let function = text(field(&params, "fn_name")).to_owned();
    if function == "create" {
        let payload = wire::WriteRequest::Create {
            kind: "note".to_owned(),
            version: 1,
            body: b"hello".to_vec().into(),
            visibility: wire::Visibility::Public,
        };
        let payload = rmp_serde::to_vec_named(&payload).unwrap();
        *field_mut(&mut params, "payload").unwrap() = Value::Binary(payload);
    }
    let ours = match function.as_str() {
        "create" | "fetch" => wire::FN_WRITE,
        other => other,
    };
    *field_mut(&mut params, "fn_name").unwrap() = ours.into();
    let bytes = encode(&params);
    let is_signed = field(value, "signature")
        .as_slice()
        .unwrap()
        .iter()
        .any(|byte| *byte != 0);
    if is_signed {
        let agent = field(&params, "provenance").as_slice().unwrap().to_vec();
        let signature = Keypair::from_seed(&stand.seeds[&agent]).sign(&wire::signed_digest(&bytes));
        *field_mut(value, "signature").unwrap() = Value::Binary(signature.to_vec());
    }
    *field_mut(value, "bytes").unwrap() = Value::Binary(bytes);
}

async fn ask(program: &mut Program, request: &Value) -> Value {
    let answer = program.ask_bytes(encode(request).into()).await;
    rmpv::decode::read_value(&mut answer.as_ref()).unwrap()
}

/// Puts the keys into the folder in which a conductor keeps its own.
fn keep_keys(stand: &Stand, folder: &Path) {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let folder = folder.join("keys");
    std::fs::create_dir_all(&folder).unwrap();
    for seed in stand.seeds.values() {
        let agent = chain::agent_of(Keypair::from_seed(seed).public());
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(folder.join(agent.to_string())).unwrap();
        file.write_all(seed).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admin_socket_answers_in_the_shapes_of_a_real_conductor() {
    let Some(frames) = recording("transcript-admin.json") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (clock, hand) = Clock::by_hand(THEN);
    let supervisor = Supervisor::default();
    let mut stand = Stand::default();
    // Every agent that is installed gets its key before; the one of zeros is in nobody's keystore.
    for frame in frames
        .iter()
        .filter(|frame| frame.direction == "to_conductor")
    {
        if let Some((_, mut value)) = data(&frame.hex)
            && text(field(&value, "type")) == "install_app"
            && !frame.label.contains("not in the keystore")
        {
            stand.replace(&mut value, "");
        }
    }
    keep_keys(&stand, folder.path());
    let limits = SocketLimits::default();
    let (_engine, server) = serve(folder.path(), &clock, limits, &supervisor).await;
    let mut admin = Program::connect(server.admin_address(), Some("any"))
        .await
        .unwrap();
    let (mut compared, mut left_out, mut found) = (0, Vec::new(), Vec::new());
    for (at, frame) in frames.iter().enumerate() {
        let Some((Frame::Request { .. }, mut request)) = data(&frame.hex) else {
            continue;
        };
        let theirs = frames[at + 1..]
            .iter()
            .find(|next| next.label == frame.label);
        let Some((Frame::Response { .. }, theirs)) = theirs.and_then(|next| data(&next.hex)) else {
            continue;
        };
        if frame.direction != "to_conductor" {
            continue;
        }
        let kind = text(field(&request, "type")).to_owned();
        if LEFT_OUT.contains(&kind.as_str()) {
            left_out.push(frame.label.clone());
            continue;
        }
        // It fails there because of peers, and there are none here.
        if frame.label.starts_with("agent_info (all, while") {
            left_out.push(frame.label.clone());
            continue;
        }
        let seed = if kind == "install_app" {
            adapt_install(&mut request)
        } else {
            String::new()
        };
        stand.replace(&mut request, &seed);
        // Apps are listed by their age.
        hand.advance(base::Duration::from_millis(1));
        let ours = ask(&mut admin, &request).await;
        found.extend(compare(&frame.label, &theirs, &ours));
        compared += 1;
    }
    println!("{compared} answers compared; left out: {left_out:?}");
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(compared >= 40, "{compared}");
    server.close().await;
}

/// What is asked again on an app socket.
const APP_LABELS: &[&str] = &[
    "app_info",
    "call_zome create (public, first call: runs init)",
    "call_zome create (private)",
    "call_zome with a foreign key",
    "call_zome with a wrong signature",
    "call_zome that has expired",
    "call_zome that expires too late",
    "call_zome of an unknown zome",
    "call_zome of an unknown function",
    "call_zome of an unknown cell",
    "call_zome with a nonce seen before",
    "malformed: unknown request",
    "malformed: data is not msgpack",
    "app_info (disabled app)",
    "call_zome (disabled app)",
    "app_info (uninstalled app)",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn app_socket_answers_in_the_shapes_of_a_real_conductor() {
    let Some(frames) = recording("transcript-app.json") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (clock, _hand) = Clock::by_hand(THEN);
    let supervisor = Supervisor::default();
    let limits = SocketLimits::default();
    let (_engine, server) = serve(folder.path(), &clock, limits, &supervisor).await;
    let mut stand = Stand::default();
    let signer = first_caller(&frames, &mut stand);
    let remote = dial_empty(server.admin_address(), &clock, &supervisor);
    let app_id: conductor::AppId = "golden-a".parse().unwrap();
    let provision = conductor::Provision {
        app_id: app_id.clone(),
        cell: conductor::CellId {
            dna: dna::hash_for(""),
            agent: signer.agent().clone(),
        },
        origin: conductor::Origin::Genesis,
        custody: conductor::Custody::Signer(Arc::new(signer)),
    };
    remote.provision(provision).await.unwrap();
    remote.set_enabled(&app_id, true).await.unwrap();
    let mut app = app_socket(server.admin_address()).await;
    let mut found = Vec::new();
    for &label in APP_LABELS {
        if label == "app_info (disabled app)" {
            remote.set_enabled(&app_id, false).await.unwrap();
        }
        if label == "app_info (uninstalled app)" {
            remote.retire(&app_id).await.unwrap();
        }
        let of_label = |direction: &str| {
            let mut found = frames.iter().filter(|frame| frame.label == label);
            found.find(|frame| frame.direction == direction && data(&frame.hex).is_some())
        };
        let (_, mut request) = data(&of_label("to_conductor").unwrap().hex).unwrap();
        let (_, theirs) = data(&of_label("from_conductor").unwrap().hex).unwrap();
        if text(field(&request, "type")) == "call_zome" {
            adapt_call(&mut stand, &mut request);
        }
        if label == "call_zome with a nonce seen before" {
            ask(&mut app, &request).await;
        }
        let ours = ask(&mut app, &request).await;
        found.extend(compare(label, &theirs, &ours));
    }
    let signal = frames.iter().find(|frame| frame.label == "signal").unwrap();
    let (_, theirs) = data(&signal.hex).unwrap();
    let ours = rmpv::decode::read_value(&mut app.signals[0].as_ref()).unwrap();
    found.extend(compare("signal", &theirs, &ours));
    assert!(found.is_empty(), "{}", found.join("\n"));
    println!("{} answers compared", APP_LABELS.len());
    server.close().await;
}

/// Returns the key of ours that stands for whoever calls first.
fn first_caller(frames: &[Recorded], stand: &mut Stand) -> chain::KeySigner {
    let mut calls = frames
        .iter()
        .filter(|frame| frame.direction == "to_conductor");
    let first = calls.find_map(|frame| {
        let (_, value) = data(&frame.hex)?;
        let bytes = field(field(&value, "value"), "bytes").as_slice()?.to_vec();
        rmpv::decode::read_value(&mut bytes.as_slice()).ok()
    });
    let mut first = first.unwrap();
    stand.replace(&mut first, "");
    let agent = field(&first, "provenance").as_slice().unwrap().to_vec();
    chain::KeySigner::new(Keypair::from_seed(&stand.seeds[&agent]))
}

/// Opens an app socket for the recording's first app.
async fn app_socket(admin: std::net::SocketAddr) -> Program {
    let mut admin = Program::connect(admin, Some("any")).await.unwrap();
    let attach = json!({ "type": "attach_app_interface", "value": { "allowed_origins": "*" } });
    let port = admin.ask(attach).await["value"]["port"].as_u64().unwrap();
    let issue = json!({
        "type": "issue_app_authentication_token",
        "value": { "installed_app_id": "golden-a" },
    });
    let token = admin.ask(issue).await["value"]["token"].clone();
    let address = ([127, 0, 0, 1], u16::try_from(port).unwrap()).into();
    let mut app = Program::connect(address, Some("any")).await.unwrap();
    app.authenticate(&token).await;
    app
}

/// Opens an adapter of the community with the empty seed.
fn dial_empty(
    address: std::net::SocketAddr,
    clock: &Clock,
    supervisor: &Supervisor,
) -> Arc<Remote> {
    let config = RemoteConfig {
        id: "signs".parse().unwrap(),
        address: address.to_string(),
        network_seed: String::new(),
        bundle: BUNDLE.into(),
        limits: RemoteLimits::default(),
    };
    Remote::open(config, clock.clone(), supervisor.group("r"))
}
