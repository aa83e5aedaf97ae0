//! The native module `bopis._allocator_rs`: registers the classes, decides nothing.

use pyo3::prelude::*;

/// The native module.
#[pymodule]
fn _allocator_rs(_module: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
