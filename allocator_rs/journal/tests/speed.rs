//! What making segments ahead of use costs those who wait for a write: `cargo test --release
//! -p bopis-journal --test speed -- --ignored --nocapture`. One JSON line per figure; durable.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measurement that prints"
)]

#[path = "behavior/support.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with the other binaries of tests"
)]
mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bopis_journal::{DiskStorage, Journal, JournalOptions};
use support::{buffer, ID};

const LASTING: Duration = Duration::from_secs(4);

fn measure(what: &str, folder: &Path, segment_bytes: u64) {
    let options = JournalOptions {
        segment_bytes,
        ..JournalOptions::new(ID)
    };
    let storage = Arc::new(DiskStorage::create(folder).unwrap());
    let (mut journal, _) = Journal::open(storage, options, &mut |_, _| Ok(())).unwrap();
    let ahead = folder.join("segment-00000000000000000002.journal");
    let deadline = Instant::now() + Duration::from_secs(60);
    while std::fs::metadata(&ahead).map_or(0, |file| file.len()) < segment_bytes {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(1));
    }
    let records = buffer(&vec![vec![7; 100]; 30]);
    let started = Instant::now();
    let mut latencies = Vec::new();
    while started.elapsed() < LASTING {
        let asked = Instant::now();
        journal.append(&records, 0).unwrap();
        latencies.push(asked.elapsed());
    }
    latencies.sort_unstable();
    let at =
        |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    println!(
        "{{\"figure\": \"append_4_kib\", \"segments\": \"{what}\", \"writes\": {}, \"p50_us\": {:.0}, \
         \"p99_us\": {:.0}, \"p999_us\": {:.0}, \"max_us\": {:.0}}}",
        latencies.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}

#[test]
#[ignore = "a measurement: run it alone, in release"]
fn appending_while_segments_are_made_ahead() {
    for _ in 0..2 {
        let folder = tempfile::tempdir().unwrap();
        measure("none made", folder.path(), 256 << 20);
        let folder = tempfile::tempdir().unwrap();
        measure("made all the time", folder.path(), 4 << 20);
    }
}
