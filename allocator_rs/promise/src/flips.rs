//! The least change of stock, labor or price that makes another plan the best: each is tried, and the
//! order solved anew.

use std::collections::BTreeMap;

use bopis_sourcing::cheapest_at;

use crate::ask::Method;
use crate::eligible::Leg;
use crate::offers::{AskError, Offers};
use crate::rejected::{nodes_by_distance, usable_hours};
use crate::what_if::{choice, Case, Change, Weighed, WhatIf};

/// Beyond so many units more than a line takes, no unit is one of the last.
const LAST_UNITS: i64 = 3;
/// Seconds that are room for anything.
const PLENTY_S: i64 = 1 << 30;

/// What makes another plan the best, of each kind the least changes first. Nodes that the best plan
/// uses already are left out.
pub(crate) fn flips(
    case: &Case<'_>,
    offers: &Offers,
    best: &Weighed,
    flips_max: usize,
) -> Result<Vec<WhatIf>, AskError> {
    if flips_max == 0 {
        return Ok(Vec::new());
    }
    let search = Search { case, offers, best };
    let groups = &best.plan.groups;
    let (mut units, mut seconds, mut prices) = (Vec::new(), Vec::new(), Vec::new());
    for (_, node) in nodes_by_distance(case) {
        let node_id = crate::plan::node_id(case.world, node);
        if groups.iter().any(|group| group.node_id == node_id) {
            continue;
        }
        let ways = offers.eligible.allowed.iter().filter(|way| way.0 == node);
        let ways: Vec<(Method, Leg)> = ways.map(|way| (way.1, way.2)).collect();
        if ways.is_empty() {
            continue;
        }
        units.extend(search.by_units(node, &node_id, &ways)?);
        seconds.extend(search.by_seconds(node, &node_id)?);
        prices.extend(search.by_price(node, &node_id, &ways)?);
    }
    let mut found = Vec::new();
    for mut kind in [units, seconds, prices] {
        kind.sort_by_key(|one| (size(one), -one.saving));
        found.extend(kind.into_iter().take(flips_max));
    }
    Ok(found)
}

/// How much is changed, in the change's own unit.
pub(crate) fn size(one: &WhatIf) -> i64 {
    let sizes = one.changes.iter().map(|change| match change {
        Change::Units { units, .. } => *units,
        Change::Seconds { seconds, .. } => *seconds,
        Change::Price { micro, .. } => *micro,
        Change::Promise { hours } => *hours,
        Change::OtherStore { km } => *km,
        Change::Rule { .. } | Change::ShipHome => 1,
    });
    sizes.sum()
}

struct Search<'a> {
    case: &'a Case<'a>,
    offers: &'a Offers,
    best: &'a Weighed,
}

impl Search<'_> {
    /// Solves under changes; none: the decision stays as it is, or there is no work left.
    fn flip(&self, changes: Vec<Change>) -> Result<Option<WhatIf>, AskError> {
        let Some(outcome) = self.case.under(&changes)? else {
            return Ok(None);
        };
        let saving = self.best.total - outcome.total;
        let flips = saving > 0 && choice(&outcome.plan) != choice(&self.best.plan);
        Ok(flips.then_some(WhatIf {
            changes,
            outcome,
            saving,
        }))
    }

    /// More units of one SKU; where that is not enough, of all that the order lacks there.
    fn by_units(
        &self,
        node: usize,
        node_id: &str,
        ways: &[(Method, Leg)],
    ) -> Result<Vec<WhatIf>, AskError> {
        let sites = &self.case.world.sites;
        let floor = ways.iter().map(|way| sites.floor(node, way.0)).min();
        let mut missing: BTreeMap<&str, i64> = BTreeMap::new();
        let mut lacking: BTreeMap<&str, i64> = BTreeMap::new();
        for (index, line) in self.case.ask.lines.iter().enumerate() {
            if sites.line_rule(self.case.ask, index, node).is_none() {
                let have = self.case.supply.units(node, index) - floor.unwrap_or(0);
                let lacks = line.quantity - have;
                let least = missing.entry(line.sku.as_str()).or_insert(i64::MAX);
                *least = (*least).min(lacks.max(1));
                if lacks > 0 {
                    let most = lacking.entry(line.sku.as_str()).or_insert(lacks);
                    *most = (*most).max(lacks);
                }
            }
        }
        let more = |sku: &str, units| Change::Units {
            node_id: node_id.to_owned(),
            sku: sku.to_owned(),
            units,
        };
        // Where plenty of everything does not flip it, no part of it does.
        let plenty = missing.iter();
        let plenty = plenty.map(|(sku, least)| more(sku, least + LAST_UNITS));
        if self.flip(plenty.collect())?.is_none() {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for (sku, least) in &missing {
            if self.flip(vec![more(sku, least + LAST_UNITS)])?.is_none() {
                continue;
            }
            for units in *least..=least + LAST_UNITS {
                if let Some(one) = self.flip(vec![more(sku, units)])? {
                    found.push(one);
                    break;
                }
            }
        }
        if found.is_empty() && lacking.len() > 1 {
            let all = lacking.iter().map(|(sku, units)| more(sku, *units));
            found.extend(self.needed(all.collect())?);
        }
        Ok(found)
    }

    /// What is needed of changes that flip the decision together: without any of them they do not.
    fn needed(&self, mut changes: Vec<Change>) -> Result<Option<WhatIf>, AskError> {
        let mut found = self.flip(changes.clone())?;
        let mut index = 0;
        while found.is_some() && index < changes.len() {
            let mut fewer = changes.clone();
            fewer.remove(index);
            match self.flip(fewer.clone())? {
                Some(one) => (found, changes) = (Some(one), fewer),
                None => index += 1,
            }
        }
        Ok(found)
    }

    /// More seconds in one hour: room for one line more, two more, and so on.
    fn by_seconds(&self, node: usize, node_id: &str) -> Result<Option<WhatIf>, AskError> {
        let place = self.case.world.network.nodes().get(node);
        let line_seconds = place.map_or(1, |place| place.line_seconds);
        let lines = i64::try_from(self.case.ask.lines.len()).unwrap_or(1);
        let hours = usable_hours(self.case, node).into_iter();
        let free = hours.map(|start_s| (start_s, self.case.supply.seconds(node, start_s).max(0)));
        // Where there is room for the whole order, more of it is worth nothing.
        let tight = free.filter(|(_, free)| *free < line_seconds.saturating_mul(lines));
        let tight: Vec<(i64, i64)> = tight.collect();
        let more = |window_start_s: i64, seconds| Change::Seconds {
            node_id: node_id.to_owned(),
            window_start_s,
            seconds,
        };
        let plenty = tight.iter().map(|(start_s, _)| more(*start_s, PLENTY_S));
        if tight.is_empty() || self.flip(plenty.collect())?.is_none() {
            return Ok(None);
        }
        let mut least: Option<WhatIf> = None;
        for (start_s, free) in tight {
            for count in 1..=lines {
                let seconds = line_seconds * count - free;
                let known = least.as_ref().map_or(i64::MAX, size);
                if seconds >= known {
                    break;
                }
                if seconds > 0 {
                    if let Some(one) = self.flip(vec![more(start_s, seconds)])? {
                        least = Some(one);
                        break;
                    }
                }
            }
        }
        Ok(least)
    }

    /// A cheaper group: the node's cheapest plan costs so much more than the best.
    fn by_price(
        &self,
        node: usize,
        node_id: &str,
        ways: &[(Method, Leg)],
    ) -> Result<Option<WhatIf>, AskError> {
        let number = u32::try_from(node).unwrap_or(u32::MAX);
        let is_offered = self.offers.offers.iter().any(|offer| offer.node == node);
        if !is_offered || self.case.work.is_spent() {
            return Ok(None);
        }
        let mut solve = |problem: &_| self.case.solve(problem).solution;
        let Ok(Some(plan)) = cheapest_at(&self.offers.problem, number, &mut solve) else {
            return Ok(None);
        };
        // One micro-unit more than what makes both cost the same.
        let micro = plan.cost - self.best.total + 1;
        let mut found: Option<WhatIf> = None;
        for (method, leg) in ways
            .iter()
            .filter(|way| micro > 0 && way.1.total() >= micro)
        {
            debug_assert!(leg.total() >= micro);
            let change = Change::Price {
                node_id: node_id.to_owned(),
                method: *method,
                micro,
            };
            if let Some(one) = self.flip(vec![change])? {
                found = Some(one);
                break;
            }
        }
        Ok(found)
    }
}
