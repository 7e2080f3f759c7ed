//! SIGKILL in the middle of writing: every row that was acknowledged is there.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{ids, insert, open};

/// Names the database to a copy of this program that is to be killed.
const VICTIM: &str = "DB_TEST_VICTIM";

/// Rows that are acknowledged before the kill, at least.
const ROWS_MIN: usize = 200;

#[test]
fn acknowledged_rows_survive_a_kill() {
    if let Some(path) = std::env::var_os(VICTIM) {
        write_for_ever(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let mut told = Vec::new();
    for _round in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "crash::acknowledged_rows_survive_a_kill",
                "--nocapture",
            ])
            .env(VICTIM, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut rows = 0;
        while rows < ROWS_MIN {
            let line = lines
                .next()
                .expect("the child writes until it is killed")
                .unwrap();
            if let Some(id) = whole_row(&line) {
                told.push(id);
                rows += 1;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What was told before the kill and not read yet counts as well; the last line may be cut off.
        told.extend(
            lines
                .map_while(Result::ok)
                .filter_map(|line| whole_row(&line)),
        );

        let found = ids(&open(&path));
        let missing: Vec<_> = told
            .iter()
            .filter(|id| found.binary_search(id).is_err())
            .collect();
        assert!(missing.is_empty(), "acknowledged and lost: {missing:?}");
    }
    assert!(told.len() >= 3 * ROWS_MIN);
}

/// Reads a line that ends with a full stop, which a cut line lacks.
fn whole_row(line: &str) -> Option<i64> {
    line.strip_prefix("row ")?.strip_suffix('.')?.parse().ok()
}

/// Four writers at once, each telling every row after it was acknowledged.
fn write_for_ever(path: &Path) -> ! {
    let db = open(path);
    let first = ids(&db).last().map_or(0, |last| last + 1);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let db = db.clone();
            std::thread::Builder::new()
                .name("writer".to_owned())
                .spawn_scoped(scope, move || {
                    for id in (first + writer..).step_by(4) {
                        db.write_blocking(move |tx| insert(tx, id, &[0; 300]))
                            .unwrap();
                        let mut out = std::io::stdout().lock();
                        writeln!(out, "\nrow {id}.").unwrap();
                        out.flush().unwrap();
                    }
                })
                .unwrap();
        }
    });
    unreachable!("the writers never end");
}
