//! Ends and starts: how an engine goes, and what the next one must find.

use std::sync::Arc;

use bopis_engine::{Clock, Engine, EngineOptions, OpenError, SimulatedDisk, Step, Stepper};
use bopis_journal::JournalError;
use bopis_ledger::{Act, Record};

use super::{worked, Running, Sent, World};
use crate::disk::fate::Crash;
use crate::disk::SimDisk;
use crate::judge::checks::{self, violated, Check};
use crate::witness::Witness;

/// Starts that may fail in a row: every one of them meets a fault that was ordered.
const STARTS_MAX: u32 = 8;

/// A disk as an engine takes it.
pub(super) fn simulated(disk: &SimDisk) -> SimulatedDisk {
    SimulatedDisk {
        storage: Arc::new(disk.clone()),
        shelf: Arc::new(disk.shelf()),
        new_journal_id: 7,
    }
}

impl World<'_> {
    /// The process ends, whatever it is doing.
    pub(super) fn die(&mut self) {
        // Dropped without a step: the queue's answers say that it stopped.
        self.running = None;
    }

    /// An engine that ended is started again.
    pub(super) fn recover(&mut self) -> Check {
        let crash = if self.disk.is_dead() {
            self.disk.last_crash()
        } else {
            self.count("engine stopped by a failed write");
            Crash::Kill
        };
        self.die();
        self.restart(crash, self.judge.sequence());
        self.start()
    }

    /// The disk is there again, without the faults that were ordered.
    pub(super) fn restart(&mut self, crash: Crash, seed: u64) {
        self.is_fault_due = false;
        self.disk.restart(crash, seed);
    }

    pub(super) fn options(&self) -> EngineOptions {
        let setup = &self.plan.setup;
        EngineOptions {
            request_window_max: setup.request_window_max,
            request_window_bytes_max: u64::MAX,
            queue_max: setup.queue_max,
            batch_max: setup.batch_max,
            segment_bytes: setup.segment_bytes,
            changes_max: setup.changes_max,
            time_stands: setup.time_stands,
            ..EngineOptions::memory(Arc::clone(&self.clock) as Arc<dyn Clock>)
        }
    }

    pub(super) fn start(&mut self) -> Check {
        if let Some((operations, crash, seed)) = self.crash_at_start.take() {
            self.is_fault_due = true;
            self.disk.crash_after(operations, crash, seed);
        }
        for _ in 0..STARTS_MAX {
            match Engine::open_stepped(self.options(), simulated(&self.disk)) {
                Ok((engine, stepper)) => return self.started(engine, stepper),
                Err(error) => self.failed_to_start(&error)?,
            }
        }
        violated("recovery", "no start succeeded")
    }

    fn failed_to_start(&mut self, error: &OpenError) -> Check {
        match error {
            OpenError::Journal(JournalError::Damaged { .. }) if self.disk.undo_damage() => {
                self.count("damage refused and named");
                Ok(())
            }
            OpenError::Journal(JournalError::DiskFull) => {
                self.disk.limit(None);
                self.count("start on a full disk");
                Ok(())
            }
            OpenError::Journal(JournalError::Io { .. }) if self.is_fault_due => {
                self.count("start met a fault");
                let crash = if self.disk.is_dead() {
                    self.disk.last_crash()
                } else {
                    Crash::Kill
                };
                self.restart(crash, self.judge.sequence());
                Ok(())
            }
            error => violated("recovery", error.to_string()),
        }
    }

    fn started(&mut self, engine: Engine, stepper: Stepper) -> Check {
        self.recoveries += 1;
        self.disk.forget_damage();
        self.collect_stopped()?;
        let start = self.begins()?;
        let mut witness = Witness::again(start, self.judge.sequence());
        if let Err(what) = witness.look(&self.disk) {
            return violated("recovery", what);
        }
        let retired = start.map_or(0, |start| start.sequence) as usize;
        let shown = self.judge.digests().get(retired..).unwrap_or_default();
        checks::nothing_shown_is_rolled_back(shown, witness.digests())?;
        self.remember_starts(witness.starts());
        for durable in witness.take_to(u64::MAX) {
            if let Record::Act { act, .. } = &durable.record {
                self.was_asked(act)?;
            }
            self.judge.record(&durable)?;
        }
        if engine.position() != witness.sequence() {
            let what = format!(
                "{} records, shown at {}",
                witness.sequence(),
                engine.position()
            );
            return violated("recovery", what);
        }
        self.judge.recovered(stepper.ledger())?;
        self.check_shelf()?;
        self.judge.published(&engine)?;
        let base_ms = self.judge.now_ms().max(witness.mark().unwrap_or(0));
        self.time.restart(
            base_ms,
            self.clock.elapsed_ms(),
            self.plan.setup.time_stands,
        );
        self.inbox.watch(witness);
        self.running = Some(Running {
            engine,
            stepper,
            started_ms: self.clock.elapsed_ms(),
        });
        Ok(())
    }

    /// What the last engine left unanswered when it was dropped.
    fn collect_stopped(&mut self) -> Check {
        let heard = self.inbox.take()?;
        for (ticket, reply, _) in heard.replies {
            let sent = self.waiting.remove(&ticket);
            match (sent, reply) {
                (Some(sent), Err(_)) => self.unanswered.push(sent),
                (_, reply) => {
                    let what = format!("ticket {ticket} was answered {reply:?} by nobody");
                    return violated("one answer", what);
                }
            }
        }
        if let Some((ticket, _)) = self.waiting.pop_first() {
            return violated("one answer", format!("ticket {ticket} was never answered"));
        }
        Ok(())
    }

    /// A record that nobody was told of is of an act that somebody asked.
    fn was_asked(&self, act: &Act) -> Check {
        let asked = |sent: &Sent| {
            let acts = self.plan.acts.get(sent.first..sent.first + sent.count);
            acts.unwrap_or_default().contains(act)
        };
        if self.unanswered.iter().any(asked) {
            return Ok(());
        }
        violated("I4", format!("nobody asked for {act:?}"))
    }

    /// The orderly end: the last handle is dropped, the queue is finished, the journal sealed.
    pub(super) fn stop(&mut self) -> Check {
        let Some(Running {
            engine,
            mut stepper,
            started_ms,
        }) = self.running.take()
        else {
            return Ok(());
        };
        drop(engine);
        self.count("stopped in order");
        loop {
            let stamp = self.time.step(self.clock.as_ref());
            let step = stepper.step(worked(&self.clock, started_ms));
            checks::one_writer(self.disk.misuse())?;
            self.judge_answers(step, stepper.position(), stamp)?;
            if step == Step::Ended {
                break;
            }
        }
        if self.disk.is_dead() {
            let crash = self.disk.last_crash();
            self.restart(crash, self.judge.sequence());
        } else {
            if !self.is_fault_due && !self.disk.is_limited() {
                self.judge
                    .compare_states(stepper.ledger(), "at an orderly end")?;
            }
            self.restart(Crash::Kill, 0);
        }
        Ok(())
    }
}
