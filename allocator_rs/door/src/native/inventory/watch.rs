//! Counters as they change.
//!
//! | the client | gets |
//! | --- | --- |
//! | begins without a token | a snapshot, then changes |
//! | resumes from a token that is remembered | the changes since |
//! | resumes from an older one, or reads too slowly | a snapshot, then changes |
//! | hears nothing for long | an empty message |
//!
//! Of a stream that nobody reads, one message is kept, and no change is copied for it.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bopis_engine::Change;
use bopis_ledger::CellKey;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::availability::{Grid, CHUNK_CELLS};
use super::Inventory;
use crate::errors::Refusal;
use crate::native::convert::{availability, timestamp, uuid_text};
use crate::native::desk::Desk;
use crate::native::errors::check;
use crate::rules::parse_uuid;
use crate::v1::watch_availability_response::Deficit;
use crate::v1::{ErrorReason, WatchAvailabilityRequest, WatchAvailabilityResponse};

/// Cells of one stream at most.
const CELLS_MAX: usize = 5_000;
/// How often the feed is looked at.
const TICK: Duration = Duration::from_millis(20);
/// After so long without a change an empty message tells that the stream lives.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// The messages of one stream.
pub(super) type Watched = ReceiverStream<Result<WatchAvailabilityResponse, Status>>;

impl Inventory {
    pub(super) fn watch(&self, request: WatchAvailabilityRequest) -> Result<Watched, Status> {
        check(&request)?;
        let desk = self.desk.clone();
        let names = (&*request.node_ids, &*request.skus);
        let grid = Grid::resolve(&desk, names, CELLS_MAX)?;
        let from = resumed(&desk, &request.resume_token)?;
        let (send, receive) = mpsc::channel(1);
        let watcher = Watcher {
            desk,
            places: grid.places(),
            grid,
            request,
            send,
        };
        tokio::spawn(watcher.run(from));
        Ok(ReceiverStream::new(receive))
    }
}

/// The sequence that a token names; none for an empty one, and for one of another journal, whose
/// changes this one cannot know.
fn resumed(desk: &Desk, token: &str) -> Result<Option<u64>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let parts = token.split_once('.').and_then(|(journal, sequence)| {
        Some((parse_uuid(journal)?, sequence.parse::<u64>().ok()?))
    });
    match parts {
        Some((journal, sequence)) if journal == desk.engine.journal_id() => {
            Ok(Some(sequence).filter(|one| *one <= desk.engine.position()))
        }
        Some(_) => Ok(None),
        None => {
            let message = "the resume token is not one of ours";
            let refusal = Refusal::new(ErrorReason::TokenInvalid, message);
            Err(refusal.field("resume_token", message).status())
        }
    }
}

/// One stream.
struct Watcher {
    desk: Desk,
    grid: Grid,
    places: HashMap<CellKey, (usize, usize)>,
    request: WatchAvailabilityRequest,
    send: mpsc::Sender<Result<WatchAvailabilityResponse, Status>>,
}

/// Nobody listens any more.
struct Gone;

impl Watcher {
    /// Until the client goes, or the door ends the stream, which looks the same from here.
    async fn run(self, from: Option<u64>) {
        tokio::select! {
            biased;
            () = self.send.closed() => {}
            _ = self.follow(from) => {}
        }
    }

    async fn follow(&self, from: Option<u64>) -> Result<(), Gone> {
        let mut at = match from {
            Some(at) => at,
            None => self.snapshot().await?,
        };
        let mut said = Instant::now();
        loop {
            let position = self.desk.engine.position();
            if position <= at {
                if said.elapsed() >= HEARTBEAT {
                    self.say(self.message(at)).await?;
                    said = Instant::now();
                }
                tokio::time::sleep(TICK).await;
                continue;
            }
            let Some(changes) = self.desk.engine.changes_since(at) else {
                at = self.snapshot().await?;
                said = Instant::now();
                continue;
            };
            at = changes
                .last()
                .map_or(position, |last| last.sequence.max(at));
            if let Some(news) = self.news(&changes, at) {
                self.say(news).await?;
                said = Instant::now();
            }
        }
    }

    /// All cells as they are; the position that changes follow from.
    async fn snapshot(&self) -> Result<u64, Gone> {
        // A cell that changes after this is in the changes, too.
        let at = self.desk.engine.position();
        for start in (0..self.grid.len()).step_by(CHUNK_CELLS) {
            let (node_ids, skus) = (&self.request.node_ids, &self.request.skus);
            let chunk = self.grid.chunk(&self.desk, node_ids, skus, start);
            let message = WatchAvailabilityResponse {
                availabilities: chunk.availabilities,
                is_snapshot: true,
                ..self.message(at)
            };
            self.say(message).await?;
        }
        Ok(at)
    }

    /// The watched cells among the changes, each as it was last; none if there are none.
    fn news(&self, changes: &[Change], at: u64) -> Option<WatchAvailabilityResponse> {
        let mut last: BTreeMap<CellKey, &Change> = BTreeMap::new();
        let mut deficits = Vec::new();
        for change in changes {
            let Some((node_id, sku)) = self.names(change.cell) else {
                continue;
            };
            last.insert(change.cell, change);
            if let Some(concerned) = &change.concerned {
                deficits.push(Deficit {
                    node_id,
                    sku,
                    quantity: change.deficit,
                    reservation_ids: concerned.iter().map(|id| uuid_text(id.0)).collect(),
                });
            }
        }
        let availabilities = last.values().filter_map(|change| {
            let (node_id, sku) = self.names(change.cell)?;
            Some(availability(node_id, sku, &change.view))
        });
        let news = WatchAvailabilityResponse {
            availabilities: availabilities.collect(),
            deficits,
            ..self.message(at)
        };
        (!news.availabilities.is_empty()).then_some(news)
    }

    fn names(&self, cell: CellKey) -> Option<(String, String)> {
        let (row, column) = *self.places.get(&cell)?;
        let node_id = self.request.node_ids.get(row)?.clone();
        Some((node_id, self.request.skus.get(column)?.clone()))
    }

    fn message(&self, at: u64) -> WatchAvailabilityResponse {
        let journal = uuid_text(self.desk.engine.journal_id());
        WatchAvailabilityResponse {
            as_of_time: Some(timestamp(self.desk.engine.wall_ms())),
            position: Some(self.desk.position(at)),
            resume_token: format!("{journal}.{at}"),
            ..WatchAvailabilityResponse::default()
        }
    }

    async fn say(&self, message: WatchAvailabilityResponse) -> Result<(), Gone> {
        self.send.send(Ok(message)).await.map_err(|_| Gone)
    }
}
