//! The days of reservations, read beside the acts that change them.
//!
//! | a reservation | its day |
//! | --- | --- |
//! | live | as it was reserved for, which never changes |
//! | ended, or not there, before the act | the one that the act asks for, if it asks for one |
//!
//! They are asked for in front of the act, whose turn they share as a rule, and only where there may
//! be any.

use std::collections::HashMap;

use bopis_engine::{FoundReply, Page, Search};
use bopis_ledger::{ReservationId, ReservationState, ReservationView};
use tokio::sync::oneshot;
use tonic::Status;

use super::desk::Desk;
use super::errors;
use crate::errors::not_serving;

/// Days that were asked for.
pub(super) struct AskedDays(Option<oneshot::Receiver<FoundReply>>);

/// The days of reservations that are live; 0: none.
#[derive(Debug, Default)]
pub(super) struct KnownDays(HashMap<ReservationId, i32>);

impl Desk {
    /// Asks for the days of what an act is going to change, or make for the days `asked`.
    pub(super) fn ask_days(
        &self,
        ids: Vec<ReservationId>,
        asked: impl IntoIterator<Item = i32>,
    ) -> Result<AskedDays, Status> {
        let some_asked = asked.into_iter().any(|day| day != 0);
        if ids.is_empty() || !(some_asked || self.engine.may_have_days()) {
            return Ok(AskedDays(None));
        }
        let (send, receive) = oneshot::channel();
        let done = Box::new(move |reply| drop(send.send(reply)));
        self.engine
            .search_page(Search::Named(ids), Page::FIRST, done)
            .map_err(errors::not_submitted)?;
        Ok(AskedDays(Some(receive)))
    }
}

impl AskedDays {
    /// Waits for them. Where they do not come, the act may be done all the same: that is not known.
    pub(super) async fn known(self) -> Result<KnownDays, Status> {
        let Some(receive) = self.0 else {
            return Ok(KnownDays::default());
        };
        let found = receive.await.ok().and_then(Result::ok);
        let found = found.ok_or_else(not_serving)?;
        let views = found.reservations.iter().zip(found.days);
        let live = views.filter(|(view, _)| {
            let state = view.state;
            matches!(state, ReservationState::Held | ReservationState::Committed)
        });
        let known = live.map(|(view, day)| (view.id, day.unwrap_or(0)));
        Ok(KnownDays(known.collect()))
    }
}

impl KnownDays {
    /// Of a reservation that was live before.
    pub(super) fn of(&self, view: &ReservationView) -> i32 {
        self.of_new(view, 0)
    }

    /// Of one that was asked for on a day, and was live before or not: a repeat of the request that made
    /// it tells what the first answer told.
    pub(super) fn of_new(&self, view: &ReservationView, asked: i32) -> i32 {
        self.0.get(&view.id).copied().unwrap_or(asked)
    }
}
