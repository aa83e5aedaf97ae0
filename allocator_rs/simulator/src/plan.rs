//! What happens in one run: made from a seed before the run, so that a part of it can be left out.
//!
//! | event | |
//! | --- | --- |
//! | submit, again | an act, or acts together, new or sent before |
//! | look, read, start time | a read of a reservation, of the cells and the feed |
//! | turn, ahead | a step of the writer, of the thread that makes segments |
//! | pass, jump | time, wall time alone |
//! | fail, crash | one of the next operations of the disk fails, or is the last |
//! | kill, power, stop | the process ends now, by force or in order |
//! | full, room | the disk's capacity |
//! | rot, rot of a snapshot | a bit turns at rest, on a copy of the disk |
//! | build | a snapshot is built, while acts are served |

mod acts;

use bopis_ledger::{Act, ReservationId};

use crate::disk::fate::Crash;
use crate::random::Random;
pub use acts::lines_of;
use acts::Acts;

/// One thing that happens. Numbers are all there is to it: it means the same in any company.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// So many acts from the table from this one on, under one answer.
    Submit(usize, usize),
    /// Everything that was sent and not answered is sent once more.
    Retry,
    /// A reservation is read.
    Look(ReservationId),
    /// The feed and the cells are read.
    Read,
    /// Ledger time may pass, if it stands.
    StartTime,
    /// The writer takes a step.
    Turn,
    /// The next segment is made, if it is not there.
    Ahead,
    /// Time passes, in ms.
    Pass(i64),
    /// Somebody sets the wall clock, by ms.
    Jump(i64),
    /// The operation of the disk after so many more fails.
    Fail(u32, u64),
    /// The machine stops within that operation.
    Crash(u32, Crash, u64),
    /// It stops within that operation of the next start.
    CrashStart(u32, Crash, u64),
    /// It stops now.
    Now(Crash, u64),
    /// The engine is stopped in order.
    Stop,
    /// So many bytes are left on the disk.
    Full(usize),
    /// There is room again.
    Room,
    /// A bit of the journal turns.
    Rot(u64),
    /// A bit of the newest snapshot turns.
    RotSnapshot(u64),
    /// A snapshot is built; between its steps so many acts are served, from this one on.
    Build(usize, usize, u64),
}

/// How an engine is set up for a run.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Bound of the request window.
    pub request_window_max: usize,
    /// Size of a segment.
    pub segment_bytes: u64,
    /// Length of the feed.
    pub changes_max: usize,
    /// Acts of one turn.
    pub batch_max: usize,
    /// Length of the queue.
    pub queue_max: usize,
    /// Ledger time stands after a start.
    pub time_stands: bool,
}

/// A run, ahead of it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Of which seed.
    pub seed: u64,
    /// The engine's settings.
    pub setup: Setup,
    /// What is asked.
    pub acts: Vec<Act>,
    /// What happens, in order.
    pub events: Vec<Event>,
}

/// How rough a run is: once in so many rounds each.
struct Weather {
    crash: u64,
    fail: u64,
    full: u64,
    rot: u64,
    long: u64,
    build: u64,
}

impl Plan {
    /// The run of a seed, with at least `operations` lines asked.
    #[must_use]
    pub fn new(seed: u64, operations: usize) -> Self {
        let mut random = Random::new(seed);
        let setup = Setup {
            request_window_max: random.pick(&[200, 2_000, 2_000, 30_000]),
            segment_bytes: random.pick(&[32 << 10, 64 << 10, 128 << 10]),
            changes_max: random.pick(&[0, 12, 4_096, 4_096]),
            batch_max: random.pick(&[3, 8, 64, 64]),
            queue_max: random.pick(&[8, 64, 64, 64]),
            time_stands: random.once_in(4),
        };
        let weather = match random.below(4) {
            0 => [0, 0, 0, 800, 10, 40],
            1 => [40, 60, 0, 800, 60, 15],
            2 => [80, 40, 40, 800, 200, 15],
            _ => [120, 100, 200, 600, 1_000, 60],
        };
        let [crash, fail, full, rot, long, build] = weather;
        let weather = Weather {
            crash,
            fail,
            full,
            rot,
            long,
            build,
        };
        let mut acts = Acts::new(random.any());
        let mut events = vec![Event::Submit(acts.opening(), 1), Event::Turn];
        while acts.lines() < operations {
            round(&mut random, &mut acts, &weather, &mut events);
        }
        Self {
            seed,
            setup,
            acts: acts.all(),
            events,
        }
    }

    /// The same run with these events only.
    #[must_use]
    pub fn only(&self, kept: &[usize]) -> Self {
        let event = |at: &usize| self.events.get(*at).copied();
        Self {
            events: kept.iter().filter_map(event).collect(),
            ..self.clone()
        }
    }
}

fn round(random: &mut Random, acts: &mut Acts, weather: &Weather, events: &mut Vec<Event>) {
    for _ in 0..=random.below(5) {
        match random.below(20) {
            0 => events.push(Event::Look(acts.some_id())),
            1 => {
                let first = acts.make();
                let count = (0..random.below(4)).map(|_| acts.make()).count();
                events.push(Event::Submit(first, count + 1));
            }
            2 => events.push(Event::Submit(acts.earlier(), 1)),
            _ => events.push(Event::Submit(acts.make(), 1)),
        }
    }
    pass(random, weather, events);
    if weather.crash > 0 && random.once_in(weather.crash) {
        crash(random, events);
    }
    if weather.fail > 0 && random.once_in(weather.fail) {
        events.push(Event::Fail(small(random), random.any()));
    }
    if weather.full > 0 && random.once_in(weather.full) {
        events.push(Event::Full(random.index(96 << 10)));
        for _ in 0..6 {
            events.push(Event::Submit(acts.make(), 1));
            events.push(Event::Look(acts.some_id()));
            events.push(Event::Turn);
        }
    }
    if random.once_in(10) {
        events.push(Event::Room);
    }
    if random.once_in(weather.rot) {
        events.push(Event::Rot(random.any()));
    }
    if random.once_in(weather.build) {
        build(random, acts, weather, events);
    }
    if random.once_in(3) {
        events.push(Event::Ahead);
    }
    events.push(Event::Turn);
    if random.once_in(8) {
        events.push(Event::Read);
    }
    if random.once_in(20) {
        events.push(Event::StartTime);
    }
    if random.once_in(25) {
        events.push(Event::Retry);
    }
}

/// A snapshot, often with a fault of its own: about as many operations as there are in a build.
fn build(random: &mut Random, acts: &mut Acts, weather: &Weather, events: &mut Vec<Event>) {
    let within = random.below(24) as u32;
    if weather.fail > 0 && random.once_in(3) {
        events.push(Event::Fail(within, random.any()));
    } else if weather.crash > 0 && random.once_in(2) {
        let how = random.pick(&[Crash::Kill, Crash::Power, Crash::Power]);
        events.push(Event::Crash(within, how, random.any()));
    } else if weather.full > 0 && random.once_in(2) {
        events.push(Event::Full(random.index(48 << 10)));
    }
    let first = acts.make();
    let more = (0..random.below(5)).map(|_| acts.make()).count();
    events.push(Event::Build(first, more + 1, random.any()));
    if random.once_in(3) {
        events.push(Event::RotSnapshot(random.any()));
    }
}

fn pass(random: &mut Random, weather: &Weather, events: &mut Vec<Event>) {
    if random.once_in(3) {
        return;
    }
    let ms = match random.below(weather.long * 3) {
        // The retention is a day.
        0 => random.between(23, 26) * 3_600_000,
        1 => -random.between(1, 100_000),
        2..6 => random.between(1, 40_000),
        _ => random.between(0, 12) * 10,
    };
    events.push(Event::Pass(ms));
    if random.once_in(100) {
        events.push(Event::Jump(random.between(-30, 30) * 86_400_000));
    }
}

fn crash(random: &mut Random, events: &mut Vec<Event>) {
    let how = random.pick(&[Crash::Kill, Crash::Power, Crash::Power]);
    if random.once_in(4) {
        events.push(Event::CrashStart(small(random), how, random.any()));
    }
    events.push(match random.below(8) {
        0 => Event::Stop,
        1 => Event::Now(how, random.any()),
        _ => Event::Crash(small(random), how, random.any()),
    });
}

/// One of the next operations.
fn small(random: &mut Random) -> u32 {
    let limit = 1 << random.below(5);
    random.below(limit) as u32
}
