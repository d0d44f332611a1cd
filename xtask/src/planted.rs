//! `cargo xtask planted`: the tests are tested. Each planted bug must make at least one of them fail.
//!
//! The tests are built once, with `--cfg planted` and in a folder of their own, and run without a bug first: then they
//! must be green, so that what fails later fails for the bug. A build that fails, a run that does not end, or one that
//! breaks off before a test has failed catches nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::child;
use crate::tally::Tally;

/// A rule that is broken on purpose, by the name of its plant, and the test binaries of which one must notice.
struct Bug {
    name: &'static str,
    says: &'static str,
    tests: &'static [&'static str],
}

const fn bug(name: &'static str, says: &'static str, tests: &'static [&'static str]) -> Bug {
    Bug { name, says, tests }
}

const BUGS: &[Bug] = &[
    bug("ClockRuleDropped", "an op's clock may lie before those of its dependencies", &["vectors_op"]),
    bug("TieByArrival", "of equal clocks the op that arrived first counts as earlier", &["merge_entity"]),
    bug("PatchBaseIgnored", "a patch has not seen what its base names", &["machine_scenarios", "vectors_values"]),
    bug("StaleBaseOverwrites", "a write with a base of its own names what is shown instead", &["machine_scenarios"]),
    bug("BodylessStopsSupersession", "what an op without its body has seen is not passed on", &["properties"]),
    bug("EqualValuesConflict", "writes of one value stand against each other", &["vectors_values"]),
    bug("MergingClosesConflict", "what was in conflict before a merge is not afterwards", &["replicas"]),
    bug("HeadKeptAfterChild", "an op that has a child is still a head", &["replicas"]),
    bug("SeqReusedAfterCrash", "a write is spoken of before it is durable, and a crash gives its seq away", &["laws"]),
    bug("OwnOpsAheadContinued", "own ops that a clock set back leaves out are written over", &["machine_scenarios"]),
    bug("LooseSignatures", "signatures are checked with verify and not verify_strict", &["vectors_op"]),
    bug("JcsSortedByUtf8", "names of members are sorted by their UTF-8 bytes", &["vectors_json"]),
    bug("UnsignedRunAdmitted", "a run that ends without a signature is admitted", &["machine_scenarios"]),
    bug("PlanMovedUnseen", "a merge is made although it would do something else than its plan says", &["plans"]),
    bug("PastHasLaterOps", "what came after an op belongs to its past", &["past"]),
    bug("HeldParent", "a write names ops as parents that are held", &["machine_scenarios"]),
    bug("SpokenBeforeDurable", "a peer is told of ops that a crash could still take", &["seeds"]),
    bug("AckBeforeDurable", "an ack's state counts ops that are not durable yet", &["seeds"]),
    bug("SentCountsAsKept", "an op counts as safe once it was sent", &["seeds"]),
    bug("AckEndsIgnored", "the ends of chains in an ack count for no receipt", &["seeds"]),
    bug("NewsKept", "what came on one link waits for a heartbeat on the others", &["seeds"]),
    bug("LostFramesKept", "what was given once counts as given for ever, though it was lost", &["link_defences"]),
    bug("CutRunsReread", "a run that was read in part is read in part again", &["seeds"]),
    bug("ForkTipsDropped", "of a forked chain only one end is named", &["seeds"]),
    bug("HeldCountsAsInvalid", "ops that wait are refused for good", &["seeds"]),
    bug("HeartbeatOmitted", "a link on which nothing happens says nothing", &["seeds"]),
    bug("EqualHaveUnanswered", "a have of what is here, too, is not answered", &["seeds"]),
    bug("WaitNeverEnds", "who waits for a receipt waits for ever", &["seeds"]),
    bug("WaitLostInFailure", "who waits for a receipt is not told that the disk failed", &["seeds"]),
    bug("CreditIgnored", "ops go out beyond the credit", &["link_peers"]),
    bug("CreditNotMonotone", "an ack that was overtaken takes credit away", &["link_peers"]),
    bug(
        "JsonPackedAsFrames",
        "ops are put into JSON as into frames, and go one by one where that is too long",
        &["link_json"],
    ),
    bug("UnsentBytesSaid", "a have counts bytes that still wait for credit as sent", &["link_peers"]),
    bug("LostBytesKept", "bytes that were lost never count back", &["link_peers"]),
    bug("HalvesForEver", "ops are named by half to a peer that cannot find them so", &["link_halves"]),
    bug("HalvesGuessed", "ops are named by half that the peer never said to have", &["link_halves"]),
    bug("UnknownHalfKeptSecret", "a batch that cannot be read for a half is passed over in silence", &["link_halves"]),
    bug("FloodTaken", "a peer may send as much as it likes", &["link_peers"]),
    bug("SinceUnchecked", "tips are taken on top of a state that is not known", &["link_peers"]),
    bug("SilenceBorne", "a silent peer stays", &["link_peers"]),
    bug("NackKeptSecret", "who waits is not told that a peer refuses the op", &["link_peers"]),
    bug("AckInMemoryCounts", "an op counts as safe in a peer's memory", &["link_peers"]),
    bug("MissingBodiesCount", "an op counts as safe where its body is not", &["link_peers"]),
    bug("LocalBeforeDurable", "an op counts as safe here before the disk has it", &["link_peers"]),
    bug("AudienceUnchecked", "a hello for somebody else is answered", &["link_peers"]),
    bug("ExpectedKeyUnchecked", "somebody else may answer than was dialled", &["link_peers"]),
    bug("BindingUnsigned", "a proof holds on another channel", &["link_peers"]),
    bug("ProofUnchecked", "an initiator need not prove its key", &["link_peers"]),
    bug("InterestIgnored", "a peer gets branches that it does not want", &["link_interest"]),
    bug("RunReleasedInParts", "a held run leaves the hold without what vouches for it", &["link_forks"]),
    bug("TalkUnbounded", "a peer may say as much as it likes", &["link_defences"]),
    bug("OldInterestBelieved", "what a peer once wanted is taken for what it wants now", &["link_interest"]),
    bug("InterestKeptQuiet", "who answers and wants some branches only does not say so", &["link_interest"]),
    bug("LinksPerKeyUnbounded", "a key may open any number of links", &["link_defences"]),
    bug("TalkPerLink", "a peer may say as much on each of several links", &["link_defences"]),
    bug("PresenceUnproven", "presence of another link is heard", &["link_presence"]),
    bug("BombUnpacked", "a packed frame may come to any size", &["link_compress"]),
    bug("GuestsUnchecked", "strangers are let in among members", &["link_peers"]),
    bug("InvitationExpiryUnchecked", "an invitation that has ended lets in", &["invitations"]),
    bug("InvitationProofUnchecked", "whoever names an invitation is let in without it", &["invitations"]),
    bug("RelayByClaim", "whoever dials and says so counts as a relay", &["link_defences"]),
    bug("CutOffIgnored", "what a removed member writes later has effect", &["op_defences"]),
    bug("AheadUnbounded", "any number of an author's ops ahead of time wait", &["op_defences"]),
    bug("PolicyWeakened", "what a repo says lifts what its device asks for", &["op_defences"]),
    bug("RepoMismatchBorne", "a peer with another repo is let in", &["link_peers"]),
];

/// Where the tests with plants are built, below the target directory.
const FOLDER: &str = "planted";

/// The test binary that runs seeds of the simulator, and how many times more of them than usual a bug may need.
const SIMULATOR: &str = "seeds";
const SEEDS_TIMES: &str = "6";

/// How long one test binary may take.
const TIME_MAX: Duration = Duration::from_secs(120);

/// Runs everything; a bug that no test catches shows in the exit code.
///
/// # Errors
/// The tests cannot be built, or fail without a bug.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    if !args.is_empty() {
        return Ok(crate::wrong_usage());
    }
    let tally = prove()?;
    println!("\n{tally}");
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Plants each bug in turn and counts those that are caught.
///
/// # Errors
/// The tests cannot be built, or fail without a bug.
pub(crate) fn prove() -> Result<Tally> {
    let binaries = build()?;
    control(&binaries)?;
    let mut tally = Tally::default();
    for bug in BUGS {
        tally += plant(bug, &binaries)?;
    }
    Ok(tally)
}

/// The test binaries, by name.
type Binaries = BTreeMap<String, PathBuf>;

fn build() -> Result<Binaries> {
    let mut command =
        child::cargo(&["test", "--package", "trellis-tests", "--package", "trellis-test-sim", "--no-run", "--locked"]);
    command.args(binary_names().iter().flat_map(|name| ["--test", name]));
    command.args(["--message-format", "json-render-diagnostics", "--target-dir"]);
    command.arg(child::target_dir()?.join(FOLDER));
    command.env("CARGO_ENCODED_RUSTFLAGS", "--cfg\u{1f}planted");
    Ok(child::read(command)?.lines().filter_map(binary).collect())
}

/// The test binary that a line of cargo's is about, if it is.
fn binary(line: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(line).ok()?;
    let name = message["target"]["name"].as_str()?;
    Some((name.into(), message["executable"].as_str()?.into()))
}

/// Those that some bug needs.
fn binary_names() -> BTreeSet<&'static str> {
    BUGS.iter().flat_map(|bug| bug.tests).copied().collect()
}

/// Without a bug everything is green.
fn control(binaries: &Binaries) -> Result<()> {
    let start = Instant::now();
    for name in binary_names() {
        let ran = run_tests(name, None, binaries)?;
        ensure!(ran.is_green, "{name} fails without a bug: {:?}", ran.failed);
    }
    println!("without a bug all are green ({:.1} s)", start.elapsed().as_secs_f64());
    Ok(())
}

fn plant(bug: &Bug, binaries: &Binaries) -> Result<Tally> {
    let start = Instant::now();
    let mut failed = Vec::new();
    for name in bug.tests {
        failed.extend(run_tests(name, Some(bug.name), binaries)?.failed);
    }
    let caught = match failed.first() {
        Some(first) => format!("caught by {first}, {} in all", failed.len()),
        None => "SURVIVED".into(),
    };
    println!("{:<26} {caught} ({:.1} s): {}", bug.name, start.elapsed().as_secs_f64(), bug.says);
    Ok(if failed.is_empty() { Tally::FAILED } else { Tally::PASSED })
}

/// How a test binary ended.
struct Ran {
    is_green: bool,
    failed: Vec<String>,
}

fn run_tests(name: &str, bug: Option<&str>, binaries: &Binaries) -> Result<Ran> {
    let path = binaries.get(name).with_context(|| format!("there is no test binary {name}"))?;
    let mut command = Command::new(path);
    command.current_dir(child::root().join("tests")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    for variable in ["TRELLIS_PLANTED", "TRELLIS_SEED", "TRELLIS_MORE"] {
        command.env_remove(variable);
    }
    command.envs(bug.map(|bug| ("TRELLIS_PLANTED", bug)));
    command.envs(bug.filter(|_| name == SIMULATOR).map(|_| ("TRELLIS_MORE", SEEDS_TIMES)));
    let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    let output = output_in_time(&mut child)?;
    let status = child.wait()?;
    let failed = output.iter().flat_map(|output| output.lines()).filter_map(failed_test);
    Ok(Ran { is_green: status.success(), failed: failed.map(|test| format!("{name}::{test}")).collect() })
}

/// What the child writes until it ends; none, and its end, if it takes too long.
fn output_in_time(child: &mut Child) -> Result<Option<String>> {
    let stdout = child.stdout.take().context("the child has no stdout")?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(std::io::read_to_string(stdout).unwrap_or_default()));
    let output = receiver.recv_timeout(TIME_MAX).ok();
    if output.is_none() {
        child.kill()?;
    }
    Ok(output)
}

/// The test that a line of the test runner says has failed.
fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_test_is_told_from_all_else() {
        assert_eq!(failed_test("test a::b ... FAILED"), Some("a::b"));
        for line in ["test a::b ... ok", "test result: FAILED. 1 passed; 1 failed", "thread 'a' panicked", ""] {
            assert_eq!(failed_test(line), None, "{line}");
        }
    }

    #[test]
    fn a_test_binary_is_found_among_the_messages_of_cargo() {
        let line =
            r#"{"reason":"compiler-artifact","target":{"kind":["test"],"name":"laws"},"executable":"/x/laws-1"}"#;
        assert_eq!(binary(line), Some(("laws".into(), "/x/laws-1".into())));
        for line in [r#"{"reason":"compiler-artifact","target":{"name":"core"},"executable":null}"#, "", "{}"] {
            assert_eq!(binary(line), None, "{line}");
        }
    }
}
