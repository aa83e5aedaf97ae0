//! How long a durable acknowledgement takes at half of the rate that the engine can do.
//!
//! | | |
//! | --- | --- |
//! | full rate | closed loop, in this run |
//! | load | open loop at half of it: each tick of 50 us submits what is due, then sleeps |
//! | lateness | of the load itself, from when acts were due to their submission: part of the latency |
//! | latency | from the tick at which the acts were due to the engine's call back, per act |
//! | peer | the device: 4 KiB made durable, alternating with the load in short rounds |
//!
//! With `--beside` a program runs during the load; the device is measured before it starts.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::client::Answered;
use crate::device::Device;
use crate::figure::{Figure, Latencies};
use crate::folder::Folder;
use crate::session::{check, Session};
use crate::ticking::{be_punctual, sleep_until};
use crate::workload::Spread;
use crate::Failure;

const TICK: Duration = Duration::from_micros(50);
const ROUND: Duration = Duration::from_millis(500);
const FLUSHES: Duration = Duration::from_millis(250);
/// The writer seals its last frame and makes its next segment meanwhile.
const REST: Duration = Duration::from_millis(500);
/// How long the program beside has to get to work.
const WARM_UP: Duration = Duration::from_secs(5);

/// `durable_ack_p99_over_flush_p99`.
pub(crate) fn alone(arguments: &Arguments) -> Result<(), Failure> {
    figure("durable_ack_p99_over_flush_p99", None, arguments)
}

/// `durable_ack_p99_over_flush_p99_solver_running`.
pub(crate) fn solver_running(arguments: &Arguments) -> Result<(), Failure> {
    let program = arguments.beside.as_deref();
    let program = program.ok_or("--beside must name the program")?;
    let name = "durable_ack_p99_over_flush_p99_solver_running";
    figure(name, Some(program), arguments)
}

fn figure(name: &str, program: Option<&str>, arguments: &Arguments) -> Result<(), Failure> {
    let folder = Folder::make(&arguments.folder, name)?;
    let mut device = Device::open(folder.path())?;
    let engine_folder = folder.path().join("engine");
    let mut session = Session::open(Spread::Uniform, &engine_folder, arguments)?;
    let full = session.measure(arguments.seconds / 2.0)?.acts_per_second();
    let rounds = (arguments.seconds / ROUND.as_secs_f64()).ceil() as u32 * 2;
    let (mut flushes, mut acks) = (Latencies::new()?, Latencies::new()?);
    let (mut beside_flushes, mut late) = (Latencies::new()?, Latencies::new()?);
    if program.is_some() {
        for _ in 0..rounds {
            thread::sleep(REST / 5);
            device.write(FLUSHES, &mut flushes)?;
        }
    }
    let running = program.map(Beside::start).transpose()?;
    for _ in 0..rounds {
        thread::sleep(REST);
        let alternating = if running.is_some() {
            &mut beside_flushes
        } else {
            &mut flushes
        };
        device.write(FLUSHES, alternating)?;
        open_loop(&mut session, full / 2.0, &mut acks, &mut late)?;
    }
    session.client.check(&session.workload.stock)?;
    drop(running);
    let ratio = acks.micros_at(0.99) / flushes.micros_at(0.99);
    let mut line = Figure::new(name, ratio, "x", "durable, library, open loop at half load")
        .text("peer", "the device: O_DSYNC write of 4 KiB")
        .with("peer_value", flushes.micros_at(0.99))
        .with("ratio", ratio)
        .latencies(&acks, "one act, from when it was due")
        .with("flush_p50_us", flushes.micros_at(0.5))
        .with("flush_p999_us", flushes.micros_at(0.999))
        .with("load_late_p99_us", late.micros_at(0.99))
        .with("acts_per_second", full / 2.0)
        .with("acts", acks.count() as f64);
    if program.is_some() {
        line = line.with("flush_p99_beside_us", beside_flushes.micros_at(0.99));
    }
    line.print(arguments);
    Ok(())
}

/// One round at `rate` acts a second, answers checked.
fn open_loop(
    session: &mut Session,
    rate: f64,
    latencies: &mut Latencies,
    late: &mut Latencies,
) -> Result<(), Failure> {
    let ticks = (ROUND.as_nanos() / TICK.as_nanos()) as u32;
    let of_tick = rate * TICK.as_secs_f64();
    let count = (of_tick * f64::from(ticks)) as usize;
    let block = session.workload.block(count);
    let (mut acts, mut sent, mut answered) = (block.acts.into_iter(), 0, 0);
    let mut replies = Vec::with_capacity(ticks as usize);
    let mut note = |one: Answered| {
        latencies.add_many(one.at - one.from, one.acts as u64);
        replies.push(one.replies);
        one.acts
    };
    be_punctual()?;
    let started = Instant::now();
    for tick in 1..=ticks {
        let until = (of_tick * f64::from(tick)) as usize;
        let some: Vec<_> = acts.by_ref().take(until - sent).collect();
        sent += some.len();
        let due = started + TICK * tick;
        while let Some(one) = session.client.try_receive() {
            answered += note(one);
        }
        sleep_until(due);
        if !some.is_empty() {
            late.add_many(due.elapsed(), some.len() as u64);
            session.submit(some, acts.len(), due)?;
        }
    }
    while answered < sent {
        answered += note(session.client.receive()?);
    }
    check(replies, &block.expected)
}

/// A program that ends with this.
struct Beside(Child);

impl Beside {
    fn start(program: &str) -> Result<Self, Failure> {
        let mut words = program.split_whitespace();
        let mut command = Command::new(words.next().ok_or("--beside is empty")?);
        command
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let mut running = Self(command.spawn()?);
        thread::sleep(WARM_UP);
        match running.0.try_wait()? {
            None => Ok(running),
            Some(ended) => Err(format!("{program}: {ended}").into()),
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
