//! A process of its own for what a used heap would falsify: this program with one task, which
//! answers with numbers on one line.

use std::fs;
use std::process::{Command, Stdio};

use crate::Failure;

/// Runs this program with these words; the numbers that it prints.
pub(crate) fn ask<const N: usize>(words: &[String]) -> Result<[u64; N], Failure> {
    let done = Command::new(std::env::current_exe()?)
        .args(words)
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8(done.stdout)?;
    if !done.status.success() {
        return Err(format!("{}: {}", words.join(" "), done.status).into());
    }
    let numbers = text.split_whitespace().map(str::parse);
    let numbers: Vec<u64> = numbers.collect::<Result<_, _>>()?;
    let wrong = |numbers: Vec<u64>| format!("{}: {numbers:?}", words.join(" "));
    Ok(numbers.try_into().map_err(wrong)?)
}

/// The answer of such a process.
pub(crate) fn answer(numbers: &[u64]) {
    let words: Vec<String> = numbers.iter().map(u64::to_string).collect();
    println!("{}", words.join(" "));
}

/// Bytes of memory that this process has now, and the most that it ever had.
pub(crate) fn memory_bytes() -> Result<(u64, u64), Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let of = |name: &str| -> Result<u64, Failure> {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next());
        Ok(kib.ok_or("no VmRSS")?.parse::<u64>()? * 1_024)
    };
    Ok((of("VmRSS:")?, of("VmHWM:")?))
}
