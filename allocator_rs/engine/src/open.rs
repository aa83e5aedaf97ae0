//! From a folder to a serving engine.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use bopis_journal::{DiskStorage, Journal, JournalError, JournalOptions, Storage};
use bopis_ledger::{Ledger, Limits};
use crossbeam_channel::Sender;
use rustix::rand::{getrandom, GetRandomFlags};

use crate::deficits::Deficits;
use crate::error::OpenError;
use crate::feed::Ring;
use crate::folder;
use crate::job::Job;
use crate::ledger_time::LedgerTime;
use crate::names::Names;
use crate::narrator::{Narrated, Narrator};
use crate::options::EngineOptions;
use crate::replay;
use crate::shared::Shared;
use crate::snapshot::{newest, shelf, Base};
use crate::stepper::{SimulatedDisk, Stepper};
use crate::writer::{Disk, Folder, Writer};

/// The feed begins, after a start, in the last but one segment of the journal that is in use.
const NARRATED_SEGMENTS: usize = 2;

type Opened = (Arc<Shared>, Sender<Job>, JoinHandle<()>);

/// A ledger as it was left.
struct Recovered {
    ledger: Ledger,
    narrated: Narrated,
    names: Names,
    disk: Option<Disk>,
    journal_id: u128,
    sequence: u64,
    time_ms: i64,
}

pub(crate) fn open(options: EngineOptions) -> Result<Opened, OpenError> {
    let limits = limits(&options);
    let recovered = match &options.directory {
        None => Recovered {
            ledger: Ledger::new(limits),
            narrated: Narrated {
                ring: Ring::new(options.changes_max),
                deficits: Deficits::default(),
            },
            names: Names::default(),
            disk: None,
            journal_id: random_id()?,
            sequence: 0,
            time_ms: 0,
        },
        Some(directory) => recover(directory, &options)?,
    };
    let (shared, send, writer) = prepare(recovered, options);
    let thread = thread::Builder::new()
        .name("bopis-writer".into())
        .spawn(move || writer.run())
        .map_err(io("start the writer thread"))?;
    Ok((shared, send, thread))
}

/// The same without threads and without a folder.
pub(crate) fn open_stepped(
    options: EngineOptions,
    disk: SimulatedDisk,
) -> Result<(Arc<Shared>, Sender<Job>, Stepper), OpenError> {
    let journal_options = JournalOptions {
        segment_bytes: options.segment_bytes,
        background: false,
        ..JournalOptions::new(disk.new_journal_id)
    };
    let base = newest(&*disk.shelf, limits(&options)).map_err(io("list the snapshots"))?;
    let recovered = replay(disk.storage, journal_options, base, &options)?;
    let (shared, send, writer) = prepare(recovered.with_disk(None), options);
    Ok((shared, send, Stepper::new(writer)))
}

fn limits(options: &EngineOptions) -> Limits {
    Limits {
        request_window_max: options.request_window_max,
        request_window_bytes_max: options.request_window_bytes_max,
        ..Limits::default()
    }
}

fn prepare(recovered: Recovered, options: EngineOptions) -> (Arc<Shared>, Sender<Job>, Writer) {
    let Recovered {
        ledger,
        narrated,
        names,
        disk,
        journal_id,
        sequence,
        time_ms,
    } = recovered;
    let clock = Arc::clone(&options.clock);
    let time = LedgerTime::from(time_ms, clock.as_ref());
    let Narrated { ring, deficits } = narrated;
    let shared = Arc::new(Shared::new(
        clock,
        names,
        journal_id,
        ring,
        options.time_stands,
    ));
    shared.publish_recovered(&ledger, sequence);
    let has_days = ledger.any_has_day();
    shared.may_have_days.store(has_days, Ordering::Release);
    let (send, receive) = crossbeam_channel::bounded(options.queue_max.max(1));
    let writer = Writer::new(
        Arc::clone(&shared),
        receive,
        ledger,
        disk,
        time,
        (sequence, deficits, options.reservation_events),
        options.batch_max.max(1),
    );
    (shared, send, writer)
}

fn recover(directory: &Path, options: &EngineOptions) -> Result<Recovered, OpenError> {
    DiskStorage::create(directory).map_err(io(&format!("make {}", directory.display())))?;
    let lock = lock(directory)?;
    let storage = match &options.storage {
        Some(storage) => Arc::clone(storage),
        None => disk(directory)?,
    };
    let journal_options = JournalOptions {
        segment_bytes: options.segment_bytes,
        ..JournalOptions::new(random_id()?)
    };
    let base = newest(&shelf(directory), limits(options)).map_err(io("list the snapshots"))?;
    let replayed = replay(storage, journal_options, base, options)?;
    check_drained(directory, replayed.journal.journal_id(), replayed.sequence)?;
    let directory = directory.to_owned();
    Ok(replayed.with_disk(Some(Folder {
        directory,
        _lock: lock,
    })))
}

/// A journal open for writing, and what it holds.
struct Replayed {
    journal: Journal,
    ledger: Ledger,
    narrated: Narrated,
    names: Names,
    sequence: u64,
    time_ms: i64,
}

impl Replayed {
    fn with_disk(self, folder: Option<Folder>) -> Recovered {
        Recovered {
            ledger: self.ledger,
            narrated: self.narrated,
            names: self.names,
            journal_id: self.journal.journal_id(),
            disk: Some(Disk::new(self.journal, folder)),
            sequence: self.sequence,
            time_ms: self.time_ms,
        }
    }
}

/// The base, and the journal behind it.
fn replay(
    storage: Arc<dyn Storage>,
    journal_options: JournalOptions,
    base: Base,
    options: &EngineOptions,
) -> Result<Replayed, OpenError> {
    let Base {
        header,
        mut ledger,
        damaged,
    } = base;
    let names = Names::default();
    names.take_over(&ledger);
    // Older events would only be pushed out again by those of the last segments.
    let from = bopis_journal::first_of_last(&*storage, NARRATED_SEGMENTS)?;
    let ring = Ring::new(options.changes_max);
    let mut narrator = Narrator::new(from, options.reservation_events, ring);
    let anchor = header.as_ref().map(|header| &header.anchor);
    let opened = replay::open(storage, journal_options, anchor, &mut |records| {
        ledger.prefetch(records.iter().map(|(_, record)| record));
        for (sequence, record) in records {
            let replayed = narrator.replay(*sequence, record, &mut ledger);
            replayed.map_err(|error| (*sequence, error.to_string()))?;
            names.recover(record);
        }
        Ok(())
    });
    let (journal, scanned) = opened.map_err(|journal| match journal {
        JournalError::Missing { .. } if header.is_none() && !damaged.is_empty() => {
            let damaged = damaged.join("; ");
            OpenError::NoSnapshot { journal, damaged }
        }
        other => OpenError::Journal(other),
    })?;
    if let Some(cut) = &scanned.cut {
        tracing::warn!(
            segment = cut.segment,
            offset = cut.offset,
            bytes = cut.bytes,
            "tail_cut"
        );
    }
    let mark_ms = header.map_or(0, |header| header.mark_ms);
    let time_ms = ledger.now_ms().max(scanned.last_mark.unwrap_or(mark_ms));
    let narrated = narrator.finish(&mut ledger, scanned.last_sequence);
    Ok(Replayed {
        journal,
        ledger,
        narrated,
        names,
        sequence: scanned.last_sequence,
        time_ms,
    })
}

fn disk(directory: &Path) -> Result<Arc<dyn Storage>, OpenError> {
    let storage = DiskStorage::create(&folder::journal_directory(directory));
    Ok(Arc::new(storage.map_err(io("make the journal's folder"))?))
}

fn lock(directory: &Path) -> Result<File, OpenError> {
    folder::lock(directory)
        .map_err(io("lock the data folder"))?
        .ok_or_else(|| OpenError::Locked(directory.display().to_string()))
}

/// A journal that lost its end looks like a short one; the last orderly stop knows better.
fn check_drained(directory: &Path, found: u128, sequence: u64) -> Result<(), OpenError> {
    let Some(drained) = folder::read_drained(directory).map_err(io("read drained.json"))? else {
        return Ok(());
    };
    if drained.journal_id != found {
        return Err(OpenError::OtherJournal {
            found,
            drained: drained.journal_id,
        });
    }
    if sequence < drained.sequence {
        return Err(OpenError::Shorter {
            found: sequence,
            drained: drained.sequence,
        });
    }
    Ok(())
}

fn random_id() -> Result<u128, OpenError> {
    let mut bytes = [0; 16];
    getrandom(&mut bytes, GetRandomFlags::empty())
        .map_err(|error| io("read random bytes")(error.into()))?;
    Ok(u128::from_le_bytes(bytes).max(1))
}

fn io(doing: &str) -> impl FnOnce(std::io::Error) -> OpenError {
    let doing = doing.to_owned();
    move |error| OpenError::Io { doing, error }
}
