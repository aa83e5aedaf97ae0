//! The disk as the journal and the builder of snapshots see it.

use std::io;
use std::sync::Arc;

use bopis_journal::{Access, Storage, StorageFile};

use super::{eio, Inode, SimDisk, State, View, SHELF};

impl SimDisk {
    /// The folder of the snapshots.
    #[must_use]
    pub fn shelf(&self) -> Self {
        let folder = SHELF;
        Self(Arc::clone(&self.0), View { folder, ..self.1 })
    }

    /// The same folder for a process that ends when the machine, or the engine, stops.
    #[must_use]
    pub fn until_restart(&self) -> Self {
        let start = Some(self.0.lock().start);
        Self(Arc::clone(&self.0), View { start, ..self.1 })
    }

    /// Whether the process that this is for has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let state = self.0.lock();
        state.dead || self.1.start.is_some_and(|start| start != state.start)
    }

    fn handle(&self, inode: usize, through: bool, start: u32) -> Box<dyn StorageFile> {
        Box::new(SimFile {
            disk: self.clone(),
            inode,
            through,
            start,
        })
    }

    fn full_name(&self, name: &str) -> String {
        format!("{}{name}", self.1.folder)
    }

    /// The part of a name behind the folder; none: it is in another one.
    fn name_here<'a>(&self, full: &'a str) -> Option<&'a str> {
        let name = full.strip_prefix(self.1.folder)?;
        (!name.contains('/')).then_some(name)
    }

    fn change(
        &self,
        failed: &'static str,
        change: impl FnOnce(&mut State) -> io::Result<()>,
    ) -> io::Result<()> {
        if self.is_over() {
            return Err(eio());
        }
        let mut state = self.0.lock();
        let mut changed = Ok(());
        state.change_names(failed, |state| changed = change(state))?;
        changed
    }
}

impl Storage for SimDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        if self.is_over() {
            return Err(eio());
        }
        let state = self.0.lock();
        let names = state.names.keys().filter_map(|name| self.name_here(name));
        Ok(names.map(str::to_owned).collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        let name = self.full_name(name);
        let mut made = (0, 0);
        if self.0.lock().names.contains_key(&name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.change("create failed", |state| {
            made = (state.inodes.len(), state.start);
            state.inodes.push(Inode::default());
            state.names.insert(name, made.0);
            Ok(())
        })?;
        Ok(self.handle(made.0, false, made.1))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Box<dyn StorageFile>> {
        if self.is_over() {
            return Err(eio());
        }
        let state = self.0.lock();
        let inode = state.names.get(&self.full_name(name)).copied();
        let (inode, start) = (inode.ok_or(io::ErrorKind::NotFound)?, state.start);
        drop(state);
        Ok(self.handle(inode, access == Access::WriteThrough, start))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let name = self.full_name(name);
        if !self.0.lock().names.contains_key(&name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.change("remove failed", |state| {
            state.names.remove(&name);
            Ok(())
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.full_name(from), self.full_name(to));
        self.change("rename failed", |state| {
            let inode = state.names.remove(&from).ok_or(io::ErrorKind::NotFound)?;
            state.names.insert(to, inode);
            Ok(())
        })
    }

    fn sync_directory(&self) -> io::Result<()> {
        let is_here = |name: &String| self.name_here(name).is_some();
        self.change("folder flush failed", |state| {
            state.platter_names.retain(|name, _| !is_here(name));
            let here = state.names.iter().filter(|(name, _)| is_here(name));
            state
                .platter_names
                .extend(here.map(|(name, inode)| (name.clone(), *inode)));
            Ok(())
        })
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let state = self.0.lock();
        let free = state.capacity.map(|most| most.saturating_sub(state.used()));
        Ok(free.map_or(u64::MAX, |free| free as u64))
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
            if self.disk.1.start.is_none() {
                state.misuse = Some("a writer of an earlier start wrote".into());
            }
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
