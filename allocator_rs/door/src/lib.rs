//! The one gRPC address of the service.
//!
//! | call | answered by |
//! | --- | --- |
//! | `InventoryService`, `StockService` | the engine, natively |
//! | `PromiseService` | the planner over the engine, natively |
//! | an rpc of the pass-through table | the services behind the door, over a unix socket |
//! | `grpc.health.v1`, `grpc.reflection` v1 and v1alpha | the door |
//! | anything else | UNIMPLEMENTED, `UNKNOWN_METHOD` |
//!
//! Every error that the door sends carries `google.rpc.ErrorInfo`; whatever breaks behind the door
//! reaches the client as trailers, never as a reset.

mod admission;
mod answer;
mod deadline;
mod door;
mod errors;
mod guarded;
mod inbound;
mod meter;
mod money;
mod native;
mod options;
mod passthrough;
mod routes;
mod rules;
mod server;
mod system;

pub use door::{Door, StopReport};
pub use errors::{code_of, name_of, ERROR_DOMAIN};
pub use money::Money;
pub use options::{DoorOptions, PassThroughMethod, Quoting, StartError};

/// Messages and clients of `bopis.v1`, as far as the native services speak of them.
#[allow(
    clippy::all,
    clippy::pedantic,
    missing_docs,
    unreachable_pub,
    reason = "generated from the protos, which lint themselves"
)]
pub mod v1 {
    tonic::include_proto!("bopis.v1");
}
