//! The feed: in order, without gaps, across a restart, and from the journal.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bopis_engine::{
    events_of_journal, Change, Engine, EngineOptions, Event, EventKind, ReservationChange,
};
use bopis_ledger::{CellKey, CellView, Command, ReservationId};

use ReservationChange::{Committed, Consumed, Expired, Extended, Held, Released};

use crate::support::{
    act, adjust, cell, done, durable, hold, key, manual_clock, register, wait_until, ManualClock,
};

fn open(folder: &Path, clock: &Arc<ManualClock>, changes_max: usize) -> Engine {
    Engine::open(EngineOptions {
        changes_max,
        reservation_events: true,
        ..durable(folder, clock.clone())
    })
    .unwrap()
}

fn all_since(engine: &Engine, mut sequence: u64, wanted: usize) -> Vec<Event> {
    let mut all = Vec::new();
    loop {
        let some = engine.events_since(sequence, wanted).expect("forgotten");
        assert!(some.events.iter().all(|event| event.sequence > sequence));
        assert!(some.events.is_sorted_by_key(|event| event.sequence));
        sequence = some.through;
        if some.events.is_empty() {
            return all;
        }
        all.extend(some.events);
    }
}

fn reservations(events: &[Event]) -> Vec<(u64, u128, ReservationChange)> {
    let told = events.iter().filter_map(|event| match event.kind {
        EventKind::Reservation(id, change) => Some((event.sequence, id.0, change)),
        EventKind::Cell(_) => None,
    });
    told.collect()
}

fn cells(events: &[Event]) -> impl Iterator<Item = &Change> {
    events.iter().filter_map(|event| match &event.kind {
        EventKind::Cell(change) => Some(change),
        EventKind::Reservation(..) => None,
    })
}

fn last_views(events: &[Event]) -> BTreeMap<CellKey, CellView> {
    cells(events)
        .map(|change| (change.cell, change.view))
        .collect()
}

/// A life of some reservations, each act a record of its own, and what is told of it.
fn some_work(engine: &Engine, clock: &ManualClock, from: u128) -> Vec<(u128, ReservationChange)> {
    let id = |number: u128| ReservationId(from + number);
    let one = key(0, 0);
    let commit = |id| Command::Commit { reservation: id };
    let acts = vec![
        vec![adjust(one, 20)],
        vec![hold(from + 1, one, 2, 60_000), commit(id(1))],
        vec![hold(from + 1, one, 2, 60_000)],
        vec![hold(from + 2, one, 3, 60_000)],
        vec![Command::Extend {
            reservation: id(2),
            ttl_ms: 90_000,
        }],
        vec![Command::Release {
            reservation: id(2),
            lines: None,
        }],
        vec![Command::Consume {
            reservation: id(1),
            lines: None,
        }],
        vec![
            hold(from + 3, one, 1, 1_000),
            hold(from + 4, one, 999, 1_000),
        ],
        vec![commit(id(9))],
    ];
    for (number, commands) in acts.into_iter().enumerate() {
        done(engine, act(from + 100 + number as u128, commands));
    }
    clock.pass(1_000);
    wait_until("the hold has expired", || cell(engine, one).held == 0);
    vec![
        (from + 1, Held),
        (from + 1, Committed),
        (from + 2, Held),
        (from + 2, Extended),
        (from + 2, Released),
        (from + 1, Consumed),
        (from + 3, Held),
        (from + 3, Expired),
    ]
}

#[test]
fn each_change_of_a_reservation_is_told_once_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let clock = manual_clock();
    let engine = open(folder.path(), &clock, 65_536);
    register(&engine, 1, 1);
    let expected = some_work(&engine, &clock, 1_000);
    for wanted in [1, 3, 1_000] {
        let told = reservations(&all_since(&engine, 0, wanted));
        let told: Vec<_> = told
            .into_iter()
            .map(|(_, id, change)| (id, change))
            .collect();
        assert_eq!(told, expected, "{wanted} at a time");
    }
}

#[test]
fn after_a_restart_the_feed_goes_on_from_any_earlier_position() {
    let folder = tempfile::tempdir().unwrap();
    let clock = manual_clock();
    let engine = open(folder.path(), &clock, 65_536);
    register(&engine, 1, 1);
    some_work(&engine, &clock, 1_000);
    let token = engine.position();
    some_work(&engine, &clock, 2_000);
    let live: Vec<_> = (0..=engine.position())
        .map(|from| all_since(&engine, from, 100))
        .collect();
    let end = engine.position();
    drop(engine);
    let engine = open(folder.path(), &clock, 65_536);
    assert_eq!(engine.position(), end);
    for (from, before) in live.iter().enumerate() {
        let after = all_since(&engine, from as u64, 100);
        assert_eq!(reservations(&after), reservations(before), "from {from}");
        assert_eq!(last_views(&after), last_views(before), "from {from}");
    }
    some_work(&engine, &clock, 3_000);
    let since = reservations(&all_since(&engine, token, 7));
    assert_eq!(since.len(), 16, "two lives since the token: {since:?}");
}

#[test]
fn what_the_memory_forgot_the_journal_tells() {
    let folder = tempfile::tempdir().unwrap();
    let clock = manual_clock();
    let engine = open(folder.path(), &clock, 65_536);
    register(&engine, 1, 1);
    some_work(&engine, &clock, 1_000);
    some_work(&engine, &clock, 2_000);
    let remembered = all_since(&engine, 0, 1_000);
    let end = engine.position();
    drop(engine);
    let engine = open(folder.path(), &clock, 4);
    assert_eq!(engine.events_since(1, 10), None);
    // Also while the engine serves, in parts, and no further than asked.
    let (mut told, mut at) = (Vec::new(), 0);
    while at < end {
        let some = events_of_journal(folder.path(), (at, end), 5).unwrap();
        assert!(some.through > at);
        at = some.through;
        told.extend(some.events);
    }
    assert_eq!(reservations(&told), reservations(&remembered));
    assert_eq!(last_views(&told), last_views(&remembered));
    let part = events_of_journal(folder.path(), (2, 5), 1_000).unwrap();
    assert_eq!(part.through, 5);
    assert!(part
        .events
        .iter()
        .all(|one| (3..=5).contains(&one.sequence)));
}

#[test]
fn a_deficit_is_told_when_it_opens_changes_and_closes() {
    let folder = tempfile::tempdir().unwrap();
    let clock = manual_clock();
    let engine = open(folder.path(), &clock, 65_536);
    register(&engine, 1, 1);
    let one = key(0, 0);
    done(&engine, act(1, vec![adjust(one, 3)]));
    done(&engine, act(2, vec![hold(7, one, 3, 60_000)]));
    for (id, delta) in [(3, -2), (4, -1), (5, 1), (6, 5)] {
        done(&engine, act(id, vec![adjust(one, delta)]));
    }
    let deficits = |events: &[Event]| -> Vec<_> {
        let told = cells(events).filter_map(|change| {
            let concerned = change.concerned.as_ref()?;
            Some((change.deficit_before, change.deficit, concerned.len()))
        });
        told.collect()
    };
    let expected = [(0, 2, 1), (2, 3, 1), (3, 2, 1), (2, 0, 0)];
    assert_eq!(deficits(&all_since(&engine, 0, 100)), expected);
    drop(engine);
    let engine = open(folder.path(), &clock, 65_536);
    assert_eq!(deficits(&all_since(&engine, 0, 100)), expected);
}
