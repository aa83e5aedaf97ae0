//! When a node takes no group of an order: the closures of its ask.

use bopis_sourcing::{undominated_patterns_where, Pattern, PatternLimits, Window};

use crate::ask::{Ask, Closure, Method};

/// The closures of one node and method.
pub(crate) struct Closed<'a>(Vec<&'a Closure>);

impl<'a> Closed<'a> {
    pub(crate) fn of(ask: &'a Ask, node_id: &str, method: Method) -> Self {
        let sends = method != Method::Pickup;
        let counts = |counted: Method| counted == method || (sends && counted == Method::Ship);
        let binds =
            |closure: &&Closure| closure.node_id == node_id && closure.method.is_none_or(counts);
        Self(ask.closed.iter().filter(binds).collect())
    }

    /// Whether no group may get ready then.
    pub(crate) fn holds(&self, ready_s: i64) -> bool {
        let inside = |one: &&Closure| one.after_s < ready_s && ready_s <= one.until_s;
        self.0.iter().any(inside)
    }

    /// The undominated patterns of those that end in an open hour; hours in which no group may get
    /// ready may still be worked in.
    pub(crate) fn open_patterns(
        &self,
        windows: &[Window],
        limits: &PatternLimits,
        may_replace: &dyn Fn(&Pattern, &Pattern) -> bool,
    ) -> Vec<Pattern> {
        if self.0.is_empty() {
            return undominated_patterns_where(windows, limits, may_replace);
        }
        let mut kept: Vec<Pattern> = Vec::new();
        for (last, window) in windows.iter().enumerate() {
            if self.holds(window.end_s) {
                continue;
            }
            let first = (last + 1).saturating_sub(limits.span_max);
            let ending_here = PatternLimits {
                ready_from_s: limits.ready_from_s.max(window.end_s),
                ..*limits
            };
            let taken = windows.get(first..=last).unwrap_or(&[]);
            for pattern in undominated_patterns_where(taken, &ending_here, may_replace) {
                let beats = |other: &Pattern| {
                    other.late <= pattern.late
                        && other.capacity >= pattern.capacity
                        && other.line_price <= pattern.line_price
                        && may_replace(other, &pattern)
                };
                if !kept.iter().any(beats) {
                    kept.push(pattern);
                }
            }
        }
        kept
    }
}
