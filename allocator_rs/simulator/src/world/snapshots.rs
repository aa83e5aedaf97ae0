//! Snapshots are built beside the engine; what lies on the shelf is judged from outside.
//!
//! | on the platter | must |
//! | --- | --- |
//! | a snapshot that has its name | be whole, of the state that the records lead to, and name the place that continues it |
//! | the segment that continues it | be there, and all behind it |
//! | the newest one with a bit turned | be passed over: the older one leads to the same state |

use bopis_engine::snapshot::{build_in, state_hashes, BuildReport, Folders};
use bopis_engine::{BuildError, Engine};
use bopis_journal::{JournalError, Storage};
use crc32c::crc32c_append;

use super::recovery::simulated;
use super::{Sent, World};
use crate::disk::{SimDisk, SHELF};
use crate::judge::checks::{violated, Check, Violation};
use crate::random::Random;
use crate::witness::{number, segment_name, Start};

const CHECK: &str = "snapshot";
const ASIDE: &str = "snapshot.aside";

impl World<'_> {
    pub(super) fn remember_starts(&mut self, starts: &[Start]) {
        for start in starts {
            self.starts.insert(start.segment, *start);
            self.judge.segment_begins(start.sequence);
        }
    }

    /// Where the first segment begins that is on the platter. None: with the first record.
    pub(super) fn begins(&self) -> Result<Option<Start>, Violation> {
        let indexes = segments(&self.disk);
        if let Some(pair) = indexes.windows(2).find(|pair| pair[0] + 1 != pair[1]) {
            return violated(CHECK, format!("segment {} is gone", pair[0] + 1));
        }
        match indexes.first() {
            None | Some(1) => Ok(None),
            Some(first) => match self.starts.get(first) {
                Some(start) => Ok(Some(*start)),
                None => violated(CHECK, format!("nobody saw segment {first} begin")),
            },
        }
    }

    /// A snapshot, by a process that ends with the engine; acts are served between its steps.
    pub(super) fn build(&mut self, first: usize, count: usize, seed: u64) -> Check {
        let disk = self.disk.until_restart();
        let shelf = disk.shelf();
        let folders = Folders {
            shelf: &shelf,
            journal: &disk,
        };
        let (had_aside, removals_failed_before) = (has_aside(&shelf), removals_failed(&self.disk));
        let mut random = Random::new(seed);
        let mut acts = first..first + count;
        let mut served = Ok(());
        let built = build_in(folders, &mut |_| {
            if served.is_ok() && random.once_in(2) {
                if let Some(first) = acts.next() {
                    self.submit(Sent { first, count: 1 });
                }
                served = self.turn();
            }
        });
        served?;
        match built {
            Ok(report) => self.built(report)?,
            Err(_) if disk.is_over() => self.count("snapshot: its builder died"),
            Err(error) => {
                self.failed_to_build(&error)?;
                let is_excused = had_aside || removals_failed(&self.disk) > removals_failed_before;
                if has_aside(&shelf) && !is_excused {
                    return violated(CHECK, format!("a part of one was left: {error}"));
                }
            }
        }
        if self.disk.is_dead() {
            return self.recover();
        }
        self.check_shelf()
    }

    fn built(&mut self, report: Option<BuildReport>) -> Check {
        let Some(report) = report else {
            self.count("snapshot: nothing was sealed");
            return Ok(());
        };
        self.count("snapshot: built");
        if report.retired > 0 {
            self.count("snapshot: segments retired");
        }
        self.remember_starts(&self.inbox.starts());
        if self.judge.state_at(report.sequence) == Some(report.state_hash) {
            return Ok(());
        }
        violated("I10", format!("{report:?} is of no state that there was"))
    }

    /// A builder that lives has a reason to fail.
    fn failed_to_build(&mut self, error: &BuildError) -> Check {
        let is_full = self.disk.is_limited();
        let kind = match error {
            BuildError::NoRoom { .. } if is_full => "snapshot: no room for one",
            BuildError::Io { error, .. } if error.raw_os_error().is_none() && is_full => {
                "snapshot: the disk got full"
            }
            BuildError::Io { error, .. } | BuildError::Journal(JournalError::Io { error, .. })
                if error.raw_os_error().is_some() && self.is_fault_due =>
            {
                "snapshot: its builder met a fault"
            }
            error => return violated(CHECK, error.to_string()),
        };
        self.count(kind);
        Ok(())
    }

    /// Every snapshot that a loss of power would leave is sound, and its segments are there.
    pub(super) fn check_shelf(&mut self) -> Check {
        let names = self.disk.platter_names();
        let snapshots = names.into_iter().filter(|name| is_snapshot(name));
        let bytes = |name: String| Some((name.clone(), self.disk.look(&name, <[u8]>::to_vec)?));
        let platter = SimDisk::with_files(snapshots.filter_map(bytes).collect());
        let found = state_hashes(&platter.shelf());
        let segments = segments(&self.disk);
        self.remember_starts(&self.inbox.starts());
        for (name, hash) in found.unwrap_or_default() {
            let full = format!("{SHELF}{name}");
            let start = platter.look(&full, start_of).flatten();
            let Some(start) = start else {
                return violated(CHECK, format!("{name} has no sound header"));
            };
            if self.starts.get(&start.segment) != Some(&start) {
                return violated(CHECK, format!("{name} is continued by {start:?}"));
            }
            if !segments.contains(&start.segment) {
                let what = format!(
                    "{} is gone, which {name} needs",
                    segment_name(start.segment)
                );
                return violated(CHECK, what);
            }
            let expected = self.judge.state_at(start.sequence);
            if hash.is_err() || hash.as_ref().ok() != expected.as_ref() {
                let what = format!("{name} has the state {hash:x?}, it was {expected:x?}");
                return violated("I10", what);
            }
        }
        Ok(())
    }

    /// Turns a bit of the newest snapshot on a copy of the platter: a start there finds the same.
    pub(super) fn rot_snapshot(&mut self, seed: u64) -> Check {
        let mut random = Random::new(seed);
        let mut files = self.disk.platter();
        let Some((name, bytes)) = files.iter_mut().rfind(|(name, _)| is_snapshot(name)) else {
            return Ok(());
        };
        let at = random.index(bytes.len());
        bytes[at] ^= 1 << random.below(8);
        let what = format!("a bit of byte {at} of {name} turned");
        self.count("snapshot: bit turned at rest");
        let copy = SimDisk::with_files(files);
        let (engine, stepper) = match Engine::open_stepped(self.options(), simulated(&copy)) {
            Ok(opened) => opened,
            Err(error) => return violated(CHECK, format!("{what}: {error}")),
        };
        let (found, judged) = (engine.position(), self.judge.sequence());
        if found < judged {
            return violated("I5", format!("{what}: {found} of {judged} records"));
        }
        // What waits for room is on the platter, and not judged yet.
        if found == judged {
            self.judge.compare_states(stepper.ledger(), &what)?;
        }
        Ok(())
    }
}

fn has_aside(shelf: &SimDisk) -> bool {
    let names = shelf.list().unwrap_or_default();
    names.iter().any(|name| name == ASIDE)
}

fn removals_failed(disk: &SimDisk) -> u64 {
    disk.counts().get("remove failed").copied().unwrap_or(0)
}

fn is_snapshot(name: &str) -> bool {
    name.starts_with(SHELF) && name.ends_with(".bopis")
}

/// The indexes of the segments on a platter, in order.
fn segments(disk: &SimDisk) -> Vec<u64> {
    let index = |name: &String| {
        let digits = name.strip_prefix("segment-")?.strip_suffix(".journal")?;
        digits.parse().ok()
    };
    disk.platter_names().iter().filter_map(index).collect()
}

/// What a snapshot's header says of the place that continues it.
fn start_of(bytes: &[u8]) -> Option<Start> {
    let header = bytes.get(..80)?;
    let is_sound = header.starts_with(b"BOPISSNP")
        && number(header, 72, 4) == u64::from(crc32c_append(0, &header[..72]));
    is_sound.then(|| Start {
        journal_id: u128::from(number(header, 24, 8)) << 64 | u128::from(number(header, 16, 8)),
        segment: number(header, 40, 8),
        sequence: number(header, 32, 8),
        previous: number(header, 12, 4) as u32,
    })
}
