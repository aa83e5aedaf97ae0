//! Where native services meet the engine: submit and wait, names to ids, positions.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bopis_engine::{
    fingerprint, scope, source_digest, staging_of, Days, Engine, Found, Page, PositionError, Search,
};
use bopis_ledger::{
    Act, ActOutcome, CellKey, Command, ItemName, Outcome, Outcomes, RequestKey, ReservationId,
    ReservationView,
};
use prost::Message;
use tokio::sync::oneshot;
use tonic::{Request, Status};

use super::convert::uuid_text;
use super::errors;
use super::unknown::Unknown;
use crate::deadline::Deadline;
use crate::errors::{not_serving, Refusal};
use crate::rules::parse_uuid;
use crate::v1::reservation_line::Item;
use crate::v1::{ErrorReason, Position, ReservationLine};

/// Labor windows are made known to the ledger when they lie this near; farther ones no store
/// offers, so that asking for them takes no memory.
const LABOR_PAST_MS: i64 = 2 * 24 * 3_600_000;
const LABOR_AHEAD_MS: i64 = 400 * 24 * 3_600_000;

/// The engine as the handlers use it.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) engine: Engine,
    journal_id: String,
}

/// An act that is durable.
pub(super) struct Answered {
    /// One per command.
    pub(super) outcomes: Outcomes,
    /// Where it stands.
    pub(super) position: Position,
    /// From the queue to the answer.
    pub(super) took: Duration,
}

impl Answered {
    /// The outcome of an act of one command.
    pub(super) fn only(&mut self) -> Result<Outcome, Status> {
        self.outcomes.pop().ok_or_else(errors::unexpected)
    }
}

impl Desk {
    pub(super) fn new(engine: Engine) -> Self {
        let journal_id = uuid_text(engine.journal_id());
        Self { engine, journal_id }
    }

    /// Submits once and waits until the act is durable. A call past its deadline touches nothing.
    pub(super) async fn submit(&self, act: Act, deadline: Deadline) -> Result<Answered, Status> {
        deadline.check()?;
        let started = Instant::now();
        let (send, receive) = oneshot::channel();
        // Nobody listens any more when the call was cancelled; the act stands all the same.
        let done = Box::new(move |reply| drop(send.send(reply)));
        self.engine
            .submit(act, done)
            .map_err(errors::not_submitted)?;
        let reply = receive.await.map_err(|_| not_serving())?;
        let done = reply.map_err(|unanswered| errors::not_submitted(unanswered.into()))?;
        let took = started.elapsed();
        match done.outcome {
            ActOutcome::Done(outcomes) => Ok(Answered {
                outcomes,
                position: self.position(done.sequence),
                took,
            }),
            ActOutcome::RequestIdReused => Err(errors::request_id_reused()),
            ActOutcome::RequestWindowFull => Err(errors::request_window_full()),
        }
    }

    /// Reads a reservation behind everything submitted before.
    pub(super) async fn reservation(
        &self,
        id: ReservationId,
    ) -> Result<(Option<ReservationView>, Position), Status> {
        let (send, receive) = oneshot::channel();
        let done = Box::new(move |reply| drop(send.send(reply)));
        self.engine
            .reservation(id, done)
            .map_err(errors::not_submitted)?;
        let reply = receive.await.map_err(|_| not_serving())?;
        let (view, position) =
            reply.map_err(|unanswered| errors::not_submitted(unanswered.into()))?;
        Ok((view, self.position(position.sequence)))
    }

    /// Looks for reservations behind everything submitted before.
    pub(super) async fn search(
        &self,
        search: Search,
        page: Page,
    ) -> Result<(Found, Position), Status> {
        let (send, receive) = oneshot::channel();
        let done = Box::new(move |reply| drop(send.send(reply)));
        self.engine
            .search_page(search, page, done)
            .map_err(errors::not_submitted)?;
        let reply = receive.await.map_err(|_| not_serving())?;
        let found = reply.map_err(|unanswered| errors::not_submitted(unanswered.into()))?;
        let position = self.position(found.position.sequence);
        Ok((found, position))
    }

    /// Reads a cell and its days behind everything submitted before.
    pub(super) async fn days(&self, cell: CellKey) -> Result<(Days, Position), Status> {
        let (send, receive) = oneshot::channel();
        let done = Box::new(move |reply| drop(send.send(reply)));
        self.engine
            .days(cell, done)
            .map_err(errors::not_submitted)?;
        let reply = receive.await.map_err(|_| not_serving())?;
        let days = reply.map_err(|unanswered| errors::not_submitted(unanswered.into()))?;
        let position = self.position(days.position.sequence);
        Ok((days, position))
    }

    /// A place in this engine's journal.
    pub(super) fn position(&self, sequence: u64) -> Position {
        let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
        Position {
            journal_id: self.journal_id.clone(),
            sequence,
        }
    }

    /// Waits until reads are at this position or later.
    pub(super) async fn wait_for(&self, position: Option<&Position>) -> Result<(), Status> {
        let Some(asked) = position else { return Ok(()) };
        if asked.journal_id.is_empty() && asked.sequence == 0 {
            return Ok(());
        }
        if parse_uuid(&asked.journal_id) != Some(self.engine.journal_id()) {
            return Err(out_of_range("the position is of another journal"));
        }
        let sequence = u64::try_from(asked.sequence).unwrap_or(0);
        if sequence <= self.engine.position() {
            return Ok(());
        }
        // Only for what is assigned and not yet flushed; the engine waits on its own lock.
        let engine = self.engine.clone();
        let waited = tokio::task::spawn_blocking(move || engine.wait_for(sequence)).await;
        match waited.map_err(|_| not_serving())? {
            Ok(()) => Ok(()),
            Err(PositionError::NotAssigned { .. }) => {
                Err(out_of_range("the position lies above the last one"))
            }
            Err(PositionError::Stopped) => Err(not_serving()),
        }
    }

    /// The cell of a SKU at a node.
    pub(super) fn stock_cell(&self, node_id: &str, sku: &str) -> Result<CellKey, Unknown> {
        let location = self.engine.location(node_id).ok_or(Unknown::Node)?;
        let item = self.engine.sku(sku).ok_or(Unknown::Sku)?;
        Ok(CellKey { location, item })
    }

    /// The same in the node's staging pool. A pool that nothing was ever staged in is unknown: an
    /// empty one.
    pub(super) fn staged_cell(&self, node_id: &str, sku: &str) -> Result<CellKey, Unknown> {
        self.stock_cell(node_id, sku)?;
        self.stock_cell(&staging_of(node_id), sku)
    }

    /// The cell of a line of a reservation.
    pub(super) fn line_cell(&self, line: &ReservationLine) -> Result<CellKey, Unknown> {
        let node = self.engine.location(&line.node_id).ok_or(Unknown::Node)?;
        let location = if line.staged {
            let pool = staging_of(&line.node_id);
            self.engine.location(&pool).ok_or(Unknown::Node)?
        } else {
            node
        };
        let item = match &line.item {
            Some(Item::Sku(sku)) => self.engine.sku(sku).ok_or(Unknown::Sku)?,
            Some(Item::LaborWindowStartTime(start)) => {
                self.engine.labor(start.seconds).ok_or(Unknown::Window)?
            }
            None => return Err(Unknown::Sku),
        };
        Ok(CellKey { location, item })
    }

    /// The labor windows of these lines that the ledger does not know and may get to know; none if
    /// another name is unknown, since nothing will come of the lines then.
    pub(super) fn new_windows(&self, lines: &[ReservationLine]) -> BTreeSet<i64> {
        let now_ms = self.engine.wall_ms();
        let near = now_ms.saturating_sub(LABOR_PAST_MS)..=now_ms.saturating_add(LABOR_AHEAD_MS);
        let mut windows = BTreeSet::new();
        for line in lines {
            match (self.line_cell(line), &line.item) {
                (Err(Unknown::Node | Unknown::Sku), _) => return BTreeSet::new(),
                (Err(Unknown::Window), Some(Item::LaborWindowStartTime(start))) => {
                    windows.insert(start.seconds);
                }
                _ => {}
            }
        }
        windows.retain(|start| near.contains(&start.saturating_mul(1000)));
        windows
    }

    /// Makes a node's staging pool known to the ledger.
    pub(super) async fn open_pool(&self, node_id: &str, deadline: Deadline) -> Result<(), Status> {
        let name = staging_of(node_id);
        if self.engine.location(node_id).is_none() || self.engine.location(&name).is_some() {
            return Ok(());
        }
        let act = Act {
            request: RequestKey {
                scope: scope::INTERNAL,
                id: source_digest(&[&name]),
            },
            fingerprint: 0,
            commands: vec![Command::RegisterLocation {
                name: name.as_str().into(),
            }],
        };
        self.submit(act, deadline).await.map(|_| ())
    }

    /// Makes labor windows known to the ledger, so that one which no store offers is found to lack
    /// labor like any other.
    pub(super) async fn register(
        &self,
        windows: BTreeSet<i64>,
        deadline: Deadline,
    ) -> Result<(), Status> {
        if windows.is_empty() {
            return Ok(());
        }
        let words: Vec<String> = windows
            .iter()
            .map(|start| format!("labor window {start}"))
            .collect();
        let id = source_digest(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let register = |window_start_s| Command::RegisterItem {
            name: ItemName::Labor { window_start_s },
        };
        let act = Act {
            request: RequestKey {
                scope: scope::INTERNAL,
                id,
            },
            fingerprint: 0,
            commands: windows.into_iter().map(register).collect(),
        };
        self.submit(act, deadline).await.map(|_| ())
    }
}

fn out_of_range(message: &str) -> Status {
    Refusal::new(ErrorReason::PositionOutOfRange, message)
        .field("at_least_position", message)
        .status()
}

/// The call's deadline, as the door read it.
pub(super) fn deadline_of<T>(request: &Request<T>) -> Deadline {
    request
        .extensions()
        .get()
        .copied()
        .unwrap_or(Deadline(None))
}

/// Takes the request id out of a message; what remains is the body that a repeat must equal.
pub(super) fn request_key(scope: u32, request_id: &str) -> Result<RequestKey, Status> {
    let id = parse_uuid(request_id)
        .ok_or_else(|| errors::invalid_field("request_id", "must be a UUID"))?;
    Ok(RequestKey { scope, id })
}

/// Digest of a message whose request id was taken out.
pub(super) fn body_digest(message: &impl Message) -> u64 {
    fingerprint(&message.encode_to_vec())
}
