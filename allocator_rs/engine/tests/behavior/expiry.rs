//! Holds whose time is over.

use std::sync::atomic::Ordering;

use bopis_engine::{Engine, EngineOptions};
use bopis_ledger::{CellView, ReservationState};

use crate::support::{
    act, adjust, cell, done, hold, key, manual_clock, register, state, wait_until,
};

#[test]
fn a_hold_expires_by_ledger_time_and_its_units_come_back_once() {
    let clock = manual_clock();
    let engine = Engine::open(EngineOptions::memory(clock.clone())).unwrap();
    register(&engine, 1, 1);
    done(&engine, act(1, vec![adjust(key(0, 0), 5)]));
    done(&engine, act(2, vec![hold(1, key(0, 0), 2, 1_000)]));
    clock.pass(999);
    assert_eq!(state(&engine, 1), Some(ReservationState::Held));
    clock.pass(1);
    wait_until("the hold expires", || engine.atp(key(0, 0)) == 5);
    assert_eq!(state(&engine, 1), Some(ReservationState::Expired));
    clock.wall.store(0, Ordering::SeqCst);
    done(&engine, act(3, vec![hold(2, key(0, 0), 2, 1_000)]));
    assert_eq!(
        engine.atp(key(0, 0)),
        3,
        "a wall clock set back changes no deadline"
    );
}

#[test]
fn a_storm_of_expiries_gives_everything_back_once_while_others_are_served() {
    const HOLDS: u128 = 20_000;
    let clock = manual_clock();
    let engine = Engine::open(EngineOptions::memory(clock.clone())).unwrap();
    register(&engine, 1, 2);
    done(
        &engine,
        act(
            1,
            vec![adjust(key(0, 0), HOLDS as i64), adjust(key(0, 1), 1_000)],
        ),
    );
    for first in (0..HOLDS).step_by(1_000) {
        let holds = (first..first + 1_000)
            .map(|id| hold(id, key(0, 0), 1, 1_000))
            .collect();
        done(&engine, act(2 + first, holds));
    }
    assert_eq!(engine.atp(key(0, 0)), 0);
    clock.pass(1_000);
    let mut served = 0;
    wait_until("all have expired", || {
        let id = 100_000 + served;
        done(&engine, act(id, vec![hold(id, key(0, 1), 1, 60_000)]));
        served += 1;
        engine.atp(key(0, 0)) == HOLDS as i64
    });
    let stock = CellView {
        on_hand: HOLDS as i64,
        ..CellView::default()
    };
    assert_eq!(cell(&engine, key(0, 0)), stock);
    assert_eq!(engine.atp(key(0, 1)), 1_000 - served as i64);
}

#[test]
fn time_that_stands_lets_no_hold_expire() {
    let clock = manual_clock();
    let options = EngineOptions {
        time_stands: true,
        ..EngineOptions::memory(clock.clone())
    };
    let engine = Engine::open(options).unwrap();
    register(&engine, 1, 1);
    done(
        &engine,
        act(1, vec![adjust(key(0, 0), 5), hold(1, key(0, 0), 2, 1_000)]),
    );
    clock.pass(5_000);
    done(&engine, act(2, vec![adjust(key(0, 0), 1)]));
    assert_eq!(state(&engine, 1), Some(ReservationState::Held));
    engine.start_time();
    done(&engine, act(3, vec![adjust(key(0, 0), 1)]));
    clock.pass(1_000);
    wait_until("the hold expires", || engine.atp(key(0, 0)) == 7);
}
