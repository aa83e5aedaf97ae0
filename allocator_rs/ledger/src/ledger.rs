//! The ledger: acts in, outcomes and journal records out.
//!
//! | call | decides | takes effect | journals |
//! | --- | --- | --- | --- |
//! | `apply`, first time | yes | yes | expiries it needed, then the act |
//! | `apply`, repeat or refused as a whole | no | no | nothing |
//! | `expire_due` | by deadline | yes | one record per expiry |
//! | `replay`, `verify` | see `recovery` | | |

use std::sync::Arc;

use crate::cells::Cells;
use crate::codec::encode_outcomes;
use crate::command::{Act, Command, Stamp};
use crate::dated::Dated;
use crate::drift::Drift;
use crate::ids::{CellKey, ItemId, ItemName, LocationId, OrderRef, ReservationId};
use crate::limits::{Limits, SALE_SOURCE_SCOPE};
use crate::names::Names;
use crate::outcome::{ActOutcome, CellView, ChangedCell, Outcomes, ReservationView};
use crate::reservations::Reservations;
use crate::sink::{RecordView, Sink};
use crate::warm::{Ahead, WARM_ACTS};
use crate::window::Window;

/// The ATP ledger. Deterministic: the same records make the same state, whatever the machine.
#[derive(Debug)]
pub struct Ledger {
    pub(crate) limits: Limits,
    /// Ledger time of the last record.
    pub(crate) now_ms: i64,
    pub(crate) locations: Names<str>,
    pub(crate) items: Names<ItemName>,
    pub(crate) cells: Cells,
    pub(crate) reservations: Reservations,
    pub(crate) window: Window,
    pub(crate) dated: Dated,
    pub(crate) drift: Drift,
    /// An outcome that was decided a moment ago is not compared with what it comes to, as a recorded
    /// one is; but in debug builds it is.
    pub(crate) is_deciding: bool,
    /// Room to encode the outcomes of an act in, used again and again.
    encoded: Vec<u8>,
    /// The same for what is found of the acts to come.
    pub(crate) ahead: Ahead,
}

impl Ledger {
    /// An empty ledger at ledger time 0.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let request_window_ms = limits.request_window_ms.max(1);
        Self {
            limits: Limits {
                request_window_ms,
                ..limits
            },
            now_ms: 0,
            locations: Names::new(),
            items: Names::new(),
            cells: Cells::default(),
            reservations: Reservations::default(),
            window: Window::default(),
            dated: Dated::default(),
            drift: Drift::default(),
            is_deciding: false,
            encoded: Vec::new(),
            ahead: Ahead::default(),
        }
    }

    /// Decides the acts in order and takes effect; one answer per act. The records go out in
    /// journal order: per act that was not answered from (or refused by) the request window, the
    /// expiries that it needed, then the act itself. A stamp before the last record's counts as
    /// that.
    pub fn apply(&mut self, acts: &[Act], stamp: Stamp, sink: &mut impl Sink) {
        let stamp = self.not_before_last(stamp);
        let mut ahead = std::mem::take(&mut self.ahead);
        for some in acts.chunks(WARM_ACTS) {
            self.look_ahead(some.iter(), &mut ahead);
            let mut first_command = 0;
            for (number, act) in some.iter().enumerate() {
                self.apply_act((act, number, first_command), &ahead, stamp, sink);
                first_command += act.commands.len();
            }
        }
        self.ahead = ahead;
    }

    /// No hold is due earlier, in ledger time; none without any hold. The hold that had this
    /// deadline may have ended since.
    #[must_use]
    pub fn next_deadline_ms(&self) -> Option<i64> {
        self.reservations.earliest_deadline_ms()
    }

    /// Appends the cells that changed since the last call, each once, as they are now; new ones in
    /// the order of their numbers.
    pub fn take_changed_cells(&mut self, out: &mut Vec<ChangedCell>) {
        self.cells.take_changed(out);
    }

    /// The counters of a cell; none if nothing ever touched it.
    #[must_use]
    pub fn cell(&self, key: CellKey) -> Option<CellView> {
        self.cells.get(key)
    }

    /// A reservation as it stands; none if there is none or it ended longer ago than they are kept.
    /// A due hold reads as HELD until its expiry is journaled.
    #[must_use]
    pub fn reservation(&self, id: ReservationId, stamp: Stamp) -> Option<ReservationView> {
        let found = self.reservations.get(id)?;
        let age_ms = stamp.now_ms.saturating_sub(found.ended_ms());
        if !found.is_live() && age_ms >= self.limits.request_window_ms {
            return None;
        }
        Some(self.view_of(found, stamp))
    }

    /// The live reservations that have a line of this cell, in order of their ids: those that a
    /// deficit of it concerns.
    #[must_use]
    pub fn promised_of(&self, cell: CellKey) -> Vec<ReservationId> {
        let promised = self.reservations.promised_of(&self.cells, cell);
        let mut ids: Vec<_> = promised.map(|found| found.id).collect();
        ids.sort_unstable();
        ids
    }

    /// The reservations that are for an order, in order of their ids; ended ones as long as they
    /// are kept. None for order 0.
    #[must_use]
    pub fn reservations_of(&self, order: OrderRef, stamp: Stamp) -> Vec<ReservationView> {
        let ids = self.reservations.of_order(order).map(|found| found.id);
        let views = ids.filter_map(|id| self.reservation(id, stamp));
        let mut views: Vec<_> = views.collect();
        views.sort_unstable_by_key(|view| view.id);
        views
    }

    /// The first `limit` holds whose deadline is at most `until_ms` of ledger time, in order of
    /// deadline and id, behind `after`, the last that is known already.
    #[must_use]
    pub fn next_to_expire(
        &self,
        after: Option<(i64, ReservationId)>,
        until_ms: i64,
        limit: usize,
    ) -> Vec<ReservationId> {
        let first = self.reservations.next_to_expire(after, until_ms, limit);
        first.into_iter().map(|(_, id)| id).collect()
    }

    /// The local day on which a live reservation's units leave. None: from the shelf, now.
    #[must_use]
    pub fn day_of(&self, id: ReservationId) -> Option<i32> {
        self.dated.day_of(id)
    }

    /// Whether any live reservation has a day.
    #[must_use]
    pub fn any_has_day(&self) -> bool {
        self.dated.any_has_day()
    }

    /// The id of a registered location.
    #[must_use]
    pub fn location(&self, name: &str) -> Option<LocationId> {
        self.locations.index(name).map(LocationId)
    }

    /// The id of a registered item.
    #[must_use]
    pub fn item(&self, name: &ItemName) -> Option<ItemId> {
        self.items.index(name).map(ItemId)
    }

    /// The name of a location.
    #[must_use]
    pub fn location_name(&self, id: LocationId) -> Option<&Arc<str>> {
        self.locations.name(id.0)
    }

    /// The name of an item.
    #[must_use]
    pub fn item_name(&self, id: ItemId) -> Option<&Arc<ItemName>> {
        self.items.name(id.0)
    }

    /// How many locations have an id; ids are assigned from 0 on.
    #[must_use]
    pub fn location_count(&self) -> usize {
        self.locations.len()
    }

    /// How many items have an id; ids are assigned from 0 on.
    #[must_use]
    pub fn item_count(&self) -> usize {
        self.items.len()
    }

    /// How many cells were ever touched.
    #[must_use]
    pub fn cell_count(&self) -> usize {
        self.cells.len()
    }

    /// All cells that were ever touched, in the order in which they first were.
    pub fn cells(&self) -> impl Iterator<Item = ChangedCell> + '_ {
        let cells = (0u32..).zip(self.cells.iter_in_order());
        cells.map(|(number, (cell, view))| ChangedCell { number, cell, view })
    }

    /// How many reservations are kept, ended ones included.
    #[must_use]
    pub fn reservation_count(&self) -> usize {
        self.reservations.len()
    }

    /// How many entries the request window keeps.
    #[must_use]
    pub fn request_count(&self) -> usize {
        self.window.len()
    }

    /// Ledger time of the last record, in ms.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// The limits it was made with.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn not_before_last(&self, stamp: Stamp) -> Stamp {
        Stamp {
            now_ms: stamp.now_ms.max(self.now_ms),
            ..stamp
        }
    }

    /// A record is made at `stamp`: what no longer counts then goes.
    pub(crate) fn advance(&mut self, stamp: Stamp) {
        if stamp.now_ms == self.now_ms {
            return;
        }
        self.now_ms = stamp.now_ms;
        self.window
            .evict(stamp.now_ms, self.limits.request_window_ms);
        self.reservations
            .evict(stamp.now_ms, self.limits.request_window_ms);
        self.drift.evict(stamp.now_ms, self.limits.count_age_max_ms);
    }

    /// Decides one act, of which was found `ahead` what its number and that of its first command say.
    fn apply_act(
        &mut self,
        (act, number, first_command): (&Act, usize, usize),
        ahead: &Ahead,
        stamp: Stamp,
        sink: &mut impl Sink,
    ) {
        let keep_ms = self.limits.request_window_ms;
        if act.request.scope == SALE_SOURCE_SCOPE {
            return sink.answer(ActOutcome::RequestIdReused);
        }
        let hash = ahead.request(number);
        let hash = hash.unwrap_or_else(|| self.window.hash(&act.request));
        let first = self
            .window
            .find_with(hash, &act.request, stamp.now_ms, keep_ms);
        if let Some(first) = first {
            return sink.answer(first.answer(act.fingerprint));
        }
        let is_sale = |command: &&Command| matches!(command, Command::Sale { .. });
        let sales = act.commands.iter().filter(is_sale).count();
        let more = sales.saturating_add(1);
        if self.window.is_full(more, stamp.now_ms, &self.limits) {
            return sink.answer(ActOutcome::RequestWindowFull);
        }
        self.advance(stamp);
        self.is_deciding = !cfg!(debug_assertions);
        // Filled where it is: an answer is large.
        let mut answer = ActOutcome::Done(Outcomes::new());
        let ActOutcome::Done(outcomes) = &mut answer else {
            return;
        };
        outcomes.reserve(act.commands.len());
        for (number, command) in (first_command..).zip(&act.commands) {
            let found = ahead.command(number);
            self.carry_out(act, (command, found), stamp, outcomes, sink);
        }
        self.encoded.clear();
        encode_outcomes(outcomes, &mut self.encoded);
        sink.record(RecordView::Act {
            stamp,
            act,
            outcomes,
            encoded: &self.encoded,
        });
        let request = (act.request, act.fingerprint);
        self.window
            .insert_with(hash, request, stamp.now_ms, &self.encoded);
        sink.answer(answer);
    }
}
