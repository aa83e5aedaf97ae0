//! The next segment, written with zeros ahead of use: a write into it changes bytes that are there,
//! never the file's size or its extents, so that a flush costs one trip to the device.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::error::JournalError;
use crate::format::segment_name;
use crate::storage::Storage;

/// Zeros are written and flushed in steps, so that a flush of the journal never waits behind more.
const STEP: usize = 256 << 10;
const RETRY: Duration = Duration::from_millis(250);

/// Makes one segment's file; on an error it removes what it made.
///
/// # Errors
/// What the storage says; `StorageFull` when there is no room; `Interrupted` after `stop`.
pub(crate) fn make(
    storage: &dyn Storage,
    index: u64,
    bytes: u64,
    stop: &AtomicBool,
) -> io::Result<()> {
    let name = segment_name(index);
    let file = storage.create(&name)?;
    let zeros = vec![0; STEP];
    let fill = || {
        let mut written = 0;
        while written < bytes {
            if stop.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let step = usize::try_from(bytes - written).unwrap_or(STEP).min(STEP);
            file.write_at(written, zeros.get(..step).unwrap_or(&zeros))?;
            file.sync()?;
            written += step as u64;
        }
        storage.sync_directory()
    };
    fill().inspect_err(|_| {
        // The first error is the one to tell; a leftover is removed at the next start.
        let _ = storage.remove(&name);
    })
}

/// How the next segment is coming along.
#[derive(Debug)]
enum Next {
    /// Being made, or about to be.
    Wanted,
    /// There.
    Ready,
    /// No room; it is tried again until there is.
    Full,
    /// The storage failed in another way.
    Broken(io::Error),
}

struct State {
    index: u64,
    next: Next,
}

struct Common {
    state: Mutex<State>,
    changed: Condvar,
    stop: AtomicBool,
}

impl Common {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps one segment ahead, on a thread of its own or (simulated) when asked for it.
pub(crate) struct Spare {
    common: Arc<Common>,
    storage: Arc<dyn Storage>,
    segment_bytes: u64,
    thread: Option<JoinHandle<()>>,
}

impl Spare {
    /// `ready`: the segment `index` is there already.
    pub(crate) fn new(
        storage: Arc<dyn Storage>,
        index: u64,
        ready: bool,
        segment_bytes: u64,
        background: bool,
    ) -> io::Result<Self> {
        let next = if ready { Next::Ready } else { Next::Wanted };
        let state = Mutex::new(State { index, next });
        let common = Arc::new(Common {
            state,
            changed: Condvar::new(),
            stop: AtomicBool::new(false),
        });
        let mut spare = Self {
            common,
            storage,
            segment_bytes,
            thread: None,
        };
        if background {
            let (common, storage) = (Arc::clone(&spare.common), Arc::clone(&spare.storage));
            let builder = thread::Builder::new().name("bopis-segments".into());
            let work = move || keep_ahead(&common, storage.as_ref(), segment_bytes);
            spare.thread = Some(builder.spawn(work)?);
        }
        Ok(spare)
    }

    /// No room for the next segment, as far as is known.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self.common.lock().next, Next::Full)
    }

    /// Waits until the next segment is there. It stays to be taken.
    ///
    /// # Errors
    /// `DiskFull` when there is no room; `Io`.
    pub(crate) fn wait_ready(&self) -> Result<(), JournalError> {
        let mut state = self.common.lock();
        loop {
            match &mut state.next {
                Next::Ready => return Ok(()),
                Next::Full if self.thread.is_some() => return Err(JournalError::DiskFull),
                Next::Broken(error) => {
                    let error = io::Error::new(error.kind(), error.to_string());
                    let doing = format!("make {}", segment_name(state.index));
                    return Err(JournalError::io(doing)(error));
                }
                Next::Wanted if self.thread.is_some() => {
                    let woken = self.common.changed.wait(state);
                    state = woken.unwrap_or_else(PoisonError::into_inner);
                }
                Next::Wanted | Next::Full => {
                    state.next = made(
                        self.storage.as_ref(),
                        state.index,
                        self.segment_bytes,
                        &self.common.stop,
                    );
                    if matches!(state.next, Next::Full) {
                        return Err(JournalError::DiskFull);
                    }
                }
            }
        }
    }

    /// What the thread does, once, if there is no thread.
    pub(crate) fn make_now(&self) {
        let mut state = self.common.lock();
        if self.thread.is_none() && matches!(state.next, Next::Wanted | Next::Full) {
            let storage = self.storage.as_ref();
            state.next = made(storage, state.index, self.segment_bytes, &self.common.stop);
        }
    }

    /// The caller uses the ready segment now; the one after it is wanted.
    pub(crate) fn taken(&self) {
        let mut state = self.common.lock();
        state.index += 1;
        state.next = Next::Wanted;
        self.common.changed.notify_all();
    }
}

fn made(storage: &dyn Storage, index: u64, segment_bytes: u64, stop: &AtomicBool) -> Next {
    match make(storage, index, segment_bytes, stop) {
        Ok(()) => Next::Ready,
        Err(error) if is_full(&error) => Next::Full,
        Err(error) => Next::Broken(error),
    }
}

pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

fn keep_ahead(common: &Common, storage: &dyn Storage, segment_bytes: u64) {
    let mut state = common.lock();
    while !common.stop.load(Ordering::Relaxed) {
        match state.next {
            Next::Wanted | Next::Full => {
                state = make_outside(common, state, storage, segment_bytes);
            }
            Next::Ready | Next::Broken(_) => {
                state = common
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

fn make_outside<'a>(
    common: &'a Common,
    state: MutexGuard<'a, State>,
    storage: &dyn Storage,
    segment_bytes: u64,
) -> MutexGuard<'a, State> {
    let index = state.index;
    drop(state);
    let next = made(storage, index, segment_bytes, &common.stop);
    let mut state = common.lock();
    state.next = next;
    common.changed.notify_all();
    if matches!(state.next, Next::Full) {
        let waited = common.changed.wait_timeout(state, RETRY);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
    state
}

impl Drop for Spare {
    fn drop(&mut self) {
        self.common.stop.store(true, Ordering::Relaxed);
        // Under the lock: the thread is either waiting for this, or looks at `stop` before it does.
        drop(self.common.lock());
        self.common.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It cannot panic; there is nothing to hear of it.
            let _ = thread.join();
        }
    }
}
