//! The native module `bopis._allocator_rs`: registers the classes, decides nothing.
//!
//! | class | what it is |
//! | --- | --- |
//! | Clock | the one clock of both sides |
//! | Engine | acts in, completions out, reads |
//! | Promiser | plan + hold |
//! | BatchKernel | many orders under dual prices |
//! | Allocation | many orders allocated at once, step by step |
//! | Door | the gRPC address |
//! | JournalReader, Progress | a journal for people, beside its writer too |
//!
//! No native thread ever takes the interpreter's lock; every call above a few microseconds releases
//! it. Payloads are msgpack maps with field names (dto.rs).

// Python finds these by registration, not by path: the crate has no Rust users.
#![allow(unreachable_pub)]

mod act;
mod allocation;
mod answers;
mod asker;
mod clock;
mod completions;
mod door;
mod dto;
mod duals;
mod engine;
mod errors;
mod explaining;
mod journal;
mod kernel;
mod names;
mod past;
mod planning;
mod policy;
mod promiser;
mod reads;
mod rules;
mod snapshot;
mod station;
mod words;

use mimalloc::MiMalloc;
use pyo3::prelude::*;

/// The ledger's memory comes in chunks that stay: in large pages, where the system has them.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The native module.
#[pymodule]
fn _allocator_rs(module: &Bound<'_, PyModule>) -> PyResult<()> {
    errors::register(module)?;
    module.add_class::<clock::PyClock>()?;
    module.add_class::<engine::PyEngine>()?;
    module.add_class::<promiser::PyPromiser>()?;
    module.add_class::<kernel::PyBatchKernel>()?;
    module.add_class::<allocation::PyAllocation>()?;
    module.add_class::<door::PyDoor>()?;
    module.add_class::<journal::PyJournalReader>()?;
    module.add_class::<journal::PyProgress>()?;
    module.add_function(wrap_pyfunction!(journal::verify, module)?)?;
    module.add_function(wrap_pyfunction!(snapshot::build_snapshot, module)?)?;
    module.add_function(wrap_pyfunction!(snapshot::snapshot_backlog, module)?)?;
    module.add_function(wrap_pyfunction!(past::decide_again, module)?)?;
    module.add_function(wrap_pyfunction!(journal::rebuild, module)?)
}
