//! The disk as the journal sees it.

use std::io;

use bopis_journal::{Access, Storage, StorageFile};

use super::{eio, Inode, SimDisk};

impl SimDisk {
    fn handle(&self, inode: usize, through: bool, start: u32) -> Box<dyn StorageFile> {
        Box::new(SimFile {
            disk: self.clone(),
            inode,
            through,
            start,
        })
    }
}

impl Storage for SimDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let state = self.0.lock();
        if state.dead {
            return Err(eio());
        }
        Ok(state.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        let mut state = self.0.lock();
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.change_names("create failed", |state| {
            state.names.insert(name.to_owned(), inode);
        })?;
        let start = state.start;
        drop(state);
        Ok(self.handle(inode, false, start))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Box<dyn StorageFile>> {
        let state = self.0.lock();
        if state.dead {
            return Err(eio());
        }
        let inode = state.names.get(name).copied();
        let (inode, start) = (inode.ok_or(io::ErrorKind::NotFound)?, state.start);
        drop(state);
        Ok(self.handle(inode, access == Access::WriteThrough, start))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.0.lock();
        state.change_names("remove failed", |state| {
            state.names.remove(name);
        })
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut state = self.0.lock();
        state.change_names("folder flush failed", |state| {
            state.platter_names = state.names.clone();
        })
    }
}

struct SimFile {
    disk: SimDisk,
    inode: usize,
    through: bool,
    start: u32,
}

impl StorageFile for SimFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.0.lock().inodes[self.inode].cache.len() as u64)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let state = self.disk.0.lock();
        let file = &state.inodes[self.inode].cache;
        let start = (offset as usize).min(file.len());
        let count = into.len().min(file.len() - start);
        into[..count].copy_from_slice(&file[start..start + count]);
        Ok(count)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        if state.start != self.start {
            state.misuse = Some("a writer of an earlier start wrote".into());
            return Err(eio());
        }
        state.write(self.inode, offset as usize, bytes, self.through)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        if state.start != self.start {
            return Err(eio());
        }
        state.sync(self.inode)
    }
}
