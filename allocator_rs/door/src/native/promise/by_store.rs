//! What the stores around a place have.

use bopis_promise::{Near, StoreAsk, StoreStock};
use tonic::Status;

use super::{at_most, near_place, radius, Promise};
use crate::deadline::Deadline;
use crate::native::convert::timestamp;
use crate::native::errors::{check, invalid_field, not_found};
use crate::v1::get_availability_by_store_request::Near as NearMessage;
use crate::v1::store_availability::Sku;
use crate::v1::{ErrorReason, StoreAvailability};
use crate::v1::{GetAvailabilityByStoreRequest, GetAvailabilityByStoreResponse};

const STORES_DEFAULT: usize = 20;
const MS_PER_SECOND: i64 = 1_000;

impl Promise {
    pub(super) async fn by_store(
        &self,
        request: GetAvailabilityByStoreRequest,
        deadline: Deadline,
    ) -> Result<GetAvailabilityByStoreResponse, Status> {
        check(&request)?;
        let near = match request.near {
            Some(NearMessage::Place(place)) => near_place(&place),
            Some(NearMessage::NodeId(node_id)) => Near::Store(node_id),
            None => return Err(invalid_field("near", "must be set")),
        };
        let items = request.skus.iter().enumerate().map(|(index, sku)| {
            let item = self.desk.engine.sku(sku);
            let path = || format!("skus[{index}]");
            item.ok_or_else(|| not_found(ErrorReason::SkuNotFound, path(), "sku", sku))
        });
        let asked = StoreAsk {
            items: items.collect::<Result<_, _>>()?,
            near: near.clone(),
            radius_km: radius(request.radius_km),
            stores_max: at_most(request.max_stores, STORES_DEFAULT),
        };
        self.desk
            .wait_for(request.at_least_position.as_ref())
            .await?;
        let read = self.planned(deadline, near, move |planner| planner.by_store(&asked));
        let read = read.await?;
        let stores = read.stores.iter().map(|one| store(one, &request.skus));
        Ok(GetAvailabilityByStoreResponse {
            stores: stores.collect(),
            as_of_time: Some(timestamp(read.stamp.wall_ms)),
            position: Some(self.desk.position(read.stamp.sequence)),
        })
    }
}

fn store(stock: &StoreStock, skus: &[String]) -> StoreAvailability {
    let time = |seconds: i64| timestamp(seconds.saturating_mul(MS_PER_SECOND));
    let sku = |(sku, atp): (&String, &i64)| Sku {
        sku: sku.clone(),
        atp: *atp,
    };
    StoreAvailability {
        node_id: stock.node_id.clone(),
        distance_m: stock.meters,
        skus: skus.iter().zip(&stock.atp).map(sku).collect(),
        open_now: stock.open_now,
        next_open_time: stock.next_open_s.map(time),
        earliest_ready_by_time: stock.ready_s.map(time),
    }
}
