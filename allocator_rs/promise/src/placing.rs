//! One placement on its way: plan, hold, and what its outcome means.

use std::sync::Arc;

use bopis_engine::{fingerprint, order_reference, scope, Engine};
use bopis_ledger::{
    Act, CellKey, Command, Line, OrderRef, RequestKey, ReservationState, ReservationView, Terms,
};

use crate::ask::Ask;
use crate::counters::{at_one_record, Counters};
use crate::duals::{DualCharges, DualRow, Duals};
use crate::placement::{Answer, PlaceAsk, PlaceError, Placement};
use crate::plan::{Draft, Plan};
use crate::quote::{quoted, QuoteAsk, QuoteLost};
use crate::supply::EngineSupply;
use crate::world::World;

/// A placement between two steps.
pub(crate) struct Placing {
    pub(crate) ask: PlaceAsk,
    pub(crate) answer: Answer,
    /// Plans tried so far.
    pub(crate) attempts: u32,
    /// The last plan and what it would hold.
    pub(crate) planned: Option<Planned>,
    /// Set once the quote cannot be kept.
    pub(crate) quote_lost: Option<QuoteLost>,
    /// As of which record the last plan was made.
    pub(crate) planned_at: Option<u64>,
    /// In which world.
    pub(crate) world_number: u64,
}

/// A plan and what it holds.
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) lines: Vec<Line>,
    pub(crate) charges: Option<DualCharges>,
    pub(crate) rows: Vec<DualRow>,
}

impl Placing {
    /// Plans under the stock and the dual prices of now: what was quoted while that is possible.
    pub(crate) fn plan(
        &mut self,
        engine: &Engine,
        world: &World,
        duals: Option<Arc<Duals>>,
        work_limit: u64,
    ) -> Result<&Planned, PlaceError> {
        self.attempts += 1;
        let ask = &self.ask.ask;
        let quote = (self.ask.quote.as_ref(), self.quote_lost.as_ref());
        let (made, planned_at) = at_one_record(engine, |counters| {
            make(world, ask, quote, (counters, duals.clone()), work_limit)
        });
        let (planned, lost) = made?;
        self.quote_lost = lost;
        self.planned_at = planned_at;
        self.world_number = world.number;
        Ok(self.planned.insert(planned))
    }

    /// The act that holds the last plan. Its id follows from the caller's and the number of the
    /// attempt: each attempt is one act.
    pub(crate) fn hold(&self, lines: Vec<Line>) -> Act {
        let name = format!("{:032x}/hold/{}", self.ask.request_id.0, self.attempts);
        let body = format!("{:032x}", self.ask.reservation_id.0);
        Act {
            request: RequestKey {
                scope: scope::INTERNAL,
                id: order_reference(&name),
            },
            fingerprint: fingerprint(body.as_bytes()),
            commands: vec![Command::Hold {
                reservation: self.ask.reservation_id,
                order: OrderRef(order_reference(&self.ask.ask.order_id)),
                lines: lines.into(),
                ttl_ms: self.ask.hold_ttl_ms,
                priority: self.ask.priority,
                terms: Terms::default(),
            }],
        }
    }

    /// The plan fills nothing.
    pub(crate) fn answer_without_hold(mut self) {
        let attempts = self.attempts;
        let quote_lost = self.quote_lost.take();
        let (planned_at, world_number) = (self.planned_at, self.world_number);
        let result = self.planned.take().map(|planned| Placement {
            plan: planned.plan,
            reservation: None,
            sequence: 0,
            wall_ms: 0,
            attempts,
            duals: planned.charges,
            dual_rows: planned.rows,
            quote_lost,
            planned_at,
            world_number,
        });
        self.answer.give(result.ok_or(PlaceError::Stopped));
    }

    /// The ledger holds the plan, unless the reservation's id was in use for something else.
    pub(crate) fn answer_with(mut self, view: ReservationView, sequence: u64, wall_ms: i64) {
        let attempts = self.attempts;
        let result = match self.planned.take() {
            Some(planned) if holds(&view, &planned.lines) => Ok(Placement {
                plan: planned.plan,
                reservation: Some(view),
                sequence,
                wall_ms,
                attempts,
                duals: planned.charges,
                dual_rows: planned.rows,
                quote_lost: self.quote_lost.take(),
                planned_at: self.planned_at,
                world_number: self.world_number,
            }),
            _ => Err(PlaceError::ReservationMismatch),
        };
        self.answer.give(result);
    }
}

/// The plan under some counters and dual prices: what was quoted, if that is possible, else (unless it
/// must be kept) the kernel's choice, with why not. A quote that was lost before stays lost: it is not
/// tried again.
pub(crate) fn make(
    world: &World,
    ask: &Ask,
    (quote, lost): (Option<&QuoteAsk>, Option<&QuoteLost>),
    (counters, duals): (&dyn Counters, Option<Arc<Duals>>),
    work_limit: u64,
) -> Result<(Planned, Option<QuoteLost>), PlaceError> {
    let supply = EngineSupply::new(counters, world, ask, duals);
    let tried = quote.filter(|_| lost.is_none());
    let (kept, lost) = match tried.map(|quote| quoted(world, ask, quote, &supply)) {
        Some(Ok(kept)) => (Some(kept), None),
        Some(Err(lost)) => (None, Some(lost)),
        None => (None, lost.cloned()),
    };
    let is_required = lost.is_some() && quote.is_some_and(|quote| quote.required);
    let (plan, drafts) = match kept {
        Some(kept) => kept,
        None if is_required => (Plan::default(), Vec::new()),
        None => best(world, ask, &supply, work_limit)?,
    };
    let planned = Planned {
        lines: lines_of(world, ask, &drafts, &supply)?,
        charges: supply.charges(world, ask, &drafts),
        rows: supply.rows(world, ask, &drafts),
        plan,
    };
    Ok((planned, lost))
}

/// The kernel's choice.
fn best(
    world: &World,
    ask: &Ask,
    supply: &EngineSupply<'_>,
    work_limit: u64,
) -> Result<(Plan, Vec<Draft>), PlaceError> {
    let (plan, drafts, cost) = world.best(ask, supply, work_limit)?;
    let charges = supply.charges(world, ask, &drafts);
    debug_assert_eq!(
        plan.terms.total() + charges.map_or(0, |charges| charges.total()),
        cost,
        "the card agrees with the kernel"
    );
    Ok((plan, drafts))
}

fn holds(view: &ReservationView, planned: &[Line]) -> bool {
    let sorted = |lines: &[Line]| {
        let mut pairs: Vec<_> = lines.iter().map(|one| (one.cell, one.quantity)).collect();
        pairs.sort_unstable();
        pairs
    };
    view.state == ReservationState::Held && sorted(&view.lines) == sorted(planned)
}

/// Stock and labor of all groups, one line per cell, stock first.
fn lines_of(
    world: &World,
    ask: &Ask,
    drafts: &[Draft],
    supply: &EngineSupply<'_>,
) -> Result<Vec<Line>, PlaceError> {
    let mut lines: Vec<Line> = Vec::new();
    let mut add = |cell: Option<CellKey>, quantity: i64| -> Result<(), PlaceError> {
        let cell = cell.ok_or(PlaceError::UnknownName)?;
        match lines.iter_mut().find(|line| line.cell == cell) {
            Some(line) => line.quantity += quantity,
            None => lines.push(Line { cell, quantity }),
        }
        Ok(())
    };
    for draft in drafts {
        for line in &draft.lines {
            let quantity = ask.lines.get(*line).map_or(0, |asked| asked.quantity);
            add(supply.sku_cell(draft.node, *line), quantity)?;
        }
    }
    for draft in drafts {
        for (node, start_s, seconds) in draft.all_labor(world) {
            add(supply.labor_cell(node, start_s), seconds)?;
        }
    }
    Ok(lines)
}
