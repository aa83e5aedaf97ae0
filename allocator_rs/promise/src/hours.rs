//! When a node may do a group of lines of one ask.

use bopis_sourcing::{Pattern, PatternLimits};

use crate::ask::{Ask, Method};
use crate::closed::Closed;
use crate::network::{Node, WINDOW_S};
use crate::policy::Policy;
use crate::supply::Supply;
use crate::world::World;

/// Which windows of a node may be used at all, and the promise, in seconds.
pub(crate) fn usable(ask: &Ask, policy: &Policy, from_ms: i64, start_s: i64) -> bool {
    let last_ready_ms = ask.promise_ms + i64::from(policy.late_windows_max_h) * 3_600_000;
    start_s * 1000 >= from_ms && (start_s + WINDOW_S) * 1000 <= last_ready_ms
}

/// The patterns of a node and method for up to `serves` lines. `roomy_s`: its hours are shared with
/// other groups of the order, and with so many seconds they suffice for all of them.
pub(crate) fn patterns(
    world: &World,
    ask: &Ask,
    from: (&Node, usize, Method),
    supply: &dyn Supply,
    (serves, roomy_s): (u32, Option<i64>),
) -> Vec<Pattern> {
    let (node, node_index, method) = from;
    let policy = &world.policy;
    let from_ms = ask.now_ms.max(supply.windows_from_ms());
    let mut limits = PatternLimits {
        line_seconds: node.line_seconds,
        lines: serves,
        promise_s: ask.promise_ms.div_euclid(1000),
        late_max_h: policy.late_windows_max_h,
        span_max: policy.span_windows_max,
        ready_from_s: ready_from_s(policy, from_ms),
    };
    if method == Method::Transfer {
        // What is picked an hour earlier may arrive in time: each hour counts as lateness does.
        limits.promise_s = from_ms.div_euclid(1000);
        limits.late_max_h = u32::MAX;
        limits.ready_from_s = i64::MIN;
    }
    let from = node
        .spec
        .windows
        .partition_point(|w| w.start_s * 1000 < from_ms);
    let closed = Closed::of(ask, &node.spec.node_id, method);
    let later = node.spec.windows.get(from..).unwrap_or(&[]);
    let mut windows: Vec<bopis_sourcing::Window> = Vec::new();
    for window in later
        .iter()
        .take_while(|w| usable(ask, policy, from_ms, w.start_s))
    {
        let available = supply.seconds(node_index, window.start_s);
        let price = supply.second_price(node_index, window.start_s);
        windows.push(bopis_sourcing::Window {
            start_s: window.start_s,
            end_s: window.start_s + WINDOW_S,
            available,
            price,
        });
        // An hour that is free of charge and has room for all lines beats all later ones.
        let room = roomy_s.unwrap_or_else(|| i64::from(serves).saturating_mul(node.line_seconds));
        let ready_s = window.start_s + WINDOW_S;
        let may_end = ready_s >= limits.ready_from_s && !closed.holds(ready_s);
        if price == 0 && available >= room && may_end {
            break;
        }
    }
    // Who moves to other hours must not be in the way of other groups there.
    let may_replace = |one: &Pattern, _: &Pattern| {
        let span_s = WINDOW_S * i64::try_from(one.span).unwrap_or(1);
        let hours = windows
            .iter()
            .filter(|hour| (one.ready_s - span_s..one.ready_s).contains(&hour.start_s));
        let mut hours = hours.map(|hour| hour.available);
        roomy_s.is_none_or(|roomy_s| hours.all(|available| available >= roomy_s))
    };
    closed.open_patterns(&windows, &limits, &may_replace)
}

/// The earliest time at which a group may be ready, Unix seconds.
pub(crate) fn ready_from_s(policy: &Policy, from_ms: i64) -> i64 {
    (from_ms + policy.lead_time_ms + 999).div_euclid(1000)
}
