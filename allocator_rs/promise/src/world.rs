//! What plans are made in: network, catalog, policy, and what they say of one line.

use std::sync::Arc;

use bopis_sourcing::{per_unit_of, weight_cost, OpportunityTiers, COST_MAX};

use crate::ask::Ask;
use crate::counters::Counters;
use crate::limited::{best_within, solve_within};
use crate::network::{Catalog, Network};
use crate::offers::{build, AskError};
use crate::places::{KnownPlaces, Places};
use crate::plan::{drafts, plan_of, Draft, Plan};
use crate::policy::Policy;
use crate::rules::Sites;
use crate::supply::Supply;

/// What plans are made in: one version of each.
#[derive(Clone, Debug)]
pub struct World {
    /// The nodes.
    pub network: Arc<Network>,
    /// The items.
    pub catalog: Arc<Catalog>,
    /// The rules.
    pub policy: Policy,
    /// What the rules say of the network's nodes.
    pub(crate) sites: Sites,
    /// Which of a promiser's it is, from 1; 0: it is nobody's.
    pub(crate) number: u64,
    /// Where the nodes are in the ledger of its promiser; none: it is nobody's.
    pub(crate) known_places: Option<Arc<KnownPlaces>>,
}

impl World {
    /// A world of these three.
    #[must_use]
    pub fn new(network: Arc<Network>, catalog: Arc<Catalog>, policy: Policy) -> Self {
        Self {
            sites: Sites::of(&policy.rules, &network),
            network,
            catalog,
            policy,
            number: 0,
            known_places: None,
        }
    }

    /// The same nodes and items under another policy.
    pub(crate) fn under(&self, policy: Policy) -> Self {
        let (network, catalog) = (Arc::clone(&self.network), Arc::clone(&self.catalog));
        Self {
            known_places: self.known_places.clone(),
            ..Self::new(network, catalog, policy)
        }
    }

    /// Where the nodes are in a ledger: that of its promiser, if it has one.
    pub(crate) fn places(&self, counters: &dyn Counters) -> Arc<Places> {
        match &self.known_places {
            Some(known) => known.of(counters, &self.network),
            None => Arc::new(Places::of(counters, &self.network)),
        }
    }

    /// The best `k` plans (at least one) of an ask on a supply, cheapest first.
    ///
    /// # Errors
    /// [`AskError`] for an ask outside its limits.
    pub fn best_plans(
        &self,
        ask: &Ask,
        supply: &dyn Supply,
        k: usize,
        work_limit: u64,
    ) -> Result<Vec<Plan>, AskError> {
        let offers = build(self, ask, supply, true)?;
        let nodes_max = self.policy.rules.nodes_max;
        let (solutions, is_binding) = best_within(&offers.problem, nodes_max, k.max(1), work_limit);
        Ok(solutions
            .iter()
            .map(|solution| plan_of(self, ask, &offers, solution, is_binding))
            .collect())
    }

    /// The best plan, its groups in indices, and the kernel's cost of it: all terms and dual charges.
    pub(crate) fn best(
        &self,
        ask: &Ask,
        supply: &dyn Supply,
        work_limit: u64,
    ) -> Result<(Plan, Vec<Draft>, i64), AskError> {
        let offers = build(self, ask, supply, true)?;
        let limited = solve_within(&offers.problem, self.policy.rules.nodes_max, work_limit);
        let solution = limited.solution;
        let plan = plan_of(self, ask, &offers, &solution, limited.is_binding);
        Ok((plan, drafts(&offers, &solution), solution.cost))
    }
}

/// Weight of a line in grams.
pub(crate) fn line_grams(world: &World, ask: &Ask, line: usize) -> i64 {
    let Some(line) = ask.lines.get(line) else {
        return 0;
    };
    let known = world.catalog.get(&line.sku).map_or(0, |item| item.weight_g);
    let unit = if known > 0 {
        known
    } else {
        world.policy.unit_weight_g
    };
    per_unit_of(unit, line.quantity)
}

/// What shipping a line's weight costs.
pub(crate) fn ship_kg_cost(world: &World, ask: &Ask, line: usize) -> i64 {
    weight_cost(
        world.policy.card.ship_kg_micro,
        line_grams(world, ask, line),
    )
    .min(COST_MAX / 4)
}

/// The tiers of a line's SKU, the same for all lines that name it: of its catalog price, else of the
/// dearest price that the order names for it.
pub(crate) fn line_tiers(world: &World, ask: &Ask, line: usize) -> OpportunityTiers {
    let Some(line) = ask.lines.get(line) else {
        return OpportunityTiers::default();
    };
    let listed = world
        .catalog
        .get(&line.sku)
        .map_or(0, |item| item.unit_price_micro);
    if listed > 0 {
        return world.policy.tiers(listed);
    }
    let same = ask.lines.iter().filter(|other| other.sku == line.sku);
    let ordered = same.map(|other| other.unit_price_micro).max();
    world.policy.tiers(ordered.unwrap_or(0))
}
