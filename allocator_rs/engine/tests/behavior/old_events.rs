//! Events read again from the journal, page by page: each once, and each byte read once.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use bopis_engine::{Engine, EngineOptions, Events, OldEvents};
use bopis_journal::{Access, DiskStorage, Storage, StorageFile};

use crate::support::{act, adjust, done, durable, hold, key, manual_clock, register};

const ACTS: u128 = 600;
const PAGE: usize = 20;

/// A folder of which it is counted what is read.
struct Counted {
    folder: DiskStorage,
    read: Arc<AtomicU64>,
}

struct CountedFile {
    file: Box<dyn StorageFile>,
    read: Arc<AtomicU64>,
}

impl Storage for Counted {
    fn list(&self) -> io::Result<Vec<String>> {
        self.folder.list()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        self.folder.create(name)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Box<dyn StorageFile>> {
        let (file, read) = (self.folder.open(name, access)?, Arc::clone(&self.read));
        Ok(Box::new(CountedFile { file, read }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.folder.remove(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.folder.rename(from, to)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.folder.sync_directory()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.folder.free_bytes()
    }
}

impl StorageFile for CountedFile {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(offset, into)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}

fn told(events: &[Events]) -> Vec<(u64, String)> {
    let all = events.iter().flat_map(|page| &page.events);
    all.map(|event| (event.sequence, format!("{event:?}")))
        .collect()
}

#[test]
fn a_long_gap_told_in_pages_is_told_once_and_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(EngineOptions {
        segment_bytes: 256 << 10,
        ..durable(folder.path(), manual_clock())
    })
    .unwrap();
    register(&engine, 1, 1);
    for id in 1..=ACTS {
        let commands = vec![adjust(key(0, 0), 1), hold(id, key(0, 0), 1, 86_400_000)];
        done(&engine, act(id, commands));
    }
    let through = engine.position();
    let read = Arc::new(AtomicU64::new(0));
    let reader = |read: &Arc<AtomicU64>| {
        let (folder, read) = (
            DiskStorage::existing(&folder.path().join("journal")),
            Arc::clone(read),
        );
        let shelf = DiskStorage::existing(Path::new(&folder.place_of("none")));
        OldEvents::behind(Arc::new(Counted { folder, read }), &shelf, 1)
    };
    let whole = reader(&read).read(through, usize::MAX).unwrap();
    let once = read.swap(0, Ordering::Relaxed);
    let (mut pages, mut paged) = (Vec::new(), reader(&read));
    while paged.position() < through {
        let page = paged.read(through, PAGE).unwrap();
        assert!(!page.events.is_empty() && page.events.len() < 2 * PAGE);
        assert_eq!(page.through, paged.position());
        pages.push(page);
    }
    assert!(pages.len() > 50, "{} pages", pages.len());
    assert_eq!(told(&pages), told(&[whole]));
    let in_pages = read.load(Ordering::Relaxed);
    assert!(
        in_pages <= 2 * once,
        "{in_pages} bytes read, {once} at once"
    );
    assert!(paged.read(through, PAGE).unwrap().events.is_empty());
}
