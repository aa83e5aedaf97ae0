//! What the engine's tests have in common.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bopis_engine::{Clock, Done, Engine, EngineOptions, Reply, SubmitError, SystemClock};
use bopis_journal::Storage;
use bopis_ledger::{
    Act, ActOutcome, CellKey, CellView, Command, ItemId, ItemName, Line, LocationId, OrderRef,
    Outcome, RequestKey, ReservationId, ReservationState, ReservationView, Terms,
};

/// A clock that moves when it is told to.
#[derive(Default)]
pub struct ManualClock {
    pub wall: AtomicI64,
    pub elapsed: AtomicI64,
}

impl ManualClock {
    pub fn pass(&self, ms: i64) {
        self.wall.fetch_add(ms, Ordering::SeqCst);
        self.elapsed.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn wall_ms(&self) -> i64 {
        self.wall.load(Ordering::SeqCst)
    }

    fn elapsed_ms(&self) -> i64 {
        self.elapsed.load(Ordering::SeqCst)
    }
}

pub fn manual_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock {
        wall: AtomicI64::new(1_700_000_000_000),
        elapsed: AtomicI64::new(0),
    })
}

pub fn memory() -> Engine {
    Engine::open(EngineOptions::memory(Arc::new(SystemClock::new()))).unwrap()
}

pub fn durable(directory: &Path, clock: Arc<dyn Clock>) -> EngineOptions {
    EngineOptions {
        segment_bytes: 1 << 20,
        ..EngineOptions::durable(directory, clock)
    }
}

/// Bytes of the segments of an engine on a disk in memory.
pub const SEGMENT: usize = 64 << 10;

/// An engine on such a disk.
pub fn open_on<D: Storage + Clone + 'static>(folder: &Path, disk: &D) -> Engine {
    Engine::open(EngineOptions {
        storage: Some(Arc::new(disk.clone())),
        segment_bytes: SEGMENT as u64,
        ..EngineOptions::durable(folder, manual_clock())
    })
    .unwrap()
}

pub fn key(location: u32, item: u32) -> CellKey {
    CellKey {
        location: LocationId(location),
        item: ItemId(item),
    }
}

pub fn act(id: u128, commands: Vec<Command>) -> Act {
    Act {
        request: RequestKey { scope: 1, id },
        fingerprint: id as u64,
        commands,
    }
}

pub fn hold(id: u128, cell: CellKey, quantity: i64, ttl_ms: i64) -> Command {
    Command::Hold {
        reservation: ReservationId(id),
        order: OrderRef(0),
        lines: [Line { cell, quantity }].into_iter().collect(),
        ttl_ms,
        priority: 0,
        terms: Terms::default(),
    }
}

pub fn adjust(cell: CellKey, on_hand_delta: i64) -> Command {
    Command::Adjust {
        cell,
        on_hand_delta,
        unavailable_delta: 0,
        reason: 1,
        effective_ms: None,
    }
}

/// Submits and waits for the answer.
pub fn ask(engine: &Engine, act: Act) -> Reply {
    let (send, receive) = mpsc::channel();
    engine
        .submit(act, Box::new(move |reply| send.send(reply).unwrap()))
        .unwrap();
    receive
        .recv_timeout(Duration::from_secs(30))
        .expect("no answer in 30 s")
}

pub fn done(engine: &Engine, act: Act) -> Done {
    ask(engine, act).expect("the engine stopped")
}

pub fn outcomes(done: &Done) -> &[Outcome] {
    let ActOutcome::Done(outcomes) = &done.outcome else {
        panic!("{:?}", done.outcome)
    };
    outcomes
}

/// Registers `locations` nodes and `items` SKUs: ids 0.. in both.
pub fn register(engine: &Engine, locations: u32, items: u32) {
    let nodes = (0..locations).map(|node| Command::RegisterLocation {
        name: format!("node-{node}").into(),
    });
    let skus = (0..items).map(|sku| Command::RegisterItem {
        name: ItemName::Sku(format!("sku-{sku}").into()),
    });
    done(engine, act(u128::MAX, nodes.chain(skus).collect()));
}

pub fn cell(engine: &Engine, key: CellKey) -> CellView {
    let mut out = Vec::new();
    engine.read(&[key], &mut out);
    out[0]
}

pub fn reservation(engine: &Engine, id: u128) -> Option<ReservationView> {
    let (send, receive) = mpsc::channel();
    let done = Box::new(move |reply| send.send(reply).unwrap());
    engine.reservation(ReservationId(id), done).unwrap();
    receive
        .recv_timeout(Duration::from_secs(30))
        .expect("no answer in 30 s")
        .unwrap()
        .0
}

pub fn state(engine: &Engine, id: u128) -> Option<ReservationState> {
    reservation(engine, id).map(|found| found.state)
}

/// Submits until the queue takes it.
pub fn submit_patiently(
    engine: &Engine,
    act: &Act,
    done: impl Fn() -> Box<dyn FnOnce(Reply) + Send>,
) {
    while let Err(error) = engine.submit(act.clone(), done()) {
        assert_eq!(error, SubmitError::Overloaded);
        std::thread::yield_now();
    }
}

pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "waited 30 s until {what}"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}
