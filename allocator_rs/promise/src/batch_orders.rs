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
use crate::batch_rows::{Cell, NO_CELL, NO_ROW};
use crate::eligible::{allowed, allowed_of, Eligible, Leg};
use crate::limited::solve_within;
use crate::network::WINDOW_S;
use crate::offers::{build, AskError};
use crate::plan::{groups, node_id, price, Draft, Plan, Unfilled};
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

    /// Who may do what for an order: of the nodes that have enough for a line, unless a store that has
    /// nothing may receive what others send.
    fn eligible(&self, ask: &Ask, stock: &[Cell]) -> Eligible {
        let world = &self.kernel.world;
        if world.policy.transfers.is_some() {
            return allowed(world, ask);
        }
        let has_enough = |cells: &[Cell]| {
            let mut cells = cells.iter().zip(&ask.lines);
            cells.any(|(cell, line)| line.quantity <= cell.units)
        };
        let of_nodes = stock.chunks(ask.lines.len().max(1)).enumerate();
        let among = of_nodes.filter_map(|(node, cells)| has_enough(cells).then_some(node));
        allowed_of(world, ask, &among.collect::<Vec<usize>>())
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
    /// [`AskError`] for an order that there is not, or outside its limits with a line that is left.
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
        let stock = self.kernel.unit_table(&self.kernel.stock_rows, ask);
        let eligible = self.eligible(ask, &stock);
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
        Ok(Some(Plan {
            groups: groups(world, ask, &drafts),
            unfilled: self.left((order, ask), &stock, &drafts)?,
            terms: price(world, ask, &drafts, None),
            customer_node_id: eligible.customer_node.map(|node| node_id(world, node)),
        }))
    }

    /// The lines that a plan leaves, and why.
    fn left(
        &self,
        (order, ask): (usize, &Ask),
        stock: &[Cell],
        drafts: &[Draft],
    ) -> Result<Vec<Unfilled>, AskError> {
        let done: usize = drafts.iter().map(|draft| draft.lines.len()).sum();
        if done == ask.lines.len() {
            return Ok(Vec::new());
        }
        let world = &self.kernel.world;
        let supply = self.kernel.supply(order, ask, &[], stock);
        let offers = build(world, ask, &supply, false)?;
        // Whether it could do with more nodes than it may have.
        let nodes_max = world.policy.rules.nodes_max;
        let is_limited =
            nodes_max.is_some() && solve_within(&offers.problem, nodes_max, WORK_LIMIT).is_binding;
        Ok(unfilled(world, ask, &offers, drafts, is_limited))
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
        let basket = Basket::new(self, ask);
        let eligible = self.eligible(ask, &basket.stock);
        let receiving = receiving(&eligible);
        let offered = self.offered(index, ask, &eligible);
        let mut order = self.without_ways(index, ask);
        order.ways.reserve(offered.len());
        order.costs.reserve(offered.len() * ask.lines.len());
        order.rows.reserve(offered.len() * ask.lines.len());
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
            basket.add_cells(&mut order, node, method);
        }
        order
    }
}

/// What an order's lines find at the nodes.
struct Basket<'a> {
    orders: &'a BatchOrders,
    ask: &'a Ask,
    /// By (node, line), node-major.
    stock: Vec<Cell>,
    /// The same of what may be shipped; empty: all may be.
    shipped: Vec<Cell>,
    /// The same: whether a rule keeps the line from coming from there; empty: nowhere.
    denied: Vec<bool>,
    /// By line: what shipping its weight costs, and whether the catalog has it.
    lines: Vec<(i64, bool)>,
}

impl<'a> Basket<'a> {
    fn new(orders: &'a BatchOrders, ask: &'a Ask) -> Self {
        let (kernel, world) = (&orders.kernel, &orders.kernel.world);
        let limits_shipping = !kernel.ship_rows.is_empty();
        let shipped = limits_shipping.then(|| kernel.unit_table(&kernel.ship_rows, ask));
        let of_line = |(line, asked): (usize, &AskLine)| {
            let is_known = world.catalog.get(&asked.sku).is_some();
            (ship_kg_cost(world, ask, line), is_known)
        };
        Self {
            orders,
            ask,
            stock: kernel.unit_table(&kernel.stock_rows, ask),
            shipped: shipped.unwrap_or_default(),
            denied: world.sites.denied(ask, 0..world.network.nodes().len()),
            lines: ask.lines.iter().enumerate().map(of_line).collect(),
        }
    }

    /// Adds the costs and rows of a way of the order.
    fn add_cells(&self, order: &mut Order, node: usize, method: Method) {
        let world = &self.orders.kernel.world;
        let floor = world.sites.floor(node, method);
        let first = node * self.lines.len();
        let of = |cells: &[Cell], line: usize| {
            let cell = cells.get(first + line);
            cell.copied().unwrap_or(NO_CELL)
        };
        let lines = self.ask.lines.iter().zip(&self.lines);
        for (line, (asked, (kg, is_known))) in lines.enumerate() {
            let cell = of(&self.stock, line);
            let sent = match method {
                Method::Pickup => NO_CELL,
                Method::Ship | Method::Transfer => of(&self.shipped, line),
            };
            let may_send = sent.row == NO_ROW || asked.quantity <= sent.units;
            let has_units = cell.row != NO_ROW && asked.quantity <= cell.units - floor;
            let is_denied = self.denied.get(first + line) == Some(&true);
            let weight = if method == Method::Ship { *kg } else { 0 };
            let charge = self.orders.charges.get(cell.row as usize).copied();
            let charge = charge.unwrap_or(0).saturating_mul(asked.quantity);
            let cost = world.policy.card.pick_line_micro + weight + charge.min(COST_MAX);
            let is_possible = *is_known && !is_denied && has_units && may_send;
            let cost = if is_possible {
                cost.min(COST_MAX)
            } else {
                CANNOT
            };
            order.costs.push(cost);
            order.rows.push(cell.row);
            if !self.shipped.is_empty() {
                order.ship_rows.push(sent.row);
            }
        }
        let most = |twins: &Vec<usize>| Some(of(&self.stock, *twins.first()?).units - floor);
        let most = order.twins.iter().map(|twins| most(twins).unwrap_or(0));
        order.twins_max.extend(most);
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
