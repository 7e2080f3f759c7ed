//! Signals, as a process meets them: each test starts this program again as a child and sends it signals.
#![allow(
    clippy::disallowed_methods,
    reason = "the child is told by its environment what to do"
)]
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use runtime::{Limits, Supervisor, TaskKind, files};
use rustix::process::{Pid, Signal, kill_process};

/// Tells a child what to be.
const ROLE: &str = "RUNTIME_TEST_ROLE";

/// A process of ours, killed when the test ends early.
struct Process {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Process {
    fn start(role: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child", "--exact", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// Reads on until a line is exactly this.
    fn expect(&mut self, wanted: &str) {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            let count = self.lines.read_line(&mut line).unwrap();
            assert_ne!(count, 0, "the process ended without {wanted:?}: {seen}");
            if line.trim() == wanted {
                return;
            }
            seen.push_str(&line);
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn say(line: &str) {
    println!("\n{line}");
    std::io::stdout().flush().unwrap();
}

/// Not a test of its own: what the other tests start.
#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let supervisor = Supervisor::new(Limits {
            drain_ms_max: 600_000,
            ..Limits::default()
        });
        let shutdown = supervisor.shutdown();
        drop(supervisor.spawn("work", TaskKind::Essential, async move {
            shutdown.requested().await;
            say("draining");
            if role == "stubborn" {
                std::future::pending::<()>().await;
            }
        }));
        // The handlers are in place from the first poll of `run` on.
        let run = supervisor.run();
        let ready = async {
            tokio::task::yield_now().await;
            say("ready");
        };
        let (report, ()) = tokio::join!(run, ready);
        let report = report.unwrap();
        say(&format!(
            "{} {:?} {}",
            report.cause,
            report.stragglers,
            report.is_clean()
        ));
    });
}

#[test]
fn a_signal_drains() {
    for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::INT, "SIGINT")] {
        let mut process = Process::start("docile");
        process.expect("ready");
        process.signal(signal);
        process.expect("draining");
        process.expect(&format!("{name} [] true"));
        assert!(process.child.wait().unwrap().success());
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut process = Process::start("stubborn");
    process.expect("ready");
    process.signal(Signal::TERM);
    process.expect("draining");
    process.signal(Signal::INT);
    process.expect("SIGTERM [\"work\"] false");
    assert!(process.child.wait().unwrap().success());
}

#[test]
fn the_limit_on_open_files_is_raised() {
    let before = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let now = files::raise_limit().unwrap();
    assert_eq!(now, before.maximum);
    let after = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    assert_eq!(after.current, before.maximum);
    assert_eq!(files::raise_limit().unwrap(), now);
}
