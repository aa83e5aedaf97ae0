//! What is laid over a supply: what an order holds itself, what there might be, what is promised.

use std::cell::RefCell;

use hashbrown::HashMap;

use crate::ask::Ask;
use crate::network::Network;
use crate::quote::QuotedGroup;
use crate::stock::Stock;
use crate::supply::Supply;
use crate::world::World;

/// Units and seconds beside those of a supply; below 0: so many fewer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlay {
    /// Node, SKU, units.
    pub stock: Vec<(String, String, i64)>,
    /// Node, start of the hour (Unix seconds), seconds.
    pub labor: Vec<(String, i64, i64)>,
}

/// A supply and what is laid over it, from the point of view of one ask.
pub(crate) struct Overlaid<'a> {
    under: &'a dyn Supply,
    units: HashMap<(usize, usize), i64>,
    seconds: HashMap<(usize, i64), i64>,
}

impl<'a> Overlaid<'a> {
    pub(crate) fn new(
        under: &'a dyn Supply,
        overlay: &Overlay,
        network: &Network,
        ask: &Ask,
    ) -> Self {
        let mut units = HashMap::new();
        for (node_id, sku, more) in &overlay.stock {
            let Some(node) = network.index(node_id) else {
                continue;
            };
            for (line, asked) in ask.lines.iter().enumerate() {
                if asked.sku == *sku {
                    *units.entry((node, line)).or_insert(0) += more;
                }
            }
        }
        let mut seconds = HashMap::new();
        for (node_id, start_s, more) in &overlay.labor {
            if let Some(node) = network.index(node_id) {
                *seconds.entry((node, *start_s)).or_insert(0) += more;
            }
        }
        Self {
            under,
            units,
            seconds,
        }
    }
}

impl Supply for Overlaid<'_> {
    fn units(&self, node: usize, line: usize) -> i64 {
        let more = self.units.get(&(node, line)).copied().unwrap_or(0);
        self.under.units(node, line).saturating_add(more)
    }

    fn stock(&self) -> Option<Vec<(usize, usize, i64)>> {
        let mut cells = self.under.stock()?;
        let over = self.units.keys().copied();
        cells.extend(over.map(|(node, line)| (node, line, self.units(node, line))));
        Some(cells)
    }

    fn seconds(&self, node: usize, window_start_s: i64) -> i64 {
        let more = self.seconds.get(&(node, window_start_s)).copied();
        let under = self.under.seconds(node, window_start_s);
        under.saturating_add(more.unwrap_or(0))
    }

    fn unit_price(&self, node: usize, line: usize) -> i64 {
        self.under.unit_price(node, line)
    }

    fn second_price(&self, node: usize, window_start_s: i64) -> i64 {
        self.under.second_price(node, window_start_s)
    }

    fn is_priced(&self, node: usize, line: usize) -> bool {
        self.under.is_priced(node, line)
    }

    fn is_promised(&self, line: usize) -> bool {
        self.under.is_promised(line)
    }

    fn windows_from_ms(&self) -> i64 {
        self.under.windows_from_ms()
    }
}

/// A supply none of whose last units is worth a guess: opportunity is charged nowhere, as batches
/// do not charge it. Dual prices stay.
pub(crate) struct Unguessed<'a>(pub(crate) &'a dyn Supply);

impl Supply for Unguessed<'_> {
    fn units(&self, node: usize, line: usize) -> i64 {
        self.0.units(node, line)
    }

    fn seconds(&self, node: usize, window_start_s: i64) -> i64 {
        self.0.seconds(node, window_start_s)
    }

    fn unit_price(&self, node: usize, line: usize) -> i64 {
        self.0.unit_price(node, line)
    }

    fn second_price(&self, node: usize, window_start_s: i64) -> i64 {
        self.0.second_price(node, window_start_s)
    }

    fn is_priced(&self, _node: usize, _line: usize) -> bool {
        true
    }

    fn is_promised(&self, line: usize) -> bool {
        self.0.is_promised(line)
    }

    fn windows_from_ms(&self) -> i64 {
        self.0.windows_from_ms()
    }
}

/// A supply read once: however often it is asked, it answers the same.
pub(crate) struct Frozen<'a> {
    under: &'a dyn Supply,
    stock: Stock,
    seconds: RefCell<HashMap<(usize, i64), i64>>,
}

impl<'a> Frozen<'a> {
    pub(crate) fn new(under: &'a dyn Supply, world: &World, ask: &Ask) -> Self {
        Self {
            under,
            stock: Stock::of_all(world, under, ask.lines.len()),
            seconds: RefCell::default(),
        }
    }
}

impl Supply for Frozen<'_> {
    fn units(&self, node: usize, line: usize) -> i64 {
        self.stock.units(node, line)
    }

    fn seconds(&self, node: usize, window_start_s: i64) -> i64 {
        let mut known = self.seconds.borrow_mut();
        *known
            .entry((node, window_start_s))
            .or_insert_with(|| self.under.seconds(node, window_start_s))
    }

    fn unit_price(&self, node: usize, line: usize) -> i64 {
        self.under.unit_price(node, line)
    }

    fn second_price(&self, node: usize, window_start_s: i64) -> i64 {
        self.under.second_price(node, window_start_s)
    }

    fn is_priced(&self, node: usize, line: usize) -> bool {
        self.under.is_priced(node, line)
    }

    fn is_promised(&self, line: usize) -> bool {
        self.under.is_promised(line)
    }

    fn windows_from_ms(&self) -> i64 {
        self.under.windows_from_ms()
    }
}

/// A supply under which lines of an order are promised: leaving one costs more than any plan.
pub(crate) struct Promised<'a> {
    under: &'a dyn Supply,
    /// By line.
    lines: Vec<bool>,
}

impl<'a> Promised<'a> {
    /// Under which an ask's lines in these groups are.
    pub(crate) fn by(under: &'a dyn Supply, ask: &Ask, groups: &[QuotedGroup]) -> Self {
        let done = |number: &i32| groups.iter().any(|one| one.line_numbers.contains(number));
        let lines = ask.lines.iter();
        Self {
            under,
            lines: lines.map(|line| done(&line.line_number)).collect(),
        }
    }
}

impl Supply for Promised<'_> {
    fn units(&self, node: usize, line: usize) -> i64 {
        self.under.units(node, line)
    }

    fn stock(&self) -> Option<Vec<(usize, usize, i64)>> {
        self.under.stock()
    }

    fn seconds(&self, node: usize, window_start_s: i64) -> i64 {
        self.under.seconds(node, window_start_s)
    }

    fn unit_price(&self, node: usize, line: usize) -> i64 {
        self.under.unit_price(node, line)
    }

    fn second_price(&self, node: usize, window_start_s: i64) -> i64 {
        self.under.second_price(node, window_start_s)
    }

    fn is_priced(&self, node: usize, line: usize) -> bool {
        self.under.is_priced(node, line)
    }

    fn is_promised(&self, line: usize) -> bool {
        self.lines.get(line).copied().unwrap_or(false)
    }

    fn windows_from_ms(&self) -> i64 {
        self.under.windows_from_ms()
    }
}
