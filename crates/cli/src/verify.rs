//! `commonhold verify`: who wrote what is served, checked without trusting who serves it.

mod asked;
mod page;

use api::proof::{self, Proven, Walk};
use api::{ChainView, ItemView, SUPPORTED};
use base::{Code, ContentHash, Problem};
use chain::{AgentPubKey, DnaHash, Item, Rules, Verifier};
use client::{Answer, Doorway};
use serde_json::json;
use url::Url;

use crate::args::VerifyArgs;
use crate::dial::{self, Progress};
use crate::output::{Outcome, Output, count};

/// Records that are asked for at once.
const PAGE_RECORDS: u32 = 500;

/// What was checked and found right.
struct Checked {
    /// What it is.
    title: String,
    /// The lines that say what was checked.
    facts: Vec<(&'static str, String)>,
}

/// Runs the command.
pub(crate) async fn run(args: &VerifyArgs, output: &Output) -> Outcome {
    let checked = if args.what.starts_with("http://") || args.what.starts_with("https://") {
        address(args, &Progress::new(*output)).await?
    } else {
        file(&args.what)?
    };
    let facts: serde_json::Map<_, _> = checked
        .facts
        .iter()
        .map(|(name, value)| (name.replace(' ', "_"), json!(value)))
        .collect();
    let mut lines: Vec<String> = checked
        .facts
        .iter()
        .map(|(name, value)| format!("  {name:<12} {value}"))
        .collect();
    lines.insert(0, format!("verified: {}", checked.title));
    let document = json!({ "ok": true, "what": args.what, "title": checked.title, "facts": facts });
    output.done(&document, &lines);
    Ok(())
}

/// Checks what an address serves.
async fn address(args: &VerifyArgs, progress: &Progress) -> Result<Checked, Problem> {
    let (address, is_quick) = (args.what.as_str(), args.quick);
    let url = Url::parse(address)
        .map_err(|error| Problem::new(Code::NothingToVerify, format!("{address}: {error}")))?;
    let origin = url.origin().ascii_serialization();
    let doorway = dial::doorway(&origin, args.ca.as_deref(), progress)?;
    let segments: Vec<&str> = url.path().trim_matches('/').split('/').collect();
    match segments.as_slice() {
        ["store", hash] => blob(&doorway, &url, hash).await,
        ["api", "v1", "chains", agent] => chain(&doorway, agent, progress).await,
        ["api", "v1", "cache", _, ..] if segments.len() > 4 => {
            let mut url = url.clone();
            let seq = url
                .query_pairs()
                .find_map(|(name, value)| (name == "seq").then(|| format!("&seq={value}")));
            url.set_query(Some(&format!("proof=1{}", seq.unwrap_or_default())));
            let answer = doorway.fetch(url.clone()).await?;
            let proven = proof::check(&answer.body)?;
            asked::check(&url, &proven)?;
            item(&doorway, proven, is_quick, progress).await
        }
        _ => {
            let answer = doorway.fetch(url.clone()).await?;
            let link = page::proof_link(&answer)?;
            let proof = doorway.fetch(link).await?;
            let proven = proof::check(&proof.body)?;
            asked::check(&url, &proven)?;
            let shown = page::compare(&answer, &proven)?;
            let mut checked = item(&doorway, proven, is_quick, progress).await?;
            checked.facts.push(("page", shown.to_owned()));
            Ok(checked)
        }
    }
}

/// Checks an item's place in its author's chain, and describes it.
async fn item(
    doorway: &Doorway,
    proven: Proven,
    is_quick: bool,
    progress: &Progress,
) -> Result<Checked, Problem> {
    let mut facts = facts(&proven);
    if is_quick {
        facts.push((
            "chain",
            "follows the record before it (the rest was not walked)".to_owned(),
        ));
    } else {
        let records = walk(doorway, &proven, progress).await?;
        let sentence = format!(
            "{} from the first on, all links and signatures right, nothing newer of this item",
            count(records.into(), "record", "records")
        );
        facts.push(("chain", sentence));
    }
    Ok(Checked {
        title: title(&proven.item),
        facts,
    })
}

async fn walk(doorway: &Doorway, proven: &Proven, progress: &Progress) -> Result<u32, Problem> {
    let agent = proven.author.to_string();
    let mut walk = Walk::new(proven)?;
    let mut after = None;
    let bar = progress.begin("chain", 0, false);
    loop {
        let page = doorway.chain(&agent, after, PAGE_RECORDS, None).await?;
        if let Some(head) = &page.head {
            bar.set_length(u64::from(head.seq) + 1);
        }
        bar.inc(page.records.len() as u64);
        match walk.take(&page)? {
            Some(next) => after = Some(next),
            None => {
                bar.finish_and_clear();
                return walk.finish();
            }
        }
    }
}

/// Checks a whole chain.
async fn chain(doorway: &Doorway, agent: &str, progress: &Progress) -> Result<Checked, Problem> {
    let first = doorway.chain(agent, None, PAGE_RECORDS, None).await?;
    let mut verifier = verifier(agent, &first)?;
    let bar = progress.begin("chain", 0, false);
    let mut page = first;
    loop {
        take(&mut verifier, &page)?;
        bar.inc(page.records.len() as u64);
        let Some(after) = page.next_after else {
            break;
        };
        if verifier.head().map(|head| head.seq) != Some(after) || page.records.is_empty() {
            let detail = "the pages of the chain do not follow each other";
            return Err(Problem::new(Code::PositionDiffers, detail));
        }
        page = doorway
            .chain(agent, Some(after), PAGE_RECORDS, None)
            .await?;
    }
    bar.finish_and_clear();
    describe_chain(agent, &page, &verifier)
}

fn verifier(agent: &str, page: &ChainView) -> Result<Verifier, Problem> {
    if !SUPPORTED.contains(&page.schema_version) {
        let detail = format!("the chain is shown in version {}", page.schema_version);
        return Err(Problem::new(Code::UnsupportedSchema, detail));
    }
    let author = AgentPubKey::try_from(agent)
        .map_err(|_| Problem::new(Code::MalformedHash, format!("{agent} is no agent key")))?;
    let dna = DnaHash::try_from(page.dna_hash.as_str())
        .map_err(|_| Problem::new(Code::MalformedHash, "the chain names no DNA"))?;
    Ok(Verifier::new(dna, author, Rules::Commonhold)?)
}

fn take(verifier: &mut Verifier, page: &ChainView) -> Result<(), Problem> {
    for view in &page.records {
        let record = view
            .decode()
            .map_err(|error| Problem::new(Code::MalformedRecord, error.to_string()))?;
        verifier.apply(&record)?;
        if view.action_hash != record.action_address().to_string() {
            let detail = format!("record {} has another hash", record.action().action_seq());
            return Err(Problem::new(Code::HashDiffers, detail));
        }
    }
    Ok(())
}

/// The head that the server names is the one that was reached.
fn describe_chain(agent: &str, page: &ChainView, verifier: &Verifier) -> Result<Checked, Problem> {
    let reached = verifier
        .head()
        .map(|head| (head.seq, head.hash.to_string()));
    let named = page
        .head
        .as_ref()
        .map(|head| (head.seq, head.action_hash.clone()));
    if page.agent != agent || reached != named {
        let detail = "the chain that was served does not reach the head that was named";
        return Err(Problem::new(Code::PositionDiffers, detail));
    }
    Ok(Checked {
        title: format!("the chain of {agent}"),
        facts: vec![
            ("records", verifier.wanted().to_string()),
            ("head", reached.map(|(_, hash)| hash).unwrap_or_default()),
            ("community", page.dna_hash.clone()),
        ],
    })
}

/// Checks a blob against the hash in its address.
async fn blob(doorway: &Doorway, url: &Url, hash: &str) -> Result<Checked, Problem> {
    let wanted: ContentHash = hash
        .parse()
        .map_err(|error| Problem::new(Code::MalformedHash, format!("{error}")))?;
    let answer: Answer = doorway.fetch(url.clone()).await?;
    let found = ContentHash::of(&answer.body);
    if found != wanted {
        let detail = format!("the bytes have the hash {found}");
        return Err(Problem::new(Code::HashDiffers, detail));
    }
    Ok(Checked {
        title: format!("blob {wanted}"),
        facts: vec![
            ("bytes", answer.body.len().to_string()),
            ("type", answer.media_type),
        ],
    })
}

/// Checks a saved proof or a saved chain.
fn file(name: &str) -> Result<Checked, Problem> {
    let path = std::path::Path::new(name);
    let bytes = disk::read_path(path, client::ANSWER_BYTES_MAX as u64)
        .map_err(|error| Problem::new(Code::SourceUnreadable, error.problem().detail))?;
    let bytes = bytes
        .ok_or_else(|| Problem::new(Code::SourceUnreadable, format!("there is no file {name}")))?;
    if let Ok(page) = serde_json::from_slice::<ChainView>(&bytes)
        && !page.records.is_empty()
    {
        return saved_chain(&bytes, &page);
    }
    if serde_json::from_slice::<ItemView>(&bytes).is_err() {
        return Err(Problem::new(
            Code::NothingToVerify,
            format!("{name} is neither a saved proof nor a saved chain"),
        ));
    }
    let proven = proof::check(&bytes)?;
    let mut facts = facts(&proven);
    facts.push((
        "chain",
        "follows the record before it (the rest is not in the file)".to_owned(),
    ));
    Ok(Checked {
        title: title(&proven.item),
        facts,
    })
}

/// Checks a saved chain: its first page must start at the first record.
fn saved_chain(bytes: &[u8], page: &ChainView) -> Result<Checked, Problem> {
    let mut verifier = verifier(&page.agent, page)?;
    take(&mut verifier, page)?;
    if page.next_after.is_some() {
        return Err(Problem::new(
            Code::NothingToVerify,
            "the file holds only the first page of the chain; give the address instead",
        ));
    }
    let again = serde_json::to_vec(page).unwrap_or_default();
    if again != bytes {
        let detail = "the file holds more than the signed records";
        return Err(Problem::new(Code::AnswerDiffers, detail));
    }
    describe_chain(&page.agent, page, &verifier)
}

fn facts(proven: &Proven) -> Vec<(&'static str, String)> {
    let action = proven.record.action();
    vec![
        ("author", proven.author.to_string()),
        (
            "signed",
            crate::time::shown(chain::record::timestamp(&proven.record)),
        ),
        ("action", proven.record.action_address().to_string()),
        (
            "place",
            format!("record {} of the author's chain", action.action_seq()),
        ),
        ("community", proven.dna.to_string()),
        ("reach", proven.view.reach.clone()),
    ]
}

fn title(item: &Item) -> String {
    match item {
        Item::Content(content) => format!("page “{}”", content.title),
        Item::Path(path) => format!("course “{}”", path.title),
        Item::BlobManifest(manifest) => format!("manifest of blob {}", manifest.id()),
        Item::Profile(profile) => format!("profile of {}", profile.name),
    }
}
