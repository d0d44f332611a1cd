//! `cargo xtask netns`: a relay and a client in network namespaces of their own, and a wire between them that loses packets
//! and parts.
//!
//! Only Linux has such namespaces, and only root may make them. Where that cannot be done the command says that nothing was
//! run, and fails: it is no part of `cargo xtask test`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::child;

/// The two namespaces, each with its end of the wire and its address.
const RELAY: End = End { space: "trellis-relay", wire: "trellis-r", address: "10.77.7.1" };
const CLIENT: End = End { space: "trellis-client", wire: "trellis-c", address: "10.77.7.2" };
const PORT: u16 = 4200;
const CYCLES: usize = 8;
/// How long both may take to be equal once the wire is whole.
const LIMIT: Duration = Duration::from_secs(120);
/// How long the wire is parted, beside what writing takes; in milliseconds, from the first cycle to the last.
const PARTED_MS: [u64; CYCLES] = [0, 100, 300, 600, 1_000, 2_000, 4_000, 7_000];
/// What a wire may do to packets, the first that the system can; each with what it is.
const LOSSES: &[(&str, &str)] = &[
    (
        "netem loss 10% delay 10ms 5ms duplicate 2%",
        "one packet in ten lost, two in a hundred doubled, 10 ms on the way",
    ),
    ("tbf rate 8mbit burst 4kb limit 12kb", "what 8 Mbit/s and a queue of 12 kB cannot hold lost"),
];

struct End {
    space: &'static str,
    wire: &'static str,
    address: &'static str,
}

/// Runs all cycles.
///
/// # Errors
/// The namespaces cannot be made, so that nothing was run; or the two do not become equal.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    if !args.is_empty() {
        return Ok(crate::wrong_usage());
    }
    let net = Net::make().context(
        "NOT RUN: this machine does not let network namespaces be made. Run it as root on Linux, with iproute2 installed",
    )?;
    child::run(child::cargo(&["build", "--quiet", "--package", "trellis-sync", "--bin", "trellis", "--locked"]))?;
    let folder = tempfile::tempdir()?;
    let world = World { trellis: child::sibling("trellis")?, folder: folder.path() };
    println!("netns: {}", net.loss);
    world.prepare()?;
    let mut relay = world.serve()?;
    let outcome = world.live().and_then(|mut link| {
        let outcome = (0..CYCLES).try_for_each(|cycle| world.cycle(cycle));
        end(&mut link);
        outcome
    });
    end(&mut relay);
    outcome?;
    println!("netns: {CYCLES} cycles, both equal after each; {} packets lost on the way", lost()?);
    Ok(ExitCode::SUCCESS)
}

/// The namespaces; gone when this is dropped.
struct Net {
    loss: &'static str,
}

impl Net {
    fn make() -> Result<Net> {
        let mut net = Net { loss: "" };
        for end in [&RELAY, &CLIENT] {
            ip(&format!("netns add {}", end.space))?;
        }
        let [relay, client] = [RELAY.wire, CLIENT.wire];
        ip(&format!("link add {relay} netns {} type veth peer name {client} netns {}", RELAY.space, CLIENT.space))?;
        for end in [&RELAY, &CLIENT] {
            let End { space, wire, address } = end;
            for words in [
                format!("-n {space} address add {address}/24 dev {wire}"),
                format!("-n {space} link set lo up"),
                format!("-n {space} link set {wire} up"),
            ] {
                ip(&words)?;
            }
        }
        net.loss = lose()?;
        Ok(net)
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for end in [&RELAY, &CLIENT] {
            // One that was not made needs no end.
            child::succeeds(words("ip", &format!("netns delete {}", end.space)));
        }
    }
}

/// Makes the wire bad in both directions; what it does then.
fn lose() -> Result<&'static str> {
    for (rule, what) in LOSSES {
        let add = |end: &End| words("tc", &format!("-n {} qdisc add dev {} root {rule}", end.space, end.wire));
        if child::succeeds(add(&RELAY)) && child::succeeds(add(&CLIENT)) {
            return Ok(what);
        }
    }
    bail!("tc knows neither netem nor tbf, so the wire would lose nothing")
}

/// How many packets the rules of both ends have dropped.
fn lost() -> Result<u64> {
    let mut lost = 0;
    for end in [&RELAY, &CLIENT] {
        let text = child::read(words("tc", &format!("-n {} -s qdisc show dev {}", end.space, end.wire)))?;
        let (_, behind) = text.split_once("(dropped ").context("tc says how many packets were dropped")?;
        lost += behind.split(',').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(lost)
}

fn ip(text: &str) -> Result<()> {
    child::run(words("ip", text))
}

fn words(program: &str, text: &str) -> Command {
    child::program(program, &text.split(' ').collect::<Vec<_>>())
}

struct World<'a> {
    trellis: PathBuf,
    folder: &'a Path,
}

impl World<'_> {
    /// `trellis` in one of the namespaces, in the folder of its end.
    fn command(&self, end: &End, args: &[&str]) -> Command {
        let mut command = words("ip", &format!("netns exec {}", end.space));
        command.arg(&self.trellis).arg("-C").arg(self.folder.join(end.space)).args(args);
        command
    }

    /// One repo, which both have.
    fn prepare(&self) -> Result<()> {
        let [relay, client] = [&RELAY, &CLIENT].map(|end| self.folder.join(end.space));
        std::fs::create_dir(&relay)?;
        child::read(self.command(&RELAY, &["init"]))?;
        self.write(&RELAY, "first")?;
        let mut clone = child::program(&self.trellis.to_string_lossy(), &["clone"]);
        clone.arg(relay).arg(client);
        child::read(clone).map(drop)
    }

    fn serve(&self) -> Result<Child> {
        let listen = format!("{}:{PORT}", RELAY.address);
        let mut command = self.command(&RELAY, &["serve", "--open", "--allow-plain", "--listen", &listen]);
        let mut relay = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut line = String::new();
        BufReader::new(relay.stdout.take().context("a way out")?).read_line(&mut line)?;
        ensure!(line.contains("ws://"), "the relay says where it listens, not {line:?}");
        Ok(relay)
    }

    fn write(&self, end: &End, tag: &str) -> Result<()> {
        for (number, bytes) in [10, 10, 3_000, 100_000].into_iter().enumerate() {
            let (place, text) = (format!("notes/{number}/text"), format!("{tag}{}", "x".repeat(bytes)));
            child::read(self.command(end, &["set", "--text", &place, &text]))?;
        }
        Ok(())
    }

    /// A client that stays connected for as long as it is let.
    fn live(&self) -> Result<Child> {
        let url = format!("ws://{}:{PORT}", RELAY.address);
        let mut command = self.command(&CLIENT, &["sync", &url, "--live", "--allow-plain", RELAY.address]);
        Ok(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
    }

    /// Both write while the wire is whole and while it is parted, and become equal afterwards.
    fn cycle(&self, cycle: usize) -> Result<()> {
        for end in [&CLIENT, &RELAY] {
            self.write(end, &format!("{} {cycle} before ", end.space))?;
        }
        ip(&format!("-n {} link set {} down", RELAY.space, RELAY.wire))?;
        for end in [&CLIENT, &RELAY] {
            self.write(end, &format!("{} {cycle} alone ", end.space))?;
        }
        let parted = Duration::from_millis(PARTED_MS[cycle]);
        sleep(parted);
        ip(&format!("-n {} link set {} up", RELAY.space, RELAY.wire))?;
        let whole = Instant::now();
        self.until_equal(whole)?;
        let [parted, took] = [parted, whole.elapsed()].map(|time| time.as_secs_f64());
        println!("netns: parted for {parted:.1} s, equal {took:.1} s after that, {} ops", self.ops(&RELAY)?.1);
        Ok(())
    }

    fn until_equal(&self, since: Instant) -> Result<()> {
        while self.ops(&RELAY)? != self.ops(&CLIENT)? {
            ensure!(since.elapsed() < LIMIT, "the two are not equal {} s after the wire is whole", LIMIT.as_secs());
            sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// The heads of all branches, and how many ops there are.
    fn ops(&self, end: &End) -> Result<(Value, u64)> {
        let status: Value = serde_json::from_str(&child::read(self.command(end, &["sync", "status", "--json"]))?)?;
        Ok((status["branches"].clone(), status["ops"].as_u64().context("a number of ops")?))
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}
