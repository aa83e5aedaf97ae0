//! The engine: one writer thread around the ledger and its journal.
//!
//! | asked | answered |
//! | --- | --- |
//! | [`Engine::submit`] | after the act is on the disk and visible to reads, on the writer thread |
//! | [`Engine::read`], [`Engine::atp`] | at once, from published cells, all at one sequence |
//! | [`Engine::reservation`] | behind what was submitted before |
//! | [`Engine::drain`] | when everything accepted is answered and the journal sealed |

mod batch;
mod clock;
mod deficits;
mod engine;
mod error;
mod folder;
mod gate;
mod identity;
mod job;
mod ledger_time;
mod mirror;
mod names;
mod open;
mod options;
mod reading;
mod rebuild;
mod shared;
mod stepper;
mod turn;
mod verify;
mod weight;
mod writer;

pub use bopis_journal::{JournalError, Reached, Until};
pub use clock::{Clock, ScaledClock, SystemClock};
pub use deficits::CONCERNED_MAX;
pub use engine::{Engine, ReadStamp};
pub use error::{DrainError, OpenError, PositionError, SubmitError, Unanswered, VerifyError};
pub use identity::{fingerprint, node_of, order_reference, scope, source_digest, staging_of};
pub use job::{Days, DaysReply, Done, DrainReport, Position, Replies, Reply, ReservationReply};
pub use options::EngineOptions;
pub use reading::JournalReader;
pub use rebuild::{rebuild, NamedCell, RebuildReport};
pub use shared::{Change, EngineStatus};
pub use stepper::{SimulatedDisk, Stepper};
pub use verify::{verify, verify_watched, Progress, VerifyReport};
pub use writer::Step;
