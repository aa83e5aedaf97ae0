//! The disk as the journal sees it: small, so that a simulated one can fail in every way.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{statvfs, OFlags};

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading only.
    Read,
    /// Reading and writing; a write returns only when its bytes are on the disk.
    WriteThrough,
}

/// One folder of files.
pub trait Storage: Send + Sync {
    /// Names of all files.
    ///
    /// # Errors
    /// What the system says.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes a file that does not exist yet. Its writes are durable only after `sync`, its name
    /// only after `sync_directory`.
    ///
    /// # Errors
    /// `AlreadyExists`, `StorageFull`, what else the system says.
    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>>;

    /// Opens a file.
    ///
    /// # Errors
    /// What the system says.
    fn open(&self, name: &str, access: Access) -> io::Result<Box<dyn StorageFile>>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Gives a file another name, in place of the file that has it, if one does. It is either the
    /// one or the other at any moment; durable only after `sync_directory`.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Makes the names durable.
    ///
    /// # Errors
    /// What the system says.
    fn sync_directory(&self) -> io::Result<()>;

    /// Bytes that can still be written.
    ///
    /// # Errors
    /// What the system says.
    fn free_bytes(&self) -> io::Result<u64>;

    /// A file as it is named to people.
    fn place_of(&self, name: &str) -> String {
        name.to_owned()
    }
}

/// One open file.
pub trait StorageFile: Send + Sync {
    /// Its size in bytes.
    ///
    /// # Errors
    /// What the system says.
    fn size(&self) -> io::Result<u64>;

    /// Reads up to `into.len()` bytes; fewer only at the end of the file.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// `StorageFull`, what else the system says; any part may have been written then.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes all writes durable.
    ///
    /// # Errors
    /// What the system says; what is durable is unknown then.
    fn sync(&self) -> io::Result<()>;
}

/// A folder of a real file system.
#[derive(Clone, Debug)]
pub struct DiskStorage {
    directory: PathBuf,
}

impl DiskStorage {
    /// The folder, which is made (durably, with all above it) if it is not there.
    ///
    /// # Errors
    /// What the system says.
    pub fn create(directory: &Path) -> io::Result<Self> {
        let parents = parents_to_flush(directory, Path::exists);
        fs::create_dir_all(directory)?;
        for parent in parents {
            File::open(parent)?.sync_all()?;
        }
        Ok(Self::existing(directory))
    }

    /// The folder as it is; nothing is made.
    #[must_use]
    pub fn existing(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }
}

impl Storage for DiskStorage {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        Ok(Box::new(DiskFile(options.open(self.directory.join(name))?)))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Box<dyn StorageFile>> {
        let mut options = OpenOptions::new();
        options.read(true);
        if access == Access::WriteThrough {
            options
                .write(true)
                .custom_flags(OFlags::DSYNC.bits().cast_signed());
        }
        Ok(Box::new(DiskFile(options.open(self.directory.join(name))?)))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.directory.join(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.directory.join(from), self.directory.join(to))
    }

    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let found = statvfs(&self.directory)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    fn place_of(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }
}

/// The folders that get a new entry when `directory` is made, the innermost first. Its own parent
/// is always among them: whoever made it before may not have come to the flush.
fn parents_to_flush(directory: &Path, exists: impl Fn(&Path) -> bool) -> Vec<&Path> {
    let mut parents = Vec::new();
    for level in directory.ancestors() {
        if !parents.is_empty() && exists(level) {
            break;
        }
        match level.parent() {
            Some(parent) if parent.as_os_str().is_empty() => parents.push(Path::new(".")),
            Some(parent) => parents.push(parent),
            None => {}
        }
    }
    parents
}

struct DiskFile(File);

impl StorageFile for DiskFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        while let Some(rest) = into.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match self.0.read_at(rest, offset + read as u64) {
                Ok(0) => break,
                Ok(count) => read += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::parents_to_flush;

    #[test]
    fn every_folder_that_gets_a_new_entry_is_flushed() {
        let cases: [(&str, &[&str], &[&str]); 6] = [
            ("/a/b/c", &["/", "/a", "/a/b"], &["/a/b"]),
            ("/a/b/c", &["/", "/a", "/a/b", "/a/b/c"], &["/a/b"]),
            ("/a/b/c", &["/"], &["/a/b", "/a", "/"]),
            ("a/b", &[""], &["a", "."]),
            ("a", &["a"], &["."]),
            ("/", &["/"], &[]),
        ];
        for (directory, existing, flushed) in cases {
            let exists = |path: &Path| existing.iter().any(|known| Path::new(known) == path);
            let flushed: Vec<_> = flushed.iter().map(Path::new).collect();
            let found = parents_to_flush(Path::new(directory), exists);
            assert_eq!(found, flushed, "{directory} where {existing:?} exist");
        }
    }
}
