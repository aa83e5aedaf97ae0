//! Field rules of the protos, compiled at build time into one `validate` per message.
//!
//! The same rules hold for what passes through (`bopis/server/validate.py`): which values pass,
//! the paths, the order and the number of violations reported are the same on both sides.

mod card;
mod format;
mod report;

pub(crate) use format::{parse_uuid, Format};
pub(crate) use report::{Report, Violation};

/// A message whose fields have rules.
pub(crate) trait Validate {
    /// Reports every broken rule, in the order of the fields, up to the report's limit.
    fn validate(&self, report: &mut Report);
}

/// The broken rules of a message; paths start at it.
pub(crate) fn violations(message: &impl Validate) -> Vec<Violation> {
    let mut report = Report::default();
    message.validate(&mut report);
    report.into_violations()
}

/// Generated from the descriptors by `build/rules.rs`.
#[allow(
    clippy::all,
    reason = "written for the compiler to simplify, not for people"
)]
mod generated {
    use super::{Format, Report, Validate};

    include!(concat!(env!("OUT_DIR"), "/rules.rs"));
}
