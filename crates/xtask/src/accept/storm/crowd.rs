//! Very many ask the same for the first time, at the same moment.

use std::io::Write as _;
use std::net::SocketAddr;

use anyhow::Context as _;

use super::meter::Meter;
use crate::accept::http::{self, Answer};
use crate::accept::lesson::{self, SLUG};

/// Has `clients` connections ask for one page that nobody asked for before.
pub(super) fn ask_at_once(
    doorway: SocketAddr,
    meter: &mut Meter,
    clients: usize,
) -> anyhow::Result<String> {
    let before = meter.read()?;
    let path = format!("/courses/{SLUG}/{}", lesson::slug(1));
    let request = format!("GET {path} HTTP/1.1\r\nhost: {doorway}\r\n\r\n");
    let mut connections = Vec::with_capacity(clients);
    for number in 0..clients {
        let connection = http::connect(doorway);
        connections.push(connection.with_context(|| format!("connection {number}"))?);
    }
    for connection in &mut connections {
        connection.get_mut().write_all(request.as_bytes())?;
    }
    let mut first: Option<Vec<u8>> = None;
    for (number, connection) in connections.iter_mut().enumerate() {
        let answer = Answer::read(connection, "GET")?;
        let answer = answer.with_context(|| format!("connection {number} was closed"))?;
        let status = answer.status();
        anyhow::ensure!(status == 200, "reader {number} of one page got {status}");
        let body = first.get_or_insert_with(|| answer.body.clone());
        anyhow::ensure!(*body == answer.body, "reader {number} got another page");
    }
    let html = String::from_utf8(first.context("somebody asked")?)?;
    lesson::version_of_html(1, &html)?;
    let after = meter.after(before, clients as u64)?;
    let calls = after.calls - before.calls;
    anyhow::ensure!(
        calls == 1,
        "{clients} readers of one page made {calls} calls behind the cache"
    );
    Ok(format!(
        "{clients} readers of one cold page at the same moment made 1 call behind the cache"
    ))
}
