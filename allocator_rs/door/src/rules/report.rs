//! Collects broken rules with the paths of their fields.

use std::fmt::Write as _;

use prost_types::{Duration, Timestamp};

use super::format::Format;
use crate::v1::ErrorReason;

/// Violations reported at most, so that a message of nothing but errors gets a small answer.
const VIOLATIONS_MAX: usize = 16;
const NANOS_MAX: i32 = 999_999_999;
const NANOS_PER_SECOND: i128 = 1_000_000_000;
const NANOS_PER_MS: i128 = 1_000_000;
/// The years 1 to 9999, as timestamp.proto states.
const TIMESTAMP_SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
/// The years 1970 to 2200.
const WINDOW_SECONDS: std::ops::RangeInclusive<i64> = 0..=7_289_654_399;
const WINDOW_LENGTH_S: i64 = 3600;
/// As duration.proto states.
const DURATION_SECONDS: std::ops::RangeInclusive<i64> = -315_576_000_000..=315_576_000_000;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Where, `lines[3].quantity`.
    pub(crate) path: String,
    /// Which reason it is an instance of.
    pub(crate) reason: ErrorReason,
    /// For people.
    pub(crate) description: String,
}

/// Violations found so far, and where in the message the check is.
#[derive(Debug, Default)]
pub(crate) struct Report {
    violations: Vec<Violation>,
    path: Vec<(&'static str, Option<usize>)>,
}

impl Report {
    /// What was found.
    pub(crate) fn into_violations(self) -> Vec<Violation> {
        self.violations
    }

    /// Whether nothing more will be reported.
    pub(crate) fn is_full(&self) -> bool {
        self.violations.len() >= VIOLATIONS_MAX
    }

    /// Goes into a field, or one element of it.
    pub(crate) fn enter(&mut self, field: &'static str, index: Option<usize>) {
        self.path.push((field, index));
    }

    /// Comes back out.
    pub(crate) fn leave(&mut self) {
        self.path.pop();
    }

    /// Reports a violation of a field; an empty name means the element itself.
    pub(crate) fn add(&mut self, field: &str, reason: ErrorReason, description: impl Into<String>) {
        if self.is_full() {
            return;
        }
        let mut path = String::new();
        for (name, index) in self.path.iter().copied().chain([(field, None)]) {
            if name.is_empty() {
                continue;
            }
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(name);
            if let Some(index) = index {
                // Writing to a String cannot fail.
                let _ = write!(path, "[{index}]");
            }
        }
        self.violations.push(Violation {
            path,
            reason,
            description: description.into(),
        });
    }

    fn invalid(&mut self, field: &str, description: impl Into<String>) {
        self.add(field, ErrorReason::FieldInvalid, description);
    }

    pub(super) fn unset(&mut self, field: &str) {
        self.invalid(field, "must be set");
    }

    pub(super) fn unset_oneof(&mut self, oneof: &str) {
        self.invalid(oneof, "one of its fields must be set");
    }

    /// Whether the elements are worth a look.
    pub(super) fn count(&mut self, field: &str, count: usize, least: usize, most: usize) -> bool {
        if count < least {
            self.invalid(field, format!("needs at least {least} elements"));
            return false;
        }
        if most > 0 && count > most {
            self.invalid(
                field,
                format!("has {count} elements, at most {most} are allowed"),
            );
            return false;
        }
        true
    }

    pub(super) fn text(
        &mut self,
        field: &str,
        text: &str,
        required: bool,
        format: Format,
        max_length: usize,
    ) {
        if text.is_empty() {
            if required {
                self.invalid(
                    field,
                    if field.is_empty() {
                        "must not be empty"
                    } else {
                        "must be set"
                    },
                );
            }
            return;
        }
        // The length comes first: no alphabet is checked over an overlong text.
        if max_length > 0 && text.len() > max_length {
            let length = text.chars().count();
            if length > max_length {
                self.invalid(
                    field,
                    format!("has {length} characters, at most {max_length} are allowed"),
                );
                return;
            }
        }
        if let Some((reason, description)) = format.fault(text) {
            self.add(field, reason, description);
        }
    }

    /// A text that its oneof chose.
    pub(super) fn chosen_text(
        &mut self,
        field: &str,
        text: &str,
        format: Format,
        max_length: usize,
    ) {
        if text.is_empty() {
            self.invalid(field, "must not be empty");
        } else {
            self.text(field, text, false, format, max_length);
        }
    }

    pub(super) fn integer(
        &mut self,
        field: &str,
        value: i64,
        required: bool,
        least: Option<i64>,
        most: Option<i64>,
    ) {
        if required && value == 0 {
            self.unset(field);
        }
        self.range(field, i128::from(value), (least, most), 1, "");
    }

    #[allow(
        dead_code,
        reason = "which kinds of fields occur is decided by the protos"
    )]
    pub(super) fn float(
        &mut self,
        field: &str,
        value: f64,
        required: bool,
        least: Option<i64>,
        most: Option<i64>,
    ) {
        if required && value == 0.0 {
            self.unset(field);
        }
        // Bounds are small enough to be exact; NaN is in no range.
        #[allow(clippy::cast_precision_loss, reason = "bounds of the protos are small")]
        let (low, high) = (least.map(|v| v as f64), most.map(|v| v as f64));
        if low.is_some_and(|low| !(low..).contains(&value)) {
            self.invalid(
                field,
                format!("must be at least {}", least.unwrap_or_default()),
            );
        } else if high.is_some_and(|high| !(..=high).contains(&value)) {
            self.invalid(
                field,
                format!("must be at most {}", most.unwrap_or_default()),
            );
        }
    }

    pub(super) fn enumeration(&mut self, field: &str, value: i32, known: bool, required: bool) {
        if required && value == 0 {
            self.unset(field);
        } else if !known {
            self.invalid(field, format!("unknown enum value {value}"));
        }
    }

    pub(super) fn timestamp(&mut self, field: &str, value: &Timestamp) {
        if !TIMESTAMP_SECONDS.contains(&value.seconds) {
            self.invalid(field, "must lie in the years 1 to 9999");
        } else if !(0..=NANOS_MAX).contains(&value.nanos) {
            self.invalid(field, "nanos must lie between 0 and 999,999,999");
        }
    }

    /// The start of a labor window: a full hour of the years in which stores are staffed.
    pub(super) fn window_start(&mut self, field: &str, value: &Timestamp) {
        if !WINDOW_SECONDS.contains(&value.seconds) {
            self.invalid(field, "must lie in the years 1970 to 2200");
        } else if value.nanos != 0 || value.seconds % WINDOW_LENGTH_S != 0 {
            self.invalid(field, "must be on a full hour");
        }
    }

    pub(super) fn duration(
        &mut self,
        field: &str,
        value: &Duration,
        least: Option<i64>,
        most: Option<i64>,
    ) {
        if !DURATION_SECONDS.contains(&value.seconds) {
            self.invalid(field, "must lie within 10,000 years");
        } else if !(-NANOS_MAX..=NANOS_MAX).contains(&value.nanos)
            || value.seconds.signum() * i64::from(value.nanos.signum()) < 0
        {
            self.invalid(
                field,
                "nanos must have the sign of seconds and lie within a second",
            );
        }
        let nanos = i128::from(value.seconds) * NANOS_PER_SECOND + i128::from(value.nanos);
        self.range(field, nanos, (least, most), NANOS_PER_MS, " ms");
    }

    fn range(
        &mut self,
        field: &str,
        value: i128,
        (least, most): (Option<i64>, Option<i64>),
        scale: i128,
        unit: &str,
    ) {
        let below = |bound: i64| value < i128::from(bound) * scale;
        let above = |bound: i64| value > i128::from(bound) * scale;
        match (least, most) {
            (Some(bound), _) if below(bound) => {
                self.invalid(field, format!("must be at least {bound}{unit}"));
            }
            (_, Some(bound)) if above(bound) => {
                self.invalid(field, format!("must be at most {bound}{unit}"));
            }
            _ => {}
        }
    }
}
