//! What an order holds itself, free to it when it is planned again.

use hashbrown::HashMap;

use crate::ask::Ask;
use crate::network::Network;
use crate::supply::Supply;

/// Units and seconds that the order of an ask holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// Node, SKU, units.
    pub stock: Vec<(String, String, i64)>,
    /// Node, start of the hour (Unix seconds), seconds.
    pub labor: Vec<(String, i64, i64)>,
}

/// A supply and what the order itself holds.
pub(crate) struct WithOwn<'a> {
    free: &'a dyn Supply,
    units: HashMap<(usize, usize), i64>,
    seconds: HashMap<(usize, i64), i64>,
}

impl<'a> WithOwn<'a> {
    pub(crate) fn new(free: &'a dyn Supply, own: &Own, network: &Network, ask: &Ask) -> Self {
        let mut units = HashMap::new();
        for (node_id, sku, held) in &own.stock {
            let Some(node) = network.index(node_id) else {
                continue;
            };
            for (line, asked) in ask.lines.iter().enumerate() {
                if asked.sku == *sku {
                    *units.entry((node, line)).or_insert(0) += held;
                }
            }
        }
        let mut seconds = HashMap::new();
        for (node_id, start_s, held) in &own.labor {
            if let Some(node) = network.index(node_id) {
                *seconds.entry((node, *start_s)).or_insert(0) += held;
            }
        }
        Self {
            free,
            units,
            seconds,
        }
    }
}

impl Supply for WithOwn<'_> {
    fn units(&self, node: usize, line: usize) -> i64 {
        let own = self.units.get(&(node, line)).copied().unwrap_or(0);
        self.free.units(node, line) + own
    }

    fn seconds(&self, node: usize, window_start_s: i64) -> i64 {
        let own = self.seconds.get(&(node, window_start_s)).copied();
        self.free.seconds(node, window_start_s) + own.unwrap_or(0)
    }

    fn unit_price(&self, node: usize, line: usize) -> i64 {
        self.free.unit_price(node, line)
    }

    fn second_price(&self, node: usize, window_start_s: i64) -> i64 {
        self.free.second_price(node, window_start_s)
    }

    fn is_priced(&self, node: usize, line: usize) -> bool {
        self.free.is_priced(node, line)
    }

    fn is_promised(&self, line: usize) -> bool {
        self.free.is_promised(line)
    }

    fn windows_from_ms(&self) -> i64 {
        self.free.windows_from_ms()
    }
}
