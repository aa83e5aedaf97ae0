//! Sales from tills: many facts in one act, one outcome each.

use std::time::Duration;

use bopis_engine::{scope, source_digest};
use bopis_ledger::{Act, Command, Outcome, RequestKey, ReservationId};
use tonic::{Request, Status};

use super::Stock;
use crate::native::convert::unix_ms;
use crate::native::desk::{body_digest, deadline_of, request_key};
use crate::native::errors::{check, check_item, refused_item, unexpected};
use crate::native::reservation_id;
use crate::native::unknown::Unknown;
use crate::v1::record_sales_response::{outcome, Outcome as SaleOutcome};
use crate::v1::{ItemError, RecordSalesRequest, RecordSalesResponse, Sale};

impl Stock {
    pub(super) async fn record(
        &self,
        request: Request<RecordSalesRequest>,
    ) -> Result<(RecordSalesResponse, Duration), Status> {
        let deadline = deadline_of(&request);
        let mut body = request.into_inner();
        check(&body)?;
        let request_id = std::mem::take(&mut body.request_id);
        let request = request_key(scope::RECORD_SALES, &request_id)?;
        let fingerprint = body_digest(&body);
        let checked: Vec<Result<Option<ReservationId>, ItemError>> = body
            .sales
            .iter()
            .map(|sale| {
                check_item(sale)?;
                reservation_id::change_item(&sale.reservation_id)
            })
            .collect();
        let sound = body.sales.iter().zip(&checked);
        let sound = sound.filter_map(|(sale, id)| id.as_ref().ok().map(|id| (sale, *id)));
        let commands = sound
            .enumerate()
            .map(|(index, (sale, id))| self.sale(request, index, sale, id));
        let act = Act {
            request,
            fingerprint,
            commands: commands.collect(),
        };
        let answered = self.desk.submit(act, deadline).await?;
        let mut outcomes = answered.outcomes.into_iter();
        let mut sale_outcomes = Vec::with_capacity(checked.len());
        for one in checked {
            let outcome = match one {
                Err(fault) => outcome::Outcome::Error(fault),
                Ok(_) => sale_outcome(outcomes.next().ok_or_else(unexpected)?)?,
            };
            sale_outcomes.push(SaleOutcome {
                outcome: Some(outcome),
            });
        }
        let position = Some(answered.position);
        Ok((
            RecordSalesResponse {
                outcomes: sale_outcomes,
                position,
            },
            answered.took,
        ))
    }

    fn sale(
        &self,
        request: RequestKey,
        index: usize,
        sale: &Sale,
        reservation: Option<ReservationId>,
    ) -> Command {
        match self.desk.stock_cell(&sale.node_id, &sale.sku) {
            Ok(cell) => Command::Sale {
                source: source_digest(&[&sale.source_id]),
                cell,
                quantity: sale.quantity,
                reservation,
                effective_ms: sale.effective_time.as_ref().map(unix_ms),
            },
            Err(gap) => gap.placeholder(request, index),
        }
    }
}

fn sale_outcome(outcome: Outcome) -> Result<outcome::Outcome, Status> {
    Ok(match outcome {
        Outcome::Cell(view) => outcome::Outcome::RecordedDeficitQuantity(view.deficit()),
        Outcome::Duplicate => outcome::Outcome::Duplicate(true),
        Outcome::Refused(refusal) => outcome::Outcome::Error(
            Unknown::of_refusal(refusal)
                .map_or_else(|| refused_item(refusal), |gap| gap.of_item(gap.field())),
        ),
        _ => return Err(unexpected()),
    })
}
