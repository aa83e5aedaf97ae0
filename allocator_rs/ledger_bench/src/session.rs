//! The workload on an engine, block by block.
//!
//! | step | timed |
//! | --- | --- |
//! | a block of acts is made | no |
//! | its batches are submitted, so many in flight | from the first submit to the last answer |
//! | every answer is checked | no |

use std::path::Path;
use std::time::{Duration, Instant};

use bopis_engine::Replies;
use bopis_ledger::Act;

use crate::arguments::Arguments;
use crate::client::Client;
use crate::expectation::Expectation;
use crate::figure::Latencies;
use crate::timing::time_after_ms;
use crate::workload::{Block, Spread, Workload};
use crate::Failure;

/// Batches of a block.
const BLOCK: usize = 64;

/// An engine that remembers as many requests as it shall.
pub(crate) struct Session {
    pub(crate) workload: Workload,
    pub(crate) client: Client,
    retained: u64,
    batch: usize,
    in_flight: usize,
}

/// What some blocks came to.
pub(crate) struct Measured {
    pub(crate) operations: u64,
    pub(crate) acts: u64,
    pub(crate) took: Duration,
    pub(crate) batches: Latencies,
}

impl Measured {
    pub(crate) fn operations_per_second(&self) -> f64 {
        self.operations as f64 / self.took.as_secs_f64()
    }

    pub(crate) fn acts_per_second(&self) -> f64 {
        self.acts as f64 / self.took.as_secs_f64()
    }
}

impl Session {
    /// Opens an engine on `folder`, brings in the stock, fills the request window.
    pub(crate) fn open(
        spread: Spread,
        folder: &Path,
        arguments: &Arguments,
    ) -> Result<Self, Failure> {
        let mut session = Self::stocked(spread, Some(folder), arguments)?;
        eprintln!("{spread:?}: filling the request window");
        session.act(arguments.retained)?;
        Ok(session)
    }

    /// The same before the first act; without a folder in memory.
    pub(crate) fn stocked(
        spread: Spread,
        folder: Option<&Path>,
        arguments: &Arguments,
    ) -> Result<Self, Failure> {
        let workload = Workload::new(spread, arguments.cells, arguments.retained, arguments.seed);
        let client = Client::open(folder, arguments.retained)?;
        client.bring_in(&workload.stock)?;
        Ok(Self {
            workload,
            client,
            retained: arguments.retained,
            batch: arguments.batch,
            in_flight: arguments.in_flight,
        })
    }

    /// Holds until so many are live.
    pub(crate) fn hold(&mut self, live: u64) -> Result<(), Failure> {
        while (self.workload.live() as u64) < live {
            let left = live - self.workload.live() as u64;
            let block = self.workload.holds((BLOCK * self.batch).min(left as usize));
            self.run_checked(block)?;
        }
        Ok(())
    }

    /// Acts until so many were made.
    pub(crate) fn act(&mut self, acts: u64) -> Result<(), Failure> {
        while self.workload.acts < acts {
            self.run_next()?;
        }
        Ok(())
    }

    /// Submits what was made; `left` of the acts made so far come after it. Ledger time follows.
    pub(crate) fn submit(&self, acts: Vec<Act>, left: usize, from: Instant) -> Result<(), Failure> {
        let acts_so_far = self.workload.acts - left as u64;
        let now_ms = time_after_ms(acts_so_far, self.retained);
        self.client.clock.set(now_ms);
        self.client.submit(acts, from)
    }

    fn run_next(&mut self) -> Result<Measured, Failure> {
        let block = self.workload.block(BLOCK * self.batch);
        self.run_checked(block)
    }

    fn run_checked(&self, block: Block) -> Result<Measured, Failure> {
        let mut measured = Measured {
            operations: block.operations,
            acts: block.acts.len() as u64,
            took: Duration::ZERO,
            batches: Latencies::new()?,
        };
        self.run(block, &mut measured)?;
        Ok(measured)
    }

    fn run(&self, block: Block, measured: &mut Measured) -> Result<(), Failure> {
        let mut left = block.acts.len();
        let mut batches = in_batches(block.acts, self.batch).into_iter();
        let (mut sent, mut replies) = (0, Vec::new());
        let started = Instant::now();
        loop {
            while sent - replies.len() < self.in_flight {
                let Some(batch) = batches.next() else { break };
                left -= batch.len();
                self.submit(batch, left, Instant::now())?;
                sent += 1;
            }
            if replies.len() == sent {
                break;
            }
            let answered = self.client.receive()?;
            measured.batches.add(answered.at - answered.from);
            replies.push(answered.replies);
        }
        measured.took += started.elapsed();
        check(replies, &block.expected)
    }

    /// Blocks until `seconds` are measured.
    pub(crate) fn measure(&mut self, seconds: f64) -> Result<Measured, Failure> {
        let mut total = self.run_next()?;
        while total.took.as_secs_f64() < seconds {
            let next = self.run_next()?;
            total.operations += next.operations;
            total.acts += next.acts;
            total.took += next.took;
            total.batches.add_all(&next.batches)?;
        }
        Ok(total)
    }
}

fn in_batches(acts: Vec<Act>, size: usize) -> Vec<Vec<Act>> {
    let mut acts = acts.into_iter();
    let next = || Some(acts.by_ref().take(size).collect());
    std::iter::from_fn(next)
        .take_while(|batch: &Vec<Act>| !batch.is_empty())
        .collect()
}

/// Every act came to what was expected of it.
pub(crate) fn check(
    replies: impl IntoIterator<Item = Replies>,
    expected: &[Expectation],
) -> Result<(), Failure> {
    let mut expected = expected.iter();
    for batch in replies {
        for done in batch? {
            let expectation = expected.next().ok_or("more answers than acts")?;
            expectation.check(&done.outcome)?;
        }
    }
    match expected.len() {
        0 => Ok(()),
        left => Err(format!("{left} acts were not answered").into()),
    }
}
