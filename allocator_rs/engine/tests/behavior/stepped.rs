//! The writer driven step by step, on the caller's thread.

use std::sync::{mpsc, Arc};
use std::time::Duration;

use bopis_engine::{
    Engine, EngineOptions, EngineStatus, Reply, SimulatedDisk, Step, Stepper, Unanswered,
};
use bopis_ledger::{Act, Command, ItemName, ReservationId, ReservationState};

use crate::disk::MemoryDisk;
use crate::support::{act, adjust, hold, key, manual_clock, ManualClock, SEGMENT};

struct Stepped {
    clock: Arc<ManualClock>,
    disk: MemoryDisk,
    engine: Engine,
    stepper: Stepper,
}

/// One node, one SKU, ten units of it.
fn stepped(time_stands: bool) -> Stepped {
    let (clock, disk) = (manual_clock(), MemoryDisk::default());
    let options = EngineOptions {
        segment_bytes: SEGMENT as u64,
        time_stands,
        ..EngineOptions::memory(Arc::clone(&clock) as Arc<dyn bopis_engine::Clock>)
    };
    let simulated = SimulatedDisk {
        shelf: Arc::new(MemoryDisk::default()),
        storage: Arc::new(disk.clone()),
        new_journal_id: 5,
    };
    let (engine, stepper) = Engine::open_stepped(options, simulated).unwrap();
    let mut stepped = Stepped {
        clock,
        disk,
        engine,
        stepper,
    };
    let node = Command::RegisterLocation {
        name: "node".into(),
    };
    let sku = Command::RegisterItem {
        name: ItemName::Sku("sku".into()),
    };
    let opening = vec![node, sku, adjust(key(0, 0), 10)];
    let answer = stepped.send(act(1, opening));
    assert_eq!(stepped.step(), Step::Turned);
    answer.try_recv().unwrap().unwrap();
    stepped
}

impl Stepped {
    fn send(&self, act: Act) -> mpsc::Receiver<Reply> {
        let (send, receive) = mpsc::channel();
        let done = Box::new(move |reply| {
            // Not every test waits for the answer.
            let _ = send.send(reply);
        });
        self.engine.submit(act, done).unwrap();
        receive
    }

    fn step(&mut self) -> Step {
        self.stepper.step(Duration::ZERO)
    }

    /// Facts until one of them waits for room.
    fn fill_the_disk(&mut self) -> mpsc::Receiver<Reply> {
        self.disk.0.lock().unwrap().capacity = Some(SEGMENT);
        for id in 1_000.. {
            let answer = self.send(act(id, vec![adjust(key(0, 0), 1)]));
            if self.step() == Step::NoRoom {
                return answer;
            }
        }
        unreachable!()
    }
}

#[test]
fn nothing_happens_until_the_writer_is_told_to_work() {
    let mut stepped = stepped(false);
    let answer = stepped.send(act(2, vec![hold(7, key(0, 0), 4, 50)]));
    assert!(answer.try_recv().is_err());
    assert_eq!(stepped.engine.atp(key(0, 0)), 10);
    assert_eq!(stepped.step(), Step::Turned);
    answer.try_recv().unwrap().unwrap();
    assert_eq!(stepped.engine.atp(key(0, 0)), 6);
    stepped.clock.pass(50);
    assert_eq!(stepped.engine.atp(key(0, 0)), 6);
    assert_eq!(stepped.step(), Step::Turned);
    assert_eq!(stepped.engine.atp(key(0, 0)), 10);
}

#[test]
fn a_turn_that_waits_for_room_is_answered_once_there_is_some() {
    let mut stepped = stepped(false);
    let waiting = stepped.fill_the_disk();
    assert_eq!(stepped.engine.status(), EngineStatus::NoRoom);
    assert_eq!(stepped.step(), Step::NoRoom);
    assert!(waiting.try_recv().is_err(), "it is decided, not refused");
    stepped.disk.0.lock().unwrap().capacity = None;
    assert_eq!(stepped.step(), Step::Turned);
    waiting.try_recv().unwrap().unwrap();
}

#[test]
fn an_engine_whose_last_handle_is_gone_ends_and_answers_all() {
    let mut stepped = stepped(false);
    let waiting = stepped.fill_the_disk();
    let Stepped {
        engine,
        mut stepper,
        ..
    } = stepped;
    drop(engine);
    assert_eq!(stepper.step(Duration::ZERO), Step::Ended);
    assert_eq!(waiting.try_recv().unwrap(), Err(Unanswered::Stopped));
}

#[test]
fn time_that_stands_does_not_count_a_wait_for_room() {
    let mut stepped = stepped(true);
    stepped.send(act(2, vec![hold(7, key(0, 0), 4, 5_000)]));
    assert_eq!(stepped.step(), Step::Turned);
    stepped.fill_the_disk();
    stepped.clock.pass(60_000);
    assert_eq!(stepped.step(), Step::NoRoom);
    stepped.disk.0.lock().unwrap().capacity = None;
    assert_eq!(stepped.step(), Step::Turned);
    stepped.engine.start_time();
    assert_eq!(stepped.step(), Step::Turned);
    let stamp = bopis_ledger::Stamp {
        now_ms: 0,
        wall_ms: 0,
    };
    let found = stepped
        .stepper
        .ledger()
        .reservation(ReservationId(7), stamp);
    assert_eq!(found.unwrap().state, ReservationState::Held);
}
