//! From a reservation back to the plan that it holds.
//!
//! A reservation knows nodes, units and hours; lines and methods are found again: each line goes to
//! the node whose units it makes up, and of the methods that fit the rules the cheapest are taken,
//! as the kernel took them. Where two ways cost the same either is the plan: nothing was told to
//! anyone before the caller retried.

use bopis_engine::Engine;
use bopis_ledger::{ItemName, ReservationView};
use hashbrown::HashMap;

use crate::ask::{Ask, Method};
use crate::offers::Offers;
use crate::plan::{groups, node_id, price, Draft, Plan};
use crate::reasons;
use crate::world::World;

/// Units by SKU and hours by start, of one node.
#[derive(Default)]
struct Held {
    units: HashMap<String, i64>,
    hours: Vec<i64>,
}

/// The plan that a reservation holds for this ask; none if it holds something else (a part of it
/// ended, or it was made for another ask).
pub(crate) fn plan_of_reservation(
    engine: &Engine,
    world: &World,
    ask: &Ask,
    offers: &Offers,
    view: &ReservationView,
) -> Option<Plan> {
    let held = held_by_node(engine, world, view)?;
    let nodes: Vec<usize> = held.iter().map(|(node, _)| *node).collect();
    let lines = lines_by_node(ask, &held)?;
    let drafts = cheapest_methods(world, ask, offers, &held, &nodes, &lines)?;
    let count = ask.lines.len();
    let live = view.state == bopis_ledger::ReservationState::Held
        || view.state == bopis_ledger::ReservationState::Committed;
    let units = |node: usize, line: usize| {
        let free = offers.units.get(node * count + line).copied().unwrap_or(0);
        let own = ask.lines.get(line).and_then(|asked| {
            let (_, at_node) = held.iter().find(|(n, _)| *n == node)?;
            at_node.units.get(&asked.sku).copied()
        });
        free + if live { own.unwrap_or(0) } else { 0 }
    };
    Some(Plan {
        groups: groups(world, ask, &drafts),
        unfilled: reasons::unfilled(world, ask, offers, &drafts),
        terms: price(world, ask, &drafts, Some(&units)),
        customer_node_id: offers.customer_node.map(|node| node_id(world, node)),
    })
}

fn held_by_node(
    engine: &Engine,
    world: &World,
    view: &ReservationView,
) -> Option<Vec<(usize, Held)>> {
    let mut held: Vec<(usize, Held)> = Vec::new();
    for line in &view.lines {
        let name = engine.location_name(line.cell.location)?;
        let node = world.network.index(&name)?;
        let position = held
            .iter()
            .position(|(n, _)| *n == node)
            .unwrap_or_else(|| {
                held.push((node, Held::default()));
                held.len() - 1
            });
        let (_, at_node) = held.get_mut(position)?;
        match engine.item_name(line.cell.item)?.as_ref() {
            ItemName::Sku(sku) => {
                *at_node.units.entry(sku.to_string()).or_insert(0) += line.quantity;
            }
            ItemName::Labor { window_start_s } => at_node.hours.push(*window_start_s),
        }
    }
    for (_, at_node) in &mut held {
        at_node.hours.sort_unstable();
    }
    held.sort_by_key(|(node, _)| *node);
    (!held.is_empty()).then_some(held)
}

/// Lines of each held node, such that each SKU's quantities add up exactly.
fn lines_by_node(ask: &Ask, held: &[(usize, Held)]) -> Option<Vec<Vec<usize>>> {
    let mut lines: Vec<Vec<usize>> = vec![Vec::new(); held.len()];
    let mut skus: Vec<&str> = ask.lines.iter().map(|l| l.sku.as_str()).collect();
    skus.sort_unstable();
    skus.dedup();
    for (_, at_node) in held {
        if at_node
            .units
            .keys()
            .any(|sku| skus.binary_search(&sku.as_str()).is_err())
        {
            return None;
        }
    }
    for sku in skus {
        let asked: Vec<(usize, i64)> = ask
            .lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.sku == sku)
            .map(|(index, line)| (index, line.quantity))
            .collect();
        let mut rest: Vec<i64> = held
            .iter()
            .map(|(_, h)| h.units.get(sku).copied().unwrap_or(0))
            .collect();
        let mut choice: Vec<Option<usize>> = Vec::new();
        let mut steps = 0;
        if !share_out(&asked, &mut rest, &mut choice, &mut steps) {
            return None;
        }
        for ((line, _), node) in asked.iter().zip(choice) {
            if let Some(slot) = node.and_then(|n| lines.get_mut(n)) {
                slot.push(*line);
            }
        }
    }
    for slot in &mut lines {
        slot.sort_unstable();
    }
    lines.iter().all(|slot| !slot.is_empty()).then_some(lines)
}

/// Most steps in finding which of several lines with one SKU are held where.
const SHARE_STEPS_MAX: u32 = 100_000;

/// Finds, for the lines after those chosen, nodes that use up `rest`; lines may stay out.
fn share_out(
    asked: &[(usize, i64)],
    rest: &mut [i64],
    choice: &mut Vec<Option<usize>>,
    steps: &mut u32,
) -> bool {
    *steps += 1;
    let Some((_, quantity)) = asked.get(choice.len()) else {
        return rest.iter().all(|units| *units == 0);
    };
    if *steps > SHARE_STEPS_MAX {
        return false;
    }
    for node in 0..rest.len() {
        let Some(units) = rest.get_mut(node).filter(|units| **units >= *quantity) else {
            continue;
        };
        *units -= quantity;
        choice.push(Some(node));
        if share_out(asked, rest, choice, steps) {
            return true;
        }
        choice.pop();
        if let Some(units) = rest.get_mut(node) {
            *units += quantity;
        }
    }
    choice.push(None);
    if share_out(asked, rest, choice, steps) {
        return true;
    }
    choice.pop();
    false
}

/// The cheapest methods for these groups: at most one of them is collected.
fn cheapest_methods(
    world: &World,
    ask: &Ask,
    offers: &Offers,
    held: &[(usize, Held)],
    nodes: &[usize],
    lines: &[Vec<usize>],
) -> Option<Vec<Draft>> {
    let leg = |node: usize, method: Method| {
        offers
            .allowed
            .iter()
            .find(|(n, m, _)| *n == node && *m == method)
            .map(|(_, _, leg)| *leg)
    };
    let pickups = nodes
        .iter()
        .copied()
        .filter(|node| leg(*node, Method::Pickup).is_some());
    let mut best: Option<(i64, Vec<Draft>)> = None;
    for pickup in std::iter::once(None).chain(pickups.map(Some)) {
        let drafts: Option<Vec<Draft>> = held
            .iter()
            .zip(lines)
            .map(|((node, at_node), lines)| {
                let method = if Some(*node) == pickup {
                    Method::Pickup
                } else {
                    Method::Ship
                };
                Some(Draft {
                    node: *node,
                    method,
                    leg: leg(*node, method)?,
                    lines: lines.clone(),
                    first_start_s: *at_node.hours.first()?,
                    span: at_node.hours.len(),
                })
            })
            .collect();
        let Some(drafts) = drafts else { continue };
        let cost = price(world, ask, &drafts, None).total();
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, drafts));
        }
    }
    best.map(|(_, drafts)| drafts)
}
