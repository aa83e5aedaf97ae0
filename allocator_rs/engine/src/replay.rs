//! A journal's records on their way into the state: read, checked and decoded on one thread, taken
//! over on another, in order.
//!
//! | a record | comes to |
//! | --- | --- |
//! | that cannot be decoded or taken over | `Rejected`, with its place: nothing was changed on disk |
//! | behind such a one | nothing |
//!
//! Without a background (simulation) all of it is done here, batch by batch.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};

use bopis_journal::{read_after, Anchor, Journal, JournalError, JournalOptions, Scanned, Storage};
use bopis_ledger::{codec, Record};
use crossbeam_channel::Sender;

/// How many records are taken over together: what they touch fits the nearest cache.
const BATCH: usize = 32;
/// Bytes of records, encoded, after which a batch is closed: large ones do not wait for others.
const BATCH_BYTES: usize = 64 << 10;
/// How many batches are decoded ahead at most.
const AHEAD: usize = 64;

type Batch = Vec<(u64, Record)>;

/// A record that was not taken over, and why.
type Refused = (u64, String);

/// Takes records over.
type Take<'a> = &'a mut (dyn FnMut(&[(u64, Record)]) -> Result<(), Refused> + Send);

/// Gets every batch, then nothing once. An error: something was refused.
type Give<'a> = &'a mut dyn FnMut(Option<Batch>) -> Result<(), Refused>;

/// Opens a journal as [`Journal::open_after`] does; its records go to `take`.
///
/// # Errors
/// As there.
pub(crate) fn open(
    storage: Arc<dyn Storage>,
    options: JournalOptions,
    anchor: Option<&Anchor>,
    take: Take<'_>,
) -> Result<(Journal, Scanned), JournalError> {
    let again = Arc::clone(&storage);
    let (opened, refused) = if options.background {
        beside(storage, options, anchor, take)
    } else {
        let mut refused = None;
        let opened = feed(storage, options, anchor, &mut |batch| {
            let taken = batch.map_or(Ok(()), |batch| take(&batch));
            taken.inspect_err(|one| refused = refused.take().or_else(|| Some(one.clone())))
        });
        (opened, refused)
    };
    match refused {
        Some(refused) => Err(place_of(again.as_ref(), anchor, &refused)),
        None => opened,
    }
}

type Opened = Result<(Journal, Scanned), JournalError>;

/// Reads and decodes here, takes over on another thread. Inside: the record that was refused.
fn beside(
    storage: Arc<dyn Storage>,
    options: JournalOptions,
    anchor: Option<&Anchor>,
    take: Take<'_>,
) -> (Opened, Option<Refused>) {
    thread::scope(|scope| {
        let (send, receive) = crossbeam_channel::bounded::<Batch>(AHEAD);
        let take_all = move || receive.into_iter().try_for_each(|batch| take(&batch));
        let named = thread::Builder::new().name("bopis-replay".into());
        let taking = match named.spawn_scoped(scope, take_all) {
            Ok(taking) => taking,
            Err(error) => return (Err(no_thread(error)), None),
        };
        let mut other = Other {
            send: Some(send),
            taking: Some(taking),
            refused: None,
        };
        let opened = feed(storage, options, anchor, &mut |batch| other.give(batch));
        // Whatever ended the reading: what was given before is taken over, or refused.
        let _ = other.give(None);
        (opened, other.refused)
    })
}

/// The thread that takes over.
struct Other<'scope> {
    send: Option<Sender<Batch>>,
    taking: Option<ScopedJoinHandle<'scope, Result<(), Refused>>>,
    refused: Option<Refused>,
}

impl Other<'_> {
    /// Gives it a batch; without one, or when it has refused a record, waits for its end.
    fn give(&mut self, batch: Option<Batch>) -> Result<(), Refused> {
        if let (Some(send), Some(batch)) = (&self.send, batch) {
            if send.send(batch).is_ok() {
                return Ok(());
            }
        }
        self.send = None;
        if let Some(taking) = self.taking.take() {
            let taken = taking.join();
            let taken = taken.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            self.refused = taken.err();
        }
        self.refused.clone().map_or(Ok(()), Err)
    }
}

/// Reads a journal and gives its records away in batches; opens it if all of them were wanted.
fn feed(
    storage: Arc<dyn Storage>,
    options: JournalOptions,
    anchor: Option<&Anchor>,
    give: Give<'_>,
) -> Opened {
    let feeder = RefCell::new((Batch::new(), give));
    let give = |(batch, give): &mut (Batch, Give<'_>)| give(Some(std::mem::take(batch)));
    let mut waiting_bytes = 0;
    let mut visit = |sequence, bytes: &[u8]| {
        let record = codec::decode(bytes).map_err(|error| error.to_string())?;
        let mut feeder = feeder.borrow_mut();
        feeder.0.push((sequence, record));
        waiting_bytes += bytes.len();
        if feeder.0.len() < BATCH && waiting_bytes < BATCH_BYTES {
            return Ok(());
        }
        waiting_bytes = 0;
        give(&mut feeder).map_err(|(_, reason)| reason)
    };
    let mut ready = || {
        let mut feeder = feeder.borrow_mut();
        let given = give(&mut feeder).and_then(|()| feeder.1(None));
        given.map_err(|refused| somewhere(&refused))
    };
    let opened = Journal::open_when(storage, options, anchor, &mut visit, &mut ready);
    if opened.is_err() {
        // What came before the error may be refused itself, and is told by whom it was given to.
        let _ = give(&mut feeder.borrow_mut());
    }
    opened
}

/// The refusal with the place of the record.
fn place_of(storage: &dyn Storage, anchor: Option<&Anchor>, refused: &Refused) -> JournalError {
    let read = read_after(storage, anchor, &mut |sequence, _| match refused {
        (one, reason) if *one == sequence => Err(reason.clone()),
        _ => Ok(()),
    });
    read.err().unwrap_or_else(|| somewhere(refused))
}

/// The refusal without it.
fn somewhere((sequence, reason): &Refused) -> JournalError {
    JournalError::Rejected {
        segment: "the journal".into(),
        offset: 0,
        sequence: *sequence,
        reason: reason.clone(),
    }
}

fn no_thread(error: io::Error) -> JournalError {
    JournalError::Io {
        doing: "start the thread that replays".into(),
        error,
    }
}
