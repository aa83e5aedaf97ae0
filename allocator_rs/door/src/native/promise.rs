//! `PromiseService`: validate, extract, plan, sign, convert. Nothing is held.
//!
//! Plans are made on threads of their own, a few at a time, so that a large basket delays no other
//! call of the door.

mod by_store;
mod options;
mod token;

use std::sync::Arc;

use bopis_promise::{Near, OptionsError, Planner};
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

use self::token::Signer;
use super::desk::{deadline_of, Desk};
use super::errors::{invalid_field, not_found};
use crate::deadline::Deadline;
use crate::errors::not_serving;
use crate::options::Quoting;
use crate::v1::promise_service_server::PromiseService;
use crate::v1::{
    ErrorReason, GetAvailabilityByStoreRequest, GetAvailabilityByStoreResponse,
    GetPickupOptionsRequest, GetPickupOptionsResponse,
};

/// Calls that plan at once; others wait, as long as their deadline lets them.
const PLANS_AT_ONCE: usize = 2;

/// Options and quotes over the planner.
#[derive(Clone)]
pub(super) struct Promise {
    desk: Desk,
    planner: Planner,
    signer: Arc<Signer>,
    room: Arc<Semaphore>,
}

impl Promise {
    pub(super) fn new(desk: Desk, quoting: Quoting) -> Self {
        Self {
            desk,
            planner: quoting.planner,
            signer: Arc::new(Signer::new(quoting.key)),
            room: Arc::new(Semaphore::new(PLANS_AT_ONCE)),
        }
    }

    /// Runs a plan when there is room for it. `near`: around where, for the error.
    async fn planned<T: Send + 'static>(
        &self,
        deadline: Deadline,
        near: Near,
        plan: impl FnOnce(&Planner) -> Result<T, OptionsError> + Send + 'static,
    ) -> Result<T, Status> {
        let room = Arc::clone(&self.room).acquire_owned().await;
        let room = room.map_err(|_| not_serving())?;
        // It may have waited; nobody listens any more then.
        deadline.check()?;
        let planner = self.planner.clone();
        let planning = tokio::task::spawn_blocking(move || {
            let planned = plan(&planner);
            drop(room);
            planned
        });
        let planned = planning.await.map_err(|_| not_serving())?;
        planned.map_err(|error| refused(error, &near))
    }
}

/// Why there is nothing to tell. A node that was asked for by its id is the only one at fault.
fn refused(error: OptionsError, near: &Near) -> Status {
    let node_id = match near {
        Near::Store(node_id) => node_id.as_str(),
        Near::Place { .. } => "",
    };
    match error {
        OptionsError::NotLoaded => not_serving(),
        OptionsError::UnknownNode => {
            let path = "node_id";
            not_found(ErrorReason::NodeNotFound, path.into(), path, node_id)
        }
        OptionsError::NoStore => invalid_field("node_id", "is no store that customers collect at"),
        OptionsError::Ask(error) => invalid_field("lines", error.to_string()),
    }
}

/// A radius in km; 0: none was named.
fn radius(radius_km: i32) -> Option<i64> {
    (radius_km > 0).then(|| i64::from(radius_km))
}

/// Elements at most; 0: the default.
fn at_most(asked: i32, default: usize) -> usize {
    usize::try_from(asked)
        .ok()
        .filter(|most| *most > 0)
        .unwrap_or(default)
}

/// A place as the planner takes it.
const fn near_place(place: &crate::v1::Place) -> Near {
    Near::Place {
        latitude: place.latitude,
        longitude: place.longitude,
    }
}

#[tonic::async_trait]
impl PromiseService for Promise {
    async fn get_pickup_options(
        &self,
        request: Request<GetPickupOptionsRequest>,
    ) -> Result<Response<GetPickupOptionsResponse>, Status> {
        let deadline = deadline_of(&request);
        let answer = self.options(request.into_inner(), deadline).await?;
        Ok(Response::new(answer))
    }

    async fn get_availability_by_store(
        &self,
        request: Request<GetAvailabilityByStoreRequest>,
    ) -> Result<Response<GetAvailabilityByStoreResponse>, Status> {
        let deadline = deadline_of(&request);
        let answer = self.by_store(request.into_inner(), deadline).await?;
        Ok(Response::new(answer))
    }
}
