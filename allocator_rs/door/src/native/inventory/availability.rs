//! Reads of counters.

use std::collections::HashMap;
use std::pin::Pin;

use bopis_ledger::{CellKey, CellView, DayPlan, ItemId, LocationId};
use tokio_stream::Stream;
use tonic::Status;

use super::Inventory;
use crate::native::convert::{availability, timestamp};
use crate::native::desk::Desk;
use crate::native::errors::{check, invalid_field, not_found};
use crate::v1::{
    BatchGetAvailabilityRequest, BatchGetAvailabilityResponse, DayAvailability, ErrorReason,
    GetAvailabilityRequest, GetAvailabilityResponse,
};

/// Cells of one request at most.
const CELLS_MAX: usize = 500_000;
/// Cells of one message: what an unread stream keeps in memory is one message.
pub(super) const CHUNK_CELLS: usize = 1024;

/// Stands for a cell of a pool that nothing was ever staged in: no location has this number.
const NEVER_USED: CellKey = CellKey {
    location: LocationId(u32::MAX),
    item: ItemId(u32::MAX),
};

/// The messages of a batch read, each read when it is asked for.
pub(super) type Chunks =
    Pin<Box<dyn Stream<Item = Result<BatchGetAvailabilityResponse, Status>> + Send>>;

impl Inventory {
    pub(super) async fn read_one(
        &self,
        request: GetAvailabilityRequest,
    ) -> Result<GetAvailabilityResponse, Status> {
        check(&request)?;
        let desk = &self.desk;
        let GetAvailabilityRequest {
            node_id,
            sku,
            at_least_position,
            with_days,
            staged,
        } = request;
        let cell = desk
            .stock_cell(&node_id, &sku)
            .map_err(|gap| gap.of_cell(&node_id, &sku))?;
        let cell = match staged {
            true => desk.staged_cell(&node_id, &sku).unwrap_or(NEVER_USED),
            false => cell,
        };
        desk.wait_for(at_least_position.as_ref()).await?;
        if with_days {
            return self.read_days(node_id, sku, cell).await;
        }
        let mut views = Vec::with_capacity(1);
        let stamp = desk.engine.read(&[cell], &mut views);
        let view = views.pop().unwrap_or_default();
        Ok(GetAvailabilityResponse {
            availability: Some(availability(node_id, sku, &view)),
            as_of_time: Some(timestamp(stamp.wall_ms)),
            position: Some(desk.position(stamp.sequence)),
            days: Vec::new(),
        })
    }

    async fn read_days(
        &self,
        node_id: String,
        sku: String,
        cell: CellKey,
    ) -> Result<GetAvailabilityResponse, Status> {
        let desk = &self.desk;
        let (read, position) = desk.days(cell).await?;
        let day = |(planned, atp): &(DayPlan, i64)| DayAvailability {
            day: planned.day,
            inbound_quantity: planned.supply,
            reserved_quantity: planned.demand,
            atp: *atp,
        };
        Ok(GetAvailabilityResponse {
            availability: Some(availability(node_id, sku, &read.view)),
            as_of_time: Some(timestamp(desk.engine.wall_ms())),
            position: Some(position),
            days: read.days.iter().map(day).collect(),
        })
    }

    pub(super) async fn read_many(
        &self,
        request: BatchGetAvailabilityRequest,
    ) -> Result<Chunks, Status> {
        check(&request)?;
        let grid = Grid::resolve(&self.desk, (&request.node_ids, &request.skus), CELLS_MAX)?;
        self.desk
            .wait_for(request.at_least_position.as_ref())
            .await?;
        let desk = self.desk.clone();
        let (node_ids, skus) = (request.node_ids, request.skus);
        let starts = (0..grid.len()).step_by(CHUNK_CELLS);
        let chunks = starts.map(move |start| Ok(grid.chunk(&desk, &node_ids, &skus, start)));
        Ok(Box::pin(tokio_stream::iter(chunks)))
    }
}

/// Nodes times SKUs, node-major.
pub(super) struct Grid {
    locations: Vec<LocationId>,
    items: Vec<ItemId>,
}

impl Grid {
    pub(super) fn resolve(
        desk: &Desk,
        (node_ids, skus): (&[String], &[String]),
        cells_max: usize,
    ) -> Result<Self, Status> {
        let cells = node_ids.len().saturating_mul(skus.len());
        if cells > cells_max {
            let fault =
                format!("asks for {cells} cells with node_ids, at most {cells_max} are allowed");
            return Err(invalid_field("skus", fault));
        }
        let missing = |reason, list: &str, key: &str, (index, name): (usize, &String)| {
            not_found(reason, format!("{list}[{index}]"), key, name)
        };
        let locations = node_ids.iter().enumerate().map(|(index, name)| {
            desk.engine.location(name).ok_or_else(|| {
                missing(
                    ErrorReason::NodeNotFound,
                    "node_ids",
                    "node_id",
                    (index, name),
                )
            })
        });
        let locations = locations.collect::<Result<_, _>>()?;
        let items = skus.iter().enumerate().map(|(index, name)| {
            desk.engine
                .sku(name)
                .ok_or_else(|| missing(ErrorReason::SkuNotFound, "skus", "sku", (index, name)))
        });
        Ok(Self {
            locations,
            items: items.collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.locations.len() * self.items.len()
    }

    /// Where each cell is: indices of its node and SKU.
    pub(super) fn places(&self) -> HashMap<CellKey, (usize, usize)> {
        let rows = self.locations.iter().enumerate();
        let cells = rows.flat_map(|(row, location)| {
            let columns = self.items.iter().enumerate();
            columns.map(move |(column, item)| {
                let (location, item) = (*location, *item);
                (CellKey { location, item }, (row, column))
            })
        });
        cells.collect()
    }

    pub(super) fn chunk(
        &self,
        desk: &Desk,
        node_ids: &[String],
        skus: &[String],
        start: usize,
    ) -> BatchGetAvailabilityResponse {
        let width = self.items.len().max(1);
        let end = self.len().min(start + CHUNK_CELLS);
        let places = (start..end).map(|index| (index / width, index % width));
        let cells: Vec<CellKey> = places
            .clone()
            .filter_map(|(row, column)| {
                let (location, item) = (self.locations.get(row)?, self.items.get(column)?);
                Some(CellKey {
                    location: *location,
                    item: *item,
                })
            })
            .collect();
        let mut views: Vec<CellView> = Vec::with_capacity(cells.len());
        let stamp = desk.engine.read(&cells, &mut views);
        let named = places.zip(&views).filter_map(|((row, column), view)| {
            Some(availability(
                node_ids.get(row)?.clone(),
                skus.get(column)?.clone(),
                view,
            ))
        });
        BatchGetAvailabilityResponse {
            availabilities: named.collect(),
            as_of_time: Some(timestamp(stamp.wall_ms)),
            position: Some(desk.position(stamp.sequence)),
        }
    }
}
