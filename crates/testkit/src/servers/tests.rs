//! Redis and NATS, really started; and what happens to a server whose test is killed.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use super::*;
use crate::wait_for;

/// Says to the copy of this test that it is the one that gets killed.
const VICTIM: &str = "TESTKIT_VICTIM";

/// Sends `line` to a port and returns the first line of the answer.
fn say(port: u16, line: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&loopback(port), Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(line.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    Ok(answer)
}

#[test]
fn redis_is_killed_and_started_again_on_its_port() {
    let Some(mut redis) = Redis::start().expect("it starts") else {
        return;
    };
    let url = redis.url();
    assert_eq!(url, format!("redis://127.0.0.1:{}", redis.port()));
    assert_eq!(
        say(redis.port(), "PING\r\n").expect("an answer"),
        "+PONG\r\n"
    );
    redis.stop();
    assert!(say(redis.port(), "PING\r\n").is_err());
    redis.restart().expect("it starts again");
    assert_eq!(redis.url(), url);
    assert_eq!(
        say(redis.port(), "PING\r\n").expect("an answer"),
        "+PONG\r\n"
    );
}

#[test]
fn redis_takes_arguments() {
    let Some(redis) = Redis::start_with(&["--requirepass", "open"]).expect("it starts") else {
        return;
    };
    let answer = say(redis.port(), "PING\r\n").expect("an answer");
    assert!(answer.starts_with("-NOAUTH"), "{answer}");
}

#[test]
fn nats_is_paused_and_killed_and_started_again_on_its_port() {
    let Some(mut nats) = Nats::start().expect("it starts") else {
        return;
    };
    let port = nats.port();
    assert!(say(port, "").expect("an answer").starts_with("INFO "));
    nats.pause().expect("it runs");
    let mut stream = TcpStream::connect(loopback(port)).expect("the kernel accepts");
    let brief = Some(Duration::from_millis(200));
    stream.set_read_timeout(brief).expect("a timeout");
    assert!(stream.read(&mut [0]).is_err(), "nobody answers");
    nats.resume().expect("it runs");
    stream.set_read_timeout(None).expect("no timeout");
    assert_eq!(stream.read(&mut [0]).expect("an answer"), 1);
    nats.stop();
    assert!(nats.resume().is_err() && say(port, "").is_err());
    nats.restart().expect("it starts again");
    assert!(say(port, "").expect("an answer").starts_with("INFO "));
}

#[test]
fn two_servers_have_two_ports() {
    let ports = [(); 3].map(|()| free_port().expect("a port"));
    assert!(ports[0] != ports[1] && ports[1] != ports[2] && ports[0] != ports[2]);
}

/// Runs the test `the_victim_of_another_test` in a process of its own, and returns what it says.
fn victim() -> (Child, Vec<String>) {
    let this = std::env::current_exe().expect("this program");
    let mut child = Command::new(this)
        .args(["the_victim_of_another_test", "--nocapture"])
        .env(VICTIM, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let output = child.stdout.take().expect("a pipe");
    let said = BufReader::new(output)
        .lines()
        .map_while(Result::ok)
        .take_while(|line| line != "ready")
        .collect();
    (child, said)
}

#[test]
fn a_server_and_its_folder_go_when_the_test_process_is_killed() {
    let (mut child, said) = victim();
    let find = |word: &str| {
        said.iter()
            .find_map(|line| line.split_once(word))
            .map(|(_, rest)| rest.to_owned())
    };
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let (Some(process), Some(folder)) = (find("process "), find("folder ")) else {
        assert!(
            said.iter().any(|line| line.contains("left out")),
            "{said:?}"
        );
        return;
    };
    for path in [format!("/proc/{process}"), folder] {
        wait_for("its end", READY_WITHIN, || {
            Ok((!Path::new(&path).exists()).then_some(()))
        })
        .expect(&path);
    }
}

#[test]
fn the_victim_of_another_test() {
    if std::env::var_os(VICTIM).is_none() {
        return;
    }
    let server = Redis::start().expect("it starts");
    if let Some(redis) = &server {
        let (process, folder) = redis.place();
        println!("process {process}\nfolder {}", folder.display());
    }
    println!("ready");
    // Until it is killed.
    std::io::stdin().read_line(&mut String::new()).ok();
}
