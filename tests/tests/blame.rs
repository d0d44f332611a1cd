//! Every line of a file is blamed on the write that brought it: lines say in their text which one that was.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use trellis_core::op::id::OpId;
use trellis_sync::files::{Workspace, repo_path};
use trellis_sync::{Repo, Result};
use trellis_tests::dice::{Dice, seeds};

/// Lines that stay, between those that one copy edits and those that the other does.
const FIXED: usize = 8;

struct Copy {
    repo: Repo,
    folder: PathBuf,
}

impl Copy {
    /// The one file of the folder.
    fn file(&self) -> PathBuf {
        let files = fs::read_dir(&self.folder).unwrap().map(|file| file.unwrap().path());
        files.into_iter().find(|file| file.is_file()).unwrap()
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(self.file()).unwrap().lines().map(str::to_owned).collect()
    }

    async fn record(&self) -> Result<Vec<OpId>> {
        Ok(Workspace::open(&self.repo)?.record(&[], None).await?.ops)
    }

    /// Who is blamed for the lines, each as it says itself and as it is told.
    async fn blamed(&self) -> Result<Vec<(String, Option<OpId>)>> {
        let file = self.file();
        let path = repo_path(Path::new(file.file_name().unwrap())).unwrap();
        let blame = Workspace::look(&self.repo)?.blame(&path, &[]).await?;
        assert_eq!(blame.absent, []);
        let line = |text: &[u8]| String::from_utf8(text.strip_suffix(b"\n").unwrap().to_vec()).unwrap();
        Ok(blame.lines.iter().map(|blamed| (line(&blamed.text), blamed.op)).collect())
    }
}

/// Changes some lines above or below the fixed ones: others, fewer or more of them. New ones name their writer.
fn edit(lines: &mut Vec<String>, is_above: bool, writer: usize, dice: &mut Dice) {
    let first_fixed = lines.iter().position(|line| line == "0 fixed 0").unwrap();
    let (from, until) = if is_above { (0, first_fixed) } else { (first_fixed + FIXED, lines.len()) };
    let at = from + dice.below(until - from + 1);
    let removed = dice.below(4).min(until - at);
    let added = dice.below(4) + usize::from(removed == 0);
    lines.splice(at..at + removed, (0..added).map(|number| format!("{writer} new {number}")));
}

async fn live(seed: u64, folder: &Path) -> Result<()> {
    let mut dice = Dice::new(seed);
    let copies = ["a", "b"].map(|name| folder.join(name));
    copies.iter().for_each(|copy| fs::create_dir(copy).unwrap());
    let [a, b] = copies;
    let copies =
        [Copy { repo: Repo::create(&a, "blame").await?, folder: a }, Copy { repo: Repo::open(&b).await?, folder: b }];
    let fixed: String = (0..FIXED).map(|line| format!("0 fixed {line}\n")).collect();
    fs::write(copies[0].folder.join("file"), fixed).unwrap();
    let mut writes: BTreeMap<usize, Vec<OpId>> = BTreeMap::from([(0, copies[0].record().await?)]);
    copies[1].repo.reconcile_with(&copies[0].repo, None).await?;
    for writer in 1..40 {
        let side = dice.below(2);
        let copy = &copies[side];
        let mut lines = copy.lines();
        edit(&mut lines, side == 0, writer, &mut dice);
        fs::write(copy.file(), lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        writes.insert(writer, copy.record().await?);
        if side == 0 && dice.chance(10) {
            fs::rename(copy.file(), copy.folder.join(format!("file-{writer}"))).unwrap();
            copy.record().await?;
        }
        if dice.chance(30) {
            copies[0].repo.reconcile_with(&copies[1].repo, None).await?;
        }
    }
    copies[0].repo.reconcile_with(&copies[1].repo, None).await?;
    assert_eq!(copies[0].lines(), copies[1].lines());
    for copy in copies {
        for (line, op) in copy.blamed().await? {
            let writer: usize = line.split(' ').next().unwrap().parse().unwrap();
            assert!(op.is_some_and(|op| writes[&writer].contains(&op)), "{line} is blamed on {op:?}");
        }
        copy.repo.close().await?;
    }
    Ok(())
}

#[test]
fn every_line_is_blamed_on_its_writer() {
    for seed in seeds(4) {
        println!("TRELLIS_SEED={seed}");
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(live(seed, folder.path())).unwrap();
    }
}
