//! One order under what might be: a change is laid over the world of now, and the kernel solves anew.
//!
//! | change | is made to |
//! | --- | --- |
//! | units, seconds | the supply ([`Overlay`]) |
//! | price of a node's group | the problem of the kernel |
//! | promise, consent | the ask |
//! | a rule that does not hold | the policy; the ask, where a planner or a limit of a day made it |

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use bopis_sourcing::{Problem, Solution};

use crate::ask::{Ask, Method};
use crate::limited::{solve_within, Limited};
use crate::offers::{build, AskError, Offers};
use crate::overlay::{Overlaid, Overlay};
use crate::plan::{drafts, plan_of, Draft, Plan};
use crate::rules::{Rules, NODES_MAX, PIN, SHIP_KM_MAX};
use crate::supply::Supply;
use crate::world::World;

const HOUR_MS: i64 = 3_600_000;
/// Work units that it takes to read and price one line at one node.
const CELL_WORK: u64 = 20;

/// One thing that might be otherwise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// So many more units of a SKU at a node.
    Units {
        /// The node.
        node_id: String,
        /// The SKU.
        sku: String,
        /// At least 1.
        units: i64,
    },
    /// So many more labor seconds in a node's hour.
    Seconds {
        /// The node.
        node_id: String,
        /// Start of the hour, Unix seconds.
        window_start_s: i64,
        /// At least 1.
        seconds: i64,
    },
    /// A group of the node costs so much less, whatever it does.
    Price {
        /// The node.
        node_id: String,
        /// The method of the group.
        method: Method,
        /// Micro-units, at least 1.
        micro: i64,
    },
    /// The promise is so many hours later.
    Promise {
        /// At least 1.
        hours: i64,
    },
    /// No rule of this name holds.
    Rule {
        /// As unfilled lines call it.
        name: String,
    },
    /// The customer agrees to another store, up to so far away.
    OtherStore {
        /// From the customer.
        km: i64,
    },
    /// The customer agrees to have lines shipped.
    ShipHome,
}

/// A plan and what it was chosen by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weighed {
    /// Who does what, and what it costs by term.
    pub plan: Plan,
    /// What dual prices charge for its units (micro-units).
    pub stock_dual: i64,
    /// The same for its labor.
    pub labor_dual: i64,
    /// What plans are compared by: terms and dual charges, less what a change takes off.
    pub total: i64,
    /// No plan costs less: the kernel's search came to its end.
    pub is_exact: bool,
}

/// What came of changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhatIf {
    /// All of them together.
    pub changes: Vec<Change>,
    /// The best plan then, solved anew.
    pub outcome: Weighed,
    /// What it costs less than the best plan of now; below 0: more.
    pub saving: i64,
}

/// Node, method and lines of each group: plans with the same are the same choice.
pub(crate) type Choice = BTreeSet<(String, Method, Vec<i32>)>;

pub(crate) fn choice(plan: &Plan) -> Choice {
    let groups = plan.groups.iter();
    groups
        .map(|one| (one.node_id.clone(), one.method, one.line_numbers.clone()))
        .collect()
}

/// Work units of one explanation: each solve has its own limit, and all of them one together.
pub(crate) struct Work {
    per_solve: u64,
    left: Cell<u64>,
    stopped: Cell<bool>,
}

impl Work {
    pub(crate) fn new(per_solve: u64, all: u64) -> Self {
        Self {
            per_solve,
            left: Cell::new(all),
            stopped: Cell::new(false),
        }
    }

    /// What one solve may spend.
    pub(crate) fn limit(&self) -> u64 {
        self.per_solve.min(self.left.get())
    }

    pub(crate) fn spend(&self, work: u64) {
        self.left.set(self.left.get().saturating_sub(work));
    }

    /// Whether nothing more is to be begun; whoever asks leaves out something then.
    pub(crate) fn is_spent(&self) -> bool {
        let is_spent = self.left.get() == 0;
        self.stopped.set(self.stopped.get() || is_spent);
        is_spent
    }

    /// Notes a search that was stopped.
    pub(crate) fn note(&self, solution: &Solution) {
        self.stopped.set(self.stopped.get() || !solution.exact);
    }

    /// Whether something was stopped or left out since this was asked last.
    pub(crate) fn was_stopped(&self) -> bool {
        self.stopped.replace(false)
    }
}

/// Work units that it takes to read and price all lines of an ask at all nodes.
pub(crate) fn reading(world: &World, ask: &Ask) -> u64 {
    let cells = world.network.nodes().len() * ask.lines.len();
    let cells = u64::try_from(cells).unwrap_or(u64::MAX);
    cells.saturating_mul(CELL_WORK)
}

/// An order, and the world and supply that it is planned in.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) world: &'a World,
    pub(crate) ask: &'a Ask,
    pub(crate) supply: &'a dyn Supply,
    pub(crate) work: &'a Work,
}

impl Case<'_> {
    pub(crate) fn offers(&self) -> Result<Offers, AskError> {
        self.work.spend(reading(self.world, self.ask));
        build(self.world, self.ask, self.supply, true)
    }

    pub(crate) fn solve(&self, problem: &Problem) -> Limited {
        let nodes_max = self.world.policy.rules.nodes_max;
        let limited = solve_within(problem, nodes_max, self.work.limit());
        self.work.spend(limited.solution.work);
        self.work.note(&limited.solution);
        limited
    }

    pub(crate) fn weigh(&self, offers: &Offers, solution: &Solution, is_limited: bool) -> Weighed {
        let drafts = drafts(offers, solution);
        let (stock_dual, labor_dual) = self.dual_charges(&drafts);
        Weighed {
            plan: plan_of(self.world, self.ask, offers, solution, is_limited),
            stock_dual,
            labor_dual,
            total: solution.cost,
            is_exact: solution.exact,
        }
    }

    /// The plan of a solution, weighed; none: it leaves a line that is promised. Such a plan is never
    /// made, and is no plan to compare with.
    pub(crate) fn kept(
        &self,
        offers: &Offers,
        solution: &Solution,
        is_limited: bool,
    ) -> Option<Weighed> {
        let mut lines = solution.assignment.iter().enumerate();
        let keeps = lines.all(|(line, choice)| choice.is_some() || !self.supply.is_promised(line));
        keeps.then(|| self.weigh(offers, solution, is_limited))
    }

    /// What dual prices charge for units and for labor.
    pub(crate) fn dual_charges(&self, drafts: &[Draft]) -> (i64, i64) {
        let (mut stock, mut labor) = (0_i64, 0_i64);
        for draft in drafts {
            for line in &draft.lines {
                let quantity = self.ask.lines.get(*line).map_or(0, |asked| asked.quantity);
                let price = self.supply.unit_price(draft.node, *line);
                stock = stock.saturating_add(price.saturating_mul(quantity));
            }
            for (node, start_s, seconds) in draft.all_labor(self.world) {
                let price = self.supply.second_price(node, start_s);
                labor = labor.saturating_add(price.saturating_mul(seconds));
            }
        }
        (stock, labor)
    }

    /// The best plan after changes; none: each leaves something promised, or there is no work left.
    pub(crate) fn under(&self, changes: &[Change]) -> Result<Option<Weighed>, AskError> {
        if self.work.is_spent() {
            return Ok(None);
        }
        let changed = Changed::of(self, changes);
        let other;
        let world = if changed.rules == *self.world.policy.rules {
            self.world
        } else {
            let mut policy = self.world.policy.clone();
            policy.rules = Arc::new(changed.rules);
            other = self.world.under(policy);
            &other
        };
        let supply = Overlaid::new(self.supply, &changed.overlay, &world.network, &changed.ask);
        let case = Case {
            world,
            ask: &changed.ask,
            supply: &supply,
            work: self.work,
        };
        let mut offers = case.offers()?;
        for (node_id, method, micro) in changed.cheaper {
            let node = world.network.index(&node_id).unwrap_or(usize::MAX);
            let node = u32::try_from(node).unwrap_or(u32::MAX);
            let pickup = method == Method::Pickup;
            offers.problem = offers.problem.with_cheaper(node, pickup, micro);
        }
        let limited = case.solve(&offers.problem);
        Ok(case.kept(&offers, &limited.solution, limited.is_binding))
    }
}

/// What changes make of a case.
struct Changed {
    ask: Ask,
    rules: Rules,
    overlay: Overlay,
    /// Node, method, micro-units.
    cheaper: Vec<(String, Method, i64)>,
}

impl Changed {
    fn of(case: &Case<'_>, changes: &[Change]) -> Self {
        let mut changed = Self {
            ask: case.ask.clone(),
            rules: (*case.world.policy.rules).clone(),
            overlay: Overlay::default(),
            cheaper: Vec::new(),
        };
        for change in changes {
            changed.make(change.clone());
        }
        changed
    }

    fn make(&mut self, change: Change) {
        let consent = &mut self.ask.consent;
        match change {
            Change::Units {
                node_id,
                sku,
                units,
            } => self.overlay.stock.push((node_id, sku, units)),
            Change::Seconds {
                node_id,
                window_start_s,
                seconds,
            } => self.overlay.labor.push((node_id, window_start_s, seconds)),
            Change::Price {
                node_id,
                method,
                micro,
            } => self.cheaper.push((node_id, method, micro)),
            Change::Promise { hours } => {
                let later_ms = hours.saturating_mul(HOUR_MS);
                self.ask.promise_ms = self.ask.promise_ms.saturating_add(later_ms);
            }
            Change::Rule { name } => self.lift(&name),
            Change::OtherStore { km } => consent.other_store_km = consent.other_store_km.max(km),
            Change::ShipHome => consent.ship_home = true,
        }
    }

    fn lift(&mut self, name: &str) {
        self.rules.nodes.retain(|rule| rule.name != name);
        self.rules.items.retain(|rule| rule.name != name);
        self.ask.closed.retain(|closure| closure.rule != name);
        match name {
            NODES_MAX => self.rules.nodes_max = None,
            SHIP_KM_MAX => self.rules.ship_km_max = None,
            PIN => self.ask.pin = None,
            _ => {}
        }
    }
}
