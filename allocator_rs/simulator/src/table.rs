//! What was covered, for people.

use std::collections::BTreeMap;

use bopis_simulator::world::Report;

pub(crate) fn print(report: &Report) {
    println!("\noutcomes");
    let mut by_command: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (kind, count) in &report.outcomes {
        let (command, outcome) = kind.split_once(' ').unwrap_or((kind, ""));
        by_command
            .entry(command)
            .or_default()
            .push(format!("{outcome} {count}"));
    }
    for (command, outcomes) in by_command {
        println!("  {command:<16} {}", outcomes.join(", "));
    }
    println!("  {:<16} {}", "expiries", report.expiries);
    println!("\nfaults");
    for (kind, count) in &report.faults {
        println!("  {kind:<38} {count}");
    }
    println!();
}
