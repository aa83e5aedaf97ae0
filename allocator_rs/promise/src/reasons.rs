//! Why lines stay unfilled.

use crate::ask::{Ask, Method};
use crate::offers::Offers;
use crate::plan::{Draft, Unfilled, UnfilledReason};
use crate::rules::NODES_MAX;
use crate::world::World;

/// The lines that no group does. For an all-or-nothing ask that cannot be filled only the lines
/// that lack by themselves, or all of them if each could be filled alone. `is_limited`: a plan with
/// more nodes than an order may have would be cheaper.
pub(crate) fn unfilled(
    world: &World,
    ask: &Ask,
    offers: &Offers,
    drafts: &[Draft],
    is_limited: bool,
) -> Vec<Unfilled> {
    let left: Vec<Unfilled> = ask
        .lines
        .iter()
        .enumerate()
        .filter(|(index, _)| !drafts.iter().any(|draft| draft.lines.contains(index)))
        .map(|(index, line)| {
            let (reason, rule) = reason(world, ask, offers, index, is_limited);
            Unfilled {
                line_number: line.line_number,
                reason,
                rule,
            }
        })
        .collect();
    let lacking: Vec<Unfilled> = left
        .iter()
        .filter(|u| u.reason != UnfilledReason::TooCostly)
        .cloned()
        .collect();
    if ask.all_or_nothing && !lacking.is_empty() {
        lacking
    } else {
        left
    }
}

/// Why a line is left, judged by itself: the first obstacle on the way from catalog to labor; and
/// the rule, where that is it.
fn reason(
    world: &World,
    ask: &Ask,
    offers: &Offers,
    index: usize,
    is_limited: bool,
) -> (UnfilledReason, String) {
    let plain = |reason: UnfilledReason| (reason, String::new());
    let ruled = |rule: &str| (UnfilledReason::Rule, rule.to_owned());
    let count = ask.lines.len();
    let Some(line) = ask.lines.get(index) else {
        return plain(UnfilledReason::UnknownSku);
    };
    if world.catalog.get(&line.sku).is_none() {
        return plain(UnfilledReason::UnknownSku);
    }
    let units_at = |node: usize| offers.stock.units(node, index);
    let has = |node: usize| units_at(node) >= line.quantity;
    let mut column = offers.stock.column(index);
    if !column.clone().any(|units| units > 0) {
        return plain(UnfilledReason::NoStock);
    }
    if !column.any(|units| units >= line.quantity) {
        return plain(UnfilledReason::Quantity);
    }
    // May it come from there, by the rules of lines and floors?
    let offers_it = |node: usize, method: Method| {
        let kept = world.sites.floor(node, method);
        units_at(node) - kept >= line.quantity && world.sites.line_rule(ask, index, node).is_none()
    };
    let mut allowed = offers.eligible.allowed.iter().filter(|one| has(one.0));
    if !allowed.clone().any(|one| offers_it(one.0, one.1)) {
        if let Some((node, _, _)) = allowed.next() {
            let rule = world.sites.line_rule(ask, index, *node);
            let rule = rule.or_else(|| world.sites.floor_rule(*node));
            return ruled(rule.as_deref().unwrap_or_default());
        }
        let mut ruled_out = offers.eligible.ruled_out.iter();
        return match ruled_out.find(|one| has(one.0)) {
            Some((_, _, rule)) => ruled(rule),
            None => plain(UnfilledReason::OutOfReach),
        };
    }
    // Where every offer has room for fewer lines than the order's, room is what this line lacked.
    let roomy = offers
        .offers
        .iter()
        .zip(offers.problem.facilities())
        .any(|(offer, facility)| {
            offers_it(offer.node, offer.method) && facility.capacity as usize >= count
        });
    if roomy && is_limited {
        ruled(NODES_MAX)
    } else if roomy {
        plain(UnfilledReason::TooCostly)
    } else {
        let closed_at = |node_id: &str| {
            let node = world.network.index(node_id);
            node.is_some_and(|node| allowed.clone().any(|one| one.0 == node))
        };
        match ask
            .closed
            .iter()
            .find(|closure| closed_at(&closure.node_id))
        {
            Some(closure) => ruled(&closure.rule),
            None => plain(UnfilledReason::NoLabor),
        }
    }
}
