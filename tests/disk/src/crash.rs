//! What a power cut can leave of what was written.
//!
//! A file is sectors. Of each sector the disk holds the version that was last synced, or any that was written since,
//! each for itself: so writes are lost, torn and reordered. The same holds for a file's length and for its being there at
//! all. After a failed sync the versions before it are held for lost, whatever is synced later, unless they are written
//! again.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::chance::Chance;
use crate::record::Event;

/// What a disk writes as a whole.
const SECTOR_BYTES: usize = 512;

type Sector = [u8; SECTOR_BYTES];

/// How much of what was not synced reaches the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Luck {
    /// Nothing.
    None,
    /// Everything.
    All,
    /// Each part or not.
    Mixed,
}

/// The files that a power cut leaves, by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    files: BTreeMap<PathBuf, Vec<u8>>,
    /// The last promise that was made before the cut.
    pub promised: Option<u32>,
}

impl Image {
    /// Writes the files into a folder, each under its own name.
    ///
    /// # Errors
    /// What the system reports.
    pub fn write_to(&self, folder: &Path) -> io::Result<()> {
        for (path, content) in &self.files {
            std::fs::write(folder.join(path.file_name().unwrap_or_default()), content)?;
        }
        Ok(())
    }
}

/// What stands on a disk at one moment of a record: play events one by one, and ask for images in between.
#[derive(Clone, Debug, Default)]
pub struct Moment {
    files: BTreeMap<PathBuf, Name>,
    promised: Option<u32>,
}

/// What a name stands for, and what it stood for as far as the disk knows.
#[derive(Clone, Debug, Default)]
struct Name {
    now: Option<Content>,
    /// What the folder on the disk may still say: `now` was made, or the file was removed, and the folder not synced.
    before: Option<Option<Content>>,
}

#[derive(Clone, Debug)]
struct Content {
    sectors: Vec<Versions<Sector>>,
    bytes: Versions<u64>,
}

/// The versions of one thing, the one on the disk first and the present one last.
#[derive(Clone, Debug)]
struct Versions<T> {
    versions: Vec<T>,
    /// The present one was there when a sync failed.
    is_doomed: bool,
}

impl<T: Copy> Versions<T> {
    fn new(durable: T) -> Versions<T> {
        Versions { versions: vec![durable], is_doomed: false }
    }

    fn durable(&self) -> T {
        self.versions[0]
    }

    fn now(&self) -> T {
        self.versions[self.versions.len() - 1]
    }

    fn write(&mut self, version: T) {
        self.versions.push(version);
        self.is_doomed = false;
    }

    fn sync(&mut self) {
        if !self.is_doomed {
            self.versions.drain(..self.versions.len() - 1);
        }
    }

    fn doom(&mut self) {
        self.is_doomed = self.versions.len() > 1;
    }

    fn pick(&self, luck: Luck, chance: &mut Chance) -> T {
        match luck {
            Luck::None => self.durable(),
            Luck::All => self.now(),
            Luck::Mixed => self.versions[chance.below(self.versions.len())],
        }
    }
}

impl Content {
    fn found(bytes: &[u8]) -> Content {
        let sectors = bytes.chunks(SECTOR_BYTES).map(|chunk| {
            let mut sector = [0; SECTOR_BYTES];
            sector[..chunk.len()].copy_from_slice(chunk);
            Versions::new(sector)
        });
        Content { sectors: sectors.collect(), bytes: Versions::new(bytes.len() as u64) }
    }

    fn write(&mut self, offset: u64, mut bytes: &[u8]) {
        let mut at = offset as usize;
        self.grow(at + bytes.len());
        while !bytes.is_empty() {
            let (index, start) = (at / SECTOR_BYTES, at % SECTOR_BYTES);
            let (piece, rest) = bytes.split_at(bytes.len().min(SECTOR_BYTES - start));
            let mut sector = self.sectors[index].now();
            sector[start..start + piece.len()].copy_from_slice(piece);
            self.sectors[index].write(sector);
            (at, bytes) = (at + piece.len(), rest);
        }
    }

    /// Bytes that reach the disk behind the end which it knows bring the present length along.
    fn grow(&mut self, bytes: usize) {
        if self.bytes.durable() < bytes as u64 {
            self.bytes.write(self.bytes.now().max(bytes as u64));
            self.sectors
                .resize_with(bytes.div_ceil(SECTOR_BYTES).max(self.sectors.len()), || Versions::new([0; SECTOR_BYTES]));
        }
    }

    /// What is cut off reads as zeros if the file grows again.
    fn cut(&mut self, bytes: u64) {
        self.grow(bytes as usize);
        self.bytes.write(bytes);
        for (index, sector) in self.sectors.iter_mut().enumerate() {
            let kept = (bytes as usize).saturating_sub(index * SECTOR_BYTES);
            if kept < SECTOR_BYTES {
                let mut cut = sector.now();
                cut[kept..].fill(0);
                sector.write(cut);
            }
        }
    }

    fn sync(&mut self) {
        self.bytes.sync();
        self.sectors.iter_mut().for_each(Versions::sync);
    }

    fn doom(&mut self) {
        self.bytes.doom();
        self.sectors.iter_mut().for_each(Versions::doom);
    }

    fn pick(&self, luck: Luck, chance: &mut Chance) -> Vec<u8> {
        let bytes = self.bytes.pick(luck, chance) as usize;
        let mut content: Vec<u8> = self.sectors.iter().flat_map(|sector| sector.pick(luck, chance)).collect();
        content.resize(bytes, 0);
        content
    }
}

impl Moment {
    /// Plays one event.
    pub fn play(&mut self, event: &Event) {
        match event {
            Event::Found(path, bytes) => {
                self.files.insert(path.clone(), Name { now: Some(Content::found(bytes)), before: None });
            }
            Event::Made(path) => self.rename(path, Some(Content::found(&[]))),
            Event::Removed(path) => self.rename(path, None),
            Event::Written(path, offset, bytes) => self.change(path, |content| content.write(*offset, bytes)),
            Event::Cut(path, bytes) => self.change(path, |content| content.cut(*bytes)),
            Event::SyncFailed(path) => self.change(path, Content::doom),
            Event::Synced(path) => {
                self.change(path, Content::sync);
                self.sync_folder_with(path);
            }
            Event::Mark(promise) => self.promised = Some(*promise),
        }
    }

    /// What a power cut at this moment leaves.
    pub fn image(&self, luck: Luck, chance: &mut Chance) -> Image {
        let mut files = BTreeMap::new();
        for (path, name) in &self.files {
            if let Some(content) = name.pick(luck, chance) {
                files.insert(path.clone(), content.pick(luck, chance));
            }
        }
        Image { files, promised: self.promised }
    }

    fn rename(&mut self, path: &Path, now: Option<Content>) {
        let name = self.files.entry(path.to_owned()).or_default();
        let before = std::mem::replace(&mut name.now, now);
        name.before.get_or_insert(before);
    }

    fn change(&mut self, path: &Path, change: impl FnOnce(&mut Content)) {
        if let Some(content) = self.files.get_mut(path).and_then(|name| name.now.as_mut()) {
            change(content);
        }
    }

    /// SQLite syncs the folder with the first sync of a file that it made, and so every change of a name in it.
    fn sync_folder_with(&mut self, path: &Path) {
        let is_new = self.files.get(path).is_some_and(|name| name.before.is_some());
        if is_new {
            self.files.values_mut().for_each(|name| name.before = None);
        }
    }
}

impl Name {
    fn pick(&self, luck: Luck, chance: &mut Chance) -> Option<&Content> {
        let before = self.before.as_ref().map(Option::as_ref);
        match (before, luck) {
            (None, _) | (_, Luck::All) => self.now.as_ref(),
            (Some(before), Luck::None) => before,
            (Some(before), Luck::Mixed) => [before, self.now.as_ref()][chance.below(2)],
        }
    }
}
