//! One JSON line per figure.

use std::fmt::Write as _;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::arguments::Arguments;
use crate::Failure;

/// A line under way.
#[derive(Debug)]
pub(crate) struct Figure(String);

impl Figure {
    pub(crate) fn new(name: &str, value: f64, unit: &str, mode: &str) -> Self {
        let line = format!("{{\"figure\": \"{name}\", \"value\": {}", number(value));
        Self(line).text("unit", unit).text("mode", mode)
    }

    /// A text without quotes or control characters.
    pub(crate) fn text(mut self, name: &str, value: &str) -> Self {
        let _ = write!(self.0, ", \"{name}\": \"{value}\"");
        self
    }

    pub(crate) fn with(mut self, name: &str, value: f64) -> Self {
        let _ = write!(self.0, ", \"{name}\": {}", number(value));
        self
    }

    /// `p50_us`, `p99_us`, `p999_us`, and of what.
    pub(crate) fn latencies(self, latencies: &Latencies, of: &str) -> Self {
        self.with("p50_us", latencies.micros_at(0.5))
            .with("p99_us", latencies.micros_at(0.99))
            .with("p999_us", latencies.micros_at(0.999))
            .text("latency_of", of)
    }

    pub(crate) fn print(self, arguments: &Arguments) {
        let line = self.text("size", arguments.size());
        println!("{}}}", line.0);
    }
}

/// At most three decimals.
fn number(value: f64) -> String {
    if value.abs() >= 1000.0 {
        format!("{value:.0}")
    } else {
        let text = format!("{value:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// Latencies, to three digits, up to a minute.
#[derive(Debug)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self(Histogram::new_with_bounds(1, 60_000_000_000, 3)?))
    }

    pub(crate) fn add(&mut self, latency: Duration) {
        self.add_many(latency, 1);
    }

    /// The same latency of several.
    pub(crate) fn add_many(&mut self, latency: Duration, count: u64) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.0.saturating_record_n(nanos, count);
    }

    pub(crate) fn add_all(&mut self, others: &Self) -> Result<(), Failure> {
        Ok(self.0.add(&others.0)?)
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    pub(crate) fn micros_at(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1e3
    }
}
