//! Runs a plan: the production engine over a disk and a clock of our own, judged at every step.
//!
//! | event | then |
//! | --- | --- |
//! | a turn | its records and answers are judged, then what readers and followers see |
//! | a snapshot is built | what is on the shelf is judged; nothing that is needed is gone |
//! | the machine stops | it starts again; all that was shown is found; the states are equal |
//! | the end of the plan | an orderly stop and one more recovery |

mod inbox;
mod recovery;
mod snapshots;
mod time;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bopis_engine::{Clock, Engine, Step, Stepper, SubmitError, Unanswered};
use bopis_ledger::{Act, Record, ReservationId, Stamp};

use crate::clock::SimClock;
use crate::disk::fate::Crash;
use crate::disk::SimDisk;
use crate::judge::checks::{self, violated, Check, Violation};
use crate::judge::{Counts, Judge};
use crate::plan::{Event, Plan};
use crate::rot;
use crate::witness::Start;
use inbox::Inbox;
use time::LedgerClock;

/// What a run did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Lines asked and decided.
    pub operations: u64,
    /// Times that the engine was started over what another one left.
    pub recoveries: u64,
    /// Holds that expired.
    pub expiries: u64,
    /// Faults by kind.
    pub faults: BTreeMap<String, u64>,
    /// Outcomes by command.
    pub outcomes: Counts,
    /// Digest of all that happened.
    pub digest: u64,
}

struct Running {
    engine: Engine,
    stepper: Stepper,
    started_ms: i64,
}

/// How long a writer has worked by now.
fn worked(clock: &SimClock, started_ms: i64) -> Duration {
    let worked_ms = clock.elapsed_ms() - started_ms;
    Duration::from_millis(worked_ms.max(0).unsigned_abs())
}

/// What was sent: acts under one answer.
#[derive(Clone, Copy)]
struct Sent {
    first: usize,
    count: usize,
}

/// The world of one run.
pub struct World<'a> {
    plan: &'a Plan,
    disk: SimDisk,
    clock: Arc<SimClock>,
    running: Option<Running>,
    inbox: Inbox,
    judge: Judge,
    time: LedgerClock,
    /// Where every segment began that there ever was, by its index.
    starts: BTreeMap<u64, Start>,
    /// Sent and not answered yet, by ticket.
    waiting: BTreeMap<u64, Sent>,
    /// Sent, and left without an answer by an engine that stopped.
    unanswered: Vec<Sent>,
    next_ticket: u64,
    faults: BTreeMap<String, u64>,
    recoveries: u64,
    /// A fault of the disk was ordered: it may stop the engine.
    is_fault_due: bool,
    /// A crash within the next start.
    crash_at_start: Option<(u32, Crash, u64)>,
}

/// Runs a plan to its end.
///
/// # Errors
/// The first check that failed.
pub fn run(plan: &Plan) -> Result<Report, Violation> {
    let mut world = World::new(plan);
    world.start()?;
    for event in &plan.events {
        world.happen(*event)?;
    }
    world.disk.limit(None);
    world.stop()?;
    world.start()?;
    world.stop()?;
    Ok(world.report())
}

impl<'a> World<'a> {
    fn new(plan: &'a Plan) -> Self {
        let disk = SimDisk::new();
        Self {
            plan,
            clock: Arc::new(SimClock::new()),
            running: None,
            inbox: Inbox::new(disk.clone()),
            disk,
            judge: Judge::new(&plan.setup),
            time: LedgerClock::default(),
            starts: BTreeMap::new(),
            waiting: BTreeMap::new(),
            unanswered: Vec::new(),
            next_ticket: 0,
            faults: BTreeMap::new(),
            recoveries: 0,
            is_fault_due: false,
            crash_at_start: None,
        }
    }

    fn count(&mut self, kind: &str) {
        *self.faults.entry(kind.to_owned()).or_default() += 1;
    }

    fn happen(&mut self, event: Event) -> Check {
        match event {
            Event::Submit(first, count) => self.submit(Sent { first, count }),
            Event::Retry => {
                for sent in std::mem::take(&mut self.unanswered) {
                    self.submit(sent);
                }
            }
            Event::Look(id) => self.look(id),
            Event::Read => return self.read(),
            Event::StartTime => self.start_time(),
            Event::Turn => return self.turn(),
            Event::Ahead => return self.make_ahead(),
            Event::Pass(ms) => {
                self.clock.pass(ms);
                self.count(if ms < 0 {
                    "clock: counted back"
                } else {
                    "clock: passed"
                });
            }
            Event::Jump(ms) => {
                self.clock.jump_wall(ms);
                self.count("clock: wall set");
            }
            Event::Fail(operations, seed) => {
                self.is_fault_due = true;
                self.disk.fail_after(operations, seed);
            }
            Event::Crash(operations, crash, seed) => {
                self.is_fault_due = true;
                self.disk.crash_after(operations, crash, seed);
            }
            Event::CrashStart(operations, crash, seed) => {
                self.crash_at_start = Some((operations, crash, seed));
            }
            Event::Now(crash, seed) => {
                self.count(match crash {
                    Crash::Kill => "killed between writes",
                    Crash::Power => "power lost between writes",
                });
                self.die();
                self.restart(crash, seed);
                return self.start();
            }
            Event::Stop => {
                self.stop()?;
                return self.start();
            }
            Event::Full(more) => self.disk.limit(Some(self.disk.used() + more)),
            Event::Room => self.disk.limit(None),
            Event::Rot(seed) => {
                self.count("bit turned at rest");
                let start = self.begins()?;
                return rot::rot(&self.disk, self.judge.digests(), start, seed);
            }
            Event::RotSnapshot(seed) => return self.rot_snapshot(seed),
            Event::Build(first, count, seed) => return self.build(first, count, seed),
        }
        Ok(())
    }

    fn submit(&mut self, sent: Sent) {
        let acts = &self.plan.acts;
        let Some(acts) = acts.get(sent.first..sent.first + sent.count) else {
            return;
        };
        let Some(running) = &self.running else {
            return;
        };
        let ticket = self.next_ticket;
        let submitted = match acts {
            [act] => running
                .engine
                .submit(act.clone(), self.inbox.hear_one(ticket)),
            acts => running
                .engine
                .submit_all(acts.to_vec(), self.inbox.hear_many(ticket)),
        };
        match submitted {
            Ok(()) => {
                self.next_ticket += 1;
                self.waiting.insert(ticket, sent);
            }
            Err(SubmitError::DiskFull) => self.count("refused: disk full"),
            Err(SubmitError::Overloaded) => self.count("refused: overloaded"),
            Err(error) => self.count(&format!("refused: {error}")),
        }
    }

    fn look(&mut self, id: ReservationId) {
        if let Some(running) = &self.running {
            // A full queue refuses it: nothing is heard then.
            let _ = running.engine.reservation(id, self.inbox.hear_look(id));
        }
    }

    fn start_time(&mut self) {
        if let Some(running) = &self.running {
            running.engine.start_time();
            self.time.start();
        }
    }

    fn read(&mut self) -> Check {
        let Some(running) = &self.running else {
            return Ok(());
        };
        self.judge.published(&running.engine)?;
        self.judge.follow(&running.engine)
    }

    fn make_ahead(&mut self) -> Check {
        if let Some(running) = &self.running {
            running.stepper.make_segment_ahead();
        }
        // The crash is noticed with the next write; here it would be too late for the names.
        if self.disk.is_dead() {
            return self.recover();
        }
        Ok(())
    }

    /// A step of the writer, judged.
    fn turn(&mut self) -> Check {
        let step = self.step()?;
        if step != Step::Ended {
            return Ok(());
        }
        self.recover()
    }

    fn step(&mut self) -> Result<Step, Violation> {
        let Some(running) = &mut self.running else {
            return Ok(Step::Ended);
        };
        let stamp = self.time.step(self.clock.as_ref());
        let step = running
            .stepper
            .step(worked(&self.clock, running.started_ms));
        let position = running.stepper.position();
        checks::one_writer(self.disk.misuse())?;
        self.judge_answers(step, position, stamp)?;
        let Some(running) = &self.running else {
            return Ok(step);
        };
        if step == Step::Ended && running.engine.failure().is_some() && !self.is_fault_due {
            let what = running.engine.failure().unwrap_or_default();
            return violated("engine stopped by itself", what);
        }
        self.judge.published(&running.engine)?;
        if step == Step::NoRoom {
            self.count("turn without room");
        }
        Ok(step)
    }

    /// What was heard and written in a step.
    fn judge_answers(&mut self, step: Step, position: u64, stamp: Stamp) -> Check {
        let heard = self.inbox.take()?;
        let mut answered: Vec<(Act, bopis_engine::Done)> = Vec::new();
        for (ticket, reply, durable) in heard.replies {
            let Some(sent) = self.waiting.remove(&ticket) else {
                return violated("one answer", format!("ticket {ticket} was answered twice"));
            };
            match reply {
                Ok(done) => {
                    let last = done.iter().map(|done| done.sequence).max();
                    checks::acknowledged_is_durable(last.unwrap_or(0), durable)?;
                    if done.len() != sent.count {
                        return violated(
                            "one answer",
                            format!("{} for {}", done.len(), sent.count),
                        );
                    }
                    let acts = &self.plan.acts[sent.first..sent.first + sent.count];
                    answered.extend(acts.iter().cloned().zip(done));
                }
                Err(Unanswered::DiskFull) => self.count("answered: disk full"),
                Err(_) => self.unanswered.push(sent),
            }
        }
        self.remember_starts(&self.inbox.starts());
        let records = self.inbox.records(position)?;
        let first = records.first().map(|durable| match durable.record {
            Record::Act { stamp, .. } | Record::Expire { stamp, .. } => stamp,
        });
        let began = self.time.of_turn(first)?;
        self.judge.turn(&answered, records, began)?;
        if step == Step::Turned && !self.time.stands() {
            self.judge.nothing_is_due(began.now_ms)?;
        }
        for (id, told) in heard.looks {
            self.judge.looked(id, &told, stamp)?;
        }
        if step == Step::Turned {
            self.time.turned();
        }
        Ok(())
    }

    fn report(self) -> Report {
        let mut faults = self.faults;
        for (kind, count) in self.disk.counts() {
            *faults.entry(kind.to_owned()).or_default() += count;
        }
        let story = (self.judge.digests(), &faults, &self.judge.outcomes);
        let digest = xxhash_rust::xxh3::xxh3_64(format!("{story:?}").as_bytes());
        Report {
            operations: self.judge.operations,
            recoveries: self.recoveries,
            expiries: self.judge.expiries,
            faults,
            outcomes: self.judge.outcomes,
            digest,
        }
    }
}
