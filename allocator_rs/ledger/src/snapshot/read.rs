//! The state, taken over from bytes that may be anything.
//!
//! | refused | because |
//! | --- | --- |
//! | a key, name or id that is there twice; a name, number or id that is not there | no index holds it |
//! | counters, lines or days out of their range; an order that is not the state's | no act makes it |
//! | other counts of items than the head's | something is missing |
//!
//! Reservations and all the rest are read beside each other: their lines name cells by number, so
//! neither waits for the other. Of several things that are wrong, the first one is named.

use std::io::Read;

use super::others::Others;
use super::promises::Promises;
use super::sections::{Missing, Taken};
use super::table::{damaged, ChunkReader, SnapshotSource, Table};
use super::{Head, Section, SnapshotError, LISTS, SNAPSHOT_VERSION};
use crate::codec::reader::Reader;
use crate::ids::ReservationId;
use crate::ledger::Ledger;
use crate::limits::Limits;

/// A piece of work.
pub type Work<'a> = &'a mut (dyn FnMut() + Send);

/// Does two pieces of work, at once or one after the other, and returns when both are done.
pub type Both<'a> = &'a (dyn Fn(Work<'_>, Work<'_>) + Sync);

impl Ledger {
    /// The ledger that wrote these bytes, which must be all there is: read whole into memory first.
    /// Limits are not in them: they are the caller's, as in [`Ledger::new`].
    ///
    /// # Errors
    /// `Damaged`, `Version`, `Io`.
    pub fn read_snapshot(from: &mut dyn Read, limits: Limits) -> Result<Self, SnapshotError> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes)?;
        Self::restore(bytes.as_slice(), limits, &|one, other| {
            one();
            other();
        })
    }

    /// The same from where two may read at once, if `both` lets them.
    ///
    /// # Errors
    /// `Damaged`, `Version`, `Io`.
    pub fn restore(
        source: &(impl SnapshotSource + ?Sized),
        limits: Limits,
        both: Both<'_>,
    ) -> Result<Self, SnapshotError> {
        let table = Table::of(source)?;
        let head = read_head(source, &table)?;
        let (mut promises, mut others) = (Promises::new(&head, &table), Others::new(&head));
        let (mut one, mut other) = (Ok(()), Ok(()));
        both(&mut || one = promises.read(source, &table), &mut || {
            other = others.read(source, &table);
        });
        first([one, other])?;
        let twice = promises.restored.finish(both);
        twice.map_err(|number| promises.damaged(number, "a reservation is there twice"))?;
        let is_whole = promises.is_whole() && others.is_whole();
        let mut ledger = joined(promises, others, limits, head.now_ms);
        ledger.read_rest(
            source,
            &table,
            Missing::of(&head, &[Section::Days]),
            is_whole,
        )?;
        match table.flaw {
            Some(flaw) => Err(flaw),
            None => Ok(ledger),
        }
    }

    /// Reads what needs all before it, and the end.
    fn read_rest(
        &mut self,
        source: &(impl SnapshotSource + ?Sized),
        table: &Table,
        mut missing: Missing,
        is_whole: bool,
    ) -> Result<(), SnapshotError> {
        let mut chunks = ChunkReader::new(source);
        for chunk in table.chunks.iter().skip(1) {
            match chunk.section {
                Section::Head => chunks.items(chunk, |_| Err("a second head".into()))?,
                Section::Days => chunks.items(chunk, |item| {
                    missing.one_less(Section::Days)?;
                    self.day(item)
                })?,
                Section::End => {
                    chunks.items(chunk, |_| Err("the end has no items".into()))?;
                    if !is_whole || !missing.is_none() {
                        let what = "the snapshot ends and something is missing";
                        return Err(damaged(chunk.offset, what));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn day(&mut self, item: &mut Reader<'_>) -> Taken {
        let (id, day) = (ReservationId(item.u128()?), item.i32()?);
        let found = self.reservations.get(id);
        let is_live = found.is_some_and(|found| found.is_live());
        if !is_live || self.dated.day_of(id).is_some() {
            return Err("a day is there twice, or of no reservation".into());
        }
        self.dated.set_day(id, day);
        Ok(())
    }
}

/// The damage that comes first, if there is any.
fn first(
    results: impl IntoIterator<Item = Result<(), SnapshotError>>,
) -> Result<(), SnapshotError> {
    let errors = results.into_iter().filter_map(Result::err);
    let first = errors.min_by_key(|error| match error {
        SnapshotError::Damaged { offset, .. } => *offset,
        _ => 0,
    });
    first.map_or(Ok(()), Err)
}

fn read_head(
    source: &(impl SnapshotSource + ?Sized),
    table: &Table,
) -> Result<Head, SnapshotError> {
    let Some(chunk) = table.chunks.first() else {
        return Err(damaged(0, "no chunk starts here"));
    };
    let (mut heads, mut version) = (Vec::new(), SNAPSHOT_VERSION);
    let read = ChunkReader::new(source).items(chunk, |item| {
        if chunk.section != Section::Head {
            return Err("the head is missing".into());
        }
        version = item.fixed_u32()?;
        if version != SNAPSHOT_VERSION {
            return Err("another version".into());
        }
        let (now_ms, horizon_ms) = (item.i64()?, item.i64()?);
        let mut counts = [0; LISTS];
        for count in &mut counts {
            *count = item.u64()?;
        }
        heads.push(Head {
            now_ms,
            horizon_ms,
            counts,
        });
        Ok(())
    });
    read.map_err(|error| match version {
        SNAPSHOT_VERSION => error,
        found => SnapshotError::Version {
            found,
            known: SNAPSHOT_VERSION,
        },
    })?;
    match (heads.pop(), heads.is_empty()) {
        (Some(head), true) => Ok(head),
        _ => Err(damaged(chunk.offset, "there is one head")),
    }
}

fn joined(promises: Promises, others: Others, limits: Limits, now_ms: i64) -> Ledger {
    let mut ledger = Ledger::new(limits);
    ledger.now_ms = now_ms;
    ledger.locations = others.locations;
    ledger.items = others.items;
    ledger.cells = others.cells;
    ledger.window = others.window;
    ledger.dated = others.dated;
    ledger.drift = others.drift;
    ledger.reservations = promises.restored.of(&mut ledger.cells);
    ledger
}
