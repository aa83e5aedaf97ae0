//! The door for Python: started, told to serve, drained, stopped. It answers on threads of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use bopis_door::{Door, DoorOptions, PassThroughMethod, Quoting};
use pyo3::prelude::*;
use serde::Deserialize;

use crate::engine::PyEngine;
use crate::errors::BindingError;
use crate::promiser::PyPromiser;

#[derive(Debug, Deserialize)]
struct MethodDto {
    path: String,
    streaming: bool,
}

#[derive(Debug, Deserialize)]
struct OptionsDto {
    port: u16,
    upstream_socket: PathBuf,
    upstream_secret: String,
    quote_key: Vec<u8>,
    passthrough: Vec<MethodDto>,
    max_message_bytes: usize,
    max_streams: usize,
}

/// The one gRPC address, on loopback.
#[pyclass(frozen, name = "Door", module = "bopis._allocator_rs")]
pub struct PyDoor {
    door: Door,
}

#[pymethods]
impl PyDoor {
    /// Listens, and refuses calls until `set_serving`. `descriptor_set`: an encoded
    /// FileDescriptorSet with every service, for reflection.
    #[staticmethod]
    fn start(
        py: Python<'_>,
        engine: &PyEngine,
        promiser: &PyPromiser,
        options: &[u8],
        descriptor_set: &[u8],
    ) -> Result<Self, BindingError> {
        let engine = engine.station().engine.clone();
        py.detach(|| {
            let dto: OptionsDto = rmp_serde::from_slice(options)?;
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, dto.port));
            let defaults = DoorOptions::new(address, dto.upstream_socket, dto.upstream_secret);
            let options = DoorOptions {
                passthrough: dto
                    .passthrough
                    .into_iter()
                    .map(|method| PassThroughMethod {
                        path: method.path,
                        streaming: method.streaming,
                    })
                    .collect(),
                descriptor_set: descriptor_set.to_vec(),
                max_message_bytes: dto.max_message_bytes,
                max_streams: dto.max_streams,
                ..defaults
            };
            let quoting = Quoting {
                planner: promiser.planner()?,
                key: dto.quote_key,
            };
            let door = Door::start(engine, quoting, options)
                .map_err(|error| BindingError::Door(error.to_string()))?;
            Ok(Self { door })
        })
    }

    /// The port that clients connect to.
    fn port(&self) -> u16 {
        self.door.port()
    }

    /// Takes calls from now on, or refuses new ones.
    fn set_serving(&self, py: Python<'_>, serving: bool) {
        py.detach(|| self.door.set_serving(serving));
    }

    /// Refuses new calls; those under way go on.
    fn begin_drain(&self, py: Python<'_>) {
        py.detach(|| self.door.begin_drain());
    }

    /// Lets calls under way finish until the deadline, then ends the rest and joins the threads.
    /// Blocks. True: every call ended by itself.
    fn stop(&self, py: Python<'_>, deadline_ms: u64) -> bool {
        py.detach(|| self.door.stop(Duration::from_millis(deadline_ms)).finished)
    }
}
