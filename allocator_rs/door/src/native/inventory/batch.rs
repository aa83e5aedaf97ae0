//! Many independent reservations in one act, one outcome each.

use std::time::Duration;

use bopis_engine::scope;
use bopis_ledger::{Act, Command, Outcome, RequestKey, ReservationId};
use tonic::{Request, Status};

use super::granted::granted_lines;
use super::reserve::{cells, terms, Asked};
use super::Inventory;
use crate::native::convert::{insufficient, reservation};
use crate::native::days::KnownDays;
use crate::native::desk::{body_digest, deadline_of, request_key};
use crate::native::errors::{check, check_item, refused_item, unexpected};
use crate::native::reservation_id;
use crate::native::unknown::Unknown;
use crate::v1::batch_reserve_response::{outcome, Outcome as ItemOutcome};
use crate::v1::{BatchReserveItem, BatchReserveRequest, BatchReserveResponse, ItemError};

impl Inventory {
    pub(super) async fn hold_each(
        &self,
        request: Request<BatchReserveRequest>,
    ) -> Result<(BatchReserveResponse, Duration), Status> {
        let deadline = deadline_of(&request);
        let mut body = request.into_inner();
        check(&body)?;
        let request_id = std::mem::take(&mut body.request_id);
        let request = request_key(scope::BATCH_RESERVE, &request_id)?;
        let fingerprint = body_digest(&body);
        let checked: Vec<Result<ReservationId, ItemError>> = body
            .items
            .iter()
            .map(|item| {
                check_item(item)?;
                reservation_id::choose_item(&item.reservation_id)
            })
            .collect();
        let sound = || {
            let items = body.items.iter().zip(&checked);
            items.filter_map(|(item, id)| id.as_ref().ok().map(|id| (item, *id)))
        };
        let windows = sound().flat_map(|(item, _)| self.desk.new_windows(&item.lines));
        self.desk.register(windows.collect(), deadline).await?;
        let commands = sound()
            .enumerate()
            .map(|(index, (item, id))| self.command(request, index, item, id));
        let act = Act {
            request,
            fingerprint,
            commands: commands.collect(),
        };
        let ids = sound().map(|(_, id)| id).collect();
        let days = sound().map(|(item, _)| item.day);
        let days = self.desk.ask_days(ids, days)?;
        let answered = self.desk.submit(act, deadline).await?;
        let days = days.known().await?;
        let mut outcomes = answered.outcomes.into_iter();
        let item_outcomes = checked
            .into_iter()
            .zip(&body.items)
            .map(|(one, item)| match one {
                Err(fault) => Ok(refused_as(fault)),
                Ok(_) => outcomes
                    .next()
                    .ok_or_else(unexpected)
                    .and_then(|one| self.item_outcome(one, item, &days)),
            });
        let item_outcomes = item_outcomes.collect::<Result<_, _>>()?;
        let position = Some(answered.position);
        Ok((
            BatchReserveResponse {
                outcomes: item_outcomes,
                position,
            },
            answered.took,
        ))
    }

    fn command(
        &self,
        request: RequestKey,
        index: usize,
        item: &BatchReserveItem,
        reservation_id: ReservationId,
    ) -> Command {
        let asked = Asked {
            reservation_id,
            order_id: &item.order_id,
            ttl: item.ttl.as_ref(),
            priority: item.priority,
            terms: terms(item.partial, item.day),
        };
        match cells(&self.desk, &item.lines) {
            Ok(lines) => asked.hold(lines),
            Err((_, gap)) => gap.placeholder(request, index),
        }
    }

    fn item_outcome(
        &self,
        outcome: Outcome,
        item: &BatchReserveItem,
        days: &KnownDays,
    ) -> Result<ItemOutcome, Status> {
        let engine = &self.desk.engine;
        Ok(match outcome {
            Outcome::Reservation(view) => {
                let day = days.of_new(&view, item.day);
                let asked = item.partial.then(|| cells(&self.desk, &item.lines).ok());
                let granted = asked.flatten().map(|asked| granted_lines(&asked, &view));
                ItemOutcome {
                    outcome: Some(outcome::Outcome::Reservation(reservation(
                        engine, &view, day,
                    ))),
                    granted_lines: granted.unwrap_or_default(),
                }
            }
            Outcome::Insufficient(lacks) => ItemOutcome {
                outcome: Some(outcome::Outcome::Insufficient(insufficient(engine, &lacks))),
                granted_lines: Vec::new(),
            },
            Outcome::Refused(refusal) => refused_as(
                Unknown::of_refusal(refusal)
                    .map_or_else(|| refused_item(refusal), |gap| gap.of_item("lines")),
            ),
            _ => return Err(unexpected()),
        })
    }
}

fn refused_as(fault: ItemError) -> ItemOutcome {
    ItemOutcome {
        outcome: Some(outcome::Outcome::Error(fault)),
        granted_lines: Vec::new(),
    }
}
