//! The open orders of a batch as the allocation sees them, and its choices as plans.
//!
//! | of the order | becomes |
//! | --- | --- |
//! | a node and a method that the rules allow | a way; its number is its place among all of them |
//! | the hours of a node, from now on, up to the latest lateness | the patterns of a slot |
//! | the plan in force | a choice of its own: its windows may be past |

use bopis_allocation::{Calendar, Choice, Group, InForce, Line, Order, Row, Source, Way};
use bopis_sourcing::{LatePrice, CANNOT, COST_MAX, WORK_LIMIT};
use hashbrown::HashMap;

use crate::ask::{Ask, AskLine, Method};
use crate::batch::BatchKernel;
use crate::batch_hours::{calendar, parted, picking, sendings, span_of, Sendings, Slots, Span};
use crate::batch_rows::NO_ROW;
use crate::eligible::{allowed, Eligible, Leg};
use crate::limited::solve_within;
use crate::network::WINDOW_S;
use crate::offers::{build, AskError};
use crate::plan::{groups, node_id, price, Draft, Plan};
use crate::policy::weighed;
use crate::reasons::unfilled;
use crate::transfer::{receiving, store_of};
use crate::world::ship_kg_cost;

/// A batch as a source of the allocation.
pub struct BatchOrders {
    kernel: BatchKernel,
    rows: Vec<Row>,
    calendar: Calendar,
    /// By order: which of the spans it has.
    spans: Vec<usize>,
    slots: Slots,
    in_force: Vec<Option<InForce>>,
    /// Slots of orders that some nodes are closed for: by order, node and method.
    parted: HashMap<(usize, usize, Method), Vec<u32>>,
    sendings: Sendings,
    /// By row: what a unit or second costs beside what the policy charges (micro-units).
    charges: Vec<i64>,
}

/// A node and a method, what its leg costs, and a slot of its hours.
type Offered = (usize, Method, Leg, u32);

impl BatchOrders {
    /// Takes over a batch; `in_force`: by order, its plan so far. `charges`: by row, what a unit or
    /// second costs beside what the policy charges (micro-units); missing ones are 0.
    #[must_use]
    pub fn new(kernel: BatchKernel, in_force: Vec<Option<InForce>>, charges: Vec<i64>) -> Self {
        let rows = kernel.limits.iter().map(|limit| Row {
            limit: *limit,
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
        let (mut calendar, slots) = calendar(&kernel, &all);
        let parted = parted(&kernel, &spans, &slots, &mut calendar);
        let sendings = sendings(&kernel, (&spans, &all), &mut calendar);
        for pattern in &mut calendar.patterns {
            let charge = |(row, seconds): &(u32, i64)| {
                let charge = charges.get(*row as usize).copied().unwrap_or(0);
                charge.saturating_mul(*seconds)
            };
            let charges = pattern.shares.iter().map(charge);
            pattern.charge = charges.fold(0, i64::saturating_add);
        }
        Self {
            rows: rows.collect(),
            charges,
            calendar,
            spans,
            slots,
            in_force,
            parted,
            sendings,
            kernel,
        }
    }

    /// The ways of an order, in the order of their numbers; a node that is closed for some hours
    /// has one for each part of the others.
    fn offered(&self, index: usize, ask: &Ask, eligible: &Eligible) -> Vec<Offered> {
        let span = self.spans.get(index).copied().unwrap_or(0);
        let mut offered = Vec::new();
        for (node, method, leg) in &eligible.allowed {
            let whole = [self.slots.of(span, *node, *method)];
            let parts = (!ask.closed.is_empty())
                .then(|| self.parted.get(&(index, *node, *method)))
                .flatten();
            let slots = match leg.sent {
                Some(sent) => self.sendings.slots(index, span, (*node, sent.store)),
                None => parts.map_or(&whole[..], Vec::as_slice),
            };
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
                span: match leg.sent {
                    Some(_) => picking(pattern),
                    None => pattern.shares.len(),
                },
                received_s: leg.sent.map(|_| (pattern.ready_h - 1) * WINDOW_S),
            })
        };
        let mut drafts: Vec<Draft> = chosen.iter().filter_map(draft).collect();
        drafts.sort_by_key(|draft| draft.node);
        let stock = self.kernel.unit_table(&self.kernel.stock_rows, ask);
        let offers = build(
            world,
            ask,
            &self.kernel.supply(order, ask, &[], &stock),
            false,
        )?;
        // Whether an order that leaves lines could do with more nodes than it may have.
        let nodes_max = world.policy.rules.nodes_max;
        let done: usize = drafts.iter().map(|draft| draft.lines.len()).sum();
        let is_limited = nodes_max.is_some()
            && done < ask.lines.len()
            && solve_within(&offers.problem, nodes_max, WORK_LIMIT).is_binding;
        Ok(Some(Plan {
            groups: groups(world, ask, &drafts),
            unfilled: unfilled(world, ask, &offers, &drafts, is_limited),
            terms: price(world, ask, &drafts, None),
            customer_node_id: eligible.customer_node.map(|node| node_id(world, node)),
        }))
    }
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
        let eligible = allowed(world, ask);
        let receiving = receiving(&eligible);
        let offered = self.offered(index, ask, &eligible);
        let denied = world.sites.denied(ask, 0..nodes);
        let stock = self.kernel.unit_table(&self.kernel.stock_rows, ask);
        let limits_shipping = !self.kernel.ship_rows.is_empty();
        let shipped = self.kernel.unit_table(&self.kernel.ship_rows, ask);
        let lines = ask.lines.len();
        let none = vec![NO_ROW; lines];
        let kg: Vec<i64> = (0..lines)
            .map(|line| ship_kg_cost(world, ask, line))
            .collect();
        let is_known = |line: &AskLine| world.catalog.get(&line.sku).is_some();
        let known: Vec<bool> = ask.lines.iter().map(is_known).collect();
        let mut order = self.without_ways(index, ask);
        for (node, method, leg, slot) in offered {
            let store = store_of(node, method, leg);
            let meet = store.filter(|store| receiving.contains(&(*store as usize)));
            // The way to a store where several groups may meet is paid once.
            if let Some(store) = meet.filter(|store| order.visits.iter().all(|v| v.0 != *store)) {
                order.visits.push((store, leg.other_store_km));
            }
            order.ways.push(Way {
                node: u32::try_from(node).unwrap_or(u32::MAX),
                store,
                fixed: leg.total() - meet.map_or(0, |_| leg.other_store_km),
                slot,
            });
            let floor = world.sites.floor(node, method);
            for (line, (known, kg)) in known.iter().zip(&kg).enumerate() {
                let row = stock.get(node * lines + line).copied().unwrap_or(NO_ROW);
                let limit = self.kernel.limits.get(row as usize).copied().unwrap_or(0);
                let asked = ask.lines.get(line).map_or(i64::MAX, |line| line.quantity);
                let is_denied = denied.get(node * lines + line).copied().unwrap_or(false);
                let possible = row != NO_ROW && *known && !is_denied && limit - floor >= asked;
                let weight = if method == Method::Ship { *kg } else { 0 };
                let charge = self.charges.get(row as usize).copied().unwrap_or(0);
                let charge = charge.saturating_mul(asked).min(COST_MAX);
                let cost = (card.pick_line_micro + weight + charge).min(COST_MAX);
                order.costs.push(if possible { cost } else { CANNOT });
                order.rows.push(row);
            }
            if limits_shipping {
                let mine = shipped.get(node * lines..(node + 1) * lines);
                let mine = mine.filter(|_| method != Method::Pickup);
                order.ship_rows.extend(mine.unwrap_or(&none));
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
    fn without_ways(&self, index: usize, ask: &Ask) -> Order {
        let policy = &self.kernel.world.policy;
        let card = &policy.card;
        Order {
            lines: self.lines(index, ask),
            extra_group: card.extra_group_micro,
            late: LatePrice {
                broken: weighed(card.promise_broken_micro, ask.weight_percent),
                hour: weighed(card.late_hour_micro, ask.weight_percent),
            },
            nodes_max: policy.rules.nodes_max,
            all_or_nothing: ask.all_or_nothing,
            twins: twins(ask),
            in_force: self.in_force.get(index).cloned().flatten(),
            ..Order::default()
        }
    }

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
