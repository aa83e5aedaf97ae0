//! Why lines stay unfilled.

use crate::ask::Ask;
use crate::offers::Offers;
use crate::plan::{Draft, Unfilled, UnfilledReason};
use crate::world::World;

/// The lines that no group does. For an all-or-nothing ask that cannot be filled only the lines
/// that lack by themselves, or all of them if each could be filled alone.
pub(crate) fn unfilled(
    world: &World,
    ask: &Ask,
    offers: &Offers,
    drafts: &[Draft],
) -> Vec<Unfilled> {
    let left: Vec<Unfilled> = ask
        .lines
        .iter()
        .enumerate()
        .filter(|(index, _)| !drafts.iter().any(|draft| draft.lines.contains(index)))
        .map(|(index, line)| Unfilled {
            line_number: line.line_number,
            reason: reason(world, ask, offers, index),
        })
        .collect();
    let lacking: Vec<Unfilled> = left
        .iter()
        .filter(|u| u.reason != UnfilledReason::TooCostly)
        .copied()
        .collect();
    if ask.all_or_nothing && !lacking.is_empty() {
        lacking
    } else {
        left
    }
}

/// Why a line is left, judged by itself: the first obstacle on the way from catalog to labor.
fn reason(world: &World, ask: &Ask, offers: &Offers, index: usize) -> UnfilledReason {
    let count = ask.lines.len();
    let Some(line) = ask.lines.get(index) else {
        return UnfilledReason::UnknownSku;
    };
    if world.catalog.get(&line.sku).is_none() {
        return UnfilledReason::UnknownSku;
    }
    let units_at = |node: usize| offers.units.get(node * count + index).copied().unwrap_or(0);
    let nodes = 0..world.network.nodes().len();
    if !nodes.clone().any(|node| units_at(node) > 0) {
        return UnfilledReason::NoStock;
    }
    if !nodes.clone().any(|node| units_at(node) >= line.quantity) {
        return UnfilledReason::Quantity;
    }
    if !offers
        .allowed
        .iter()
        .any(|(node, _, _)| units_at(*node) >= line.quantity)
    {
        return UnfilledReason::OutOfReach;
    }
    // Where every offer has room for fewer lines than the order's, room is what this line lacked.
    let roomy = offers
        .offers
        .iter()
        .zip(offers.problem.facilities())
        .any(|(offer, facility)| {
            units_at(offer.node) >= line.quantity && facility.capacity as usize >= count
        });
    if roomy {
        UnfilledReason::TooCostly
    } else {
        UnfilledReason::NoLabor
    }
}
