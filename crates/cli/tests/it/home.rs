//! A person's machine in a test: one Commonhold home, the program run in it, and doorways started from it.
//!
//! Invariants: nothing of the real machine's environment reaches the program but `PATH`; doorways listen on ports that
//! the system chooses and end with their test.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use conductor::Conductor as _;
use serde_json::Value;
use tempfile::TempDir;
use testkit::{Binary, Process};

/// Far more than anything here takes; only what hangs meets it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// One home, in a folder that goes away with it.
pub(crate) struct Home {
    folder: TempDir,
}

/// What a command that has ended said.
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A doorway that runs.
pub(crate) struct Doorway {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) url: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A home with its community, empty and open.
    pub(crate) fn with_doorway() -> (Self, Doorway) {
        let home = Self::new();
        let doorway = home.up(&["--empty"]);
        (home, doorway)
    }

    /// Returns a path below the folder; the home itself is `home`.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the folder with the key and the chain.
    pub(crate) fn agent(&self) -> PathBuf {
        self.at("home/agent")
    }

    /// Returns the folder of the community.
    pub(crate) fn community(&self) -> PathBuf {
        self.at("home/community")
    }

    /// Writes a file to publish.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let file = self.at(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// Copies the fixture course, to be changed and published.
    pub(crate) fn bread(&self) -> PathBuf {
        let copied = self.at("bread");
        copy(&fixture("bread"), &copied);
        copied
    }

    /// Prepares the program; it runs in the folder around the home.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Binary::commonhold().unwrap().command();
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("ADMIN_LISTEN", "127.0.0.1:0")
            .env("HOME", self.at("elsewhere"))
            .env("COMMONHOLD_HOME", self.at("home"))
            .current_dir(self.folder.path())
            .args(words);
        command
    }

    /// Runs the program to its end.
    #[track_caller]
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        self.end(self.command(words))
    }

    /// Runs a prepared command to its end.
    #[track_caller]
    pub(crate) fn end(&self, command: Command) -> Ran {
        let mut process = self.spawn(command);
        let status = process.wait(DEADLINE).unwrap();
        Ran {
            status: status.code().expect("it was not killed"),
            stdout: process.stdout(),
            stderr: process.stderr(),
        }
    }

    /// Publishes a folder and returns what was said as JSON.
    pub(crate) fn publish(&self, folder: &Path, doorway: &Doorway) -> Value {
        self.try_publish(folder, doorway).json()
    }

    /// Publishes a folder, whatever comes of it.
    pub(crate) fn try_publish(&self, folder: &Path, doorway: &Doorway) -> Ran {
        let folder = folder.to_str().unwrap();
        self.run(&["publish", folder, "--to", &doorway.url, "--json"])
    }

    /// Returns the key of this home.
    pub(crate) fn key(&self) -> String {
        self.run(&["whoami"]).ok().stdout.trim().to_owned()
    }

    /// Returns how many chains are kept in the agent's folder.
    pub(crate) fn chains(&self) -> usize {
        block_on(async {
            let config = conductor::Config {
                id: "test".parse().unwrap(),
                folder: self.agent(),
                limits: conductor::Limits::default(),
            };
            let engine = conductor::Embedded::open(config, runtime::Clock::system()).unwrap();
            let hosted = engine.hosted(None, 10).await.unwrap();
            engine.close().await.unwrap();
            hosted.len()
        })
    }

    /// Starts a program that goes on, its output caught.
    pub(crate) fn spawn(&self, command: Command) -> Process {
        Process::spawn(command, &self.at("output")).unwrap()
    }

    /// Starts the doorway of this home on a free port.
    pub(crate) fn up(&self, words: &[&str]) -> Doorway {
        let mut command = self.command(&["up", "--listen", "127.0.0.1:0"]);
        command.args(words);
        self.start(command)
    }

    /// Starts a doorway and waits until it says where it is.
    pub(crate) fn start(&self, command: Command) -> Doorway {
        let mut process = self.spawn(command);
        let address = process.wait_for_address(DEADLINE).unwrap();
        Doorway {
            process,
            address,
            url: format!("http://{address}"),
        }
    }
}

impl Ran {
    /// Expects success.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status, 0, "{}{}", self.stdout, self.stderr);
        self
    }

    /// Expects success and reads what was said.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let said: Value = serde_json::from_str(&self.ok().stdout).unwrap();
        assert_ne!(said["ok"], false, "{said}");
        said
    }

    /// Expects a refusal with this exit status and code, told to a person.
    #[track_caller]
    pub(crate) fn refused(self, status: i32, code: &str) -> Self {
        assert_eq!(self.status, status, "{}{}", self.stdout, self.stderr);
        assert!(
            self.stderr.contains(&format!(" {code}: ")),
            "{}",
            self.stderr
        );
        assert!(self.stderr.contains("  what to do: "), "{}", self.stderr);
        self
    }

    /// Expects refusals with this exit status, told to a program; returns each code with its detail.
    #[track_caller]
    pub(crate) fn problems(&self, status: i32) -> Vec<(String, String)> {
        assert_eq!(self.status, status, "{}{}", self.stdout, self.stderr);
        assert_eq!(self.stderr, "", "a program reads one stream");
        let said: Value = serde_json::from_str(&self.stdout).unwrap();
        assert_eq!(said["ok"], false, "{said}");
        let problems = said["problems"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        problems
            .map(|problem| (text(&problem["code"]), text(&problem["detail"])))
            .collect()
    }

    /// Expects one refusal, told to a program, and returns its code.
    #[track_caller]
    pub(crate) fn code(&self, status: i32) -> String {
        let problems = self.problems(status);
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems[0].0.clone()
    }
}

impl Doorway {
    /// Stops it as Ctrl-C does, and expects it to end well.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        self.process.terminate().unwrap();
        let status = self.process.wait(DEADLINE).unwrap();
        assert!(status.success(), "{}", self.process.stderr());
    }

    /// Waits until it says where its steward looks.
    pub(crate) fn admin(&mut self) -> SocketAddr {
        let start = "Status and metrics: http://";
        let fits = |line: &str| line.starts_with(start);
        let line = self.process.wait_for_line(DEADLINE, fits).unwrap();
        let address = line[start.len()..].strip_suffix("/status").unwrap();
        address.parse().unwrap()
    }

    /// Returns the address of a path.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Asks for a path; returns the status alone.
    pub(crate) fn status(&self, path: &str) -> u16 {
        testkit::http::status(self.address, path, DEADLINE).unwrap()
    }

    /// Fetches what must be there.
    #[track_caller]
    pub(crate) fn fetch(&self, path: &str) -> Vec<u8> {
        block_on(async {
            let client = client::Doorway::new(&self.url).unwrap();
            let address = client.join(path).unwrap();
            client.fetch(address).await.unwrap().body
        })
    }

    /// Fetches a text.
    #[track_caller]
    pub(crate) fn text(&self, path: &str) -> String {
        String::from_utf8(self.fetch(path)).unwrap()
    }

    /// Fetches a JSON document.
    #[track_caller]
    pub(crate) fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&self.fetch(path)).unwrap()
    }

    /// Returns the place of the newest record of a chain that the doorway knows.
    pub(crate) fn head(&self, agent: &str) -> Option<u32> {
        block_on(async {
            let client = client::Doorway::new(&self.url).unwrap();
            match client.chain(agent, None, 1, None).await {
                Ok(page) => page.head.map(|head| head.seq),
                Err(problem) => {
                    assert_eq!(problem.code, base::Code::NotFound, "{problem}");
                    None
                }
            }
        })
    }

    /// Returns the newest record of a chain that must be there, by place and hash.
    #[track_caller]
    pub(crate) fn newest(&self, agent: &str) -> Value {
        self.json(&format!("/api/v1/chains/{agent}?limit=1"))["head"].clone()
    }
}

/// Waits for something that is asked of the client.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

/// Returns a folder of the fixtures.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// Copies a folder with everything below.
pub(crate) fn copy(source: &Path, target: &Path) {
    fs::create_dir_all(target).unwrap();
    for entry in fs::read_dir(source).unwrap() {
        let entry = entry.unwrap();
        let below = target.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &below);
        } else {
            fs::copy(entry.path(), below).unwrap();
        }
    }
}

/// Returns all files below a folder.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            files.extend(files_below(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}

/// Returns the files below a folder that hold these bytes.
pub(crate) fn files_with(folder: &Path, wanted: &[u8]) -> Vec<PathBuf> {
    let holds = |file: &PathBuf| {
        let bytes = fs::read(file).unwrap();
        bytes.windows(wanted.len()).any(|window| window == wanted)
    };
    files_below(folder).into_iter().filter(holds).collect()
}

/// Returns the names of all fields of a document, those below others behind a dot.
pub(crate) fn fields(document: &Value) -> Vec<String> {
    let Value::Object(map) = document else {
        return Vec::new();
    };
    let named = |(name, value): (&String, &Value)| {
        let below = fields(value);
        if below.is_empty() {
            return vec![name.clone()];
        }
        below
            .iter()
            .map(|field| format!("{name}.{field}"))
            .collect()
    };
    map.iter().flat_map(named).collect()
}
