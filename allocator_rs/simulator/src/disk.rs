//! A disk in memory: what programs read (the page cache) and what a loss of power leaves (the
//! platter) are two things.
//!
//! | operation | returned Ok | failed | crash within it |
//! | --- | --- | --- | --- |
//! | write through | on the platter | any prefix in the cache, marked clean; part on the platter | see [`fate`] |
//! | other write | in the cache, dirty | the same | the same |
//! | flush | all dirty sectors are on the platter | some are; all count as clean, as on Linux | some are |
//! | create, rename, remove | in the cache's names | nothing happened | it may have happened |
//! | flush of a folder | the platter's names in it are the cache's | unchanged | each name by chance |
//!
//! After a crash the disk is dead: all fails until [`SimDisk::restart`]. Handles of an earlier start
//! stay dead for good; whoever writes through one is told in [`SimDisk::misuse`].

pub mod fate;
mod storage;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::random::Random;
use fate::{Crash, InFlight};

/// Sectors are written whole or not at all.
pub const SECTOR: usize = 512;
/// What a write is aligned to.
pub const BLOCK: usize = 4_096;
/// What the names of snapshots begin with; those of segments have no folder in front.
pub const SHELF: &str = "snapshots/";

/// One file's two sides.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inode {
    pub(crate) cache: Vec<u8>,
    pub(crate) platter: Vec<u8>,
    /// Written since the last flush: offset and length.
    pub(crate) dirty: Vec<(usize, usize)>,
    /// Where the last write through started.
    pub(crate) last_write: usize,
}

/// What happens to one operation.
enum Chance {
    Works,
    Fails,
    Crashes(Crash),
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) inodes: Vec<Inode>,
    pub(crate) names: BTreeMap<String, usize>,
    pub(crate) platter_names: BTreeMap<String, usize>,
    capacity: Option<usize>,
    fail_in: Option<u32>,
    crash_in: Option<(u32, Crash)>,
    dead: bool,
    last_crash: Crash,
    start: u32,
    through_failed: bool,
    pub(crate) random: Random,
    pub(crate) counts: BTreeMap<&'static str, u64>,
    /// What an in-flight write damaged that was whole before.
    pub(crate) undo: Option<(usize, Vec<u8>)>,
    misuse: Option<String>,
    operations: u64,
}

/// What of a disk is seen, and by whom.
#[derive(Clone, Copy, Debug, Default)]
struct View {
    /// What the names in the folder begin with.
    folder: &'static str,
    /// The start that it ends with; none: it goes on behind the next.
    start: Option<u32>,
}

/// The disk, as the folder of the journal; clones are the same one.
#[derive(Clone, Debug)]
pub struct SimDisk(Arc<Mutex<State>>, View);

impl SimDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Vec::new(), BTreeMap::new())
    }

    fn of(inodes: Vec<Inode>, names: BTreeMap<String, usize>) -> Self {
        let state = State {
            inodes,
            platter_names: names.clone(),
            names,
            capacity: None,
            fail_in: None,
            crash_in: None,
            dead: false,
            last_crash: Crash::Kill,
            start: 0,
            through_failed: false,
            random: Random::new(0),
            counts: BTreeMap::new(),
            undo: None,
            misuse: None,
            operations: 0,
        };
        Self(Arc::new(Mutex::new(state)), View::default())
    }

    /// A disk that holds these files.
    #[must_use]
    pub fn with_files(files: Vec<(String, Vec<u8>)>) -> Self {
        let mut inodes = Vec::with_capacity(files.len());
        let mut names = BTreeMap::new();
        for (name, bytes) in files {
            names.insert(name, inodes.len());
            inodes.push(Inode {
                cache: bytes.clone(),
                platter: bytes,
                ..Inode::default()
            });
        }
        Self::of(inodes, names)
    }

    /// The files as a loss of power would leave them if nothing dirty survived.
    #[must_use]
    pub fn platter(&self) -> Vec<(String, Vec<u8>)> {
        let state = self.0.lock();
        let file =
            |(name, inode): (&String, &usize)| (name.clone(), state.inodes[*inode].platter.clone());
        state.platter_names.iter().map(file).collect()
    }

    /// The names of those files.
    #[must_use]
    pub fn platter_names(&self) -> Vec<String> {
        self.0.lock().platter_names.keys().cloned().collect()
    }

    /// Shows a file's platter; none: no such file.
    pub fn look<T>(&self, name: &str, look: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let state = self.0.lock();
        let inode = *state.platter_names.get(name)?;
        Some(look(&state.inodes[inode].platter))
    }

    /// The operation after `operations` more fails; whatever comes after it works.
    pub fn fail_after(&self, operations: u32, seed: u64) {
        let mut state = self.0.lock();
        state.random = Random::new(seed);
        state.fail_in = Some(operations);
    }

    /// The machine stops within the operation after `operations` more.
    pub fn crash_after(&self, operations: u32, crash: Crash, seed: u64) {
        let mut state = self.0.lock();
        state.random = Random::new(seed);
        state.crash_in = Some((operations, crash));
    }

    /// Bytes that all files together may have from now on.
    pub fn limit(&self, capacity: Option<usize>) {
        self.0.lock().capacity = capacity;
    }

    /// Bytes of all files.
    #[must_use]
    pub fn used(&self) -> usize {
        self.0.lock().used()
    }

    /// Whether it died of a crash that was ordered.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.0.lock().dead
    }

    /// How it died.
    #[must_use]
    pub fn last_crash(&self) -> Crash {
        self.0.lock().last_crash
    }

    /// Whether its capacity is limited.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.0.lock().capacity.is_some()
    }

    /// How many operations there were that change something.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.0.lock().operations
    }

    /// Stops the machine (or only the process) now, and starts it again: faults are off, what was
    /// dirty survived by chance if the power was lost, and old handles are dead.
    pub fn restart(&self, crash: Crash, seed: u64) {
        let mut state = self.0.lock();
        state.random = Random::new(seed);
        if crash == Crash::Power {
            state.lose_power();
        }
        state.dead = false;
        state.fail_in = None;
        state.crash_in = None;
        state.through_failed = false;
        state.start += 1;
    }

    /// Undoes damage that may be refused; false: there is none.
    #[must_use]
    pub fn undo_damage(&self) -> bool {
        let mut state = self.0.lock();
        let Some((inode, bytes)) = state.undo.take() else {
            return false;
        };
        state.inodes[inode].cache.clone_from(&bytes);
        state.inodes[inode].platter = bytes;
        true
    }

    /// Nothing needs to be undone any more.
    pub fn forget_damage(&self) {
        self.0.lock().undo = None;
    }

    /// What a writer did that it should not, if any did.
    #[must_use]
    pub fn misuse(&self) -> Option<String> {
        self.0.lock().misuse.clone()
    }

    /// How often each fault happened.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().counts.clone()
    }
}

impl Default for SimDisk {
    fn default() -> Self {
        Self::new()
    }
}

fn eio() -> io::Error {
    io::Error::from_raw_os_error(5)
}

impl State {
    fn used(&self) -> usize {
        self.names
            .values()
            .map(|inode| self.inodes[*inode].cache.len())
            .sum()
    }

    pub(crate) fn count(&mut self, kind: &'static str) {
        *self.counts.entry(kind).or_default() += 1;
    }

    /// What happens to the operation that begins now.
    fn chance(&mut self) -> io::Result<Chance> {
        if self.dead {
            return Err(eio());
        }
        self.operations += 1;
        if let Some((left, crash)) = &mut self.crash_in {
            if *left == 0 {
                let crash = *crash;
                self.crash_in = None;
                self.dead = true;
                self.last_crash = crash;
                return Ok(Chance::Crashes(crash));
            }
            *left -= 1;
        }
        match &mut self.fail_in {
            Some(0) => {
                self.fail_in = None;
                Ok(Chance::Fails)
            }
            Some(left) => {
                *left -= 1;
                Ok(Chance::Works)
            }
            None => Ok(Chance::Works),
        }
    }

    fn check_room(&mut self, inode: usize, end: usize) -> io::Result<()> {
        let grown = end.saturating_sub(self.inodes[inode].cache.len());
        if grown > 0 && self.capacity.is_some_and(|most| self.used() + grown > most) {
            self.count("disk full");
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn write(
        &mut self,
        inode: usize,
        offset: usize,
        bytes: &[u8],
        through: bool,
    ) -> io::Result<()> {
        let chance = self.chance()?;
        self.check_room(inode, offset + bytes.len())?;
        if through && self.through_failed {
            self.misuse = Some("a journal was written after a write into it had failed".into());
        }
        match chance {
            Chance::Works => {
                let file = &mut self.inodes[inode];
                put(&mut file.cache, offset, bytes);
                if through {
                    put(&mut file.platter, offset, bytes);
                    file.last_write = offset;
                } else {
                    file.dirty.push((offset, bytes.len()));
                }
                Ok(())
            }
            Chance::Fails => {
                self.through_failed |= through;
                self.fail_write(inode, offset, bytes);
                Err(eio())
            }
            Chance::Crashes(crash) => {
                let write = InFlight {
                    inode,
                    offset,
                    bytes,
                    through,
                };
                self.crash_in_write(&write, crash);
                Err(eio())
            }
        }
    }

    fn sync(&mut self, inode: usize) -> io::Result<()> {
        match self.chance()? {
            Chance::Works => {
                self.flush(inode, |_| true);
                Ok(())
            }
            Chance::Fails => {
                self.count("flush failed");
                self.flush_by_chance(inode);
                Err(eio())
            }
            Chance::Crashes(_) => {
                self.count("crash in a flush");
                self.flush_by_chance(inode);
                Err(eio())
            }
        }
    }

    /// Does what `change` does, or not, or not for certain.
    fn change_names(
        &mut self,
        failed: &'static str,
        change: impl FnOnce(&mut Self),
    ) -> io::Result<()> {
        match self.chance()? {
            Chance::Works => {
                change(self);
                Ok(())
            }
            Chance::Fails => {
                self.count(failed);
                Err(eio())
            }
            Chance::Crashes(_) => {
                self.count("crash in a change of names");
                if self.random.once_in(2) {
                    change(self);
                }
                Err(eio())
            }
        }
    }
}

pub(crate) fn put(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[offset..end].copy_from_slice(bytes);
}
