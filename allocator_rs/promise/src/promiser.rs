//! The promiser: a thread that plans orders on published stock and holds them through the engine.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use arc_swap::ArcSwapOption;
use bopis_engine::Engine;
use crossbeam_channel::{bounded, unbounded, Sender, TrySendError};
use parking_lot::{Mutex, RwLock};

use crate::ask::Ask;
use crate::duals::{Duals, LaborPrice, StockPrice};
use crate::network::{Catalog, Item, Network, NodeSpec};
use crate::overlay::{Overlaid, Overlay};
use crate::placement::{Answer, Callback, PlaceAsk, PlaceError, PromiserOptions};
use crate::places::KnownPlaces;
use crate::placing::Placing;
use crate::plan::Plan;
use crate::planner::{Planner, QuoteTerms};
use crate::policy::Policy;
use crate::supply::EngineSupply;
use crate::worker::Worker;
use crate::world::World;

#[derive(Default)]
struct Parts {
    network: Option<(i64, Arc<Network>, Arc<KnownPlaces>)>,
    catalog: Arc<Catalog>,
    policy: Option<Policy>,
    /// Of the last world that was published.
    number: u64,
}

/// Plans and holds orders. Dropping it finishes what was accepted and joins its thread.
pub struct Promiser {
    engine: Engine,
    parts: Mutex<Parts>,
    world: Arc<ArcSwapOption<World>>,
    terms: Arc<ArcSwapOption<QuoteTerms>>,
    duals: Arc<ArcSwapOption<Duals>>,
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
        let duals: Arc<ArcSwapOption<Duals>> = Arc::default();
        let (queue, places) = bounded(options.queue_max);
        let (replies, events) = unbounded();
        let worker = Worker {
            engine: engine.clone(),
            world: Arc::clone(&world),
            duals: Arc::clone(&duals),
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
            terms: Arc::default(),
            duals,
            queue: RwLock::new(Some(queue)),
            worker: Mutex::new(Some(thread)),
            work_limit: options.work_limit,
        })
    }

    /// Replaces the network, unless a later version is loaded. Like the loads of items and of the policy
    /// it gives the number of the world that is planned in from now on; 0: there is none yet.
    pub fn load_network(&self, nodes: Vec<NodeSpec>, version: i64) -> u64 {
        let mut parts = self.parts.lock();
        if parts
            .network
            .as_ref()
            .is_none_or(|(loaded, _, _)| *loaded <= version)
        {
            parts.network = Some((version, Arc::new(Network::new(nodes)), Arc::default()));
        }
        self.publish(&mut parts)
    }

    /// Adds or replaces items.
    pub fn load_items(&self, items: Vec<(String, Item)>) -> u64 {
        let mut parts = self.parts.lock();
        Arc::make_mut(&mut parts.catalog).put(items);
        self.publish(&mut parts)
    }

    /// Names the currency of all prices, unless one is named already.
    pub fn load_currency(&self, currency: &str) {
        let mut parts = self.parts.lock();
        Arc::make_mut(&mut parts.catalog).name_currency(currency);
        self.publish(&mut parts);
    }

    /// Replaces the policy.
    pub fn load_policy(&self, policy: Policy) -> u64 {
        let mut parts = self.parts.lock();
        parts.policy = Some(policy);
        self.publish(&mut parts)
    }

    /// Replaces what quoting needs beside the policy.
    pub fn load_quote_terms(&self, terms: QuoteTerms) {
        self.terms.store(Some(Arc::new(terms)));
    }

    /// Replaces all dual prices at once, unless a later version is loaded. Every order sees one
    /// version.
    pub fn load_duals(&self, version: i64, stock: &[StockPrice], labor: &[LaborPrice]) {
        // The lock keeps two loads in order.
        let _parts = self.parts.lock();
        let loaded = self.duals.load();
        if loaded.as_ref().is_none_or(|known| known.version <= version) {
            let duals = Duals::new(&self.engine, version, stock, labor);
            self.duals.store(Some(Arc::new(duals)));
        }
    }

    /// Plans without holding, from any thread, for as long as the engine lives.
    #[must_use]
    pub fn planner(&self) -> Planner {
        Planner {
            engine: self.engine.clone(),
            world: Arc::clone(&self.world),
            terms: Arc::clone(&self.terms),
            duals: Arc::clone(&self.duals),
            work_limit: self.work_limit,
        }
    }

    fn publish(&self, parts: &mut Parts) -> u64 {
        if let (Some((_, network, places)), Some(policy)) = (&parts.network, &parts.policy) {
            parts.number += 1;
            let (network, catalog) = (Arc::clone(network), Arc::clone(&parts.catalog));
            let mut world = World::new(network, catalog, policy.clone());
            world.number = parts.number;
            world.known_places = Some(Arc::clone(places));
            self.world.store(Some(Arc::new(world)));
        }
        parts.number
    }

    /// Chooses the best plan and holds it. `done` is called exactly once if this returns Ok, on the
    /// promiser's thread: it hands over what it got and returns.
    ///
    /// # Errors
    /// `Overloaded` or `Stopped`; `done` is not called then.
    pub fn place(&self, ask: PlaceAsk, done: Callback) -> Result<(), PlaceError> {
        let queue = self.queue.read();
        let Some(queue) = queue.as_ref() else {
            return Err(PlaceError::Stopped);
        };
        let placing = Box::new(Placing {
            ask,
            answer: Answer(Some(done)),
            attempts: 0,
            planned: None,
            quote_lost: None,
            planned_at: None,
            world_number: 0,
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
    /// Runs on the caller's thread, at most as long as `k` plans that use up the work limit.
    ///
    /// # Errors
    /// `NotLoaded`, `Ask`.
    pub fn plan(&self, ask: &Ask, k: usize) -> Result<Vec<Plan>, PlaceError> {
        self.planner().plan(ask, k)
    }

    /// The same under another policy, or with what the order holds itself as free.
    ///
    /// # Errors
    /// `NotLoaded`, `Ask`.
    pub fn plan_under(
        &self,
        policy: Option<Policy>,
        own: &Overlay,
        ask: &Ask,
        k: usize,
    ) -> Result<Vec<Plan>, PlaceError> {
        let mut world = self.world.load_full().ok_or(PlaceError::NotLoaded)?;
        if let Some(policy) = policy {
            world = Arc::new(world.under(policy));
        }
        let free = EngineSupply::new(&self.engine, &world, ask, self.duals.load_full());
        let supply = Overlaid::new(&free, own, &world.network, ask);
        Ok(world.best_plans(ask, &supply, k, self.work_limit)?)
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
                // It cannot fail: a panic of the worker ends the process.
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
