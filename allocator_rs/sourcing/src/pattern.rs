//! Window patterns: in which labor windows a node does a group of lines.
//!
//! A pattern is 1 to [`SPAN_MAX`] consecutive windows. Each line's seconds are split equally over
//! them, the first windows taking the remainder, so a group's seconds are its lines times fixed
//! shares: adding or removing a line changes each window by the same amount. Ready is the end of
//! the last window.

/// Most windows of one pattern.
const SPAN_MAX: usize = 3;
/// Most labor seconds of one line.
const LINE_SECONDS_MAX: i64 = 86_400;

/// A labor window of a node, in time order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Start, Unix seconds (identifies the labor cell: the full hour).
    pub start_s: i64,
    /// End, Unix seconds; the next window is consecutive if it starts there.
    pub end_s: i64,
    /// Seconds still to be promised.
    pub available: i64,
    /// Dual price of a second (micro-units), at least 0.
    pub price: i64,
}

/// What patterns are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatternLimits {
    /// Labor seconds of one line at the node, at least 1.
    pub line_seconds: i64,
    /// Lines of the order.
    pub lines: u32,
    /// The promise, Unix seconds.
    pub promise_s: i64,
    /// Most started hours after the promise.
    pub late_max_h: u32,
    /// Most windows of a pattern, 1 to [`SPAN_MAX`].
    pub span_max: usize,
    /// Earliest ready time, Unix seconds.
    pub ready_from_s: i64,
}

/// An undominated pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Index of its first window.
    pub first: usize,
    /// Number of windows.
    pub span: usize,
    /// Most lines that fit, at most the order's.
    pub capacity: u32,
    /// Started hours after the promise.
    pub late: u32,
    /// Dual charge of a line (micro-units).
    pub line_price: i64,
    /// End of the last window, Unix seconds.
    pub ready_s: i64,
}

impl Pattern {
    /// Seconds of one line in window `index` (0-based) of a pattern of `span` windows.
    #[must_use]
    pub fn share(line_seconds: i64, span: usize, index: usize) -> i64 {
        let span = i64::try_from(span.max(1)).unwrap_or(1);
        let index = i64::try_from(index).unwrap_or(i64::MAX);
        line_seconds / span + i64::from(index < line_seconds % span)
    }

    fn dominates(&self, other: &Self) -> bool {
        self.late <= other.late
            && self.capacity >= other.capacity
            && self.line_price <= other.line_price
    }
}

/// The patterns of one node that are not dominated: no other has as much room, is as early in
/// started hours and as cheap a line. Among equals the one ready first stays, then the shorter.
/// Exact: in any plan a dominated pattern can be replaced by its dominator.
#[must_use]
pub fn undominated_patterns(windows: &[Window], limits: &PatternLimits) -> Vec<Pattern> {
    undominated_patterns_where(windows, limits, &|_, _| true)
}

/// The same where a pattern cannot take the place of every other that it dominates:
/// `may_replace(one, other)` says whether it can.
#[must_use]
pub fn undominated_patterns_where(
    windows: &[Window],
    limits: &PatternLimits,
    may_replace: &dyn Fn(&Pattern, &Pattern) -> bool,
) -> Vec<Pattern> {
    let beats = |one: &Pattern, other: &Pattern| one.dominates(other) && may_replace(one, other);
    let mut kept: Vec<Pattern> = Vec::new();
    for last in 0..windows.len() {
        for span in 1..=SPAN_MAX.min(limits.span_max).min(last + 1) {
            let first = last + 1 - span;
            let Some(taken) = windows.get(first..=last) else {
                continue;
            };
            let Some(pattern) = pattern_of(taken, first, limits) else {
                continue;
            };
            if kept.iter().any(|other| beats(other, &pattern)) {
                continue;
            }
            kept.retain(|other| !beats(&pattern, other));
            kept.push(pattern);
        }
    }
    kept
}

fn pattern_of(taken: &[Window], first: usize, limits: &PatternLimits) -> Option<Pattern> {
    let span = taken.len();
    let consecutive = taken
        .iter()
        .zip(taken.iter().skip(1))
        .all(|(a, b)| a.end_s == b.start_s);
    let seconds = limits.line_seconds.clamp(1, LINE_SECONDS_MAX);
    // A window with no second of a line would only make the group later.
    if !consecutive || seconds < i64::try_from(span).ok()? {
        return None;
    }
    let ready_s = taken.last()?.end_s;
    let past_s = (ready_s - limits.promise_s).max(0);
    let late = u32::try_from(past_s / 3600 + i64::from(past_s % 3600 > 0)).ok()?;
    let mut capacity = i64::from(limits.lines);
    let mut line_price: i64 = 0;
    for (index, window) in taken.iter().enumerate() {
        let share = Pattern::share(seconds, span, index);
        capacity = capacity.min(window.available.max(0) / share.max(1));
        line_price = line_price.saturating_add(window.price.saturating_mul(share));
    }
    let capacity = u32::try_from(capacity).ok()?;
    let in_time = late <= limits.late_max_h && ready_s >= limits.ready_from_s;
    (capacity > 0 && in_time).then_some(Pattern {
        first,
        span,
        capacity,
        late,
        line_price,
        ready_s,
    })
}
