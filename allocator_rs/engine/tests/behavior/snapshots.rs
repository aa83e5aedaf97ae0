//! Snapshots: what a start takes, what damage and a builder's death come to, what is retired.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bopis_engine::snapshot::{backlog, build, BuildReport};
use bopis_engine::{
    events_of_journal, verify, BuildError, Engine, EngineOptions, EventsError, OpenError,
    VerifyError,
};
use bopis_ledger::{Command, ItemId, LocationId, ReservationId};

use crate::support::{
    self, act, adjust, cell, done, durable, hold, key, manual_clock, outcomes, register, state,
    ManualClock,
};

const SEGMENT: u64 = 64 << 10;
const SECTOR: usize = 512;

fn open(folder: &Path, clock: &Arc<ManualClock>) -> Result<Engine, OpenError> {
    let clock = Arc::clone(clock);
    Engine::open(EngineOptions {
        segment_bytes: SEGMENT,
        ..durable(folder, clock)
    })
}

/// One act after the other, each in a frame of its own: every fifth hold is committed.
fn serve(engine: &Engine, ids: std::ops::Range<u128>) {
    for id in ids {
        let place = key((id % 2) as u32, (id % 3) as u32);
        let mut commands = vec![adjust(place, 2), hold(id, place, 1, 1_000_000)];
        if id % 5 == 0 {
            let reservation = ReservationId(id);
            commands.push(Command::Commit { reservation });
        }
        let answer = done(engine, act(id, commands));
        assert!(outcomes(&answer).len() >= 2);
    }
}

/// Everything about the engine that a client can see, and its state hash; it is drained.
fn picture(engine: &Engine, ids: u128) -> Vec<String> {
    let mut seen = vec![format!("{:?}", engine.journal_position())];
    for node in 0..2 {
        for item in 0..3 {
            seen.push(format!("{:?}", cell(engine, key(node, item))));
        }
    }
    seen.push(format!("{:?}", engine.location_name(LocationId(1))));
    seen.push(format!("{:?}", engine.item_name(ItemId(2))));
    seen.push(format!(
        "{:?} {:?}",
        engine.location("node-1"),
        engine.sku("sku-2")
    ));
    seen.extend((1..ids).map(|id| format!("{id} {:?}", state(engine, id))));
    seen.push(format!("{:032x}", engine.drain().unwrap().state_hash));
    seen
}

/// A data folder that two snapshots stand in, and a tail behind them.
struct Served {
    folder: tempfile::TempDir,
    ids: u128,
    picture: Vec<String>,
    clock: Arc<ManualClock>,
}

fn served() -> Served {
    let (folder, clock) = (tempfile::tempdir().unwrap(), manual_clock());
    let engine = open(folder.path(), &clock).unwrap();
    register(&engine, 2, 3);
    let mut built: Vec<BuildReport> = Vec::new();
    for from in [1, 61, 121] {
        serve(&engine, from..from + 60);
        built.extend(build(folder.path()).unwrap());
    }
    assert_eq!(built.len(), 3);
    assert_eq!((built[0].retired, built[1].retired > 0), (0, true));
    serve(&engine, 181..200);
    Served {
        picture: picture(&engine, 200),
        folder,
        ids: 200,
        clock,
    }
}

impl Served {
    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The files of the snapshots, the newest last.
    fn snapshots(&self) -> Vec<PathBuf> {
        files(&self.path().join("snapshots"), ".bopis")
    }

    fn segments(&self) -> Vec<PathBuf> {
        files(&self.path().join("journal"), ".journal")
    }

    fn assert_recovers(&self, why: &str) {
        let engine = open(self.path(), &self.clock).unwrap();
        assert!(picture(&engine, self.ids) == self.picture, "{why}");
    }

    fn refusal(&self) -> String {
        open(self.path(), &self.clock)
            .map(|_| ())
            .unwrap_err()
            .to_string()
    }
}

fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.to_string_lossy().ends_with(suffix))
        .collect();
    paths.sort();
    paths
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x40;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_start_takes_the_newest_snapshot_and_the_tail_and_is_as_before() {
    let served = served();
    assert_eq!(served.snapshots().len(), 2);
    assert!(!served.segments()[0].ends_with("segment-00000000000000000001.journal"));
    served.assert_recovers("from the newest snapshot");
    served.assert_recovers("and again");
    let verified = verify(served.path()).unwrap();
    assert!(verified.from_sequence > 0 && verified.records > 0);
    assert_eq!(verified.sequence, verified.from_sequence + verified.records);
    let last = served.picture.last().unwrap();
    assert_eq!(format!("{:032x}", verified.state_hash), *last);
}

#[test]
fn a_repeat_of_what_only_the_snapshot_knows_has_no_second_effect() {
    let served = served();
    let engine = open(served.path(), &served.clock).unwrap();
    let position = engine.position();
    serve(&engine, 1..200);
    assert_eq!(engine.position(), position, "repeats write nothing");
    served.clock.pass(1_000_001);
    support::wait_until("every hold expired", || cell(&engine, key(0, 0)).held == 0);
}

#[test]
fn events_are_told_from_the_older_snapshot_on_and_none_before_it() {
    let served = served();
    let verified = verify(served.path()).unwrap();
    let (begins, last) = (verified.from_sequence, verified.sequence);
    for after in [begins, begins + 7, last - 3] {
        let told = events_of_journal(served.path(), (after, last), usize::MAX).unwrap();
        assert_eq!(told.through, last);
        let first = told.events.first().unwrap();
        assert_eq!(first.sequence, after + 1, "no record is passed over");
    }
    let forgotten = events_of_journal(served.path(), (begins - 1, last), 1);
    assert!(matches!(forgotten, Err(EventsError::Retired(_))));
}

#[test]
fn damage_to_any_sector_of_the_newest_snapshot_falls_back_to_the_older_one() {
    let served = served();
    let newest = served.snapshots().pop().unwrap();
    let sound = fs::read(&newest).unwrap();
    for start in (0..sound.len()).step_by(SECTOR) {
        flip(
            &newest,
            start + (start / SECTOR) % SECTOR.min(sound.len() - start),
        );
        served.assert_recovers(&format!("a flip in the sector at {start}"));
        fs::write(&newest, &sound[..start]).unwrap();
        served.assert_recovers(&format!("cut at {start}"));
        let mut zeros = sound.clone();
        zeros[start..].fill(0);
        fs::write(&newest, &zeros).unwrap();
        served.assert_recovers(&format!("zeros from {start} on"));
        fs::write(&newest, &sound).unwrap();
    }
    flip(&newest, 100);
    let unsound = verify(served.path());
    assert!(
        matches!(&unsound, Err(VerifyError::Snapshot(what)) if what.contains("byte 80")),
        "{unsound:?}"
    );
}

#[test]
fn without_a_sound_snapshot_a_retired_journal_is_refused_and_both_are_named() {
    let served = served();
    for path in served.snapshots() {
        flip(&path, 300);
    }
    let refusal = served.refusal();
    assert!(
        refusal.contains("segment-00000000000000000001.journal is missing"),
        "{refusal}"
    );
    for path in served.snapshots() {
        assert!(refusal.contains(&path.display().to_string()), "{refusal}");
    }
    let built = build(served.path());
    assert!(
        matches!(built, Err(BuildError::NoSnapshot { .. })),
        "{built:?}"
    );
    for path in served.snapshots() {
        fs::remove_file(path).unwrap();
    }
    let refusal = served.refusal();
    assert_eq!(refusal, "segment-00000000000000000001.journal is missing");
}

#[test]
fn a_missing_segment_behind_the_newest_snapshot_is_refused_before_it_the_older_one_needs_it() {
    let served = served();
    let older = served.segments().remove(0);
    fs::remove_file(&older).unwrap();
    served.assert_recovers("the newest snapshot does not need it");
    flip(&served.snapshots().pop().unwrap(), 200);
    let refusal = served.refusal();
    let name = older.file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(refusal, format!("{name} is missing"));
}

#[test]
fn while_the_journal_is_whole_it_stands_for_a_damaged_snapshot() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), manual_clock());
    let engine = open(folder.path(), &clock).unwrap();
    register(&engine, 2, 3);
    assert_eq!(build(folder.path()).unwrap(), None, "nothing is sealed");
    serve(&engine, 1..80);
    assert!(backlog(folder.path()).unwrap() > 1);
    let built = build(folder.path()).unwrap().unwrap();
    assert_eq!((built.retired, built.records), (0, built.sequence));
    assert_eq!(backlog(folder.path()).unwrap(), 0);
    assert_eq!(build(folder.path()).unwrap(), None, "nothing is new");
    let expected = picture(&engine, 80);
    drop(engine);
    verify(folder.path()).unwrap();
    flip(&files(&folder.path().join("snapshots"), ".bopis")[0], 90);
    let engine = open(folder.path(), &clock).unwrap();
    assert!(picture(&engine, 80) == expected);
}

#[test]
fn a_build_passes_a_damaged_snapshot_over_and_keeps_what_it_was_made_from() {
    let served = served();
    let [older, newest] = served.snapshots().try_into().unwrap();
    flip(&newest, 400);
    let engine = open(served.path(), &served.clock).unwrap();
    serve(&engine, 200..260);
    let built = build(served.path()).unwrap().unwrap();
    assert!(built.records > 60, "from the older one on");
    let kept = served.snapshots();
    assert_eq!(
        (kept.len(), &kept[0], kept.contains(&newest)),
        (2, &older, false)
    );
    let expected = picture(&engine, 260);
    drop(engine);
    verify(served.path()).unwrap();
    flip(&kept[1], 500);
    let engine = open(served.path(), &served.clock).unwrap();
    assert!(
        picture(&engine, 260) == expected,
        "the older one has its segments"
    );
}

#[test]
fn a_snapshot_of_another_state_or_journal_is_found_out() {
    let served = served();
    let stranger = self::served();
    let newest = served.snapshots().pop().unwrap();
    let theirs = stranger.snapshots().pop().unwrap();
    fs::copy(&theirs, &newest).unwrap();
    let refusal = served.refusal();
    assert!(refusal.contains("belongs to another journal"), "{refusal}");
    assert!(verify(served.path()).is_err());
}

#[test]
fn one_builds_at_a_time_and_not_while_somebody_verifies() {
    let served = served();
    let lock = fs::File::open(served.path().join("snapshots/lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockShared).unwrap();
    let refused = build(served.path());
    assert!(matches!(refused, Err(BuildError::Busy(_))), "{refused:?}");
    verify(served.path()).unwrap();
    drop(lock);
    let lock = fs::File::open(served.path().join("snapshots/lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let refused = verify(served.path());
    assert!(
        matches!(refused, Err(VerifyError::Locked(_))),
        "{refused:?}"
    );
}
