//! A full feed: each message is one act, each level has its own outcome.

use std::time::Duration;

use bopis_engine::{scope, source_digest};
use bopis_ledger::{Act, Command, Outcome, Outcomes, RequestKey};
use tonic::{Request, Status, Streaming};

use super::Stock;
use crate::deadline::Deadline;
use crate::native::convert::{unix_ms, uuid_text};
use crate::native::desk::{body_digest, deadline_of, request_key};
use crate::native::errors::{check, check_item, invalid_field, refused_item, unexpected};
use crate::native::unknown::Unknown;
use crate::v1::import_stock_response::Failure;
use crate::v1::{ImportStockRequest, ImportStockResponse, ItemError, StockLevel};

const FAILURES_MAX: usize = 1000;

impl Stock {
    pub(super) async fn import(
        &self,
        request: Request<Streaming<ImportStockRequest>>,
    ) -> Result<(ImportStockResponse, Duration), Status> {
        let deadline = deadline_of(&request);
        let mut messages = request.into_inner();
        let mut feed = Feed {
            stream_id: None,
            next_sequence: 0,
            took: Duration::ZERO,
            response: ImportStockResponse::default(),
        };
        while let Some(message) = messages.message().await? {
            self.import_message(&mut feed, message, deadline).await?;
        }
        if feed.stream_id.is_none() {
            return Err(invalid_field("request_id", "the stream holds no message"));
        }
        let here = self.desk.position(self.desk.engine.position());
        feed.response.position.get_or_insert(here);
        Ok((feed.response, feed.took))
    }

    async fn import_message(
        &self,
        feed: &mut Feed,
        mut message: ImportStockRequest,
        deadline: Deadline,
    ) -> Result<(), Status> {
        check(&message)?;
        let request = feed.next_key(&message)?;
        message.request_id.clear();
        let fingerprint = body_digest(&message);
        let faults: Vec<Option<ItemError>> = message
            .levels
            .iter()
            .map(|level| check_item(level).err())
            .collect();
        let sound = message
            .levels
            .iter()
            .zip(&faults)
            .filter(|(_, fault)| fault.is_none());
        let commands = sound
            .enumerate()
            .map(|(index, (level, _))| self.level(request, index, level));
        let commands: Vec<Command> = commands.collect();
        let mut outcomes = Outcomes::new();
        if !commands.is_empty() {
            let act = Act {
                request,
                fingerprint,
                commands,
            };
            let answered = self.desk.submit(act, deadline).await?;
            feed.took += answered.took;
            feed.response.position = Some(answered.position);
            outcomes = answered.outcomes;
        }
        let mut outcomes = outcomes.into_iter();
        for (index, fault) in faults.into_iter().enumerate() {
            let fault = match fault {
                Some(fault) => Some(fault),
                None => level_fault(outcomes.next().ok_or_else(unexpected)?)?,
            };
            feed.count(message.message_sequence, index, fault);
        }
        Ok(())
    }

    fn level(&self, request: RequestKey, index: usize, level: &StockLevel) -> Command {
        match (
            self.desk.stock_cell(&level.node_id, &level.sku),
            &level.effective_time,
        ) {
            (Ok(cell), None) => Command::SetOnHand {
                cell,
                on_hand: level.on_hand,
            },
            (Ok(cell), Some(time)) => Command::Count {
                cell,
                counted: level.on_hand,
                effective_ms: unix_ms(time),
            },
            (Err(gap), _) => gap.placeholder(request, index),
        }
    }
}

/// A stream as far as it came.
struct Feed {
    stream_id: Option<u128>,
    next_sequence: i32,
    took: Duration,
    response: ImportStockResponse,
}

impl Feed {
    /// The key of the next message's act: the stream's request id and the message's sequence.
    fn next_key(&mut self, message: &ImportStockRequest) -> Result<RequestKey, Status> {
        let stream = request_key(scope::IMPORT_STOCK, &message.request_id)?;
        if *self.stream_id.get_or_insert(stream.id) != stream.id {
            return Err(invalid_field(
                "request_id",
                "must be the same in each message",
            ));
        }
        if message.message_sequence != self.next_sequence {
            let fault = format!("must be {}: messages count from 0", self.next_sequence);
            return Err(invalid_field("message_sequence", fault));
        }
        let sequence = self.next_sequence.to_string();
        self.next_sequence = self.next_sequence.saturating_add(1);
        let id = source_digest(&["feed", &uuid_text(stream.id), &sequence]);
        Ok(RequestKey {
            scope: stream.scope,
            id,
        })
    }

    fn count(&mut self, message_sequence: i32, index: usize, fault: Option<ItemError>) {
        let Some(error) = fault else {
            self.response.imported_count += 1;
            return;
        };
        self.response.failure_count += 1;
        if self.response.failures.len() < FAILURES_MAX {
            let level_index = i32::try_from(index).unwrap_or(i32::MAX);
            let failure = Failure {
                message_sequence,
                level_index,
                error: Some(error),
            };
            self.response.failures.push(failure);
        }
    }
}

fn level_fault(outcome: Outcome) -> Result<Option<ItemError>, Status> {
    match outcome {
        Outcome::Cell(_) | Outcome::Counted { .. } => Ok(None),
        Outcome::Refused(refusal) => Ok(Some(match Unknown::of_refusal(refusal) {
            Some(gap) => gap.of_item(gap.field()),
            None => refused_item(refusal),
        })),
        _ => Err(unexpected()),
    }
}
