//! One placement on its way: plan, hold, and what its outcome means.

use crate::limited::solve_within;
use crate::offers::build;
use crate::placement::{Answer, PlaceAsk, PlaceError, Placement};
use crate::plan::{drafts, plan_of, Draft, Plan};
use crate::supply::EngineSupply;
use crate::world::World;
use bopis_engine::{fingerprint, order_reference, scope, Engine};
use bopis_ledger::{
    Act, CellKey, Command, Line, OrderRef, RequestKey, ReservationState, ReservationView, Terms,
};

/// A placement between two steps.
pub(crate) struct Placing {
    pub(crate) ask: PlaceAsk,
    pub(crate) answer: Answer,
    /// Plans tried so far.
    pub(crate) attempts: u32,
    /// The last plan and what it would hold.
    pub(crate) planned: Option<Planned>,
}

/// A plan and what it holds.
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) lines: Vec<Line>,
}

impl Placing {
    /// Plans under the stock of now.
    pub(crate) fn plan(
        &mut self,
        engine: &Engine,
        world: &World,
        work_limit: u64,
    ) -> Result<&Planned, PlaceError> {
        let ask = &self.ask.ask;
        self.attempts += 1;
        let supply = EngineSupply::new(engine, &world.network, ask);
        let offers = build(world, ask, &supply, true)?;
        let limited = solve_within(&offers.problem, world.policy.rules.nodes_max, work_limit);
        let solution = limited.solution;
        let plan = plan_of(world, ask, &offers, &solution, limited.is_binding);
        debug_assert_eq!(
            plan.terms.total(),
            solution.cost,
            "the card agrees with the kernel"
        );
        let lines = lines_of(world, ask, &drafts(&offers, &solution), &supply)?;
        Ok(self.planned.insert(Planned { plan, lines }))
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
        let result = self.planned.take().map(|planned| Placement {
            plan: planned.plan,
            reservation: None,
            sequence: 0,
            wall_ms: 0,
            attempts,
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
            }),
            _ => Err(PlaceError::ReservationMismatch),
        };
        self.answer.give(result);
    }
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
    ask: &crate::ask::Ask,
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
        for (start_s, seconds) in draft.labor(world) {
            add(supply.labor_cell(draft.node, start_s), seconds)?;
        }
    }
    Ok(lines)
}
