//! What must hold whenever a process was killed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use trellis_core::input::Command;
use trellis_core::log::row::StoredOp;
use trellis_core::machine::KeyUse;
use trellis_core::merge::conflict::Conflict;
use trellis_core::op::header::Header;
use trellis_core::op::id::{Author, OpId, RepoId};
use trellis_core::output::{Answer, BranchView, ChainEnd, EntityView, Fork, Status};
use trellis_core::time::Millis;
use trellis_sync::{Range, Repo, Result, Value};
use trellis_tests::host::MemoryHost;

/// A time that is later than every clock of a test.
const FAR_FUTURE: Millis = Millis(1 << 42);

/// Runs this to its end.
///
/// # Panics
/// If it fails.
pub(crate) fn run<T>(body: impl Future<Output = Result<T>>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(body).unwrap()
}

/// A repo, and what was ever seen of it.
pub(crate) struct Witness {
    repo: PathBuf,
    acknowledged: Vec<OpId>,
    /// Who stands at each place of each chain.
    places: BTreeMap<(String, Author, u32), OpId>,
    audits: usize,
}

impl Witness {
    /// Of the repo in this folder, which need not be there yet.
    pub(crate) fn of(repo: &Path) -> Witness {
        Witness { repo: repo.into(), acknowledged: Vec::new(), places: BTreeMap::new(), audits: 0 }
    }

    /// Ops whose reply was seen: they have to be there from now on.
    pub(crate) fn expect(&mut self, ops: impl IntoIterator<Item = OpId>) {
        self.acknowledged.extend(ops);
    }

    /// How many ops were acknowledged so far.
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    /// Opens the repo, checks everything about it, writes to it and closes it. Returns how many ops it
    /// had that were neither acknowledged nor seen before.
    pub(crate) async fn audit(&mut self) -> Result<usize> {
        let repo = Repo::open(&self.repo).await?;
        let verified = repo.verify().await?;
        assert!(verified.is_sound(), "{verified:?}");
        let ops = repo.export(Vec::new()).await?;
        assert_eq!(verified.report.ops, ops.len());
        self.expect_ops(&ops);
        let untold = self.expect_places(&ops);
        self.audits += 1;
        self.expect_rebuild(&repo, ops).await?;
        let written = repo.set("audit/1/last", Value::from(format!("audit {}", self.audits))).await?;
        assert_eq!(written.ops().len(), 1);
        self.expect(written.ops().iter().copied());
        repo.close().await?;
        Ok(untold)
    }

    /// An op's id is the hash of its header, and its header has the hash of its body: an op with this id and a body
    /// that fits is the op that was written, byte for byte.
    fn expect_ops(&self, ops: &[StoredOp]) {
        let by_id: HashMap<OpId, &StoredOp> = ops.iter().map(|op| (op.rehash().unwrap().id(), op)).collect();
        for id in &self.acknowledged {
            let op = by_id.get(id).unwrap_or_else(|| panic!("the acknowledged op {id} is gone"));
            let has_body = Header::decode(&op.header).unwrap().body.is_some();
            assert_eq!(has_body, op.body.is_some(), "the body of the acknowledged op {id}");
        }
    }

    /// No place of a chain is taken twice, now or compared to what it once was. Returns how many ops are news.
    fn expect_places(&mut self, ops: &[StoredOp]) -> usize {
        let told: HashSet<&OpId> = self.acknowledged.iter().collect();
        let (mut now, mut untold) = (BTreeMap::new(), 0);
        for op in ops {
            let (header, id) = (Header::decode(&op.header).unwrap(), OpId::of_header(&op.header));
            let place = (header.branch.to_owned(), header.author, header.seq);
            assert_eq!(now.insert(place.clone(), id), None, "{place:?} is taken twice");
            untold += usize::from(!self.places.contains_key(&place) && !told.contains(&id));
            assert_eq!(*self.places.entry(place.clone()).or_insert(id), id, "{place:?} was used again");
        }
        assert_eq!(now.len(), self.places.len(), "an op that was seen is gone");
        untold
    }

    /// What the repo shows is what a machine makes of its ops that has never seen its store.
    async fn expect_rebuild(&self, repo: &Repo, ops: Vec<StoredOp>) -> Result<()> {
        let count = ops.len();
        let mut host = MemoryHost::open(1, Vec::new(), FAR_FUTURE, KeyUse::Own);
        let report = host.run(Command::Import(ops));
        let Ok(Answer::Imported(report)) = report else { panic!("{report:?}") };
        assert_eq!((report.admitted.len(), report.refused.len(), report.malformed), (count, 0, 0));
        assert_eq!(Picture::of(repo).await?, Picture::of_host(&mut host));
        Ok(())
    }
}

/// Everything that a repo shows of its ops.
#[derive(Debug, PartialEq)]
struct Picture {
    repo: Option<RepoId>,
    ops: usize,
    branches: Vec<BranchView>,
    forks: Vec<Fork>,
    tips: BTreeMap<(String, Author), (u32, OpId)>,
    /// For each branch.
    shown: Vec<Shown>,
}

/// The entities of a branch with their frontiers, and its conflicts.
type Shown = (Vec<EntityView>, Vec<Conflict>);

impl Picture {
    async fn of(repo: &Repo) -> Result<Picture> {
        let (status, tips) = (repo.status().await?, repo.chain_ends().await?);
        let mut shown = Vec::new();
        for branch in &status.branches {
            let repo = repo.on_branch(&branch.name);
            shown.push((repo.entries(Range::default()).await?, repo.conflicts().await?));
        }
        Ok(Picture::new(status, tips, shown))
    }

    fn of_host(host: &mut MemoryHost) -> Picture {
        let Ok(Answer::Status(status)) = host.run(Command::Status) else { panic!("no status") };
        let Ok(Answer::ChainEnds(tips)) = host.run(Command::ChainEnds) else { panic!("no chain ends") };
        let branches = status.branches.iter().map(|branch| branch.name.clone());
        let shown = branches.map(|branch| {
            let every = Command::Entries {
                branch: branch.clone(),
                collection: None,
                key_prefix: String::new(),
                at: Vec::new(),
            };
            match (host.run(every), host.run(Command::Conflicts { branch })) {
                (Ok(Answer::Entries(entries)), Ok(Answer::Conflicts(conflicts))) => (entries, conflicts),
                other => panic!("{other:?}"),
            }
        });
        let shown = shown.collect();
        Picture::new(status, tips, shown)
    }

    fn new(status: Status, tips: Vec<ChainEnd>, shown: Vec<Shown>) -> Picture {
        let tips = tips.into_iter().map(|tip| ((tip.branch, tip.author), (tip.seq, tip.id))).collect();
        let Status { repo, ops, branches, forks, .. } = status;
        Picture { repo, ops, branches, forks, tips, shown }
    }
}
