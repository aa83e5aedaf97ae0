//! Every accepted act is answered when the engine ends, and none is accepted after it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{mpsc, Arc};
use std::thread;
use std::time::Duration;

use bopis_engine::{DrainError, Engine, EngineStatus, SubmitError, Unanswered};

use crate::support::{act, adjust, cell, durable, key, manual_clock, memory, register, wait_until};

#[test]
fn draining_while_many_submit_loses_no_callback() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(durable(folder.path(), manual_clock())).unwrap();
    register(&engine, 1, 1);
    let (accepted, answered, stopped) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
    );
    let threads: Vec<_> = (0..8_u128)
        .map(|thread| {
            let engine = engine.clone();
            let (accepted, answered, stopped) =
                (accepted.clone(), answered.clone(), stopped.clone());
            thread::spawn(move || {
                for id in 0_u128.. {
                    let (answered, stopped) = (answered.clone(), stopped.clone());
                    let act = act(1 + thread * 1_000_000 + id, vec![adjust(key(0, 0), 1)]);
                    let count = Box::new(move |reply: bopis_engine::Reply| {
                        match reply {
                            Ok(_) => answered.fetch_add(1, Ordering::SeqCst),
                            Err(Unanswered::Stopped) => stopped.fetch_add(1, Ordering::SeqCst),
                            Err(Unanswered::DiskFull) => panic!("there is room"),
                        };
                    });
                    match engine.submit(act, count) {
                        Ok(()) => {
                            accepted.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(SubmitError::Overloaded) => thread::yield_now(),
                        Err(SubmitError::Stopped) => return,
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        })
        .collect();
    wait_until("some are answered", || {
        answered.load(Ordering::SeqCst) > 500
    });
    let report = engine.drain().unwrap();
    for thread in threads {
        thread.join().unwrap();
    }
    let (answered, stopped) = (
        answered.load(Ordering::SeqCst),
        stopped.load(Ordering::SeqCst),
    );
    assert_eq!(accepted.load(Ordering::SeqCst), answered + stopped);
    assert_eq!(report.sequence as usize, answered + 1);
    assert_eq!(engine.status(), EngineStatus::Stopped);
    assert_eq!(
        cell(&engine, key(0, 0)).on_hand as usize,
        answered,
        "reads go on"
    );
    assert!(matches!(engine.drain(), Err(DrainError::Stopped)));
    assert!(folder.path().join("drained.json").exists());
}

#[test]
fn drain_on_the_writer_thread_is_refused_instead_of_waiting_for_itself() {
    let engine = memory();
    let (send, receive) = mpsc::channel();
    let inner = engine.clone();
    let drain = Box::new(move |_| send.send(inner.drain()).unwrap());
    engine.submit(act(1, vec![]), drain).unwrap();
    let result = receive.recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(matches!(result, Err(DrainError::OnWriterThread)));
}

#[test]
fn dropping_the_last_handle_answers_what_waits() {
    let engine = memory();
    let (send, receive) = mpsc::channel();
    for id in 0..100 {
        let send = send.clone();
        engine
            .submit(
                act(id, vec![]),
                Box::new(move |reply| send.send(reply).unwrap()),
            )
            .unwrap();
    }
    drop((engine, send));
    assert_eq!(receive.iter().filter(Result::is_ok).count(), 100);
}

#[test]
fn a_submit_after_the_end_is_refused() {
    let engine = memory();
    engine.drain().unwrap();
    assert_eq!(
        engine.submit(act(1, vec![]), Box::new(|_| {})),
        Err(SubmitError::Stopped)
    );
}
