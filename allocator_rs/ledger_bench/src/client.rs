//! A program that embeds the engine: the one place that submits to it.

use std::path::Path;
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Arc;
use std::time::Instant;

use bopis_engine::{Engine, EngineOptions, Replies};
use bopis_ledger::{Act, CellKey, CellView};

use crate::opening;
use crate::stock::{Counters, Stock};
use crate::timing::{window_entries, SetClock};
use crate::Failure;

/// Cells that are compared at once.
const READ_CELLS: usize = 4_096;

/// An answered batch.
#[derive(Debug)]
pub(crate) struct Answered {
    /// From when its latency counts.
    pub(crate) from: Instant,
    /// When the engine called back.
    pub(crate) at: Instant,
    pub(crate) acts: usize,
    pub(crate) replies: Replies,
}

/// An engine and its answers.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<SetClock>,
    send: Sender<Answered>,
    receive: Receiver<Answered>,
}

impl Client {
    /// An engine on `folder`; none: in memory.
    pub(crate) fn open(folder: Option<&Path>, retained: u64) -> Result<Self, Failure> {
        let clock = Arc::new(SetClock::default());
        let engine = Engine::open(EngineOptions {
            directory: folder.map(Path::to_owned),
            request_window_max: window_entries(retained),
            request_window_bytes_max: u64::MAX,
            ..EngineOptions::memory(Arc::<SetClock>::clone(&clock))
        })?;
        let (send, receive) = channel();
        Ok(Self {
            engine,
            clock,
            send,
            receive,
        })
    }

    /// Acts that share one answer.
    pub(crate) fn submit(&self, acts: Vec<Act>, from: Instant) -> Result<(), Failure> {
        let (send, count) = (self.send.clone(), acts.len());
        let done = Box::new(move |replies| {
            let answered = Answered {
                from,
                at: Instant::now(),
                acts: count,
                replies,
            };
            // Nobody waits any more: the run is void already.
            let _ = send.send(answered);
        });
        Ok(self.engine.submit_all(acts, done)?)
    }

    /// Waits for the next answered batch.
    pub(crate) fn receive(&self) -> Result<Answered, Failure> {
        Ok(self.receive.recv()?)
    }

    /// The next answered batch, if there is one.
    pub(crate) fn try_receive(&self) -> Option<Answered> {
        self.receive.try_recv().ok()
    }

    /// Names and opening stock.
    pub(crate) fn bring_in(&self, stock: &Stock) -> Result<(), Failure> {
        for act in opening::acts(stock) {
            self.submit(vec![act], Instant::now())?;
            for done in self.receive()?.replies? {
                opening::check(&done.outcome)?;
            }
        }
        Ok(())
    }

    /// Every counter of every cell is what `stock` says.
    pub(crate) fn check(&self, stock: &Stock) -> Result<(), Failure> {
        self.each_cell(stock, |number, view| {
            let counters = stock.cells[number as usize];
            if counters.agree_with(&view) {
                return Ok(());
            }
            Err(format!("cell {number}: {counters:?}, not {view:?}").into())
        })
    }

    /// Takes over what the engine shows.
    pub(crate) fn read_into(&self, stock: &mut Stock) -> Result<(), Failure> {
        let mut cells = Vec::with_capacity(stock.cells.len());
        self.each_cell(stock, |_, view| {
            cells.push(Counters::of(&view)?);
            Ok(())
        })?;
        stock.cells = cells;
        Ok(())
    }

    fn each_cell(
        &self,
        stock: &Stock,
        mut visit: impl FnMut(u32, CellView) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut views = Vec::new();
        let numbers: Vec<u32> = (0..stock.cells.len() as u32).collect();
        for some in numbers.chunks(READ_CELLS) {
            let keys: Vec<CellKey> = some.iter().map(|number| stock.key(*number)).collect();
            self.engine.read(&keys, &mut views);
            for (number, view) in some.iter().zip(&views) {
                visit(*number, *view)?;
            }
        }
        Ok(())
    }
}
