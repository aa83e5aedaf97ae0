//! Units that go elsewhere: to another node, to a staging pool and back.

use std::time::Duration;

use bopis_engine::scope;
use bopis_ledger::{CellKey, Command, Line, Outcome};
use tonic::{Request, Status};

use super::Stock;
use crate::deadline::Deadline;
use crate::native::convert::{availability, reservation, unix_ms};
use crate::native::desk::deadline_of;
use crate::native::errors::{check, invalid_field, not_found, unexpected};
use crate::native::reservation_id;
use crate::native::unknown::Unknown;
use crate::v1::{TransferStockRequest, TransferStockResponse};

impl Stock {
    pub(super) async fn transfer(
        &self,
        request: Request<TransferStockRequest>,
    ) -> Result<(TransferStockResponse, Duration), Status> {
        let deadline = deadline_of(&request);
        let mut body = request.into_inner();
        check(&body)?;
        if body.from_node_id == body.to_node_id && body.from_staging == body.to_staging {
            return Err(invalid_field("to_node_id", "must be another node"));
        }
        let request_id = std::mem::take(&mut body.request_id);
        let command = self.transfer_of(&body, deadline).await?;
        let ids = match &command {
            Command::Relocate { reservation, .. } => vec![*reservation],
            _ => Vec::new(),
        };
        let days = self.desk.ask_days(ids, [])?;
        let (outcome, answered) = self
            .act(scope::TRANSFER_STOCK, &request_id, &body, command, deadline)
            .await?;
        let days = days.known().await?;
        let position = Some(answered.position);
        let response = match outcome {
            Outcome::Transferred(left, come) => TransferStockResponse {
                deficit_quantity: left.deficit(),
                from_availability: Some(availability(body.from_node_id, body.sku.clone(), &left)),
                to_availability: Some(availability(body.to_node_id, body.sku, &come)),
                position,
                reservation: None,
            },
            Outcome::Reservation(view) => TransferStockResponse {
                position,
                reservation: Some(reservation(&self.desk.engine, &view, days.of(&view))),
                ..TransferStockResponse::default()
            },
            _ => return Err(unexpected()),
        };
        Ok((response, answered.took))
    }

    async fn transfer_of(
        &self,
        body: &TransferStockRequest,
        deadline: Deadline,
    ) -> Result<Command, Status> {
        let reservation = match &*body.reservation_id {
            "" => None,
            id => Some(reservation_id::change(id, "reservation_id")?),
        };
        let from = (&*body.from_node_id, body.from_staging, "from_node_id");
        let to = (&*body.to_node_id, body.to_staging, "to_node_id");
        let (from, to) = (
            self.place(from, &body.sku, deadline).await?,
            self.place(to, &body.sku, deadline).await?,
        );
        let quantity = body.quantity;
        Ok(match reservation {
            None => Command::Transfer {
                from,
                to,
                quantity,
                effective_ms: body.effective_time.as_ref().map(unix_ms),
            },
            Some(reservation) => Command::Relocate {
                reservation,
                to: to.location,
                lines: [Line {
                    cell: from,
                    quantity,
                }]
                .into_iter()
                .collect(),
            },
        })
    }

    /// The cell at a node or in its staging pool, which is opened if it never was.
    async fn place(
        &self,
        (node_id, staged, field): (&str, bool, &str),
        sku: &str,
        deadline: Deadline,
    ) -> Result<CellKey, Status> {
        let unknown = |gap: Unknown| match gap {
            Unknown::Node => not_found(gap.reason(), field.to_owned(), field, node_id),
            Unknown::Sku | Unknown::Window => gap.of_cell(node_id, sku),
        };
        let cell = self.desk.stock_cell(node_id, sku).map_err(unknown)?;
        if !staged {
            return Ok(cell);
        }
        self.desk.open_pool(node_id, deadline).await?;
        self.desk.staged_cell(node_id, sku).map_err(unknown)
    }
}
