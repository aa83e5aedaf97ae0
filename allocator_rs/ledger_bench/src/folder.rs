//! Folders of a run, on the device that shall be measured.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Failure;

/// Bytes of all files in it and below.
pub(crate) fn bytes_within(folder: &Path) -> Result<u64, Failure> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        sum += if entry.file_type()?.is_dir() {
            bytes_within(&entry.path())?
        } else {
            entry.metadata()?.len()
        };
    }
    Ok(sum)
}

/// A folder that goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes the folder, which must not be there.
    pub(crate) fn make(within: &Path, name: &str) -> Result<Self, Failure> {
        fs::create_dir_all(within)?;
        let path = within.join(format!("{name}-{}", std::process::id()));
        fs::create_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left over is in the way of nothing but the next run, which says so.
        let _ = fs::remove_dir_all(&self.0);
    }
}
