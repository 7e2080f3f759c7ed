//! Documents out of the hot cache: 1 KiB of JSON, an answer without a body, and a page packed with brotli.
//!
//! Beside them: hyper with the same headers and bytes, nginx with the same bytes as a file, and Varnish that has the
//! same answer from a slow origin.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use testkit::Process;

use super::Stage;
use super::answer::{Answer, Asked};
use super::load::{self, Contender, Unit};
use super::origin::Origin;
use super::raw::RawHyper;
use super::rivals::{BROTLI, Rival};
use crate::figure::Goal;

/// How slow the origin behind Varnish is.
const ORIGIN: Duration = Duration::from_millis(200);

/// What the table calls the contenders.
const OURS: &str = "commonhold up";
const HYPER: &str = "raw hyper, same bytes and headers";
const NGINX: &str = "nginx, same bytes as a file";
const VARNISH: &str = "Varnish, same answer from a slow origin";

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Document {
    /// 1 KiB of JSON.
    Small,
    /// The same, by somebody who has it already.
    Known,
    /// A page of the course, packed with brotli.
    Packed,
}

/// One row of the table for each rival.
struct Row {
    figure: &'static str,
    document: Document,
    connections: u32,
    goal: Goal,
    is_beside_varnish: bool,
}

const ROWS: [Row; 4] = [
    Row {
        figure: "document of 1 KiB, 64 connections",
        document: Document::Small,
        connections: 64,
        goal: Goal::ShareAtLeast(0.90),
        is_beside_varnish: true,
    },
    Row {
        figure: "document of 1 KiB, 512 connections",
        document: Document::Small,
        connections: 512,
        goal: Goal::ShareAtLeast(0.85),
        is_beside_varnish: true,
    },
    Row {
        figure: "document of 1 KiB that the reader has (304), 64 connections",
        document: Document::Known,
        connections: 64,
        goal: Goal::None,
        is_beside_varnish: false,
    },
    Row {
        figure: "page in brotli, 64 connections",
        document: Document::Packed,
        connections: 64,
        goal: Goal::None,
        is_beside_varnish: false,
    },
];

/// The contenders of a row, and what keeps them alive.
#[derive(Default)]
struct Field {
    body_bytes: usize,
    contenders: Vec<Contender>,
    hyper: Option<Process>,
    rivals: Vec<Rival>,
    origin: Option<Origin>,
}

/// Measures all rows.
pub(super) fn measure(stage: &mut Stage) -> anyhow::Result<()> {
    let Some(wrk) = stage.wrk("documents")? else {
        return Ok(());
    };
    for row in &ROWS {
        eprintln!("{}", row.figure);
        let field = field(stage, row).context(row.figure)?;
        let measured = wrk.take_turns(stage.shape(row.connections), &field.contenders)?;
        let (ours, theirs) = measured.split_first().context("we are the first")?;
        for (contender, theirs) in field.contenders[1..].iter().zip(theirs) {
            let goal = if contender.name == HYPER {
                row.goal
            } else {
                Goal::None
            };
            let against = (contender.name, theirs);
            let mut figure = load::figure(row.figure, Unit::Answer, ours, against, goal);
            figure.more.push(("body_bytes", field.body_bytes as f64));
            stage.figures.push(figure);
        }
    }
    Ok(())
}

/// Starts the contenders of a row; we are the first.
fn field(stage: &mut Stage, row: &Row) -> anyhow::Result<Field> {
    let published = stage.published()?;
    let (address, pid) = (published.address(), published.community.pid());
    let (asked, answer) = question(row.document, published)?;
    let folder = stage.folder(&row.figure.replace(' ', "-"))?;
    let mut field = Field {
        body_bytes: answer.body.len(),
        ..Field::default()
    };
    field
        .contenders
        .push(Contender::new(OURS, pid, address, &asked));

    let (hyper, at) = RawHyper::start(&stage.bench, address, &asked, &folder)?;
    same(&answer, &asked, at)?;
    field
        .contenders
        .push(Contender::new(HYPER, hyper.id(), at, &asked));
    field.hyper = Some(hyper);

    if let Some(program) = stage.program(|all| &all.nginx, "documents beside nginx") {
        let www = folder.join("nginx");
        let rival = Rival::nginx(&stage.bench, &program, &www, None)?;
        let theirs = beside_nginx(
            row.document,
            &answer,
            &www.join("www"),
            rival.address(),
            &asked,
        )?;
        let contender = Contender::new(NGINX, rival.pid(), rival.address(), &theirs);
        field.contenders.push(contender);
        field.rivals.push(rival);
    }
    if row.is_beside_varnish
        && let Some(program) = stage.program(|all| &all.varnish, "documents beside Varnish")
    {
        let origin = Origin::start(&answer, ORIGIN)?;
        let folder = folder.join("varnish");
        let rival = Rival::varnish(&stage.bench, &program, &folder, origin.address())?;
        same(&answer, &asked, rival.address())?;
        let contender = Contender::new(VARNISH, rival.pid(), rival.address(), &asked);
        field.contenders.push(contender);
        field.rivals.push(rival);
        field.origin = Some(origin);
    }
    Ok(field)
}

/// Returns what is asked of us, and our answer.
fn question(
    document: Document,
    published: &super::course::Published,
) -> anyhow::Result<(Asked, Answer)> {
    let asked = match document {
        Document::Small | Document::Known => published.small()?,
        Document::Packed => published.long(),
    };
    let mut answer = asked.fetch(published.address())?;
    anyhow::ensure!(answer.status == 200, "it answered {}", answer.status);
    // The first reader gets the page as it is; its encodings are made right after that.
    let is_packed = |answer: &Answer| answer.header("content-encoding").is_some();
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while document == Document::Packed
        && !is_packed(&answer)
        && std::time::Instant::now() < patience
    {
        std::thread::sleep(std::time::Duration::from_millis(50));
        answer = asked.fetch(published.address())?;
    }
    match document {
        Document::Small => Ok((asked, answer)),
        Document::Packed => {
            let encoding = answer.header("content-encoding");
            anyhow::ensure!(encoding == Some("br"), "the page came as {encoding:?}");
            Ok((asked, answer))
        }
        Document::Known => {
            let etag = answer.header("etag").context("it has no ETag")?;
            let asked = asked.with(format!("if-none-match: {etag}"));
            let answer = asked.fetch(published.address())?;
            anyhow::ensure!(answer.status == 304, "it answered {}", answer.status);
            Ok((asked, answer))
        }
    }
}

/// Gives nginx the same bytes; returns how they are asked for there.
fn beside_nginx(
    document: Document,
    answer: &Answer,
    www: &Path,
    address: SocketAddr,
    asked: &Asked,
) -> anyhow::Result<Asked> {
    let (name, bytes) = match document {
        Document::Small => ("document".to_owned(), answer.body.clone()),
        Document::Packed => (format!("{BROTLI}/page"), answer.body.clone()),
        // Any file does: its bytes are not sent.
        Document::Known => (
            "document".to_owned(),
            vec![b' '; super::course::SMALL_BYTES],
        ),
    };
    super::make(&www.join(BROTLI))?;
    std::fs::write(www.join(&name), bytes).context("write a file for nginx")?;
    let mut theirs = Asked::path(format!("/{name}"));
    if document == Document::Known {
        let known = theirs.fetch(address)?;
        let etag = known.header("etag").context("nginx gives no ETag")?;
        return Ok(theirs.with(format!("if-none-match: {etag}")));
    }
    theirs.headers.clone_from(&asked.headers);
    same(answer, &theirs, address)?;
    Ok(theirs)
}

/// Checks that somebody gives the same answer as we do.
pub(super) fn same(answer: &Answer, asked: &Asked, at: SocketAddr) -> anyhow::Result<()> {
    let theirs = asked.fetch(at)?;
    let encoding = theirs.header("content-encoding") == answer.header("content-encoding");
    anyhow::ensure!(
        theirs.status == answer.status && theirs.body == answer.body && encoding,
        "{at} answers {} with {} bytes, and not {} with the same {}",
        theirs.status,
        theirs.body.len(),
        answer.status,
        answer.body.len()
    );
    Ok(())
}
