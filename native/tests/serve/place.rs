//! A folder with repos in it, and servers that are processes.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use trellis_sync::core::link::message::RepoTag;
use trellis_sync::link::Link;
use trellis_sync::{Code, Repo, Result, Value};

/// Nothing here takes so long unless it never ends.
const LIMIT: Duration = Duration::from_secs(120);

pub(crate) fn run(work: impl Future<Output = Result<()>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(LIMIT, work).await.expect("it ends in time").unwrap() });
}

/// A folder for repos and servers.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) async fn repo(&self, name: &str) -> Result<Repo> {
        Repo::open(self.path(name)).await
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trellis"));
        command.args(args).current_dir(self.0.path()).env_clear().env("HOME", self.0.path()).stdin(Stdio::null());
        command
    }

    /// A server that is up, on a free port unless the arguments say otherwise.
    pub(crate) fn serve(&self, args: &[&str]) -> Serve {
        let log = self.path("log");
        let mut command = self.command(args);
        if !args.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(File::create(&log).unwrap()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim_end().rsplit(' ').next().unwrap().to_owned();
        assert!(url.starts_with("ws://"), "{line}{}", std::fs::read_to_string(&log).unwrap());
        Serve { child, url, log }
    }
}

/// A running server.
pub(crate) struct Serve {
    child: Child,
    pub(crate) url: String,
    pub(crate) log: PathBuf,
}

impl Serve {
    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("ws://").unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        let told = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
    }

    /// Waits for its end, and returns its exit code; none after a kill.
    pub(crate) async fn end(mut self) -> Option<i32> {
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn kill(self) {
        self.signal("-KILL");
        assert_eq!(self.end().await, None);
    }

    pub(crate) async fn stop(self) {
        self.signal("-TERM");
        assert_eq!(self.end().await, Some(0));
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until its log has this.
    pub(crate) async fn logged(&self, text: &str) {
        while !self.log().contains(text) {
            tokio::task::yield_now().await;
        }
    }

    /// What it answers to a request.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut socket = TcpStream::connect(self.address()).unwrap();
        let host = self.address();
        write!(socket, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Where it takes requests.
    pub(crate) fn http(&self) -> String {
        format!("http://{}", self.address())
    }

    /// How many requests it has answered.
    pub(crate) fn exchanges(&self) -> u64 {
        let page = self.get("/metrics");
        let line = page.lines().find_map(|line| line.strip_prefix("trellis_exchanges_total "));
        line.and_then(|count| count.parse().ok()).expect("it counts them")
    }

    pub(crate) fn to_repo(&self, tag: RepoTag) -> String {
        format!("{}/sync/v1/repos/{}/link", self.url, hex(tag))
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn hex(tag: RepoTag) -> String {
    tag.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) async fn tag(repo: &Repo) -> Result<RepoTag> {
    Ok(RepoTag::of(&repo.status().await?.repo.expect("it has begun")))
}

pub(crate) async fn value(repo: &Repo, place: &str) -> Option<Value> {
    repo.get(place).await.unwrap().value
}

/// Waits until a place has a value.
pub(crate) async fn until(repo: &Repo, place: &str, wanted: &Value) {
    while value(repo, place).await.as_ref() != Some(wanted) {
        tokio::task::yield_now().await;
    }
}

/// Waits until a link has failed so.
pub(crate) async fn fails(link: &mut Link, code: Code) {
    while link.status().failure.as_ref().map(|failure| failure.code()) != Some(code) {
        link.changed().await;
    }
}

/// A repo without ops, for a server to take what its first peer brings.
pub(crate) async fn empty(path: &Path) -> Result<()> {
    Repo::open(path).await?.close().await
}
