//! One reservation, or several moved as one.

use std::collections::HashSet;
use std::time::Duration;

use bopis_engine::{order_reference, scope};
use bopis_ledger::{Act, Command, Line, Lines, OrderRef, Outcome, ReservationId, Terms};
use tonic::{Request, Status};

use super::granted::granted_lines;
use super::Inventory;
use crate::native::convert::{duration_ms, insufficient, named_day, reservation};
use crate::native::days::KnownDays;
use crate::native::desk::{body_digest, deadline_of, request_key, Desk};
use crate::native::errors::{check, invalid_field, refused, unexpected};
use crate::native::reservation_id;
use crate::native::unknown::Unknown;
use crate::v1::{
    move_reservation_response, reserve_response, CommitReservationRequest,
    CommitReservationResponse, ExtendReservationRequest, ExtendReservationResponse,
    GetReservationRequest, GetReservationResponse, MoveReservationRequest, MoveReservationResponse,
    ReleaseReservationRequest, ReleaseReservationResponse, Reservation, ReservationLine,
    ReserveRequest, ReserveResponse,
};

const TTL_DEFAULT_MS: i64 = 15 * 60 * 1000;
const MOVE_LINES_MAX: usize = 512;

impl Inventory {
    pub(super) async fn hold(
        &self,
        request: Request<ReserveRequest>,
    ) -> Result<(ReserveResponse, Duration), Status> {
        let deadline = deadline_of(&request);
        let mut body = request.into_inner();
        check(&body)?;
        let desk = &self.desk;
        let request_id = std::mem::take(&mut body.request_id);
        let request = request_key(scope::RESERVE, &request_id)?;
        let reservation_id = reservation_id::choose(&body.reservation_id, request.id)?;
        let fingerprint = body_digest(&body);
        desk.register(desk.new_windows(&body.lines), deadline)
            .await?;
        let lines = resolve(desk, "lines", &body.lines)?;
        let asked_lines = body.partial.then(|| lines.clone());
        let asked = Asked {
            reservation_id,
            order_id: &body.order_id,
            ttl: body.ttl.as_ref(),
            priority: body.priority,
            terms: terms(body.partial, body.day),
        };
        let command = asked.hold(lines);
        let act = Act {
            request,
            fingerprint,
            commands: vec![command],
        };
        let days = desk.ask_days(vec![reservation_id], [body.day])?;
        let mut answered = desk.submit(act, deadline).await?;
        let days = days.known().await?;
        let mut granted = Vec::new();
        let outcome = match answered.only()? {
            Outcome::Reservation(view) => {
                if let Some(asked) = asked_lines {
                    granted = granted_lines(&asked, &view);
                }
                let day = days.of_new(&view, body.day);
                reserve_response::Outcome::Reservation(reservation(&desk.engine, &view, day))
            }
            Outcome::Insufficient(lacks) => {
                reserve_response::Outcome::Insufficient(insufficient(&desk.engine, &lacks))
            }
            Outcome::Refused(refusal) => return Err(refused(refusal)),
            _ => return Err(unexpected()),
        };
        let position = Some(answered.position);
        Ok((
            ReserveResponse {
                outcome: Some(outcome),
                position,
                granted_lines: granted,
            },
            answered.took,
        ))
    }

    pub(super) async fn commit(
        &self,
        request: Request<CommitReservationRequest>,
    ) -> Result<(CommitReservationResponse, Duration), Status> {
        let deadline = deadline_of(&request);
        let mut body = request.into_inner();
        check(&body)?;
        let request_id = std::mem::take(&mut body.request_id);
        let id = reservation_id::change(&body.reservation_id, "reservation_id")?;
        let command = Command::Commit { reservation: id };
        let act = Act {
            request: request_key(scope::COMMIT, &request_id)?,
            fingerprint: body_digest(&body),
            commands: vec![command],
        };
        let days = self.desk.ask_days(vec![id], [])?;
        let mut answered = self.desk.submit(act, deadline).await?;
        let reservation = Some(self.changed(answered.only()?, &days.known().await?)?);
        let position = Some(answered.position);
        Ok((
            CommitReservationResponse {
                reservation,
                position,
            },
            answered.took,
        ))
    }

    pub(super) async fn extend(
        &self,
        request: Request<ExtendReservationRequest>,
    ) -> Result<(ExtendReservationResponse, Duration), Status> {
        let deadline = deadline_of(&request);
        let mut body = request.into_inner();
        check(&body)?;
        let request_id = std::mem::take(&mut body.request_id);
        let id = reservation_id::change(&body.reservation_id, "reservation_id")?;
        let command = Command::Extend {
            reservation: id,
            ttl_ms: body.ttl.as_ref().map_or(0, duration_ms),
        };
        let act = Act {
            request: request_key(scope::EXTEND, &request_id)?,
            fingerprint: body_digest(&body),
            commands: vec![command],
        };
        let days = self.desk.ask_days(vec![id], [])?;
        let mut answered = self.desk.submit(act, deadline).await?;
        let reservation = Some(self.changed(answered.only()?, &days.known().await?)?);
        let position = Some(answered.position);
        Ok((
            ExtendReservationResponse {
                reservation,
                position,
            },
            answered.took,
        ))
    }

    pub(super) async fn release(
        &self,
        request: Request<ReleaseReservationRequest>,
    ) -> Result<(ReleaseReservationResponse, Duration), Status> {
        let deadline = deadline_of(&request);
        let mut body = request.into_inner();
        check(&body)?;
        let request_id = std::mem::take(&mut body.request_id);
        let id = reservation_id::change(&body.reservation_id, "reservation_id")?;
        let lines = match &*body.lines {
            [] => None,
            lines => Some(resolve(&self.desk, "lines", lines)?),
        };
        let act = Act {
            request: request_key(scope::RELEASE, &request_id)?,
            fingerprint: body_digest(&body),
            commands: vec![Command::Release {
                reservation: id,
                lines,
            }],
        };
        let days = self.desk.ask_days(vec![id], [])?;
        let mut answered = self.desk.submit(act, deadline).await?;
        let reservation = Some(self.changed(answered.only()?, &days.known().await?)?);
        let position = Some(answered.position);
        Ok((
            ReleaseReservationResponse {
                reservation,
                position,
            },
            answered.took,
        ))
    }

    pub(super) async fn move_all(
        &self,
        request: Request<MoveReservationRequest>,
    ) -> Result<(MoveReservationResponse, Duration), Status> {
        let deadline = deadline_of(&request);
        let mut body = request.into_inner();
        check(&body)?;
        check_moves(&body)?;
        let desk = &self.desk;
        let request_id = std::mem::take(&mut body.request_id);
        let request = request_key(scope::MOVE, &request_id)?;
        let fingerprint = body_digest(&body);
        let lines: Vec<ReservationLine> = body
            .moves
            .iter()
            .flat_map(|one| one.lines.iter().cloned())
            .collect();
        desk.register(desk.new_windows(&lines), deadline).await?;
        let mut moves = Vec::with_capacity(body.moves.len());
        for (index, one) in body.moves.iter().enumerate() {
            let lines = resolve(desk, &format!("moves[{index}].lines"), &one.lines)?;
            moves.push((reservation_id::read(&one.reservation_id)?, lines));
        }
        let ids = moves.iter().map(|(id, _)| *id).collect();
        let act = Act {
            request,
            fingerprint,
            commands: vec![Command::Move { moves }],
        };
        let days = desk.ask_days(ids, [])?;
        let mut answered = desk.submit(act, deadline).await?;
        let days = days.known().await?;
        let outcome = match answered.only()? {
            Outcome::Moved(views) => {
                let one = |view| reservation(&desk.engine, view, days.of(view));
                let moved = views.iter().map(one);
                let reservations = moved.collect();
                let moved = move_reservation_response::Moved { reservations };
                move_reservation_response::Outcome::Moved(moved)
            }
            Outcome::Insufficient(lacks) => {
                move_reservation_response::Outcome::Insufficient(insufficient(&desk.engine, &lacks))
            }
            Outcome::Refused(refusal) => return Err(refused(refusal)),
            _ => return Err(unexpected()),
        };
        let position = Some(answered.position);
        Ok((
            MoveReservationResponse {
                outcome: Some(outcome),
                position,
            },
            answered.took,
        ))
    }

    pub(super) async fn find(
        &self,
        request: GetReservationRequest,
    ) -> Result<GetReservationResponse, Status> {
        check(&request)?;
        let id = reservation_id::read(&request.reservation_id)?;
        let days = self.desk.ask_days(vec![id], [])?;
        let (view, position) = self.desk.reservation(id).await?;
        let view = view.ok_or_else(|| refused(bopis_ledger::Refusal::ReservationNotFound))?;
        let day = days.known().await?.of(&view);
        Ok(GetReservationResponse {
            reservation: Some(reservation(&self.desk.engine, &view, day)),
            position: Some(position),
        })
    }

    fn changed(&self, outcome: Outcome, days: &KnownDays) -> Result<Reservation, Status> {
        match outcome {
            Outcome::Reservation(view) => Ok(reservation(&self.desk.engine, &view, days.of(&view))),
            Outcome::Refused(refusal) => Err(refused(refusal)),
            _ => Err(unexpected()),
        }
    }
}

/// What a reservation is asked to be, alone or in a batch.
pub(super) struct Asked<'a> {
    pub(super) reservation_id: ReservationId,
    pub(super) order_id: &'a str,
    pub(super) ttl: Option<&'a prost_types::Duration>,
    pub(super) priority: i32,
    pub(super) terms: Terms,
}

/// What a hold is satisfied with.
pub(super) fn terms(is_partial: bool, day: i32) -> Terms {
    let day = named_day(day);
    Terms { is_partial, day }
}

impl Asked<'_> {
    /// The command.
    pub(super) fn hold(&self, lines: Lines) -> Command {
        let order = match self.order_id {
            "" => 0,
            order_id => order_reference(order_id),
        };
        Command::Hold {
            reservation: self.reservation_id,
            order: OrderRef(order),
            lines,
            ttl_ms: self.ttl.map_or(TTL_DEFAULT_MS, duration_ms),
            priority: u8::try_from(self.priority).unwrap_or(u8::MAX),
            terms: self.terms,
        }
    }
}

/// The cells of lines, or the first line that names what is not known.
fn resolve(desk: &Desk, path: &str, lines: &[ReservationLine]) -> Result<Lines, Status> {
    cells(desk, lines).map_err(|(index, gap)| match lines.get(index) {
        Some(line) => gap.of_line(&format!("{path}[{index}]"), line),
        None => unexpected(),
    })
}

/// The cells of lines, or the index of the first whose node or SKU, else whose window, is unknown.
pub(super) fn cells(desk: &Desk, lines: &[ReservationLine]) -> Result<Lines, (usize, Unknown)> {
    let mut found = Lines::with_capacity(lines.len());
    let mut far_window = None;
    for (index, line) in lines.iter().enumerate() {
        match desk.line_cell(line) {
            Ok(cell) => found.push(Line {
                cell,
                quantity: line.quantity,
            }),
            Err(Unknown::Window) => far_window = far_window.or(Some((index, Unknown::Window))),
            Err(gap) => return Err((index, gap)),
        }
    }
    far_window.map_or(Ok(found), Err)
}

fn check_moves(request: &MoveReservationRequest) -> Result<(), Status> {
    let lines: usize = request.moves.iter().map(|one| one.lines.len()).sum();
    if lines > MOVE_LINES_MAX {
        let fault = format!("has {lines} lines in all, at most {MOVE_LINES_MAX} are allowed");
        return Err(invalid_field("moves", fault));
    }
    let mut seen = HashSet::new();
    for (index, one) in request.moves.iter().enumerate() {
        let path = format!("moves[{index}].reservation_id");
        if !seen.insert(reservation_id::change(&one.reservation_id, &path)?) {
            return Err(invalid_field(path, "is named twice"));
        }
    }
    Ok(())
}
