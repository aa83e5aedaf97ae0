//! What the journal's tests have in common: a disk in memory that fails when it is told to.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use bopis_journal::{
    Access, Journal, JournalError, JournalOptions, RecordBuffer, Scanned, Storage, StorageFile,
};

pub const ID: u128 = 0x0123_4567_89AB_CDEF_0011_2233_4455_6677;
pub const BLOCK: usize = 4_096;

/// What a disk in memory holds, and how it fails.
#[derive(Default)]
pub struct Disk {
    pub files: BTreeMap<String, Vec<u8>>,
    /// Bytes that all files together may have.
    pub capacity: Option<usize>,
    /// Writes and flushes to go before one fails with EIO, and all after it.
    pub operations_left: Option<usize>,
    /// Writes and flushes so far.
    pub operations: usize,
    /// Files that were there at the last flush of the folder.
    pub names_flushed: usize,
    /// What is on the platter when a failed write leaves its bytes in the page cache, marked clean
    /// as Linux does: reads find them, no flush writes them, a loss of power undoes them.
    pub platter: Option<BTreeMap<String, Vec<u8>>>,
}

#[derive(Clone, Default)]
pub struct MemoryDisk(pub Arc<Mutex<Disk>>);

impl MemoryDisk {
    pub fn with_file(name: &str, bytes: Vec<u8>) -> Self {
        let disk = Self::default();
        disk.0.lock().unwrap().files.insert(name.into(), bytes);
        disk
    }

    /// Another disk with the same bytes and no faults.
    pub fn copied(&self) -> Self {
        let files = self.0.lock().unwrap().files.clone();
        Self(Arc::new(Mutex::new(Disk {
            files,
            ..Disk::default()
        })))
    }

    /// From now on a failed write reaches the page cache, but not the platter.
    pub fn keep_failed_writes_in_the_cache(&self) {
        let mut disk = self.0.lock().unwrap();
        disk.platter = Some(disk.files.clone());
    }

    /// Another disk with what is on this one's platter.
    pub fn after_a_loss_of_power(&self) -> Self {
        let files = self.0.lock().unwrap().platter.clone().unwrap();
        Self(Arc::new(Mutex::new(Disk {
            files,
            ..Disk::default()
        })))
    }

    pub fn file(&self, index: u64) -> Vec<u8> {
        self.0.lock().unwrap().files[&name(index)].clone()
    }

    pub fn change(&self, index: u64, change: impl FnOnce(&mut Vec<u8>)) {
        change(self.0.lock().unwrap().files.get_mut(&name(index)).unwrap());
    }
}

pub fn name(index: u64) -> String {
    format!("segment-{index:020}.journal")
}

impl Disk {
    fn operate(&mut self) -> io::Result<()> {
        self.operations += 1;
        match &mut self.operations_left {
            Some(0) => Err(io::Error::from_raw_os_error(5)),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Storage for MemoryDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().unwrap().files.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        let mut disk = self.0.lock().unwrap();
        if disk.files.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        disk.files.insert(name.into(), Vec::new());
        Ok(Box::new(MemoryFile {
            disk: self.clone(),
            name: name.into(),
        }))
    }

    fn open(&self, name: &str, _access: Access) -> io::Result<Box<dyn StorageFile>> {
        if !self.0.lock().unwrap().files.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Box::new(MemoryFile {
            disk: self.clone(),
            name: name.into(),
        }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        disk.files.remove(name);
        if let Some(platter) = &mut disk.platter {
            platter.remove(name);
        }
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        disk.operate()?;
        let bytes = disk.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        disk.files.insert(to.into(), bytes);
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let disk = self.0.lock().unwrap();
        let used: usize = disk.files.values().map(Vec::len).sum();
        let free = disk.capacity.map(|capacity| capacity.saturating_sub(used));
        Ok(free.map_or(u64::MAX, |free| free as u64))
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        disk.operate()?;
        disk.names_flushed = disk.files.len();
        Ok(())
    }
}

struct MemoryFile {
    disk: MemoryDisk,
    name: String,
}

impl StorageFile for MemoryFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.0.lock().unwrap().files[&self.name].len() as u64)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let disk = self.disk.0.lock().unwrap();
        let file = &disk.files[&self.name];
        let start = (offset as usize).min(file.len());
        let count = into.len().min(file.len() - start);
        into[..count].copy_from_slice(&file[start..start + count]);
        Ok(count)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.disk.0.lock().unwrap();
        let failed = disk.operate();
        if failed.is_err() && disk.platter.is_none() {
            return failed;
        }
        let end = offset as usize + bytes.len();
        let grown = end.saturating_sub(disk.files[&self.name].len());
        let used: usize = disk.files.values().map(Vec::len).sum();
        if grown > 0
            && disk
                .capacity
                .is_some_and(|capacity| used + grown > capacity)
        {
            return Err(io::ErrorKind::StorageFull.into());
        }
        put(&mut disk.files, &self.name, offset as usize, bytes);
        failed?;
        if let Some(platter) = &mut disk.platter {
            put(platter, &self.name, offset as usize, bytes);
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.0.lock().unwrap().operate()
    }
}

fn put(files: &mut BTreeMap<String, Vec<u8>>, name: &str, offset: usize, bytes: &[u8]) {
    let file = files.entry(name.into()).or_default();
    let end = offset + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[offset..end].copy_from_slice(bytes);
}

/// Small segments, made when they are needed: every run is the same.
pub fn options() -> JournalOptions {
    JournalOptions {
        segment_bytes: 64 << 10,
        frame_bytes_max: 12 << 10,
        background: false,
        ..JournalOptions::new(ID)
    }
}

pub type Opened = Result<(Journal, Scanned, Vec<Vec<u8>>), JournalError>;

pub fn open(disk: &MemoryDisk) -> Opened {
    let mut records = Vec::new();
    let (journal, scanned) = Journal::open(
        Arc::new(disk.clone()),
        options(),
        &mut |sequence, bytes: &[u8]| {
            assert_eq!(sequence, records.len() as u64 + 1);
            records.push(bytes.to_vec());
            Ok(())
        },
    )?;
    Ok((journal, scanned, records))
}

pub fn buffer(records: &[Vec<u8>]) -> RecordBuffer {
    let mut buffer = RecordBuffer::new();
    for record in records {
        buffer.push(|out| out.extend_from_slice(record));
    }
    buffer
}

/// Record `sequence`: recognizable, and of a size of its own.
pub fn record(sequence: u64) -> Vec<u8> {
    let size = 20 + (sequence * 37 % 90) as usize;
    (0..size)
        .map(|at| (sequence as usize * 31 + at * 7) as u8 | 1)
        .collect()
}

/// Appends `batches` writes of `per` records each; returns all records of the journal so far.
pub fn fill(journal: &mut Journal, batches: usize, per: usize) -> Vec<Vec<u8>> {
    for _ in 0..batches {
        let first = journal.next_sequence();
        let records: Vec<_> = (first..first + per as u64).map(record).collect();
        journal.append(&buffer(&records), first as i64).unwrap();
    }
    (1..journal.next_sequence()).map(record).collect()
}
