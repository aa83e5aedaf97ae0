//! The open orders of a batch as the allocation sees them, and its choices as plans.
//!
//! | of the order | becomes |
//! | --- | --- |
//! | a node and a method that the rules allow | a way; its number is its place among all of them |
//! | the hours of a node, from now on, up to the latest lateness | the patterns of a slot |
//! | the plan in force | a choice of its own: its windows may be past |

use bopis_allocation::{
    Calendar, Choice, Group, InForce, Line, Order, Pattern, Row, Slot, Source, Way, SPAN_MAX,
};
use bopis_sourcing::{LatePrice, Pattern as Hours, CANNOT, COST_MAX};
use hashbrown::HashMap;

use crate::ask::{Ask, AskLine, Method};
use crate::batch::{BatchKernel, NO_ROW};
use crate::closed::Closed;
use crate::eligible::{allowed, Eligible, Leg};
use crate::network::{Node, WINDOW_S};
use crate::offers::{build, AskError};
use crate::plan::{groups, node_id, price, Draft, Plan};
use crate::policy::weighed;
use crate::reasons::unfilled;
use crate::world::ship_kg_cost;

const HOUR_MS: i64 = 3_600_000;

/// The hours that an order may use, at any node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Span {
    start_from_h: i64,
    ready_from_h: i64,
    promise_h: i64,
    ready_to_h: i64,
}

/// A batch as a source of the allocation.
pub struct BatchOrders {
    kernel: BatchKernel,
    rows: Vec<Row>,
    calendar: Calendar,
    /// By order: which of the spans it has. The slot of a node is `span * nodes + node`.
    spans: Vec<usize>,
    in_force: Vec<Option<InForce>>,
    /// Slots of orders that some nodes are closed for: by order, node and method.
    parted: HashMap<(usize, usize, Method), Vec<u32>>,
}

/// A node and a method, what its leg costs, and a slot of its hours.
type Offered = (usize, Method, Leg, u32);

impl BatchOrders {
    /// Takes over a batch; `in_force`: by order, its plan so far.
    #[must_use]
    pub fn new(kernel: BatchKernel, in_force: Vec<Option<InForce>>) -> Self {
        let rows = kernel.limits.iter().zip(families(&kernel));
        let rows = rows.map(|(limit, family)| Row {
            limit: *limit,
            family,
            ..Row::default()
        });
        let mut numbers: HashMap<Span, usize> = HashMap::new();
        let mut all: Vec<Span> = Vec::new();
        let spans = kernel.asks.iter().map(|ask| {
            let span = span_of(&kernel, ask);
            *numbers.entry(span).or_insert_with(|| {
                all.push(span);
                all.len() - 1
            })
        });
        let spans: Vec<usize> = spans.collect();
        let mut calendar = calendar(&kernel, &all);
        let parted = parted(&kernel, &spans, &mut calendar);
        Self {
            rows: rows.collect(),
            calendar,
            spans,
            in_force,
            parted,
            kernel,
        }
    }

    /// The ways of an order, in the order of their numbers; a node that is closed for some hours
    /// has one for each part of the others.
    fn offered(&self, index: usize, ask: &Ask, eligible: &Eligible) -> Vec<Offered> {
        let nodes = self.kernel.world.network.nodes().len();
        let span = self.spans.get(index).copied().unwrap_or(0);
        let mut offered = Vec::new();
        for (node, method, leg) in &eligible.allowed {
            let whole = [u32::try_from(span * nodes + node).unwrap_or(u32::MAX)];
            let parts = (!ask.closed.is_empty())
                .then(|| self.parted.get(&(index, *node, *method)))
                .flatten();
            let slots = parts.map_or(&whole[..], Vec::as_slice);
            offered.extend(slots.iter().map(|slot| (*node, *method, *leg, *slot)));
        }
        offered
    }

    /// The kernel over the same orders.
    #[must_use]
    pub fn kernel(&self) -> &BatchKernel {
        &self.kernel
    }

    /// A choice of an order as a plan; `origin` gives the number of a way among all. None: it is
    /// the plan in force.
    ///
    /// # Errors
    /// [`AskError`] for an order outside its limits.
    pub fn plan(
        &self,
        order: usize,
        choice: &Choice,
        origin: impl Fn(u32) -> Option<u32>,
    ) -> Result<Option<Plan>, AskError> {
        let Choice::Groups(chosen) = choice else {
            return Ok(None);
        };
        let (world, ask) = (&self.kernel.world, self.kernel.asks.get(order));
        let ask = ask.ok_or(AskError::Lines)?;
        let eligible = allowed(world, ask);
        let offered = self.offered(order, ask, &eligible);
        let draft = |group: &Group| {
            let (node, method, leg, _) = *offered.get(origin(group.way)? as usize)?;
            let pattern = self.calendar.patterns.get(group.pattern as usize)?;
            Some(Draft {
                node,
                method,
                leg,
                lines: group.lines.iter().map(|line| usize::from(*line)).collect(),
                first_start_s: pattern.start_h * WINDOW_S,
                span: pattern.shares.len(),
            })
        };
        let mut drafts: Vec<Draft> = chosen.iter().filter_map(draft).collect();
        drafts.sort_by_key(|draft| draft.node);
        let stock = self.kernel.stock_table(ask);
        let offers = build(
            world,
            ask,
            &self.kernel.supply(order, ask, &[], &stock),
            false,
        )?;
        Ok(Some(Plan {
            groups: groups(world, ask, &drafts),
            unfilled: unfilled(world, ask, &offers, &drafts, false),
            terms: price(world, ask, &drafts, None),
            customer_node_id: eligible.customer_node.map(|node| node_id(world, node)),
        }))
    }
}

/// By row, its family: the SKU, or the node.
fn families(kernel: &BatchKernel) -> Vec<u32> {
    let mut families = vec![0; kernel.limits.len()];
    let mut number = 0;
    let mut skus: Vec<&String> = kernel.stock_rows.keys().collect();
    skus.sort_unstable();
    for sku in skus {
        for (_, row) in kernel.stock_rows.get(sku).into_iter().flatten() {
            if let Some(family) = families.get_mut(*row as usize) {
                *family = number;
            }
        }
        number += 1;
    }
    for hours in &kernel.labor_rows {
        for row in hours.rows() {
            if let Some(family) = families.get_mut(row) {
                *family = number;
            }
        }
        number += 1;
    }
    families
}

fn span_of(kernel: &BatchKernel, ask: &Ask) -> Span {
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

fn calendar(kernel: &BatchKernel, spans: &[Span]) -> Calendar {
    let mut calendar = Calendar::default();
    let mut of_node: Vec<std::ops::Range<usize>> = Vec::new();
    for (index, node) in kernel.world.network.nodes().iter().enumerate() {
        let first = calendar.patterns.len();
        calendar.patterns.extend(patterns(kernel, index, node));
        of_node.push(first..calendar.patterns.len());
    }
    for span in spans {
        for range in &of_node {
            let mine = calendar.patterns.get(range.clone()).unwrap_or(&[]);
            let first = mine.partition_point(|pattern| pattern.ready_h < span.ready_from_h);
            let end = mine.partition_point(|pattern| pattern.ready_h <= span.ready_to_h);
            let place = |at: usize| u32::try_from(range.start + at).unwrap_or(u32::MAX);
            calendar.slots.push(Slot {
                first: place(first),
                end: place(end.max(first)),
                start_from_h: span.start_from_h,
                promise_h: span.promise_h,
            });
        }
    }
    calendar
}

/// Slots of the hours in which a node is open for an order, where it is closed in some of them.
fn parted(
    kernel: &BatchKernel,
    spans: &[usize],
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
                let Some(whole) = calendar.slots.get(span * nodes.len() + place).copied() else {
                    continue;
                };
                let open = |at: &u32| {
                    let pattern = calendar.patterns.get(*at as usize);
                    pattern.is_some_and(|pattern| !closed.holds(pattern.ready_h * WINDOW_S))
                };
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
                parted.insert((index, place, method), numbers.take(slots.len()).collect());
                calendar.slots.extend(slots);
            }
        }
    }
    parted
}

/// The patterns of a node's hours that have labor, by rising ready hour, then rising span.
fn patterns(kernel: &BatchKernel, index: usize, node: &Node) -> Vec<Pattern> {
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
                start_h: *start_h,
                ready_h: last_h + 1,
                shares: taken.iter().enumerate().map(share).collect(),
            });
        }
    }
    patterns
}

impl Source for BatchOrders {
    fn count(&self) -> usize {
        self.kernel.asks.len()
    }

    fn rows(&self) -> &[Row] {
        &self.rows
    }

    fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    fn order(&self, index: usize) -> Order {
        let Some(ask) = self.kernel.asks.get(index) else {
            return Order::default();
        };
        let world = &self.kernel.world;
        let card = &world.policy.card;
        let nodes = world.network.nodes().len();
        let offered = self.offered(index, ask, &allowed(world, ask));
        let denied = world.sites.denied(ask, nodes);
        let stock = self.kernel.stock_table(ask);
        let lines = ask.lines.len();
        let kg: Vec<i64> = (0..lines)
            .map(|line| ship_kg_cost(world, ask, line))
            .collect();
        let is_known = |line: &AskLine| world.catalog.get(&line.sku).is_some();
        let known: Vec<bool> = ask.lines.iter().map(is_known).collect();
        let mut order = Order {
            lines: self.lines(index, ask),
            extra_group: card.extra_group_micro,
            late: LatePrice {
                broken: weighed(card.promise_broken_micro, ask.weight_percent),
                hour: weighed(card.late_hour_micro, ask.weight_percent),
            },
            nodes_max: world.policy.rules.nodes_max,
            all_or_nothing: ask.all_or_nothing,
            twins: twins(ask),
            in_force: self.in_force.get(index).cloned().flatten(),
            ..Order::default()
        };
        for (node, method, leg, slot) in offered {
            order.ways.push(Way {
                node: u32::try_from(node).unwrap_or(u32::MAX),
                pickup: method == Method::Pickup,
                fixed: leg.total(),
                slot,
            });
            let floor = world.sites.floor(node, method);
            for (line, (known, kg)) in known.iter().zip(&kg).enumerate() {
                let row = stock.get(node * lines + line).copied().unwrap_or(NO_ROW);
                let limit = self.kernel.limits.get(row as usize).copied().unwrap_or(0);
                let asked = ask.lines.get(line).map_or(i64::MAX, |line| line.quantity);
                let is_denied = denied.get(line * nodes + node).copied().unwrap_or(false);
                let possible = row != NO_ROW && *known && !is_denied && limit - floor >= asked;
                let weight = if method == Method::Ship { *kg } else { 0 };
                let cost = (card.pick_line_micro + weight).min(COST_MAX);
                order.costs.push(if possible { cost } else { CANNOT });
                order.rows.push(row);
            }
            let most = |lines_of: &Vec<usize>| {
                let row = stock.get(node * lines + lines_of.first()?)?;
                Some(self.kernel.limits.get(*row as usize)? - floor)
            };
            let most = order.twins.iter().map(|twins| most(twins).unwrap_or(0));
            order.twins_max.extend(most);
        }
        order
    }
}

impl BatchOrders {
    fn lines(&self, index: usize, ask: &Ask) -> Vec<Line> {
        let policy = &self.kernel.world.policy;
        let promised = self.kernel.promised_of(index);
        let line = |line: &AskLine| Line {
            quantity: line.quantity,
            // Dearer than any line that may be left.
            unfilled: if promised.contains(&line.line_number) {
                2 * COST_MAX
            } else {
                policy.left_cost(ask, line)
            },
        };
        ask.lines.iter().map(line).collect()
    }
}

fn twins(ask: &Ask) -> Vec<Vec<usize>> {
    let mut by_sku: HashMap<&str, Vec<usize>> = HashMap::new();
    for (line, asked) in ask.lines.iter().enumerate() {
        by_sku.entry(asked.sku.as_str()).or_default().push(line);
    }
    by_sku.retain(|_, lines| lines.len() > 1);
    let mut twins: Vec<Vec<usize>> = by_sku.into_values().collect();
    twins.sort_unstable();
    twins
}
