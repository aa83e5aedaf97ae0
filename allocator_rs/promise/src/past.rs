//! A choice made again on the ledger as it was, by the code that made it.

use std::sync::Arc;

use bopis_engine::Past;
use bopis_sourcing::WORK_LIMIT;

use crate::ask::Ask;
use crate::duals::{DualCharges, Duals, LaborPrice, StockPrice};
use crate::network::{Catalog, Item, Network, NodeSpec};
use crate::placement::PlaceError;
use crate::placing::make;
use crate::plan::Plan;
use crate::policy::Policy;
use crate::quote::{QuoteAsk, QuoteLost};
use crate::world::World;

/// What a choice was made of, beside the counters.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Nodes and windows.
    pub nodes: Vec<NodeSpec>,
    /// The ask's items.
    pub items: Vec<(String, Item)>,
    /// The policy.
    pub policy: Policy,
    /// Version and prices; none: there were none.
    pub duals: Option<(i64, Vec<StockPrice>, Vec<LaborPrice>)>,
    /// What was asked.
    pub ask: Ask,
    /// With which quote.
    pub quote: Option<QuoteAsk>,
    /// Why that was not kept, as it was recorded: in an earlier try of the placement, it may be.
    pub quote_lost: Option<QuoteLost>,
}

/// What was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The plan.
    pub plan: Plan,
    /// What dual prices charged.
    pub duals: Option<DualCharges>,
    /// Why the quote was not kept.
    pub quote_lost: Option<QuoteLost>,
}

/// Chooses again.
///
/// # Errors
/// `Ask`, `UnknownName`.
pub fn decide_again(past: &Past, decision: Decision) -> Result<Decided, PlaceError> {
    let mut catalog = Catalog::default();
    catalog.put(decision.items);
    let network = Arc::new(Network::new(decision.nodes));
    let world = World::new(network, Arc::new(catalog), decision.policy);
    let priced = decision.duals.as_ref();
    let duals = priced.map(|(version, stock, labor)| {
        let duals = Duals::new(past, *version, stock, labor);
        Arc::new(duals)
    });
    let quote = (decision.quote.as_ref(), decision.quote_lost.as_ref());
    let made = make(&world, &decision.ask, quote, (past, duals), WORK_LIMIT)?;
    let (planned, quote_lost) = made;
    Ok(Decided {
        plan: planned.plan,
        duals: planned.charges,
        quote_lost,
    })
}
