//! Clocks and digests.

use std::time::{Duration, Instant};

use bopis_engine::{fingerprint, order_reference, source_digest, Clock, ScaledClock, SystemClock};

use crate::support::wait_until;

#[test]
fn the_system_clock_counts_from_when_it_was_made() {
    let clock = SystemClock::new();
    assert!(clock.elapsed_ms() < 10_000);
    let (elapsed, wall) = (clock.elapsed_ms(), clock.wall_ms());
    wait_until("the clock moved", || {
        clock.elapsed_ms() > elapsed && clock.wall_ms() > wall
    });
}

#[test]
fn a_scaled_clock_starts_at_its_origin_and_runs_faster() {
    let origin_ms = 1_000_000_000_000;
    let clock = ScaledClock::open(origin_ms, 1_000.0, None).unwrap();
    let real = Instant::now();
    wait_until("ten seconds of it passed", || clock.elapsed_ms() >= 10_000);
    let passed = real.elapsed();
    assert!(
        passed >= Duration::from_millis(5),
        "{passed:?} for ten seconds of the clock"
    );
    assert!(clock.wall_ms() >= origin_ms + 10_000);
    assert!(clock.wall_ms() < origin_ms + 30_000_000);
}

#[test]
fn a_remembered_scaled_clock_goes_on_where_it_would_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clock");
    let first = ScaledClock::open(5_000, 100.0, Some(&path)).unwrap();
    wait_until("five seconds of it passed", || first.wall_ms() > 10_000);
    let before = first.wall_ms();
    let again = ScaledClock::open(77, 1.0, Some(&path)).unwrap();
    // The file keeps whole milliseconds, of which each is a hundred here.
    assert!(
        again.wall_ms() >= before - 200,
        "{} after {before}",
        again.wall_ms()
    );
    assert!(
        again.elapsed_ms() < 5_000,
        "elapsed time counts from when this clock was made"
    );
    std::fs::write(&path, "no clock").unwrap();
    assert!(ScaledClock::open(0, 1.0, Some(&path)).is_err());
}

#[test]
fn a_scale_that_is_no_positive_number_is_refused() {
    for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(ScaledClock::open(0, scale, None).is_err());
    }
}

#[test]
fn digests_tell_words_apart_and_never_change() {
    assert_ne!(source_digest(&["ab", "c"]), source_digest(&["a", "bc"]));
    assert_ne!(source_digest(&["a"]), order_reference("a"));
    // The journal keeps these: they are part of the format.
    assert_eq!(fingerprint(b"bopis"), 7_879_319_791_013_281_388);
    assert_eq!(
        order_reference("order-1"),
        30_914_593_651_237_321_652_784_587_688_632_242_554
    );
    assert_eq!(
        source_digest(&["till-1", "sale-1"]),
        280_266_532_305_182_853_289_095_996_206_675_129_408
    );
}
