//! When the nodes work for the orders of a batch: the calendar, and which part of it each order uses.

use std::ops::Range;

use bopis_allocation::{Calendar, Pattern, Slot, SPAN_MAX};
use bopis_sourcing::Pattern as Hours;
use hashbrown::HashMap;

use crate::ask::{Ask, Method};
use crate::batch::BatchKernel;
use crate::closed::Closed;
use crate::eligible::{allowed, Sent};
use crate::network::{Node, WINDOW_S};
use crate::transfer::{receive_line_s, receiving_hours};

const HOUR_MS: i64 = 3_600_000;

/// The hours that an order may use, at any node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Span {
    pub(crate) start_from_h: i64,
    pub(crate) ready_from_h: i64,
    pub(crate) promise_h: i64,
    pub(crate) ready_to_h: i64,
}

/// The hours of an order.
pub(crate) fn span_of(kernel: &BatchKernel, ask: &Ask) -> Span {
    let policy = &kernel.world.policy;
    let from_ms = ask.now_ms.max(kernel.now_ms);
    let up = |ms: i64| ms.div_euclid(HOUR_MS) + i64::from(ms.rem_euclid(HOUR_MS) > 0);
    let promise_h = ask.promise_ms.div_euclid(HOUR_MS);
    Span {
        start_from_h: up(from_ms),
        ready_from_h: up(from_ms + policy.lead_time_ms),
        promise_h,
        ready_to_h: promise_h + i64::from(policy.late_windows_max_h),
    }
}

/// Which slot a node has for a method in a span.
#[derive(Default)]
pub(crate) struct Slots {
    nodes: usize,
    /// By span and node, where shipping counts on days on which pickup does not.
    shipping: HashMap<(usize, usize), u32>,
}

impl Slots {
    pub(crate) fn of(&self, span: usize, node: usize, method: Method) -> u32 {
        let shipping = self.shipping.get(&(span, node));
        let shipping = shipping.filter(|_| method != Method::Pickup).copied();
        let place = || u32::try_from(span * self.nodes + node).unwrap_or(u32::MAX);
        shipping.unwrap_or_else(place)
    }
}

/// The hours of all nodes, with slots for each span and node.
pub(crate) fn calendar(kernel: &BatchKernel, spans: &[Span]) -> (Calendar, Slots) {
    let mut calendar = Calendar::default();
    let nodes = kernel.world.network.nodes();
    let mut add = |index: usize, node: &Node, method: Method| {
        let first = calendar.patterns.len();
        let patterns = patterns(kernel, (index, node), method);
        calendar.patterns.extend(patterns);
        first..calendar.patterns.len()
    };
    let of_node = nodes.iter().enumerate();
    let of_node = of_node.map(|(index, node)| {
        let days = kernel.day_rows.get(index);
        let differs = days.is_some_and(|days| days.iter().any(|day| !day.is_of_all()));
        let pickup = add(index, node, Method::Pickup);
        (pickup, differs.then(|| add(index, node, Method::Ship)))
    });
    let of_node: Vec<(Range<usize>, Option<Range<usize>>)> = of_node.collect();
    let of_spans = spans
        .iter()
        .flat_map(|span| of_node.iter().map(move |one| (span, one)));
    let slots = of_spans.map(|(span, (range, _))| slot_of(&calendar, range.clone(), span));
    let slots: Vec<Slot> = slots.collect();
    calendar.slots = slots;
    let mut shipping = HashMap::new();
    for (number, span) in spans.iter().enumerate() {
        for (node, (_, range)) in of_node.iter().enumerate() {
            if let Some(range) = range {
                let place = u32::try_from(calendar.slots.len()).unwrap_or(u32::MAX);
                shipping.insert((number, node), place);
                calendar.slots.push(slot_of(&calendar, range.clone(), span));
            }
        }
    }
    let nodes = nodes.len();
    (calendar, Slots { nodes, shipping })
}

/// What a span may use of patterns that ascend by ready hour.
fn slot_of(calendar: &Calendar, range: Range<usize>, span: &Span) -> Slot {
    let mine = calendar.patterns.get(range.clone()).unwrap_or(&[]);
    let first = mine.partition_point(|pattern| pattern.ready_h < span.ready_from_h);
    let end = mine.partition_point(|pattern| pattern.ready_h <= span.ready_to_h);
    let place = |at: usize| u32::try_from(range.start + at).unwrap_or(u32::MAX);
    Slot {
        first: place(first),
        end: place(end.max(first)),
        start_from_h: span.start_from_h,
        promise_h: span.promise_h,
    }
}

/// Adds the slots of a part's patterns that are open, one for each run of them, and numbers them.
fn add_parts(calendar: &mut Calendar, whole: Slot, is_open: impl Fn(&Pattern) -> bool) -> Vec<u32> {
    let open = |at: &u32| calendar.patterns.get(*at as usize).is_some_and(&is_open);
    let open: Vec<u32> = (whole.first..whole.end).filter(open).collect();
    let runs = open.chunk_by(|one, next| one + 1 == *next);
    let slots = runs.filter_map(|run| {
        Some(Slot {
            first: *run.first()?,
            end: *run.last()? + 1,
            ..whole
        })
    });
    let slots: Vec<Slot> = slots.collect();
    let numbers = (calendar.slots.len()..).map(|at| u32::try_from(at).unwrap_or(0));
    let numbers = numbers.take(slots.len()).collect();
    calendar.slots.extend(slots);
    numbers
}

/// Slots of transfers.
#[derive(Default)]
pub(crate) struct Sendings {
    /// By span, source and store.
    whole: HashMap<(usize, usize, usize), u32>,
    /// Of orders that some nodes are closed for: by order, source and store.
    parted: HashMap<(usize, usize, usize), Vec<u32>>,
}

impl Sendings {
    /// The slots of an order's transfer.
    pub(crate) fn slots(&self, order: usize, span: usize, way: (usize, usize)) -> &[u32] {
        let (source, store) = way;
        match self.parted.get(&(order, source, store)) {
            Some(parts) => parts,
            None => {
                let whole = self.whole.get(&(span, source, store));
                whole.map_or(&[], std::slice::from_ref)
            }
        }
    }
}

/// Adds the hours of every transfer that the orders may use.
pub(crate) fn sendings(
    kernel: &BatchKernel,
    (spans, all): (&[usize], &[Span]),
    calendar: &mut Calendar,
) -> Sendings {
    let mut sendings = Sendings::default();
    if kernel.world.policy.transfers.is_none() {
        return sendings;
    }
    let nodes = kernel.world.network.nodes();
    let mut ranges: HashMap<(usize, usize), Range<usize>> = HashMap::new();
    for (order, (ask, number)) in kernel.asks.iter().zip(spans).enumerate() {
        let eligible = allowed(&kernel.world, ask).allowed;
        let sent = eligible.iter().filter_map(|one| Some((one.0, one.2.sent?)));
        for (source, sent) in sent {
            let (Some(from), Some(to), Some(span)) =
                (nodes.get(source), nodes.get(sent.store), all.get(*number))
            else {
                continue;
            };
            let range = ranges.entry((source, sent.store)).or_insert_with(|| {
                let first = calendar.patterns.len();
                let patterns = sent_patterns(kernel, (source, from), (sent, to));
                calendar.patterns.extend(patterns);
                first..calendar.patterns.len()
            });
            let slot = slot_of(calendar, range.clone(), span);
            if ask.closed.is_empty() {
                let key = (*number, source, sent.store);
                sendings.whole.entry(key).or_insert_with(|| {
                    calendar.slots.push(slot);
                    u32::try_from(calendar.slots.len() - 1).unwrap_or(u32::MAX)
                });
                continue;
            }
            let sends = Closed::of(ask, &from.spec.node_id, Method::Transfer);
            let receives = Closed::of(ask, &to.spec.node_id, Method::Pickup);
            let parts = add_parts(calendar, slot, |pattern| {
                let picked_h = pattern.start_h + i64::try_from(picking(pattern)).unwrap_or(0);
                !sends.holds(picked_h * WINDOW_S) && !receives.holds(pattern.ready_h * WINDOW_S)
            });
            let key = (order, source, sent.store);
            sendings.parted.insert(key, parts);
        }
    }
    sendings
}

/// Hours of picking of a transfer's pattern; the last hour is that of receiving.
pub(crate) fn picking(pattern: &Pattern) -> usize {
    pattern.shares.len().saturating_sub(1)
}

/// The hours of picking at a source and of receiving at a store, by rising ready hour.
fn sent_patterns(
    kernel: &BatchKernel,
    (source, from): (usize, &Node),
    (sent, to): (Sent, &Node),
) -> Vec<Pattern> {
    let line_s = receive_line_s(&kernel.world);
    let mut sent_patterns = Vec::new();
    for picked in patterns(kernel, (source, from), Method::Transfer) {
        let arrival_s = (picked.ready_h * WINDOW_S).saturating_add(sent.seconds);
        for start_s in receiving_hours(to, arrival_s) {
            let row = kernel.labor_rows.get(sent.store);
            let row = row.and_then(|hours| hours.row(start_s));
            let Some(row) = row.and_then(|row| u32::try_from(row).ok()) else {
                continue;
            };
            let mut shares = picked.shares.clone();
            shares.push((row, line_s));
            let mut days = picked.days.clone();
            days.extend(days_of(
                kernel,
                sent.store,
                Method::Pickup,
                start_s + WINDOW_S,
            ));
            sent_patterns.push(Pattern {
                charge: 0,
                start_h: picked.start_h,
                ready_h: start_s / WINDOW_S + 1,
                shares,
                days,
            });
        }
    }
    sent_patterns.sort_by_key(|pattern| (pattern.ready_h, pattern.shares.len(), pattern.start_h));
    sent_patterns
}

/// Slots of the hours in which a node is open for an order, where it is closed in some of them.
pub(crate) fn parted(
    kernel: &BatchKernel,
    spans: &[usize],
    slots: &Slots,
    calendar: &mut Calendar,
) -> HashMap<(usize, usize, Method), Vec<u32>> {
    let nodes = kernel.world.network.nodes();
    let mut parted = HashMap::new();
    for (index, (ask, span)) in kernel.asks.iter().zip(spans).enumerate() {
        if ask.closed.is_empty() {
            continue;
        }
        for (place, node) in nodes.iter().enumerate() {
            for method in [Method::Pickup, Method::Ship] {
                let closed = Closed::of(ask, &node.spec.node_id, method);
                let whole = slots.of(*span, place, method) as usize;
                let Some(whole) = calendar.slots.get(whole).copied() else {
                    continue;
                };
                let parts = add_parts(calendar, whole, |pattern| {
                    !closed.holds(pattern.ready_h * WINDOW_S)
                });
                parted.insert((index, place, method), parts);
            }
        }
    }
    parted
}

/// The days of a node on which a group of this method counts that gets ready then.
fn days_of(
    kernel: &BatchKernel,
    node: usize,
    method: Method,
    ready_s: i64,
) -> impl Iterator<Item = u32> + '_ {
    let days = kernel.day_rows.get(node).into_iter().flatten();
    let days = days.filter(move |day| day.counts(method, ready_s));
    days.map(|day| day.row)
}

/// The patterns of a node's hours that have labor, by rising ready hour, then rising span.
fn patterns(kernel: &BatchKernel, (index, node): (usize, &Node), method: Method) -> Vec<Pattern> {
    let hours: Vec<(i64, u32)> = node
        .spec
        .windows
        .iter()
        .filter_map(|window| {
            let row = kernel.labor_rows.get(index)?.row(window.start_s)?;
            let row = u32::try_from(row).ok()?;
            (window.start_s % WINDOW_S == 0).then_some((window.start_s / WINDOW_S, row))
        })
        .collect();
    let longest = kernel.world.policy.span_windows_max.min(SPAN_MAX);
    let mut patterns = Vec::new();
    for last in 0..hours.len() {
        for span in 1..=longest.min(last + 1) {
            let Some(taken) = hours.get(last + 1 - span..=last) else {
                continue;
            };
            let pairs = taken.iter().zip(taken.iter().skip(1));
            let follow = pairs.fold(true, |so_far, (one, next)| so_far && one.0 + 1 == next.0);
            let seconds = node.line_seconds;
            if !follow || i64::try_from(span).map_or(true, |span| seconds < span) {
                continue;
            }
            let share = |(place, (_, row)): (usize, &(i64, u32))| {
                (*row, Hours::share(seconds, span, place))
            };
            let (Some((start_h, _)), Some((last_h, _))) = (taken.first(), taken.last()) else {
                continue;
            };
            patterns.push(Pattern {
                charge: 0,
                start_h: *start_h,
                ready_h: last_h + 1,
                shares: taken.iter().enumerate().map(share).collect(),
                days: days_of(kernel, index, method, (last_h + 1) * WINDOW_S).collect(),
            });
        }
    }
    patterns
}
