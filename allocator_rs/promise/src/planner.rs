//! What plans without holding anything: on the caller's thread, for as long as the engine lives.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bopis_engine::Engine;

use crate::ask::Ask;
use crate::duals::Duals;
use crate::placement::PlaceError;
use crate::plan::Plan;
use crate::supply::EngineSupply;
use crate::world::World;

/// What quoting needs beside the policy that prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuoteTerms {
    /// Names the policy.
    pub policy_version: String,
    /// The promise of who names no time: ready within this.
    pub promise_ms: i64,
    /// How long a quote is taken.
    pub quote_ttl_ms: i64,
}

/// Network, catalog, policy and dual prices as the promiser holds them.
#[derive(Clone)]
pub struct Planner {
    pub(crate) engine: Engine,
    pub(crate) world: Arc<ArcSwapOption<World>>,
    pub(crate) terms: Arc<ArcSwapOption<QuoteTerms>>,
    pub(crate) duals: Arc<ArcSwapOption<Duals>>,
    pub(crate) work_limit: u64,
}

impl Planner {
    /// See [`crate::Promiser::plan`].
    ///
    /// # Errors
    /// `NotLoaded`, `Ask`.
    pub fn plan(&self, ask: &Ask, k: usize) -> Result<Vec<Plan>, PlaceError> {
        let world = self.world.load_full().ok_or(PlaceError::NotLoaded)?;
        let supply = EngineSupply::new(&self.engine, &world, ask, self.duals.load_full());
        Ok(world.best_plans(ask, &supply, k, self.work_limit)?)
    }
}
