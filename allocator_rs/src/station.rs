//! Where the engine's callbacks and Python meet: submissions in, finished work out.

use std::os::fd::RawFd;
use std::sync::Arc;

use bopis_engine::{Done, Engine, FoundReply, OldEvents, Reply, ReservationReply, SubmitError};
use bopis_ledger::{Act, ActOutcome, ReservationId};
use bopis_promise::{PlaceError, Placement};
use parking_lot::Mutex;
use serde::Deserialize;

use crate::act::{self, Shape};
use crate::answers::{CompletionDto, OutcomeDto, PlacedDto, ReservationDto, ResultDto};
use crate::completions::Completions;
use crate::dto::{parse_uuid, Submission};
use crate::errors::BindingError;
use crate::names::{FreshNames, Names};
use crate::reads::SearchAsk;

/// Finished work of the engine or of the promiser, not yet in Python's words.
#[derive(Debug)]
pub enum Finished {
    /// An act.
    Act(Vec<Shape>, Reply),
    /// A read of one reservation.
    Reservation(ReservationReply),
    /// A search for reservations.
    Found(FoundReply),
    /// A placement.
    Placed(Box<Result<Placement, PlaceError>>),
    /// Answered before it reached the ledger.
    Early(ResultDto),
}

/// What the engine, its completions and whoever completes into them share.
#[derive(Clone)]
pub struct Station {
    /// The engine.
    pub engine: Engine,
    /// Reads events that memory forgot, while a follower catches up.
    pub old_events: Arc<Mutex<Option<OldEvents>>>,
    completions: Arc<Completions<(u64, Finished)>>,
}

impl Station {
    /// A station of this engine.
    ///
    /// # Errors
    /// As `Completions::new`.
    pub fn new(engine: Engine) -> Result<Self, BindingError> {
        let completions = Arc::new(Completions::new()?);
        Ok(Self {
            engine,
            old_events: Arc::default(),
            completions,
        })
    }

    /// Takes what is finished, in Python's words.
    pub fn take(&self) -> Vec<CompletionDto> {
        let finished = self.completions.take();
        finished
            .into_iter()
            .map(|(ticket, finished)| self.describe(ticket, finished))
            .collect()
    }

    /// Readable while something is finished.
    pub fn wake_fd(&self) -> RawFd {
        self.completions.wake_fd()
    }

    /// Reports finished work. Any thread, never the interpreter's lock.
    pub fn finish(&self, ticket: u64, finished: Finished) {
        self.completions.push((ticket, finished));
    }

    pub fn submit(&self, submission: Submission) {
        let fresh = FreshNames::default();
        let names = Names::new(&self.engine, &fresh);
        let unknown = act::unknown_names(&submission.commands, &names);
        if unknown.is_empty() {
            self.submit_known(&submission, &fresh);
        } else {
            self.submit_after_registration(submission, act::registration(unknown));
        }
    }

    /// Two acts one after the other: the names, then what uses them. A crash between the two leaves
    /// names without use, which is harmless.
    fn submit_after_registration(&self, submission: Submission, registration: Act) {
        let station = self.clone();
        let ticket = submission.ticket;
        let commands = registration.commands.clone();
        let submitted = self.engine.submit(
            registration,
            Box::new(move |reply| match reply {
                Ok(Done {
                    outcome: ActOutcome::Done(outcomes),
                    ..
                }) => {
                    let fresh = act::fresh_names(&commands, &outcomes);
                    station.submit_known(&submission, &fresh);
                }
                other => station.finish(ticket, Finished::Act(Vec::new(), other)),
            }),
        );
        if let Err(error) = submitted {
            let result = BindingError::from(error).into();
            self.finish(ticket, Finished::Early(result));
        }
    }

    fn submit_known(&self, submission: &Submission, fresh: &FreshNames) {
        let ticket = submission.ticket;
        let names = Names::new(&self.engine, fresh);
        let translated = match act::translate(submission, &names) {
            Ok(translated) => translated,
            Err(result) => return self.finish(ticket, Finished::Early(result)),
        };
        let station = self.clone();
        let shapes = translated.shapes;
        let done = move |reply| station.finish(ticket, Finished::Act(shapes, reply));
        if let Err(error) = self.engine.submit(translated.act, Box::new(done)) {
            let result = BindingError::from(error).into();
            self.finish(ticket, Finished::Early(result));
        }
    }

    pub fn read_reservation(&self, ask: &ReservationAsk) {
        let ticket = ask.ticket;
        let result = match parse_uuid(&ask.reservation_id) {
            Ok(id) => {
                let station = self.clone();
                let done = move |reply| station.finish(ticket, Finished::Reservation(reply));
                let submitted = self.engine.reservation(ReservationId(id), Box::new(done));
                submitted.map_err(BindingError::from)
            }
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            self.finish(ticket, Finished::Early(error.into()));
        }
    }

    pub fn search(&self, ask: &SearchAsk) {
        let ticket = ask.ticket;
        let search = match ask.search(&self.engine) {
            Ok(search) => search,
            Err(result) => return self.finish(ticket, Finished::Early(result)),
        };
        let station = self.clone();
        let done = move |reply| station.finish(ticket, Finished::Found(reply));
        if let Err(error) = self.engine.search(search, Box::new(done)) {
            let result = BindingError::from(error).into();
            self.finish(ticket, Finished::Early(result));
        }
    }

    fn describe(&self, ticket: u64, finished: Finished) -> CompletionDto {
        let fresh = FreshNames::default();
        let names = Names::new(&self.engine, &fresh);
        match finished {
            Finished::Act(shapes, Ok(done)) => CompletionDto {
                ticket,
                sequence: done.sequence,
                wall_ms: done.wall_ms,
                result: act_result(&shapes, &done.outcome, &names),
            },
            Finished::Reservation(Ok((view, position))) => CompletionDto {
                ticket,
                sequence: position.sequence,
                wall_ms: 0,
                result: ResultDto::Read {
                    reservation: view.map(|view| ReservationDto::new(&view, &names)),
                },
            },
            Finished::Found(Ok(found)) => CompletionDto {
                ticket,
                sequence: found.position.sequence,
                wall_ms: 0,
                result: ResultDto::Found {
                    count: found.count,
                    reservations: found
                        .reservations
                        .iter()
                        .map(|view| ReservationDto::new(view, &names))
                        .collect(),
                },
            },
            Finished::Placed(placed) => match *placed {
                Ok(placement) => CompletionDto {
                    ticket,
                    sequence: placement.sequence,
                    wall_ms: placement.wall_ms,
                    result: ResultDto::Placed(Box::new(PlacedDto {
                        reservation: placement
                            .reservation
                            .map(|view| ReservationDto::new(&view, &names)),
                        plan: placement.plan.into(),
                        attempts: placement.attempts,
                        duals: placement.duals.map(Into::into),
                        dual_rows: placement.dual_rows.into_iter().map(Into::into).collect(),
                        quote_lost: placement.quote_lost.map(Into::into),
                    })),
                },
                Err(error) => early(ticket, BindingError::from(error).into()),
            },
            Finished::Early(result) => early(ticket, result),
            Finished::Act(_, Err(unanswered))
            | Finished::Reservation(Err(unanswered))
            | Finished::Found(Err(unanswered)) => {
                let error = SubmitError::from(unanswered);
                early(ticket, BindingError::from(error).into())
            }
        }
    }
}

fn early(ticket: u64, result: ResultDto) -> CompletionDto {
    CompletionDto {
        ticket,
        sequence: 0,
        wall_ms: 0,
        result,
    }
}

fn act_result(shapes: &[Shape], outcome: &ActOutcome, names: &Names<'_>) -> ResultDto {
    match outcome {
        ActOutcome::Done(outcomes) => {
            let outcomes: Vec<OutcomeDto> = act::outcomes(shapes, outcomes, names);
            ResultDto::Done { outcomes }
        }
        ActOutcome::RequestIdReused => ResultDto::RequestIdReused,
        ActOutcome::RequestWindowFull => ResultDto::RequestWindowFull,
    }
}

/// Asks for one reservation.
#[derive(Debug, Deserialize)]
pub struct ReservationAsk {
    ticket: u64,
    reservation_id: String,
}
