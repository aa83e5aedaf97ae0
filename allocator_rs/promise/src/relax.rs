//! Lines that nobody does, or that get ready after the promise: what is in the way, and which changes
//! would help. Each change is tried, and the order solved anew.

use std::collections::BTreeSet;

use crate::ask::Method;
use crate::flips::size;
use crate::network::WINDOW_S;
use crate::offers::AskError;
use crate::overlay::{Overlaid, Overlay};
use crate::plan::{Plan, UnfilledReason};
use crate::rejected::{nodes_by_distance, usable_hours};
use crate::what_if::{Case, Change, Weighed, WhatIf};

/// Nodes that more stock or labor is tried at, the nearest ones.
const NODES_MAX: usize = 50;
/// Hours of a node that more labor is tried in, the first ones.
const HOURS_MAX: usize = 12;
/// A promise is tried so many hours later at most.
const LATER_MAX_H: i64 = 168;
/// Seconds that are room for anything.
const PLENTY_S: i64 = 1 << 30;

/// What is in the way of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nothing by now: the best plan of now does it in time.
    Nothing,
    /// No node has it.
    NoStock,
    /// Nodes have it, none of them the whole quantity.
    Quantity,
    /// Nodes that have it and are allowed are not open in time.
    BeyondPromise,
    /// They are, and have no labor left in time.
    Labor,
    /// A rule of the policy, or a planner.
    Rule,
    /// Nodes have it that the method, the distance or the consent leaves out.
    OutOfReach,
    /// The catalog does not know the SKU.
    UnknownSku,
    /// It could be done in time, and costs more than this.
    Cost,
}

/// A line that the plan in force leaves, or does late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// The line.
    pub line_number: i32,
    /// It is done after the promise; else nobody does it.
    pub is_late: bool,
    /// Why.
    pub cause: Cause,
    /// The rule, where that is it; else empty.
    pub rule: String,
    /// What helps, the cheapest plan first.
    pub relaxations: Vec<WhatIf>,
}

/// The lines that the plan in force leaves or does late, and what would help each.
pub(crate) fn lacking(
    case: &Case<'_>,
    chosen: &Weighed,
    best: &Weighed,
    relaxations_max: usize,
) -> Result<Vec<Lacking>, AskError> {
    let mut found = Vec::new();
    for (index, line) in case.ask.lines.iter().enumerate() {
        let promise_ms = case.ask.promise_ms;
        let State::Lacks { is_late } = state(&chosen.plan, line.line_number, promise_ms) else {
            continue;
        };
        let search = Search {
            case,
            best,
            index,
            is_late,
        };
        let (cause, rule) = search.cause()?;
        let mut relaxations = Vec::new();
        if relaxations_max > 0 && !matches!(cause, Cause::Nothing | Cause::UnknownSku) {
            relaxations = search.all()?;
            relaxations.sort_by_key(|one| (one.outcome.total, size(one)));
            relaxations.truncate(relaxations_max);
        }
        found.push(Lacking {
            line_number: line.line_number,
            is_late,
            cause,
            rule,
            relaxations,
        });
    }
    Ok(found)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    InTime,
    Lacks { is_late: bool },
}

fn state(plan: &Plan, line_number: i32, promise_ms: i64) -> State {
    let mut groups = plan.groups.iter();
    match groups.find(|group| group.line_numbers.contains(&line_number)) {
        None => State::Lacks { is_late: false },
        Some(group) if group.ready_s.saturating_mul(1_000) > promise_ms => {
            State::Lacks { is_late: true }
        }
        Some(_) => State::InTime,
    }
}

struct Search<'a> {
    case: &'a Case<'a>,
    best: &'a Weighed,
    index: usize,
    is_late: bool,
}

impl Search<'_> {
    fn line_number(&self) -> i32 {
        let line = self.case.ask.lines.get(self.index);
        line.map_or(0, |line| line.line_number)
    }

    /// Whether a plan mends the line: it is done at all, and in time where it was late.
    fn is_mended(&self, plan: &Plan, promise_ms: i64) -> bool {
        match state(plan, self.line_number(), promise_ms) {
            State::InTime => true,
            State::Lacks { is_late } => is_late && !self.is_late,
        }
    }

    fn cause(&self) -> Result<(Cause, String), AskError> {
        let plain = |cause| Ok((cause, String::new()));
        let number = self.line_number();
        if self.is_mended(&self.best.plan, self.case.ask.promise_ms) {
            return plain(Cause::Nothing);
        }
        let left = self.best.plan.unfilled.iter();
        if let Some(left) = left.into_iter().find(|one| one.line_number == number) {
            return match left.reason {
                UnfilledReason::NoStock => plain(Cause::NoStock),
                UnfilledReason::Quantity => plain(Cause::Quantity),
                UnfilledReason::OutOfReach => plain(Cause::OutOfReach),
                UnfilledReason::UnknownSku => plain(Cause::UnknownSku),
                UnfilledReason::TooCostly => plain(Cause::Cost),
                UnfilledReason::Rule => Ok((Cause::Rule, left.rule.clone())),
                UnfilledReason::NoLabor if self.can_serve(true)?.any => plain(Cause::Labor),
                UnfilledReason::NoLabor => plain(Cause::BeyondPromise),
            };
        }
        if self.can_serve(false)?.in_time {
            return plain(Cause::Cost);
        }
        if self.can_serve(true)?.in_time {
            return plain(Cause::Labor);
        }
        let closed = self.case.ask.closed.first().map(|one| one.rule.clone());
        let mut ask = self.case.ask.clone();
        ask.closed.clear();
        let opened = Search {
            case: &Case {
                ask: &ask,
                ..*self.case
            },
            ..*self
        };
        match closed {
            Some(rule) if opened.can_serve(true)?.in_time => Ok((Cause::Rule, rule)),
            _ => plain(Cause::BeyondPromise),
        }
    }

    /// Whether a node may do the line; with labor left aside, or with what is free.
    fn can_serve(&self, any_labor: bool) -> Result<Served, AskError> {
        let mut overlay = Overlay::default();
        let world = self.case.world;
        for (node, place) in world.network.nodes().iter().enumerate() {
            for start_s in usable_hours(self.case, node) {
                if any_labor {
                    let node_id = place.spec.node_id.clone();
                    overlay.labor.push((node_id, start_s, PLENTY_S));
                }
            }
        }
        let supply = Overlaid::new(self.case.supply, &overlay, &world.network, self.case.ask);
        let offers = Case {
            supply: &supply,
            ..*self.case
        }
        .offers()?;
        let places = offers.problem.facilities().iter().enumerate();
        let mut served = Served::default();
        for (_, place) in places.filter(|(f, _)| offers.problem.serves(*f, self.index)) {
            served.any = true;
            served.in_time |= place.late == 0;
        }
        Ok(served)
    }

    /// Every change that mends the line, of each place and kind the least.
    fn all(&self) -> Result<Vec<WhatIf>, AskError> {
        let mut found = Vec::new();
        for (_, node) in nodes_by_distance(self.case).into_iter().take(NODES_MAX) {
            found.extend(self.more_units(node)?);
            found.extend(self.more_seconds(node)?);
        }
        found.extend(self.later()?);
        for name in self.rules() {
            found.extend(self.mends(vec![Change::Rule { name }])?);
        }
        found.extend(self.other_store()?);
        let consent = self.case.ask.consent;
        if self.case.ask.method == Method::Pickup && !consent.ship_home {
            found.extend(self.mends(vec![Change::ShipHome])?);
        }
        Ok(found)
    }

    fn mends(&self, changes: Vec<Change>) -> Result<Option<WhatIf>, AskError> {
        let Some(outcome) = self.case.under(&changes)? else {
            return Ok(None);
        };
        let later_h = changes.iter().map(|change| match change {
            Change::Promise { hours } => *hours,
            _ => 0,
        });
        let promise_ms = self.case.ask.promise_ms + later_h.sum::<i64>() * WINDOW_S * 1_000;
        let saving = self.best.total - outcome.total;
        let mended = self.is_mended(&outcome.plan, promise_ms);
        Ok(mended.then_some(WhatIf {
            changes,
            outcome,
            saving,
        }))
    }

    fn more_units(&self, node: usize) -> Result<Option<WhatIf>, AskError> {
        let (world, ask) = (self.case.world, self.case.ask);
        let Some((place, line)) = world
            .network
            .nodes()
            .get(node)
            .zip(ask.lines.get(self.index))
        else {
            return Ok(None);
        };
        let have = self.case.supply.units(node, self.index);
        let floors = [Method::Pickup, Method::Ship].map(|method| world.sites.floor(node, method));
        let mut tried = BTreeSet::new();
        for floor in floors {
            let units = line.quantity + floor - have;
            if units > 0 && tried.insert(units) {
                let change = Change::Units {
                    node_id: place.spec.node_id.clone(),
                    sku: line.sku.clone(),
                    units,
                };
                if let Some(one) = self.mends(vec![change])? {
                    return Ok(Some(one));
                }
            }
        }
        Ok(None)
    }

    fn more_seconds(&self, node: usize) -> Result<Option<WhatIf>, AskError> {
        let (world, ask) = (self.case.world, self.case.ask);
        let Some((place, line)) = world
            .network
            .nodes()
            .get(node)
            .zip(ask.lines.get(self.index))
        else {
            return Ok(None);
        };
        if self.case.supply.units(node, self.index) < line.quantity {
            return Ok(None);
        }
        let lines = i64::try_from(ask.lines.len()).unwrap_or(1);
        let mut least: Option<WhatIf> = None;
        for start_s in usable_hours(self.case, node).into_iter().take(HOURS_MAX) {
            let free = self.case.supply.seconds(node, start_s).max(0);
            for count in 1..=lines {
                let seconds = place.line_seconds * count - free;
                if seconds >= least.as_ref().map_or(i64::MAX, size) {
                    break;
                }
                if seconds <= 0 {
                    continue;
                }
                let change = Change::Seconds {
                    node_id: place.spec.node_id.clone(),
                    window_start_s: start_s,
                    seconds,
                };
                if let Some(one) = self.mends(vec![change])? {
                    least = Some(one);
                    break;
                }
            }
        }
        Ok(least)
    }

    /// The least number of hours: doubled until it helps, then halved in between.
    fn later(&self) -> Result<Option<WhatIf>, AskError> {
        let mut not_enough = 0;
        let mut hours = 1;
        while hours <= LATER_MAX_H {
            let mut found = self.mends(vec![Change::Promise { hours }])?;
            if found.is_none() {
                not_enough = hours;
                hours = if hours < LATER_MAX_H {
                    (hours * 2).min(LATER_MAX_H)
                } else {
                    hours + 1
                };
                continue;
            }
            while hours - not_enough > 1 {
                let middle = i64::midpoint(not_enough, hours);
                match self.mends(vec![Change::Promise { hours: middle }])? {
                    Some(one) => (found, hours) = (Some(one), middle),
                    None => not_enough = middle,
                }
            }
            return Ok(found);
        }
        Ok(None)
    }

    /// The names of all rules that might be in the way.
    fn rules(&self) -> BTreeSet<String> {
        let (ask, rules) = (self.case.ask, &self.case.world.policy.rules);
        let mut names: BTreeSet<String> = rules.nodes.iter().map(|one| one.name.clone()).collect();
        names.extend(rules.items.iter().map(|one| one.name.clone()));
        names.extend(ask.closed.iter().map(|one| one.rule.clone()));
        names.extend(rules.nodes_max.map(|_| crate::rules::NODES_MAX.to_owned()));
        names.extend(
            rules
                .ship_km_max
                .map(|_| crate::rules::SHIP_KM_MAX.to_owned()),
        );
        names.extend(ask.pin.as_ref().map(|_| crate::rules::PIN.to_owned()));
        names
    }

    /// The nearest other store that the policy would let the customer go to.
    fn other_store(&self) -> Result<Option<WhatIf>, AskError> {
        let (world, ask) = (self.case.world, self.case.ask);
        if ask.method == Method::Ship || ask.pickup_only_at.is_some() {
            return Ok(None);
        }
        let agreed_m = ask.consent.other_store_km * 1_000;
        for (meters, node) in nodes_by_distance(self.case) {
            let place = world.network.nodes().get(node);
            let is_store = place.is_some_and(|place| place.spec.kind.is_pickup());
            let in_reach = meters <= world.policy.pickup_reach_km * 1_000;
            if is_store && in_reach && meters > agreed_m {
                let km = (meters + 999) / 1_000;
                if let Some(one) = self.mends(vec![Change::OtherStore { km }])? {
                    return Ok(Some(one));
                }
            }
        }
        Ok(None)
    }
}

#[derive(Clone, Copy, Default)]
struct Served {
    any: bool,
    in_time: bool,
}
