//! The ledger as it was: after every record what a reader saw then, beside the writer, and no more of
//! it once the segments are retired.

use bopis_engine::snapshot::build;
use bopis_engine::{Engine, EngineOptions, Past, PastError};
use bopis_ledger::{Command, ItemName, ReservationId};

use crate::support::{act, adjust, cell, done, durable, hold, key, manual_clock};

const NODES: u32 = 2;
const SKUS: u32 = 3;

/// Names as the engine's tests give them.
fn names(engine: &Engine) {
    let locations = (0..NODES).map(|node| Command::RegisterLocation {
        name: format!("node-{node}").as_str().into(),
    });
    let items = (0..SKUS).map(|sku| Command::RegisterItem {
        name: ItemName::Sku(format!("sku-{sku}").into()),
    });
    done(engine, act(u128::MAX, locations.chain(items).collect()));
}

fn atp_of_all(engine: &Engine) -> Vec<i64> {
    let cells = (0..NODES).flat_map(|node| (0..SKUS).map(move |sku| key(node, sku)));
    cells.map(|one| cell(engine, one).atp()).collect()
}

fn past_atp(past: &Past) -> Vec<i64> {
    let mut found = Vec::new();
    for node in 0..NODES {
        for sku in 0..SKUS {
            let location = past.location(&format!("node-{node}")).unwrap();
            let item = past.sku(&format!("sku-{sku}")).unwrap();
            found.push(past.atp(bopis_ledger::CellKey { location, item }));
        }
    }
    found
}

#[test]
fn after_every_record_the_counters_are_those_that_readers_saw_then() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), manual_clock());
    let engine = Engine::open(EngineOptions {
        segment_bytes: 64 << 10,
        ..durable(folder.path(), clock.clone())
    })
    .unwrap();
    names(&engine);
    let journal = engine.journal_id();
    let mut seen = Vec::new();
    for id in 1..40_u128 {
        let place = key((id % 2) as u32, (id % 3) as u32);
        let mut commands = vec![adjust(place, 3), hold(id, place, 2, 5_000)];
        if id % 4 == 0 {
            let reservation = ReservationId(id - 1);
            commands.push(Command::Release {
                reservation,
                lines: None,
            });
        }
        done(&engine, act(id, commands));
        // Some holds expire on the way: in ledger time, with the records that follow.
        clock.pass(400);
        seen.push((engine.position(), atp_of_all(&engine)));
    }
    for (sequence, atp) in seen.iter().step_by(5) {
        let past = Past::at(folder.path(), journal, *sequence).unwrap();
        assert_eq!(&past_atp(&past), atp, "after record {sequence}");
    }
    let last = engine.position();
    assert!(matches!(
        Past::at(folder.path(), journal, last + 1_000),
        Err(PastError::Beyond { .. })
    ));
    assert!(matches!(
        Past::at(folder.path(), journal ^ 1, last),
        Err(PastError::OtherJournal { .. })
    ));
}

#[test]
fn what_was_retired_is_told_with_where_the_journal_begins_now() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), manual_clock());
    let engine = Engine::open(EngineOptions {
        segment_bytes: 64 << 10,
        ..durable(folder.path(), clock)
    })
    .unwrap();
    names(&engine);
    let journal = engine.journal_id();
    let early = engine.position();
    let mut id = 1_u128;
    for _ in 0..3 {
        for _ in 0..60 {
            done(&engine, act(id, vec![adjust(key(0, 0), 1); 40]));
            id += 1;
        }
        build(folder.path()).unwrap();
    }
    let (last, atp) = (engine.position(), atp_of_all(&engine));
    let Err(PastError::Retired { asked, begins }) = Past::at(folder.path(), journal, early) else {
        panic!("the first segments should be gone");
    };
    assert_eq!(asked, early);
    assert!(begins > early && begins <= last);
    for sequence in [begins, last] {
        Past::at(folder.path(), journal, sequence).unwrap();
    }
    let past = Past::at(folder.path(), journal, last).unwrap();
    assert_eq!(past_atp(&past), atp);
}
