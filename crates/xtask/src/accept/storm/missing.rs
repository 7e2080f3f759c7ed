//! Somebody asks for what is not there, and for what is there with something added to it.

use std::net::SocketAddr;

use super::meter::Meter;
use crate::accept::http::Client;
use crate::accept::lesson::{self, SLUG};

/// How often the popular page is asked for in between.
const EVERY: usize = 10;

/// Asks for `keys` pages that do not exist, twice each, and for one page with `keys` different queries.
pub(super) fn ask(doorway: SocketAddr, meter: &mut Meter, keys: usize) -> anyhow::Result<String> {
    let mut reader = Client::strict(doorway);
    let mut stranger = Client::strict(doorway);
    let popular = format!("/courses/{SLUG}/{}", lesson::slug(2));
    let cold = format!("/courses/{SLUG}/{}", lesson::slug(3));
    let before = meter.read()?;
    expect(&mut reader, &popular, 200)?;
    let before = meter.after(before, 1)?;
    let mut reads = 0;
    for key in 0..keys {
        let path = match key % 3 {
            0 => format!("/courses/{SLUG}/nothing-{key}"),
            1 => format!("/courses/nothing-{key}"),
            _ => format!("/pages/nothing-{key}"),
        };
        expect(&mut stranger, &path, 404)?;
        expect(&mut stranger, &path, 404)?;
        if key % EVERY == 0 {
            expect(&mut reader, &popular, 200)?;
            reads += 1;
        }
    }
    let after = meter.after(before, 2 * keys as u64)?;
    let (calls, hits) = (after.calls - before.calls, after.hits - before.hits);
    anyhow::ensure!(
        calls <= keys as u64,
        "{keys} keys that do not exist, asked for twice each, made {calls} calls behind the cache"
    );
    anyhow::ensure!(
        hits >= reads,
        "a popular page was found in the cache {hits} times, and asked for {reads} times"
    );

    for key in 0..keys {
        expect(&mut stranger, &format!("{cold}?_={key}"), 200)?;
    }
    let busted = meter.after(after, keys as u64)?;
    let once = busted.calls - after.calls;
    anyhow::ensure!(
        once == 1,
        "{keys} queries on one page made {once} calls behind the cache"
    );
    Ok(format!(
        "{keys} keys that do not exist, asked for twice each, made {calls} calls, and a popular page was found in the \
         cache all {reads} times meanwhile; {keys} different queries on one cold page made 1 call"
    ))
}

fn expect(client: &mut Client, path: &str, wanted: u16) -> anyhow::Result<()> {
    let answer = client.get(path)?;
    let status = answer.status();
    anyhow::ensure!(status == wanted, "GET {path} answered {status}");
    Ok(())
}
