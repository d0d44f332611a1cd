//! Whoever asks is told how far long work is, up to its end.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};

use trellis_sync::files::Workspace;
use trellis_sync::{Progress, Repo, Work};

type Told = Arc<Mutex<Vec<Progress>>>;

async fn open(folder: &std::path::Path, told: &Told) -> Repo {
    let told = Arc::clone(told);
    let repo = Repo::options().progress(move |progress| told.lock().unwrap().push(progress)).open(folder).await;
    repo.unwrap()
}

/// The last that was told of each kind of work. On the way there it only grows, and its total stays.
fn ends(told: &Told) -> BTreeMap<&'static str, (u64, u64)> {
    let mut ends = BTreeMap::new();
    for Progress { work, done, total } in told.lock().unwrap().drain(..) {
        let name = match work {
            Work::Comparing => "comparing",
            Work::Keeping => "keeping",
            Work::Writing => "writing",
            Work::Carrying => "carrying",
            Work::Checking => "checking",
            Work::Importing => "importing",
            Work::Syncing => "syncing",
        };
        assert!(done <= total, "{name}: {done} of {total}");
        ends.insert(name, (done, total));
    }
    ends
}

#[test]
fn work_on_files_is_told_to_its_end() {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work_on_files());
}

async fn work_on_files() {
    let home = tempfile::tempdir().unwrap();
    let (told, from, to) = (Told::default(), home.path().join("from"), home.path().join("to"));
    let giver = open(&from, &told).await;
    fs::write(from.join("short"), "12345").unwrap();
    fs::write(from.join("long"), vec![7; 1_000_000]).unwrap();
    Workspace::open(&giver).unwrap().record(&[], None).await.unwrap();
    let recorded = ends(&told);
    assert_eq!((recorded["comparing"], recorded["keeping"]), ((2, 2), (1_000_005, 1_000_005)));
    giver.check_blobs().unwrap();
    assert_eq!(ends(&told)["checking"], (1_000_005, 1_000_005));
    giver.export_bundle(home.path().join("all"), Vec::new()).await.unwrap();
    assert_eq!(ends(&told)["carrying"], (1_000_005, 1_000_005));
    let taker = open(&to, &told).await;
    taker.import_bundle(home.path().join("all")).await.unwrap();
    assert_eq!(ends(&told)["carrying"], (1_000_005, 1_000_005));
    Workspace::follow(&taker).await.unwrap();
    assert_eq!(ends(&told)["writing"], (1_000_005, 1_000_005));
    let ops = giver.export(Vec::new()).await.unwrap();
    open(&home.path().join("third"), &told).await.carry_blobs(&giver, &ops).unwrap();
    assert_eq!(ends(&told)["carrying"], (1_000_005, 1_000_005));
}
