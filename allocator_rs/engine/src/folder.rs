//! The data folder: `lock`, `journal/`, `snapshots/`, `drained.json`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{flock, FlockOperation};

use crate::job::DrainReport;

const LOCK: &str = "lock";
const DRAINED: &str = "drained.json";

/// Where the journal is.
pub(crate) fn journal_directory(directory: &Path) -> PathBuf {
    directory.join("journal")
}

/// Locks the folder for serving. None: another process has it. Dropping the file unlocks.
pub(crate) fn lock(directory: &Path) -> io::Result<Option<File>> {
    lock_file(&directory.join(LOCK))
}

/// Locks a file, which is made if it is not there. None: another process has it.
pub(crate) fn lock_file(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    locked(
        options.open(path)?,
        FlockOperation::NonBlockingLockExclusive,
    )
}

/// Locks the folder against serving, without writing to it. None: it is served now.
pub(crate) fn lock_for_reading(directory: &Path) -> io::Result<Option<Option<File>>> {
    lock_file_for_reading(&directory.join(LOCK))
}

/// Locks a file against [`lock_file`]; none inside if it is not there.
pub(crate) fn lock_file_for_reading(path: &Path) -> io::Result<Option<Option<File>>> {
    match File::open(path) {
        Ok(file) => Ok(locked(file, FlockOperation::NonBlockingLockShared)?.map(Some)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some(None)),
        Err(error) => Err(error),
    }
}

fn locked(file: File, how: FlockOperation) -> io::Result<Option<File>> {
    match flock(&file, how) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Writes `drained.json`: aside, flushed, renamed, the folder flushed.
pub(crate) fn write_drained(directory: &Path, report: &DrainReport) -> io::Result<()> {
    let aside = directory.join("drained.json.aside");
    let mut file = File::create(&aside)?;
    writeln!(
        file,
        "{{\"journal_id\": \"{:032x}\", \"sequence\": {}, \"state_hash\": \"{:032x}\"}}",
        report.journal_id, report.sequence, report.state_hash
    )?;
    file.sync_all()?;
    fs::rename(&aside, directory.join(DRAINED))?;
    File::open(directory)?.sync_all()
}

/// What the last orderly stop wrote; none: there was none.
pub(crate) fn read_drained(directory: &Path) -> io::Result<Option<DrainReport>> {
    let text = match fs::read_to_string(directory.join(DRAINED)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "drained.json is not as written");
    let hex = |name| u128::from_str_radix(field(&text, name)?, 16).ok();
    let report = || {
        Some(DrainReport {
            journal_id: hex("journal_id")?,
            sequence: field(&text, "sequence")?.parse().ok()?,
            state_hash: hex("state_hash")?,
        })
    };
    report().map(Some).ok_or_else(wrong)
}

/// The value behind a key, for the flat object that is written above.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = text.split_once(&format!("\"{name}\":"))?;
    let end = after.find([',', '}'])?;
    Some(after.get(..end)?.trim().trim_matches('"'))
}
