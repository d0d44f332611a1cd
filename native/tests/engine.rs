//! Engines over the logs of programs that keep their own ops.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use trellis_sync::core::admit::policy::BranchPolicy;
use trellis_sync::core::op::id::OpId;
use trellis_sync::core::reconcile::Relation;
use trellis_sync::engine::{
    HttpSyncTransport, MemoryTransport, OpLog, SyncEngine, SyncEngineOptions, WebSocketSyncTransport,
};
use trellis_sync::files::Workspace;
use trellis_sync::keys::Identity;
use trellis_sync::link::{Nacked, Welcome};
use trellis_sync::server::{Hub, HubConfig, Server, ServerConfig};
use trellis_sync::transport::Transport;
use trellis_sync::{Code, Repo, Result, SignedOp, TrellisError, Value};

/// Nothing here takes so long unless it never ends.
const LIMIT: Duration = Duration::from_secs(120);

type Ops = Arc<Mutex<Vec<SignedOp>>>;

fn run(work: impl Future<Output = Result<()>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(LIMIT, work).await.expect("it ends in time").unwrap() });
}

/// A program with a log of its own, and its engine.
struct Program {
    ops: Ops,
    engine: SyncEngine,
}

impl Program {
    fn new(transport: &(impl Transport + Clone), ops: &[SignedOp]) -> Result<Program> {
        let ops: Ops = Arc::new(Mutex::new(ops.to_vec()));
        let engine = SyncEngine::new(keeping(transport, Arc::clone(&ops), &ops))?;
        Ok(Program { ops, engine })
    }

    fn ops(&self) -> Vec<SignedOp> {
        self.ops.lock().unwrap().clone()
    }

    fn ids(&self) -> Vec<OpId> {
        self.ops().iter().map(id).collect()
    }

    fn add(&self, ops: Vec<SignedOp>) {
        self.ops.lock().unwrap().extend(ops);
    }
}

/// Options of an engine over `log` that puts what comes into `ops`.
fn keeping(transport: &(impl Transport + Clone), log: impl OpLog, ops: &Ops) -> SyncEngineOptions {
    let kept = Arc::clone(ops);
    SyncEngineOptions {
        on_ops_received: Box::new(move |ops| {
            kept.lock().unwrap().extend(ops);
            Ok(())
        }),
        ..SyncEngineOptions::new("peer", transport.clone(), log)
    }
}

fn linked() -> (MemoryTransport, MemoryTransport) {
    let pair = (MemoryTransport::new("peer-a", "Alice"), MemoryTransport::new("peer-b", "Bob"));
    MemoryTransport::link(&pair.0, &pair.1);
    pair
}

fn id(op: &SignedOp) -> OpId {
    op.rehash().unwrap().id()
}

fn is_in_dependency_order(ops: &[SignedOp]) -> bool {
    let mut seen = HashSet::new();
    ops.iter().all(|op| {
        let op = op.rehash().unwrap();
        let is_behind = op.header().dependencies().all(|dependency| seen.contains(&dependency));
        seen.insert(op.id()) && is_behind
    })
}

/// Two repos that share a beginning, each with ops that the other lacks; what is shared, and what each has.
struct Histories {
    _folder: TempDir,
    repos: [Repo; 2],
    shared: Vec<SignedOp>,
}

impl Histories {
    async fn new() -> Result<Histories> {
        let folder = TempDir::new().unwrap();
        let ann = Repo::open(folder.path().join("ann")).await?;
        ann.set("notes/1/title", Value::from("Calm")).await?;
        let shared = ann.export(Vec::new()).await?;
        let bob = Repo::open(folder.path().join("bob")).await?;
        bob.import(shared.clone()).await?;
        Ok(Histories { _folder: folder, repos: [ann, bob], shared })
    }

    async fn diverge(&self) -> Result<[Vec<SignedOp>; 2]> {
        let [ann, bob] = &self.repos;
        for number in 0..20 {
            ann.set(&format!("notes/a{number}/title"), Value::from(number)).await?;
            bob.set(&format!("notes/b{number}/title"), Value::from(number)).await?;
        }
        ann.set("notes/1/title", Value::from("Storm")).await?;
        bob.set("notes/1/title", Value::from("Rain")).await?;
        Ok([ann.export(Vec::new()).await?, bob.export(Vec::new()).await?])
    }
}

#[test]
fn both_hold_the_union_whoever_begins() {
    run(async {
        let histories = Histories::new().await?;
        let [at_ann, at_bob] = histories.diverge().await?;
        for is_push in [true, false] {
            let (a, b) = linked();
            let (ann, bob) = (Program::new(&a, &at_ann)?, Program::new(&b, &at_bob)?);
            let synced = match is_push {
                true => ann.engine.push_to("peer-b").await?,
                false => ann.engine.pull_from("peer-b").await?,
            };
            assert_eq!((synced.ops_sent, synced.ops_received), (21, 21));
            assert!(synced.rounds >= 2 && synced.bytes_sent > 0 && synced.bytes_received > 0, "{synced:?}");
            assert_eq!(synced.peer, bob.engine.author());
            assert!(is_in_dependency_order(&ann.ops()) && is_in_dependency_order(&bob.ops()));
            let sets = [&ann, &bob].map(|side| side.ids().into_iter().collect::<HashSet<_>>());
            assert_eq!(sets[0], sets[1]);
            let union = at_ann.len() + 21;
            assert_eq!((sets[0].len(), ann.ids().len(), bob.ids().len()), (union, union, union), "each came once");
            assert_eq!(ann.engine.reconcile_with(&bob.ops()).await?.relation, Relation::Equal);
        }
        Ok(())
    });
}

#[test]
fn a_log_is_compared_with_ops_that_somebody_else_has() {
    run(async {
        let histories = Histories::new().await?;
        let [at_ann, at_bob] = histories.diverge().await?;
        let ann = Program::new(&linked().0, &at_ann)?;
        let reconciled = ann.engine.reconcile_with(&at_bob).await?;
        assert_eq!(reconciled, trellis_sync::reconcile(&unverified(&at_ann), &unverified(&at_bob)));
        assert_eq!((reconciled.relation, reconciled.conflicts), (Relation::Diverged, vec!["notes/1".to_owned()]));
        assert_eq!(ann.ops(), at_ann, "nothing has changed");
        Ok(())
    });
}

fn unverified(ops: &[SignedOp]) -> Vec<trellis_sync::core::op::sign::Unverified<'_>> {
    ops.iter().map(SignedOp::unverified).collect()
}

/// A log that counts what is read of it.
struct Counting {
    ops: Ops,
    read: Arc<AtomicUsize>,
}

impl OpLog for Counting {
    fn read(&self, from: usize, max: usize) -> Vec<SignedOp> {
        let page = self.ops.read(from, max);
        self.read.fetch_add(page.len(), Ordering::Relaxed);
        page
    }
}

#[test]
fn a_log_is_read_once_and_then_its_growth() {
    run(async {
        let histories = Histories::new().await?;
        let (a, b) = linked();
        let (ops, read): (Ops, _) = (Arc::new(Mutex::new(histories.shared.clone())), Arc::new(AtomicUsize::new(0)));
        let log = Counting { ops: Arc::clone(&ops), read: Arc::clone(&read) };
        let ann = SyncEngine::new(keeping(&a, log, &ops))?;
        let bob = Program::new(&b, &[])?;
        for round in 0..5 {
            ann.push_to("peer-b").await?;
            assert_eq!(read.load(Ordering::Relaxed), ops.lock().unwrap().len());
            let known = bob.ids();
            histories.repos[0].set("notes/2/title", Value::from(round)).await?;
            let new = histories.repos[0].export(known).await?;
            ops.lock().unwrap().extend(new);
        }
        // The peer asks, and this side's program does nothing but add to its log.
        assert_eq!(bob.engine.pull_from("peer-a").await?.ops_received, 1);
        assert_eq!((read.load(Ordering::Relaxed), bob.ids().len()), (ops.lock().unwrap().len(), bob.ops().len()));
        Ok(())
    });
}

#[test]
fn what_a_program_cannot_keep_comes_again() {
    run(async {
        let histories = Histories::new().await?;
        let (a, b) = linked();
        let ann = Program::new(&a, &histories.shared)?;
        let (ops, failures) = (Ops::default(), Arc::new(AtomicUsize::new(2)));
        let (kept, left) = (Arc::clone(&ops), Arc::clone(&failures));
        let bob = SyncEngine::new(SyncEngineOptions {
            on_ops_received: Box::new(move |ops| {
                if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                    return Err(TrellisError::new(Code::StorageFull, "The disk is full."));
                }
                kept.lock().unwrap().extend(ops);
                Ok(())
            }),
            ..SyncEngineOptions::new("peer-b", b, Arc::clone(&ops))
        })?;
        assert_eq!(bob.pull_from("peer-a").await.unwrap_err().code(), Code::StorageFull);
        assert_eq!(
            ann.engine.push_to("peer-b").await.unwrap_err().code(),
            Code::Offline,
            "the peer has not said it has"
        );
        assert!(ops.lock().unwrap().is_empty());
        ann.engine.push_to("peer-b").await?;
        assert_eq!(*ops.lock().unwrap(), histories.shared);
        Ok(())
    });
}

#[test]
fn a_peer_that_is_not_known_is_not_one_that_is_away() {
    run(async {
        let (a, b) = linked();
        let ann = Program::new(&a, &[])?;
        assert_eq!(ann.engine.push_to("peer-c").await.unwrap_err().code(), Code::NotFound);
        assert_eq!(ann.engine.push_to("peer-b").await.unwrap_err().code(), Code::Offline, "it has no engine yet");
        let bob = Program::new(&b, &[])?;
        ann.engine.push_to("peer-b").await?;
        drop(bob);
        assert_eq!(ann.engine.push_to("peer-b").await.unwrap_err().code(), Code::Offline, "its engine is gone");
        drop(b);
        assert_eq!(ann.engine.pull_from("peer-b").await.unwrap_err().code(), Code::Offline);
        Ok(())
    });
}

/// A server that sends whoever comes to another address; returns where it is.
async fn send_elsewhere(other: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(socket.read_u8().await.unwrap());
            }
            let answer = format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {other}\r\ncontent-length: 0\r\n\r\n");
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    address
}

/// No message of the protocol names an address to dial, and what answers at one cannot name another.
#[test]
fn server_side_request_forgery() {
    run(async {
        let inner = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        inner.set_nonblocking(true).unwrap();
        let elsewhere = send_elsewhere(format!("http://{}/", inner.local_addr().unwrap())).await;
        let by_requests = HttpSyncTransport::new("peer-a");
        by_requests.add_peer("peer-b", format!("http://{elsewhere}"))?;
        let by_socket = WebSocketSyncTransport::new("peer-a");
        let refused = by_socket.connect("peer-b", format!("ws://{elsewhere}")).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        let ann = Program::new(&by_requests, &[])?;
        assert_eq!(ann.engine.pull_from("peer-b").await.unwrap_err().code(), Code::InvalidArgument);
        assert_eq!(inner.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "somebody was sent there");
        Ok(())
    });
}

/// Serves a repo to anybody; returns where.
async fn serve(repo: &Repo) -> Result<(String, tokio::task::JoinHandle<()>)> {
    let listen = "127.0.0.1:0".parse().unwrap();
    let server = Server::bind(ServerConfig { listen, ..ServerConfig::default() }).await?;
    let address = server.local_addr().to_string();
    let hub = Hub::one(repo.clone(), HubConfig { welcome: Welcome::Anyone, ..HubConfig::default() })?;
    Ok((
        address,
        tokio::spawn(async move {
            server.run(Arc::new(hub)).await;
        }),
    ))
}

#[test]
fn a_program_syncs_with_a_server_by_websocket() {
    run(async {
        let histories = Histories::new().await?;
        let [at_ann, at_bob] = histories.diverge().await?;
        let (address, server) = serve(&histories.repos[1]).await?;
        let transport = WebSocketSyncTransport::new("peer-a");
        let ann = Program::new(&transport, &at_ann)?;
        assert_eq!(ann.engine.push_to("peer-b").await.unwrap_err().code(), Code::NotFound);
        transport.connect("peer-b", format!("ws://{address}")).await?;
        let synced = ann.engine.push_to("peer-b").await?;
        assert_eq!((synced.ops_sent, synced.ops_received), (21, 21));
        assert_eq!(ann.ids().len(), at_bob.len() + 21);
        assert_eq!(histories.repos[1].export(Vec::new()).await?.len(), ann.ids().len());
        let again = ann.engine.push_to("peer-b").await?;
        assert_eq!((again.ops_sent, again.ops_received), (0, 0));
        server.abort();
        let gone = ann.engine.push_to("peer-b").await.unwrap_err();
        assert_eq!(gone.code(), Code::Offline);
        assert_eq!(transport.connect("peer-c", "http://127.0.0.1:1").await.unwrap_err().code(), Code::InvalidArgument);
        Ok(())
    });
}

#[test]
fn a_program_syncs_with_a_server_by_requests() {
    run(async {
        let histories = Histories::new().await?;
        let [at_ann, at_bob] = histories.diverge().await?;
        let (address, server) = serve(&histories.repos[1]).await?;
        let transport = HttpSyncTransport::new("peer-a");
        let ann = Program::new(&transport, &at_ann)?;
        assert_eq!(ann.engine.push_to("peer-b").await.unwrap_err().code(), Code::NotFound);
        transport.add_peer("peer-b", format!("http://{address}"))?;
        let synced = ann.engine.push_to("peer-b").await?;
        assert_eq!((synced.ops_sent, synced.ops_received, synced.rounds), (21, 21, 2));
        assert_eq!(ann.ids().len(), at_bob.len() + 21);
        assert_eq!(histories.repos[1].export(Vec::new()).await?.len(), ann.ids().len());
        let again = ann.engine.pull_from("peer-b").await?;
        assert_eq!((again.ops_sent, again.ops_received, again.peer), (0, 0, synced.peer));
        assert!(again.bytes_sent + again.bytes_received < 1000, "{again:?}");
        server.abort();
        assert_eq!(ann.engine.push_to("peer-b").await.unwrap_err().code(), Code::Offline);
        assert_eq!(transport.add_peer("peer-c", "ws://127.0.0.1:1").unwrap_err().code(), Code::InvalidArgument);
        assert_eq!(transport.add_peer("peer-c", "http://192.0.2.1").unwrap_err().code(), Code::PermissionDenied);
        Ok(())
    });
}

#[test]
fn content_that_ops_name_is_left_where_it_is() {
    run(async {
        let histories = Histories::new().await?;
        let repo = &histories.repos[0];
        for name in ["one", "two"] {
            let content = name.repeat(100_000);
            std::fs::write(repo.folder().root().join(name), content).unwrap();
        }
        Workspace::open(repo)?.with_index().await?.record(&[], None).await?;
        let (address, _server) = serve(repo).await?;
        let transport = HttpSyncTransport::new("peer-a");
        transport.add_peer("peer-b", format!("http://{address}"))?;
        let ann = Program::new(&transport, &[])?;
        let synced = ann.engine.pull_from("peer-b").await?;
        assert!(synced.bytes_received < 10_000, "{synced:?}");
        // Two who have the ops alone agree, and neither waits for what the other does not have.
        let (a, b) = linked();
        let (bob, carol) = (Program::new(&a, &ann.ops())?, Program::new(&b, &histories.shared)?);
        bob.engine.push_to("peer-b").await?;
        assert_eq!(carol.ids(), ann.ids());
        Ok(())
    });
}

#[test]
fn two_repos_never_merge() {
    run(async {
        let (one, other) = (Histories::new().await?, Histories::new().await?);
        let (a, b) = linked();
        let (ann, bob) = (Program::new(&a, &one.shared)?, Program::new(&b, &other.shared)?);
        assert_eq!(ann.engine.push_to("peer-b").await.unwrap_err().code(), Code::RepoMismatch);
        assert_eq!((ann.ops(), bob.ops()), (one.shared, other.shared));
        Ok(())
    });
}

/// Two programs whose engines hold every branch to one line, each with an op that the other lacks.
struct Lines {
    ann: SyncEngine,
    bob: SyncEngine,
    ops: [Ops; 2],
    /// The last op of each.
    heads: [OpId; 2],
}

impl Lines {
    /// With a serialiser it is Bob's engine.
    async fn new(has_serialiser: bool) -> Result<Lines> {
        let histories = Histories::new().await?;
        let [ann, bob] = &histories.repos;
        ann.set("notes/2/title", Value::from("Ann's")).await?;
        bob.set("notes/3/title", Value::from("Bob's")).await?;
        let logs = [ann.export(Vec::new()).await?, bob.export(Vec::new()).await?];
        let heads = [&logs[0], &logs[1]].map(|log| id(log.last().expect("it has ops")));
        let ops = logs.map(|log| Arc::new(Mutex::new(log)));
        let (key, (a, b)) = (Identity::generate()?, linked());
        let serialiser = has_serialiser.then(|| key.author().to_string());
        let branch_policy = BranchPolicy { linear: true, serialiser, ..BranchPolicy::default() };
        let engine = |transport, ops: &Ops, identity| {
            let options = keeping(transport, Arc::clone(ops), ops);
            SyncEngine::new(SyncEngineOptions { branch_policy: branch_policy.clone(), identity, ..options })
        };
        Ok(Lines { ann: engine(&a, &ops[0], None)?, bob: engine(&b, &ops[1], Some(key))?, ops, heads })
    }
}

#[test]
fn a_linear_branch_that_forked_is_told_with_the_head_that_was_there_first() {
    run(async {
        for (is_push, has_serialiser) in [(true, true), (false, true), (true, false)] {
            let lines = Lines::new(has_serialiser).await?;
            let synced = match is_push {
                true => lines.ann.push_to("peer-b").await?,
                false => lines.ann.pull_from("peer-b").await?,
            };
            let head = Some(lines.heads[1]);
            let nacked = has_serialiser.then_some(Nacked { ops: 1, code: Code::NotFastForward, head });
            assert_eq!((synced.nacked, &synced.diverged[..]), (nacked, &["main".to_owned()][..]));
            let sets = lines.ops.each_ref().map(|ops| ops.lock().unwrap().iter().map(id).collect::<HashSet<_>>());
            assert_eq!((sets[0].len(), &sets[0]), (4, &sets[1]), "both keep both lines");
            let again = lines.bob.pull_from("peer-a").await?;
            assert_eq!((again.ops_sent, again.ops_received, again.nacked), (0, 0, None));
            assert_eq!(again.diverged, ["main"], "until somebody gives way");
        }
        Ok(())
    });
}

#[test]
fn ops_may_come_in_the_middle_of_a_run() {
    run(async {
        let histories = Histories::new().await?;
        let mut batch = histories.repos[0].batch();
        for number in 0..5 {
            batch = batch.set(&format!("notes/{number}/title"), Value::from(number))?;
        }
        batch.commit().await?;
        let all = histories.repos[0].export(Vec::new()).await?;
        let (a, b) = linked();
        let (first, rest) = all.split_at(all.len() - 2);
        let (ann, bob) = (Program::new(&a, first)?, Program::new(&b, &[])?);
        ann.engine.push_to("peer-b").await?;
        assert_eq!(bob.ops(), histories.shared, "nothing vouches for the others yet");
        ann.add(rest.to_vec());
        ann.engine.push_to("peer-b").await?;
        assert_eq!(bob.ops(), all);
        Ok(())
    });
}

#[test]
fn one_new_op_among_many_costs_little() {
    run(async {
        let folder = TempDir::new().unwrap();
        let repo = Repo::open(folder.path()).await?;
        for page in 0..100 {
            let mut batch = repo.batch();
            for number in 0..1000 {
                batch = batch.set(&format!("notes/{page}-{number}/title"), Value::from(number))?;
            }
            batch.commit().await?;
        }
        let (a, b) = linked();
        let ann = Program::new(&a, &repo.export(Vec::new()).await?)?;
        let bob = Program::new(&b, &[])?;
        ann.engine.push_to("peer-b").await?;
        assert!(bob.ids().len() > 100_000);
        repo.set("notes/1/title", Value::from("new")).await?;
        ann.add(repo.export(bob.ids().split_off(bob.ids().len() - 1)).await?);
        let synced = ann.engine.push_to("peer-b").await?;
        let bytes = synced.bytes_sent + synced.bytes_received;
        assert_eq!((synced.ops_sent, bob.ops() == ann.ops()), (1, true));
        assert!(bytes < 2000, "{bytes} bytes: {synced:?}");
        let again = ann.engine.push_to("peer-b").await?;
        assert!(again.bytes_sent + again.bytes_received < 2000 && again.ops_sent == 0, "{again:?}");
        Ok(())
    });
}
