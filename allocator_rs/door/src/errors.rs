//! Every error that the door itself sends: a `google.rpc.Status` with `ErrorInfo`, always.

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::v1::ErrorReason;

/// `ErrorInfo.domain` of every error of the service.
pub const ERROR_DOMAIN: &str = "bopis";

/// The status code that a reason comes with, as `common.proto` names it.
#[must_use]
pub const fn code_of(reason: ErrorReason) -> Code {
    use ErrorReason as R;
    match reason {
        R::FieldInvalid
        | R::RequestIdReused
        | R::MalformedMessage
        | R::QuantityOutOfRange
        | R::CardNumberRefused
        | R::TokenInvalid
        | R::PromiseMismatch => Code::InvalidArgument,
        R::NodeNotFound
        | R::SkuNotFound
        | R::ReservationNotFound
        | R::OrderNotFound
        | R::PickTaskNotFound
        | R::FulfillmentOrderNotFound
        | R::OperationNotFound
        | R::PolicyVersionNotFound
        | R::OverrideNotFound
        | R::LineNotFound => Code::NotFound,
        R::ReservationExpired
        | R::ReservationAlreadyCommitted
        | R::ReservationEnded
        | R::ReservationNotCommitted
        | R::ReservationOfOrder
        | R::WrongState
        | R::TaskClaimed
        | R::WrongNode
        | R::CountTooOld
        | R::NotPromisable
        | R::PromiseExpired => Code::FailedPrecondition,
        R::OrderExists => Code::AlreadyExists,
        R::PickupCodeWrong => Code::PermissionDenied,
        R::StaleEtag | R::StockChanged => Code::Aborted,
        R::PickupCodeLocked
        | R::RequestWindowFull
        | R::Overloaded
        | R::DiskFull
        | R::TooManyStreams => Code::ResourceExhausted,
        R::NotServing | R::UpstreamUnavailable | R::Unspecified => Code::Unavailable,
        R::DeadlineExceeded => Code::DeadlineExceeded,
        R::OperationCancelled => Code::Cancelled,
        R::UnknownMethod => Code::Unimplemented,
        R::PositionOutOfRange => Code::OutOfRange,
    }
}

/// The name of a reason as `ErrorInfo.reason` carries it.
#[must_use]
pub fn name_of(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

/// An error under construction.
#[derive(Debug)]
pub(crate) struct Refusal {
    reason: ErrorReason,
    message: String,
    metadata: HashMap<String, String>,
    fields: Vec<(String, String)>,
    retry_after: Option<Duration>,
}

impl Refusal {
    /// An error with this reason and these words for people.
    pub(crate) fn new(reason: ErrorReason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            metadata: HashMap::new(),
            fields: Vec::new(),
            retry_after: None,
        }
    }

    /// Adds to `ErrorInfo.metadata`.
    pub(crate) fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.metadata.insert(key.to_owned(), value.into());
        self
    }

    /// Adds a `BadRequest.FieldViolation`.
    pub(crate) fn field(mut self, path: impl Into<String>, description: impl Into<String>) -> Self {
        self.fields.push((path.into(), description.into()));
        self
    }

    /// Adds `RetryInfo`.
    pub(crate) const fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// The status as it is sent.
    pub(crate) fn status(self) -> Status {
        let mut details =
            ErrorDetails::with_error_info(name_of(self.reason), ERROR_DOMAIN, self.metadata);
        for (path, description) in self.fields {
            details.add_bad_request_violation(path, description);
        }
        if self.retry_after.is_some() {
            details.set_retry_info(self.retry_after);
        }
        Status::with_error_details(code_of(self.reason), self.message, details)
    }
}

/// How long clients wait before they try a door that does not serve again.
const SERVING_RETRY: Duration = Duration::from_secs(1);
/// How long clients wait before they try again what failed behind the door.
const UPSTREAM_RETRY: Duration = Duration::from_millis(200);

/// The service is starting, draining or stopped.
pub(crate) fn not_serving() -> Status {
    Refusal::new(ErrorReason::NotServing, "the service is not serving now")
        .retry_after(SERVING_RETRY)
        .status()
}

/// The part behind the door did not answer.
pub(crate) fn upstream_unavailable(detail: &str) -> Status {
    Refusal::new(
        ErrorReason::UpstreamUnavailable,
        format!("the service behind the door {detail}"),
    )
    .retry_after(UPSTREAM_RETRY)
    .status()
}

/// The deadline passed.
pub(crate) fn deadline_exceeded() -> Status {
    Refusal::new(ErrorReason::DeadlineExceeded, "the deadline has passed").status()
}

/// The bytes of a message, or their framing, are not what the protocol says.
pub(crate) fn malformed(detail: impl Into<String>) -> Status {
    Refusal::new(ErrorReason::MalformedMessage, detail).status()
}
