//! A load that comes at given moments, from a thread that sleeps in between.
//!
//! One that spins keeps a core from what is measured: on two cores the device's own flush then was
//! mostly two to six times as slow at the 99th percentile. What a sleep is late by counts in every
//! latency, since that is from when an act was due.

use std::num::NonZeroU64;
use std::thread;
use std::time::Instant;

use crate::Failure;

/// Lets this thread wake when it asked to, not up to 50 us later.
pub(crate) fn be_punctual() -> Result<(), Failure> {
    rustix::thread::set_current_timer_slack(NonZeroU64::new(1))?;
    Ok(())
}

/// Sleeps until then.
pub(crate) fn sleep_until(due: Instant) {
    let left = due.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        thread::sleep(left);
    }
}
