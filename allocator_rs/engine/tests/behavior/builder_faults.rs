//! A builder of snapshots whose disk fails or is full: what was there stays, nothing half-done is
//! left, and the next one works.

use std::collections::BTreeMap;
use std::path::Path;

use bopis_engine::snapshot::{build_in, state_hashes, BuildReport, Folders};
use bopis_engine::{BuildError, Engine, EngineOptions};
use bopis_journal::DiskStorage;

use crate::disk::MemoryDisk;
use crate::support::{act, adjust, cell, done, durable, hold, key, manual_clock, register};

const LAST_FAULT: usize = 40;

/// An engine, its journal, and a shelf of its own.
struct Town {
    folder: tempfile::TempDir,
    engine: Engine,
    shelf: MemoryDisk,
    served: u128,
}

impl Town {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(EngineOptions {
            segment_bytes: 64 << 10,
            ..durable(folder.path(), manual_clock())
        })
        .unwrap();
        register(&engine, 1, 1);
        let shelf = MemoryDisk::default();
        Self {
            folder,
            engine,
            shelf,
            served: 0,
        }
    }

    fn serve(&mut self, count: u128) {
        for id in self.served + 1..=self.served + count {
            let commands = vec![adjust(key(0, 0), 1), hold(id, key(0, 0), 1, 86_400_000)];
            done(&self.engine, act(id, commands));
        }
        self.served += count;
        let view = cell(&self.engine, key(0, 0));
        assert_eq!(u128::from(view.held.unsigned_abs()), self.served);
    }

    fn build(&self) -> Result<Option<BuildReport>, BuildError> {
        let journal = DiskStorage::existing(&self.folder.path().join("journal"));
        let folders = Folders {
            shelf: &self.shelf,
            journal: &journal,
        };
        build_in(folders, &mut |_| {})
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.shelf.0.lock().unwrap().files.clone()
    }

    fn assert_all_sound(&self, why: &str) {
        for (name, hash) in state_hashes(&self.shelf).unwrap() {
            assert!(hash.is_ok(), "{why}: {name}: {hash:?}");
        }
    }
}

fn segments(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("journal")).unwrap().count()
}

#[test]
fn an_error_at_any_write_of_a_build_leaves_the_old_snapshots_and_all_segments() {
    let mut town = Town::new();
    let mut failed = 0;
    for number in 0..LAST_FAULT {
        town.serve(40);
        let (before, segments_before) = (town.files(), segments(town.folder.path()));
        town.shelf.0.lock().unwrap().operations_left = Some(number);
        let built = town.build();
        town.shelf.0.lock().unwrap().operations_left = None;
        if built.is_ok() {
            break;
        }
        failed += 1;
        let why = format!("operation {number} failed: {}", built.unwrap_err());
        assert!(why.contains("Input/output error"), "{why}");
        // A spare one may have come meanwhile; none has gone.
        assert!(segments(town.folder.path()) >= segments_before, "{why}");
        let after = town.files();
        assert!(!after.contains_key("snapshot.aside"), "{why}");
        if let Some((name, bytes)) = before.last_key_value() {
            assert!(
                after.get(name) == Some(bytes),
                "{why}: what it was made from"
            );
        }
        town.assert_all_sound(&why);
        town.serve(40);
        town.build().unwrap().expect("the next one is built");
        assert!(town.files().len() <= 2, "{why}: two are kept");
    }
    assert!(
        failed >= 5,
        "header, state, flush, rename, folder: {failed}"
    );
}

#[test]
fn a_disk_that_gets_full_at_any_byte_of_a_build_keeps_what_it_had_and_serves_on() {
    let mut town = Town::new();
    town.serve(60);
    let first = town.build().unwrap().expect("the first is built");
    town.serve(200);
    let before = town.files();
    let used: usize = before.values().map(Vec::len).sum();
    let needed = usize::try_from(first.bytes).unwrap();
    for room in [needed, needed + 1_000] {
        town.shelf.0.lock().unwrap().capacity = Some(used + room);
        let refused = town.build().unwrap_err();
        let is_full = matches!(&refused, BuildError::Io { error, .. }
            if error.kind() == std::io::ErrorKind::StorageFull);
        assert!(is_full, "with room for {room}: {refused}");
        assert_eq!(town.files(), before, "nothing half-done is left");
    }
    town.serve(1);
    town.shelf.0.lock().unwrap().capacity = None;
    let built = town.build().unwrap().expect("there is room again");
    assert!(built.bytes > first.bytes + 1_000 && built.records > 0);
}

#[test]
fn a_build_that_cannot_fit_says_so_and_writes_nothing() {
    let mut town = Town::new();
    town.serve(60);
    let first = town.build().unwrap().expect("the first is built");
    town.serve(60);
    let before = town.files();
    {
        let mut shelf = town.shelf.0.lock().unwrap();
        let used: usize = before.values().map(Vec::len).sum();
        shelf.capacity = Some(used + usize::try_from(first.bytes).unwrap() - 1);
        shelf.operations = 0;
    }
    let refused = town.build().unwrap_err();
    let free = first.bytes - 1;
    let said = format!(
        "a snapshot needs about {} bytes, and the disk has {free}",
        first.bytes
    );
    assert_eq!(refused.to_string(), said);
    assert_eq!(town.shelf.0.lock().unwrap().operations, 0, "it did not try");
    assert_eq!(town.files(), before);
}

#[test]
fn what_a_dead_builder_left_is_removed_first() {
    let mut town = Town::new();
    town.serve(60);
    let left = vec![7; 1 << 20];
    let aside = "snapshot.aside".to_owned();
    town.shelf.0.lock().unwrap().files.insert(aside, left);
    let built = town.build().unwrap().expect("it is built");
    let files = town.files();
    let bytes: Vec<u64> = files.values().map(|bytes| bytes.len() as u64).collect();
    assert_eq!(bytes, [built.bytes]);
    town.assert_all_sound("behind a leftover");
}
