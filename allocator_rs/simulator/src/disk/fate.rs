//! What becomes of a write that a fault or a crash meets.
//!
//! | fate | what is on the platter afterwards |
//! | --- | --- |
//! | lost | nothing of it |
//! | short | the sectors up to one of them |
//! | torn | some of its sectors |
//! | whole | all of it, though nobody was told |
//! | flipped | all of it, some bits of it turned; not where the same bytes are already |
//! | misdirected | all of it, in another place of the file |
//!
//! Damage that recovery may refuse can be undone: bits turned in a segment that is made ahead of
//! use, and a misdirected write. The latter keeps off the last write that returned: without a seal behind it nothing
//! tells damage there from a torn tail.

use super::{put, Inode, State, BLOCK, SECTOR};

/// How a program ends when nobody asked it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The process is killed: the page cache stays.
    Kill,
    /// The power is lost: the platter stays.
    Power,
}

pub(crate) struct InFlight<'a> {
    pub(crate) inode: usize,
    pub(crate) offset: usize,
    pub(crate) bytes: &'a [u8],
    pub(crate) through: bool,
}

impl State {
    /// A write fails: a prefix is in the cache, marked clean; a shorter one on the platter.
    pub(super) fn fail_write(&mut self, inode: usize, offset: usize, bytes: &[u8]) {
        self.count("write failed");
        let cached = self.prefix(bytes.len());
        let written = self.prefix(cached);
        let file = &mut self.inodes[inode];
        put(&mut file.cache, offset, &bytes[..cached]);
        put(&mut file.platter, offset, &bytes[..written]);
    }

    /// Nothing, all, or the sectors up to one of them.
    fn prefix(&mut self, length: usize) -> usize {
        match self.random.below(3) {
            0 => 0,
            1 => length,
            _ => self.random.index(length.div_ceil(SECTOR)) * SECTOR,
        }
        .min(length)
    }

    pub(super) fn crash_in_write(&mut self, write: &InFlight<'_>, crash: Crash) {
        let InFlight {
            inode,
            offset,
            bytes,
            ..
        } = *write;
        if crash == Crash::Kill {
            self.count("crash in a write: killed");
            let cached = self.prefix(bytes.len());
            let file = &mut self.inodes[inode];
            put(&mut file.cache, offset, &bytes[..cached]);
            file.dirty.push((offset, cached));
            return;
        }
        match self.random.below(6) {
            0 => self.count("crash in a write: lost"),
            1 => {
                self.count("crash in a write: short");
                let length = self.prefix(bytes.len());
                put(&mut self.inodes[inode].platter, offset, &bytes[..length]);
            }
            2 => self.tear(write),
            3 => {
                self.count("crash in a write: whole");
                put(&mut self.inodes[inode].platter, offset, bytes);
            }
            4 => self.flip_in_flight(write),
            _ => self.misdirect(write),
        }
    }

    fn tear(&mut self, write: &InFlight<'_>) {
        self.count("crash in a write: torn");
        for (number, sector) in write.bytes.chunks(SECTOR).enumerate() {
            if self.random.once_in(2) {
                let offset = write.offset + number * SECTOR;
                put(&mut self.inodes[write.inode].platter, offset, sector);
            }
        }
    }

    fn flip_in_flight(&mut self, write: &InFlight<'_>) {
        let stop = write.offset + write.bytes.len();
        if self.inodes[write.inode].platter.get(write.offset..stop) == Some(write.bytes) {
            self.count("crash in a write: whole");
            return;
        }
        self.count("crash in a write: flipped");
        if !write.through {
            // Zeros of a segment ahead of use: what is not zero there is taken for damage.
            let before = self.inodes[write.inode].platter.clone();
            self.undo = Some((write.inode, before));
        }
        let mut bytes = write.bytes.to_vec();
        for _ in 0..=self.random.below(3) {
            let at = self.random.index(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << self.random.below(8);
            }
        }
        put(&mut self.inodes[write.inode].platter, write.offset, &bytes);
    }

    fn misdirect(&mut self, write: &InFlight<'_>) {
        let file = &self.inodes[write.inode];
        let (length, last) = (write.bytes.len().div_ceil(BLOCK), file.last_write / BLOCK);
        let blocks = file.platter.len() / BLOCK;
        let here = write.offset / BLOCK;
        let fits = |at: &usize| at + length <= blocks && (*at > here || at + length <= last);
        let places: Vec<usize> = (0..blocks).filter(fits).collect();
        if places.is_empty() {
            self.count("crash in a write: lost");
            return;
        }
        self.count("crash in a write: misdirected");
        self.undo = Some((write.inode, self.inodes[write.inode].platter.clone()));
        let at = self.random.pick(&places) * BLOCK;
        put(&mut self.inodes[write.inode].platter, at, write.bytes);
    }

    /// Flushes the dirty sectors for which `survives` says so; all are clean then.
    pub(super) fn flush(&mut self, inode: usize, mut survives: impl FnMut(usize) -> bool) {
        let Inode {
            cache,
            platter,
            dirty,
            ..
        } = &mut self.inodes[inode];
        for (offset, length) in dirty.drain(..) {
            let mut at = offset;
            while at < offset + length {
                let stop = ((at / SECTOR + 1) * SECTOR).min(offset + length);
                if survives(at / SECTOR) {
                    put(platter, at, &cache[at..stop]);
                }
                at = stop;
            }
        }
    }

    /// Nothing, all, or some of the dirty sectors.
    pub(super) fn flush_by_chance(&mut self, inode: usize) {
        let mut random = self.random.clone();
        match random.below(3) {
            0 => self.flush(inode, |_| false),
            1 => self.flush(inode, |_| true),
            _ => self.flush(inode, |_| random.once_in(2)),
        }
        self.random = random;
        self.random.any();
    }

    /// The cache is gone; of what was dirty some survived, of each changed name either side.
    pub(super) fn lose_power(&mut self) {
        let inodes: Vec<usize> = (0..self.inodes.len()).collect();
        for inode in inodes {
            self.flush_by_chance(inode);
            let file = &mut self.inodes[inode];
            file.cache.clone_from(&file.platter);
        }
        let mut names = self.platter_names.clone();
        let all: Vec<String> = self.names.keys().chain(names.keys()).cloned().collect();
        for name in all {
            let (cached, flushed) = (self.names.get(&name), self.platter_names.get(&name));
            if cached != flushed && self.random.once_in(2) {
                match cached {
                    Some(inode) => names.insert(name, *inode),
                    None => names.remove(&name),
                };
            }
        }
        self.names.clone_from(&names);
        self.platter_names = names;
    }
}
