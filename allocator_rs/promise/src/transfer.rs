//! Lines picked at one node and received where the order is collected: when, and what the groups of
//! one plan share there.

use std::collections::{BTreeMap, BTreeSet};

use bopis_sourcing::{Pattern, Problem, ProblemError, Room, Store, COST_MAX};

use crate::ask::{Ask, Method};
use crate::closed::Closed;
use crate::eligible::{Eligible, Leg, Sent};
use crate::hours::{patterns as picking, ready_from_s, usable};
use crate::network::{Node, WINDOW_S};
use crate::offers::Offer;
use crate::supply::Supply;
use crate::world::World;

/// Open hours of the store after the arrival in which lines may be received: they do not lie about
/// longer.
const RECEIVING_HOURS: usize = 3;

/// Hours of picking that a transfer uses, as the kernel sees them, and the start of the hour of
/// receiving.
type Hours = (Pattern, Option<i64>);

/// The stores that may receive.
pub(crate) fn receiving(eligible: &Eligible) -> BTreeSet<usize> {
    let sent = eligible.allowed.iter().filter_map(|one| one.2.sent);
    sent.map(|sent| sent.store).collect()
}

/// The number of the node where a group is collected; none: it is shipped.
pub(crate) fn store_of(node: usize, method: Method, leg: Leg) -> Option<u32> {
    let store = match method {
        Method::Pickup => Some(node),
        Method::Ship => None,
        Method::Transfer => leg.sent.map(|sent| sent.store),
    };
    store.map(|store| u32::try_from(store).unwrap_or(u32::MAX))
}

/// Labor seconds of receiving a line.
pub(crate) fn receive_line_s(world: &World) -> i64 {
    let transfers = world.policy.transfers.as_ref();
    transfers.map_or(1, |transfers| transfers.receive_line_s.max(1))
}

/// The hours in which a store may receive what arrives then, by their starts.
pub(crate) fn receiving_hours(store: &Node, arrival_s: i64) -> impl Iterator<Item = i64> + '_ {
    let windows = &store.spec.windows;
    let first = windows.partition_point(|window| window.start_s < arrival_s);
    let later = windows.iter().skip(first).take(RECEIVING_HOURS);
    later.map(|window| window.start_s)
}

/// Seconds of a store's hour that suffice for all lines of an order, picked or received.
pub(crate) fn roomy_s(world: &World, ask: &Ask, store: usize) -> i64 {
    let picked_s = world
        .network
        .nodes()
        .get(store)
        .map_or(1, |n| n.line_seconds);
    let lines = i64::try_from(ask.lines.len()).unwrap_or(i64::MAX);
    lines.saturating_mul(picked_s.max(receive_line_s(world)))
}

/// An hour of receiving after hours of picking.
struct Received {
    pattern: Pattern,
    start_s: i64,
    /// Whether all lines of the order have room in that hour.
    roomy: bool,
}

impl Received {
    /// Whether it can take the other's place in any plan.
    fn replaces(&self, other: &Self) -> bool {
        let (one, two) = (&self.pattern, &other.pattern);
        one.late <= two.late
            && one.capacity >= two.capacity
            && one.line_price <= two.line_price
            && (self.roomy || self.start_s == other.start_s)
    }
}

/// The hours in which up to `serves` lines are picked at a node and received at a store; each
/// pattern is of the picking, its lateness, capacity and price of both.
pub(crate) fn patterns(
    world: &World,
    ask: &Ask,
    (from, sent): ((&Node, usize, Method), Sent),
    supply: &dyn Supply,
    serves: u32,
) -> Vec<Hours> {
    let Some(store) = world.network.nodes().get(sent.store) else {
        return Vec::new();
    };
    let (policy, line_s) = (&world.policy, receive_line_s(world));
    let from_ms = ask.now_ms.max(supply.windows_from_ms());
    let earliest_s = ready_from_s(policy, from_ms);
    let roomy_s = roomy_s(world, ask, sent.store);
    let closed = Closed::of(ask, &store.spec.node_id, Method::Pickup);
    let mut kept: Vec<Received> = Vec::new();
    for picked in picking(world, ask, from, supply, (serves, None)) {
        let arrival_s = picked.ready_s.saturating_add(sent.seconds);
        let later = receiving_hours(store, arrival_s);
        for start_s in later.take_while(|start_s| usable(ask, policy, from_ms, *start_s)) {
            let ready_s = start_s + WINDOW_S;
            let available = supply.seconds(sent.store, start_s);
            let lines = u32::try_from(available.max(0) / line_s).unwrap_or(u32::MAX);
            if lines == 0 || ready_s < earliest_s || closed.holds(ready_s) {
                continue;
            }
            let price = supply.second_price(sent.store, start_s);
            let past_s = (ready_s - ask.promise_ms.div_euclid(1000)).max(0);
            let hours = (past_s + WINDOW_S - 1) / WINDOW_S;
            let received = Received {
                pattern: Pattern {
                    capacity: picked.capacity.min(lines),
                    late: u32::try_from(hours).unwrap_or(u32::MAX),
                    line_price: picked
                        .line_price
                        .saturating_add(price.saturating_mul(line_s)),
                    ..picked
                },
                start_s,
                roomy: available >= roomy_s,
            };
            let is_last = price == 0 && received.roomy;
            if !kept.iter().any(|other| other.replaces(&received)) {
                kept.retain(|other| !received.replaces(other));
                kept.push(received);
            }
            // An hour that is free of charge and has room for all lines beats all later ones.
            if is_last {
                break;
            }
        }
    }
    let hours = kept.into_iter().map(|one| (one.pattern, Some(one.start_s)));
    hours.collect()
}

/// Adds to a problem what groups share at the stores: hours that might not suffice for all of them,
/// and the way there.
pub(crate) fn at_stores(
    problem: Problem,
    (world, ask, supply): (&World, &Ask, &dyn Supply),
    offers: &[Offer],
    receiving: &BTreeSet<usize>,
) -> Result<Problem, ProblemError> {
    let (mut rooms, mut visits) = (Vec::new(), Vec::new());
    for store in receiving {
        let of_store = |offer: &Offer| {
            let number = store_of(offer.node, offer.method, offer.leg)?;
            (usize::try_from(number) == Ok(*store)).then_some(number)
        };
        let there = offers
            .iter()
            .find_map(|offer| Some((of_store(offer)?, offer.leg)));
        if let Some((number, leg)) = there {
            visits.push((Store::at(number), leg.other_store_km.min(COST_MAX)));
        }
        let roomy_s = roomy_s(world, ask, *store);
        let shares = shares_of(world, *store, offers).into_iter();
        rooms.extend(shares.filter_map(|(start_s, takes)| {
            let seconds = supply.seconds(*store, start_s).clamp(0, COST_MAX);
            let is_tight = takes.len() > 1 && seconds < roomy_s;
            is_tight.then_some(Room { seconds, takes })
        }));
    }
    problem.with_rooms(rooms)?.with_visits(visits)
}

/// By hour of a store: who takes of it, and how many seconds a line.
fn shares_of(world: &World, store: usize, offers: &[Offer]) -> BTreeMap<i64, Vec<(usize, i64)>> {
    let picked_s = world
        .network
        .nodes()
        .get(store)
        .map_or(1, |n| n.line_seconds);
    let mut shares: BTreeMap<i64, Vec<(usize, i64)>> = BTreeMap::new();
    for (facility, offer) in offers.iter().enumerate() {
        let is_sent = offer.leg.sent.is_some_and(|sent| sent.store == store);
        if let Some(start_s) = offer.received_s.filter(|_| is_sent) {
            let takes = (facility, receive_line_s(world));
            shares.entry(start_s).or_default().push(takes);
        }
        if offer.method != Method::Pickup || offer.node != store {
            continue;
        }
        for index in 0..offer.span {
            let share = Pattern::share(picked_s, offer.span, index);
            let start_s = offer.first_start_s + WINDOW_S * i64::try_from(index).unwrap_or(0);
            if share > 0 {
                shares.entry(start_s).or_default().push((facility, share));
            }
        }
    }
    shares
}
