//! A real relay behind bad wires: connections are cut at any byte, bytes come late and come twice. Whatever a link makes of
//! that, everything arrives, and a receipt that was given holds.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use trellis_core::op::id::OpId;
use trellis_sync::core::input::Tier;
use trellis_sync::link::{Link, LinkState};
use trellis_sync::{Code, Receipt, Repo, Result, Value};
use trellis_tests::dice::{Dice, more};
use trellis_tests::program::trellis;
use trellis_tests::proxy::{Plan, Proxy};
use trellis_tests::seed;

/// Relays that are killed one after the other; more where [`more`] says so.
const RELAYS: usize = 2;
/// Times that both clients lose their connections and write while one of them runs.
const PER_RELAY: usize = 4;
/// Connections in a row that something befalls.
const BAD_MAX: usize = 2;
/// No relay and its cycles take so long unless something never ends.
const LIMIT: Duration = Duration::from_secs(120);
/// How often a link is looked at while a receipt is waited for.
const LOOK: Duration = Duration::from_millis(200);

/// A relay in a process of its own, which is killed when this is dropped.
struct Relay {
    child: Child,
    address: SocketAddr,
}

impl Relay {
    fn start(folder: &Path) -> Relay {
        let mut command = Command::new(trellis());
        command.arg("-C").arg(folder).args(["serve", "--open", "--origin", "*", "--listen", "127.0.0.1:0"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().rsplit('/').next().unwrap().parse().expect("the relay says where it listens");
        Relay { child, address }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A repo that syncs with the relay over a bad wire.
struct Client {
    repo: Repo,
    proxy: Proxy,
    link: Link,
    /// Ops of which a receipt said that the relay has them.
    kept: Vec<OpId>,
    /// How often its link gave up for good and was begun anew.
    given_up: usize,
}

impl Client {
    fn new(repo: Repo) -> Result<Client> {
        let proxy = Proxy::new();
        let link = repo.sync(&url(&proxy))?;
        Ok(Client { repo, proxy, link, kept: Vec::new(), given_up: 0 })
    }

    async fn write(&self, dice: &mut Dice) -> Result<Vec<Receipt>> {
        let mut receipts = Vec::new();
        for _ in 0..1 + dice.below(3) {
            let text = "x".repeat(*dice.pick(&[10, 10, 2_000, 60_000]));
            receipts.push(self.repo.set(&format!("notes/{}/text", dice.below(5)), Value::from(text)).await?);
        }
        Ok(receipts)
    }

    /// Waits for the relay to have a write, and begins the link anew where bytes made it give up.
    async fn keep(&mut self, receipt: &Receipt) -> Result<()> {
        loop {
            match receipt.durable_within(Tier::Relay, LOOK).await {
                Ok(_) => break,
                Err(error) => assert_eq!(error.code(), Code::Timeout, "{error}"),
            }
            self.revive()?;
        }
        self.kept.extend(receipt.ops());
        Ok(())
    }

    /// Waits for a link that is in sync, so that the next one is dialled soon when it is lost.
    async fn settle(&mut self) -> Result<()> {
        while !matches!(tokio::time::timeout(LOOK, self.link.in_sync()).await, Ok(Ok(()))) {
            self.revive()?;
            // A link that has failed says when it stands otherwise.
            let _ = tokio::time::timeout(LOOK, self.link.changed()).await;
        }
        Ok(())
    }

    /// Leads to a relay that has just begun, by a link that has not waited for it.
    fn dial(&mut self, relay: &Relay) -> Result<()> {
        self.proxy.lead_to(relay.address);
        self.link = self.repo.sync(&url(&self.proxy))?;
        Ok(())
    }

    fn revive(&mut self) -> Result<()> {
        let is_over =
            matches!(self.link.status().state, LinkState::Rejected | LinkState::NeedsAuth | LinkState::Closed);
        if is_over {
            self.given_up += 1;
            self.link = self.repo.sync(&url(&self.proxy))?;
        }
        Ok(())
    }
}

fn url(proxy: &Proxy) -> String {
    format!("ws://{}", proxy.address())
}

async fn ends(repo: &Repo) -> Result<Vec<OpId>> {
    let mut ids: Vec<OpId> = repo.chain_ends().await?.into_iter().map(|end| end.id).collect();
    ids.sort_unstable();
    Ok(ids)
}

/// Everybody loses the connection, writes, and gets everything.
async fn cycle(clients: &mut [Client], dice: &mut Dice) -> Result<()> {
    let mut receipts = Vec::new();
    for client in &*clients {
        let count = 1 + dice.below(BAD_MAX);
        client.proxy.befall((0..count).map(|_| Plan::draw(dice)));
        receipts.push(client.write(dice).await?);
    }
    for (client, receipts) in clients.iter_mut().zip(&receipts) {
        for receipt in receipts {
            client.keep(receipt).await?;
        }
    }
    while ends(&clients[0].repo).await? != ends(&clients[1].repo).await? {
        // News wake it as well; the limit is for a link that has given up.
        let _ = tokio::time::timeout(LOOK, clients[0].link.changed()).await;
        clients.iter_mut().try_for_each(Client::revive)?;
    }
    for client in clients {
        client.settle().await?;
    }
    Ok(())
}

/// What receipts promised is in the store of a relay that was killed.
async fn expect_kept(folder: &Path, clients: &[Client]) -> Result<()> {
    let relay = Repo::open(folder).await?;
    assert!(relay.verify().await?.is_sound());
    for id in clients.iter().flat_map(|client| &client.kept) {
        assert_eq!(relay.ops(&[*id]).await?.len(), 1, "the relay lost {id}, of which a receipt said that it has it");
    }
    relay.close().await
}

#[test]
fn everything_arrives_over_wires_that_cut_repeat_and_hold_back() {
    let mut dice = Dice::new(seed!());
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    // Built before anything is timed.
    trellis();
    let relays = RELAYS * more();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let work = async {
        let ann = Repo::create(at("ann"), "notes").await?;
        let (bob, relay) = (Repo::open(at("bob")).await?, Repo::open(at("relay")).await?);
        for repo in [&bob, &relay] {
            repo.import(ann.export(Vec::new()).await?).await?;
        }
        relay.close().await?;
        let mut clients = [Client::new(ann)?, Client::new(bob)?];
        for _ in 0..relays {
            let relay = Relay::start(&at("relay"));
            clients.iter_mut().try_for_each(|client| client.dial(&relay))?;
            for _ in 0..PER_RELAY {
                cycle(&mut clients, &mut dice).await?;
            }
            drop(relay);
            expect_kept(&at("relay"), &clients).await?;
        }
        tell(&clients, relays * PER_RELAY);
        Result::Ok(())
    };
    runtime
        .block_on(async { tokio::time::timeout(LIMIT * relays as u32, work).await.expect("it ends in time") })
        .unwrap();
}

/// Says what happened; nothing is proven by wires on which nothing did.
fn tell(clients: &[Client], cycles: usize) {
    let sum =
        |count: fn(&Client) -> &AtomicUsize| clients.iter().map(|c| count(c).load(Ordering::SeqCst)).sum::<usize>();
    let (connections, cuts) = (sum(|c| &c.proxy.counts().connections), sum(|c| &c.proxy.counts().cuts));
    let (repeats, holds) = (sum(|c| &c.proxy.counts().repeats), sum(|c| &c.proxy.counts().holds));
    let [kept, given_up] =
        [|c: &Client| c.kept.len(), |c: &Client| c.given_up].map(|f| clients.iter().map(f).sum::<usize>());
    println!(
        "{cycles} cycles, {connections} connections: {cuts} cut, {repeats} repeats, {holds} holds; {kept} ops kept by receipts, \
         {given_up} links begun anew"
    );
    assert!(connections > cycles && cuts > 0 && repeats > 0 && holds > 0);
}
