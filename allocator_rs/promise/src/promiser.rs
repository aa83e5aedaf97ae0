//! The promiser: a thread that plans orders on published stock and holds them through the engine.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use arc_swap::ArcSwapOption;
use bopis_engine::{Done, Engine, Reply, ReservationReply, SubmitError};
use bopis_ledger::{ActOutcome, Line, Outcome, Refusal, ReservationId, ReservationView};
use crossbeam_channel::{bounded, never, select, unbounded, Receiver, Sender, TrySendError};
use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};

use crate::adopt::plan_of_reservation;
use crate::ask::Ask;
use crate::network::{Catalog, Item, Network, NodeSpec};
use crate::offers::{build, AskError, World};
use crate::placing::{Placing, Planned};
use crate::plan::Plan;
use crate::policy::Policy;
use crate::supply::EngineSupply;

/// Most plans tried for one order before a lost race is given up.
pub const PLACE_ATTEMPTS_MAX: u32 = 16;

/// The caller's request id: the hold's own ids are derived from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(pub u128);

/// Settings of a promiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PromiserOptions {
    /// Placements that wait at most; more are refused as overload.
    pub queue_max: usize,
    /// Holds on their way to the disk at most; further placements wait.
    pub in_flight_max: usize,
    /// Work units of the kernel for one plan.
    pub work_limit: u64,
}

impl Default for PromiserOptions {
    fn default() -> Self {
        Self {
            queue_max: 4_096,
            in_flight_max: 256,
            work_limit: 20_000,
        }
    }
}

/// An ask whose best plan shall be held.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceAsk {
    /// What is to be sourced.
    pub ask: Ask,
    /// The reservation that will hold all groups' stock and labor.
    pub reservation_id: ReservationId,
    /// The caller's: the same again finds the reservation that the first made.
    pub request_id: RequestId,
    /// How long the hold lasts.
    pub hold_ttl_ms: i64,
    /// Larger is more important.
    pub priority: u8,
}

/// A placed ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The plan.
    pub plan: Plan,
    /// What holds it (deadline included); none if the plan has no group.
    pub reservation: Option<ReservationView>,
    /// Where the hold stands in the journal; 0 if nothing is held.
    pub sequence: u64,
    /// Wall time of the hold, Unix ms; 0 if nothing is held.
    pub wall_ms: i64,
    /// Plans tried: more than one means that a race was lost on the way.
    pub attempts: u32,
}

/// Why an ask was not placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Network or policy were not loaded.
    #[error("network and policy are not loaded yet")]
    NotLoaded,
    /// The ask breaks a limit.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// A queue is full: try again later.
    #[error("the queue is full")]
    Overloaded,
    /// The disk is full: no holds for now.
    #[error("the disk is full")]
    DiskFull,
    /// No room for another request id.
    #[error("the request window is full")]
    RequestWindowFull,
    /// The request id was used for another reservation.
    #[error("the request id was used for something else")]
    RequestIdReused,
    /// Every plan lost its race.
    #[error("{PLACE_ATTEMPTS_MAX} plans lost their race")]
    Contended,
    /// The reservation id is in use for something else.
    #[error("the reservation holds something else")]
    ReservationMismatch,
    /// The ledger refused the hold (a bug of the caller: ttl or reservation id).
    #[error("the hold was refused: {0:?}")]
    Refused(Refusal),
    /// A name vanished between plan and hold (it cannot: names are never taken back).
    #[error("a node or item has no name in the ledger")]
    UnknownName,
    /// The engine or the promiser stopped; whether the hold took effect is unknown.
    #[error("stopped")]
    Stopped,
}

impl From<SubmitError> for PlaceError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Overloaded => Self::Overloaded,
            SubmitError::DiskFull => Self::DiskFull,
            SubmitError::TooLarge => Self::Ask(AskError::Lines),
            SubmitError::Stopped => Self::Stopped,
        }
    }
}

type Callback = Box<dyn FnOnce(Result<Placement, PlaceError>) + Send>;

/// A callback that hears `Stopped` when it is dropped unanswered.
pub(crate) struct Answer(Option<Callback>);

impl Answer {
    fn give(mut self, result: Result<Placement, PlaceError>) {
        if let Some(done) = self.0.take() {
            done(result);
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            done(Err(PlaceError::Stopped));
        }
    }
}

/// What comes back from the engine.
enum Event {
    Held(Box<Placing>, Reply),
    Found(Box<Placing>, ReservationReply),
}

#[derive(Default)]
struct Parts {
    network: Option<(i64, Arc<Network>)>,
    catalog: Arc<Catalog>,
    policy: Option<Policy>,
}

/// Plans and holds orders. Dropping it finishes what was accepted and joins its thread.
pub struct Promiser {
    engine: Engine,
    parts: Mutex<Parts>,
    world: Arc<ArcSwapOption<World>>,
    /// None once it is stopped.
    queue: RwLock<Option<Sender<Box<Placing>>>>,
    worker: Mutex<Option<JoinHandle<()>>>,
    work_limit: u64,
}

impl Promiser {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(engine: Engine, options: PromiserOptions) -> std::io::Result<Self> {
        let world: Arc<ArcSwapOption<World>> = Arc::default();
        let (queue, places) = bounded(options.queue_max);
        let (replies, events) = unbounded();
        let worker = Worker {
            engine: engine.clone(),
            world: Arc::clone(&world),
            replies,
            in_flight: 0,
            options,
        };
        let thread = thread::Builder::new()
            .name("promiser".to_owned())
            .spawn(move || worker.run(&places, &events))?;
        Ok(Self {
            engine,
            parts: Mutex::default(),
            world,
            queue: RwLock::new(Some(queue)),
            worker: Mutex::new(Some(thread)),
            work_limit: options.work_limit,
        })
    }

    /// Replaces the network, unless a later version is loaded.
    pub fn load_network(&self, nodes: Vec<NodeSpec>, version: i64) {
        let mut parts = self.parts.lock();
        if parts
            .network
            .as_ref()
            .is_none_or(|(loaded, _)| *loaded <= version)
        {
            parts.network = Some((version, Arc::new(Network::new(nodes))));
        }
        self.publish(&parts);
    }

    /// Adds or replaces items.
    pub fn load_items(&self, items: Vec<(String, Item)>) {
        let mut parts = self.parts.lock();
        Arc::make_mut(&mut parts.catalog).put(items);
        self.publish(&parts);
    }

    /// Replaces the policy.
    pub fn load_policy(&self, policy: Policy) {
        let mut parts = self.parts.lock();
        parts.policy = Some(policy);
        self.publish(&parts);
    }

    fn publish(&self, parts: &Parts) {
        if let (Some((_, network)), Some(policy)) = (&parts.network, parts.policy) {
            self.world.store(Some(Arc::new(World {
                network: Arc::clone(network),
                catalog: Arc::clone(&parts.catalog),
                policy,
            })));
        }
    }

    /// Chooses the best plan and holds it. `done` is called exactly once if this returns Ok, on the
    /// promiser's thread: it hands over what it got and returns.
    ///
    /// # Errors
    /// `Overloaded` or `Stopped`; `done` is not called then.
    pub fn place(
        &self,
        ask: PlaceAsk,
        done: Box<dyn FnOnce(Result<Placement, PlaceError>) + Send>,
    ) -> Result<(), PlaceError> {
        let queue = self.queue.read();
        let Some(queue) = queue.as_ref() else {
            return Err(PlaceError::Stopped);
        };
        let placing = Box::new(Placing {
            ask,
            answer: Answer(Some(done)),
            attempts: 0,
            caps: HashMap::new(),
            planned: None,
        });
        let (mut refused, error) = match queue.try_send(placing) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Full(placing)) => (placing, PlaceError::Overloaded),
            Err(TrySendError::Disconnected(placing)) => (placing, PlaceError::Stopped),
        };
        refused.answer.0 = None;
        Err(error)
    }

    /// The best `k` plans (at least one) under the stock of now, cheapest first; holds nothing.
    /// Runs on the caller's thread, about as long as `8 k` plans take.
    ///
    /// # Errors
    /// `NotLoaded`, `Ask`.
    pub fn plan(&self, ask: &Ask, k: usize) -> Result<Vec<Plan>, PlaceError> {
        let world = self.world.load_full().ok_or(PlaceError::NotLoaded)?;
        let caps = HashMap::new();
        let supply = EngineSupply::new(&self.engine, &world.network, ask, &caps);
        Ok(world.best_plans(ask, &supply, k, self.work_limit)?)
    }

    /// The plan that a reservation holds for this ask.
    ///
    /// # Errors
    /// `NotLoaded`, `Ask`, `ReservationMismatch`.
    pub fn adopt(&self, ask: &Ask, view: &ReservationView) -> Result<Plan, PlaceError> {
        let world = self.world.load_full().ok_or(PlaceError::NotLoaded)?;
        let caps = HashMap::new();
        let supply = EngineSupply::new(&self.engine, &world.network, ask, &caps);
        let offers = build(&world, ask, &supply, true)?;
        plan_of_reservation(&self.engine, &world, ask, &offers, view)
            .ok_or(PlaceError::ReservationMismatch)
    }

    /// Placements that wait for the promiser's thread.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.read().as_ref().map_or(0, Sender::len)
    }

    /// Finishes what was accepted and joins the thread. Later placements are refused.
    pub fn stop(&self) {
        *self.queue.write() = None;
        if let Some(worker) = self.worker.lock().take() {
            if worker.thread().id() != thread::current().id() {
                // A panic of the worker was printed when it happened; there is nobody to tell here.
                let _ = worker.join();
            }
        }
    }
}

impl Drop for Promiser {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Worker {
    engine: Engine,
    world: Arc<ArcSwapOption<World>>,
    replies: Sender<Event>,
    in_flight: usize,
    options: PromiserOptions,
}

impl Worker {
    fn run(mut self, places: &Receiver<Box<Placing>>, events: &Receiver<Event>) {
        let nothing = never();
        let mut open = true;
        while open || self.in_flight > 0 {
            // Answers first: they release stock knowledge and callers.
            if let Ok(event) = events.try_recv() {
                self.answered(event);
                continue;
            }
            let accept = open && self.in_flight < self.options.in_flight_max;
            let places = if accept { places } else { &nothing };
            select! {
                recv(events) -> event => if let Ok(event) = event { self.answered(event) },
                recv(places) -> placing => match placing {
                    Ok(placing) => self.step(placing),
                    Err(_) => open = false,
                },
            }
        }
    }

    /// Plans and sends the hold.
    fn step(&mut self, mut placing: Box<Placing>) {
        let Some(world) = self.world.load_full() else {
            return placing.answer.give(Err(PlaceError::NotLoaded));
        };
        let lines = match placing.plan(&self.engine, world, self.options.work_limit) {
            Ok(planned) => planned.lines.clone(),
            Err(error) => return placing.answer.give(Err(error)),
        };
        let replies = self.replies.clone();
        // Shared with the callback, so that a refused submission can still be answered here.
        let slot = Arc::new(Mutex::new(Some(placing)));
        let theirs = Arc::clone(&slot);
        let sent = if lines.is_empty() {
            // Nothing to hold: unless an earlier try of this request holds the last units itself.
            let reservation_id = slot
                .lock()
                .as_ref()
                .map(|placing| placing.ask.reservation_id);
            let found = move |reply| deliver(&theirs, &replies, |p| Event::Found(p, reply));
            match reservation_id {
                Some(id) => self.engine.reservation(id, Box::new(found)),
                None => return,
            }
        } else {
            let Some(act) = slot.lock().as_ref().map(|placing| placing.hold(lines)) else {
                return;
            };
            let held = move |reply| deliver(&theirs, &replies, |p| Event::Held(p, reply));
            self.engine.submit(act, Box::new(held))
        };
        let Err(error) = sent else {
            self.in_flight += 1;
            return;
        };
        let refused = slot.lock().take();
        if let Some(placing) = refused {
            placing.answer.give(Err(error.into()));
        }
    }

    fn answered(&mut self, event: Event) {
        self.in_flight -= 1;
        match event {
            Event::Held(placing, Ok(done)) => self.held(placing, done),
            Event::Found(placing, Ok((view, position))) => {
                self.found(*placing, view, position.sequence);
            }
            Event::Held(placing, Err(_)) | Event::Found(placing, Err(_)) => {
                placing.answer.give(Err(PlaceError::Stopped));
            }
        }
    }

    fn held(&mut self, mut placing: Box<Placing>, done: Done) {
        let outcomes = match done.outcome {
            ActOutcome::Done(outcomes) => outcomes,
            ActOutcome::RequestIdReused => {
                return placing.answer.give(Err(PlaceError::RequestIdReused));
            }
            ActOutcome::RequestWindowFull => {
                return placing.answer.give(Err(PlaceError::RequestWindowFull));
            }
        };
        match outcomes.into_iter().next() {
            Some(Outcome::Reservation(view)) => {
                let result = self.placement(&mut placing, view, done.sequence, done.wall_ms);
                placing.answer.give(result);
            }
            Some(Outcome::Insufficient(shortages)) => {
                if placing.attempts >= PLACE_ATTEMPTS_MAX {
                    return placing.answer.give(Err(PlaceError::Contended));
                }
                placing.learn(&shortages);
                self.step(placing);
            }
            Some(Outcome::Refused(refusal)) => {
                placing.answer.give(Err(PlaceError::Refused(refusal)));
            }
            _ => placing.answer.give(Err(PlaceError::ReservationMismatch)),
        }
    }

    fn found(&self, mut placing: Placing, view: Option<ReservationView>, sequence: u64) {
        let result = match view {
            Some(view) => self.placement(&mut placing, view, sequence, self.engine.wall_ms()),
            None => match placing.planned.take() {
                Some(planned) => Ok(Placement {
                    plan: planned.plan,
                    reservation: None,
                    sequence: 0,
                    wall_ms: 0,
                    attempts: placing.attempts,
                }),
                None => Err(PlaceError::Stopped),
            },
        };
        placing.answer.give(result);
    }

    /// The placement that a reservation stands for: the plan just made if it holds exactly that,
    /// else the plan of an earlier try.
    fn placement(
        &self,
        placing: &mut Placing,
        view: ReservationView,
        sequence: u64,
        wall_ms: i64,
    ) -> Result<Placement, PlaceError> {
        let Planned {
            world,
            offers,
            plan,
            lines,
        } = placing.planned.take().ok_or(PlaceError::Stopped)?;
        let plan = if same_lines(&view.lines, &lines) {
            plan
        } else {
            plan_of_reservation(&self.engine, &world, &placing.ask.ask, &offers, &view)
                .ok_or(PlaceError::ReservationMismatch)?
        };
        let attempts = placing.attempts;
        Ok(Placement {
            plan,
            reservation: Some(view),
            sequence,
            wall_ms,
            attempts,
        })
    }
}

/// Hands a placement and its reply to the worker, from the engine's writer thread.
fn deliver(
    slot: &Mutex<Option<Box<Placing>>>,
    replies: &Sender<Event>,
    event: impl FnOnce(Box<Placing>) -> Event,
) {
    if let Some(placing) = slot.lock().take() {
        // The worker lives for as long as anything is in flight.
        let _ = replies.send(event(placing));
    }
}

fn same_lines(held: &[Line], planned: &[Line]) -> bool {
    let sorted = |lines: &[Line]| {
        let mut pairs: Vec<_> = lines
            .iter()
            .map(|line| (line.cell, line.quantity))
            .collect();
        pairs.sort_unstable();
        pairs
    };
    sorted(held) == sorted(planned)
}
