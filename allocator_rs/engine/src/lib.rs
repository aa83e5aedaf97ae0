//! The engine: one writer thread around the ledger and its journal.
//!
//! | asked | answered |
//! | --- | --- |
//! | [`Engine::submit`] | after the act is on the disk and visible to reads, on the writer thread |
//! | [`Engine::read`], [`Engine::atp`] | at once, from published cells, all at one sequence |
//! | [`Engine::basket`], [`Engine::locations_of`] | the same, of every node that has the items |
//! | [`Engine::copy_atp`] | the ATP of all cells at one sequence, while the writer goes on |
//! | [`Engine::reservation`], [`Engine::search`] | behind what was submitted before |
//! | [`Engine::events_since`], [`events_of_journal`] | what changed, in order, each thing once |
//! | [`Engine::drain`] | when everything accepted is answered and the journal sealed |

mod batch;
mod clock;
mod deficits;
mod engine;
mod error;
mod feed;
mod folder;
mod gate;
mod identity;
mod job;
mod ledger_time;
mod mirror;
mod names;
mod narrator;
mod old_events;
mod open;
mod options;
mod past;
mod reading;
mod reads;
mod rebuild;
mod replay;
mod shared;
pub mod snapshot;
mod stepper;
mod turn;
mod verify;
mod weight;
mod witness;
mod writer;

pub use bopis_journal::{JournalError, Reached, Until};
pub use clock::{Clock, ScaledClock, SystemClock};
pub use deficits::CONCERNED_MAX;
pub use engine::{Engine, ReadStamp};
pub use error::{
    BuildError, DrainError, OpenError, PositionError, SubmitError, Unanswered, VerifyError,
};
pub use feed::{Change, Event, EventKind, Events, ReservationChange};
pub use identity::{fingerprint, node_of, order_reference, scope, source_digest, staging_of};
pub use job::{
    Days, DaysReply, Done, DrainReport, Found, FoundReply, Page, Position, Replies, Reply,
    ReservationReply, Search, FOUND_MAX,
};
pub use mirror::AtpCopy;
pub use old_events::{events_of_journal, EventsError, OldEvents};
pub use options::EngineOptions;
pub use past::{Past, PastError};
pub use reading::JournalReader;
pub use reads::{Basket, Holder};
pub use rebuild::{rebuild, NamedCell, RebuildReport};
pub use shared::EngineStatus;
pub use stepper::{SimulatedDisk, Stepper};
pub use verify::{verify, verify_watched, Progress, VerifyReport};
pub use writer::Step;
