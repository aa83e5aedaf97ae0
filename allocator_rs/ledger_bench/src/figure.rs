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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{number, Figure, Latencies};
    use crate::Failure;

    #[test]
    fn numbers_have_three_decimals_below_a_thousand_and_none_above() {
        for (value, text) in [
            (0.0, "0"),
            (1.5, "1.5"),
            (0.123_45, "0.123"),
            (100.0, "100"),
            (999.999_9, "1000"),
            (12_345.678, "12346"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn latencies_are_in_micros_and_say_of_what() -> Result<(), Failure> {
        let mut latencies = Latencies::new()?;
        latencies.add_many(Duration::from_micros(10), 98);
        latencies.add_many(Duration::from_micros(500), 2);
        let line = Figure::new("a", 2.0, "ops/s", "memory").latencies(&latencies, "an act");
        let Figure(text) = line;
        assert_eq!(
            text,
            "{\"figure\": \"a\", \"value\": 2, \"unit\": \"ops/s\", \"mode\": \"memory\", \
             \"p50_us\": 10.007, \"p99_us\": 500.223, \"p999_us\": 500.223, \
             \"latency_of\": \"an act\""
        );
        Ok(())
    }
}
