//! One placement on its way: plan, hold, and what its outcome means.

use bopis_engine::{fingerprint, order_reference, scope, Engine};
use bopis_ledger::{Act, CellKey, Command, Line, OrderRef, RequestKey};
use bopis_sourcing::solve;

use crate::offers::{build, Offers};
use crate::placement::{Answer, PlaceAsk, PlaceError};
use crate::plan::{drafts, plan_of, Draft, Plan};
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
}

/// A plan with the world it was made in.
pub(crate) struct Planned {
    pub(crate) world: std::sync::Arc<World>,
    pub(crate) offers: Offers,
    pub(crate) plan: Plan,
    pub(crate) lines: Vec<Line>,
}

impl Placing {
    /// Plans under the stock of now.
    pub(crate) fn plan(
        &mut self,
        engine: &Engine,
        world: std::sync::Arc<World>,
        work_limit: u64,
    ) -> Result<&Planned, PlaceError> {
        let ask = &self.ask.ask;
        self.attempts += 1;
        let supply = EngineSupply::new(engine, &world.network, ask);
        let offers = build(&world, ask, &supply, true)?;
        let solution = solve(&offers.problem, work_limit);
        let plan = plan_of(&world, ask, &offers, &solution);
        debug_assert_eq!(
            plan.terms.total(),
            solution.cost,
            "the card agrees with the kernel"
        );
        let lines = lines_of(&world, ask, &drafts(&offers, &solution), &supply)?;
        Ok(self.planned.insert(Planned {
            world,
            offers,
            plan,
            lines,
        }))
    }

    /// The act that holds the last plan. Its id follows from the caller's and the number of the
    /// attempt, not from the plan: a caller that crashed and asks again goes through the same ids
    /// and gets the first outcomes, up to the reservation that was made.
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
                lines,
                ttl_ms: self.ask.hold_ttl_ms,
                priority: self.ask.priority,
            }],
        }
    }
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
