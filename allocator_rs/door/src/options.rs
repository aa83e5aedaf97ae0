//! What a door is started with, and why it may not start.

use std::net::SocketAddr;
use std::path::PathBuf;

use bopis_promise::Planner;

const QUOTE_KEY_BYTES_MIN: usize = 32;

/// One rpc that passes through to the services behind the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassThroughMethod {
    /// The HTTP/2 path, `/bopis.v1.OrderService/CreateOrder`.
    pub path: String,
    /// Whether either side streams: such calls get their own upstream connections and their own
    /// limit.
    pub streaming: bool,
}

/// Limits and addresses of a door. `DoorOptions::new` gives the defaults.
#[derive(Clone, Debug)]
pub struct DoorOptions {
    /// Where to listen; port 0 lets the system choose. Only loopback addresses are accepted.
    pub address: SocketAddr,
    /// The unix socket that the services behind the door listen on.
    pub upstream_socket: PathBuf,
    /// Sent upstream with each call, so that only this door is believed. Visible ASCII.
    pub upstream_secret: String,
    /// The rpcs that pass through.
    pub passthrough: Vec<PassThroughMethod>,
    /// An encoded `google.protobuf.FileDescriptorSet` with every service, for reflection.
    pub descriptor_set: Vec<u8>,
    /// Greatest size of one message in either direction, bytes.
    pub max_message_bytes: usize,
    /// Open streaming calls at most, over all connections.
    pub max_streams: usize,
    /// Unary calls under way at most, over all connections.
    pub max_calls: usize,
    /// Client connections at most; further ones wait to be accepted.
    pub max_connections: usize,
    /// Bytes of unfinished request messages that native services may hold at most, in all.
    pub max_inbound_bytes: usize,
    /// Upstream connections for unary calls.
    pub unary_connections: usize,
    /// Upstream connections for streaming calls.
    pub stream_connections: usize,
    /// Threads of the door's runtime.
    pub threads: usize,
}

impl DoorOptions {
    /// The defaults for an address and an upstream.
    #[must_use]
    pub fn new(address: SocketAddr, upstream_socket: PathBuf, upstream_secret: String) -> Self {
        Self {
            address,
            upstream_socket,
            upstream_secret,
            passthrough: Vec::new(),
            descriptor_set: Vec::new(),
            max_message_bytes: 4 * 1024 * 1024,
            max_streams: 4096,
            max_calls: 8192,
            max_connections: 4096,
            max_inbound_bytes: 256 * 1024 * 1024,
            unary_connections: 2,
            stream_connections: 2,
            threads: 2,
        }
    }
}

/// What PromiseService answers from, and signs with.
#[derive(Clone)]
pub struct Quoting {
    /// Plans without holding.
    pub planner: Planner,
    /// Secret; whoever knows it can make promises. At least 32 bytes.
    pub key: Vec<u8>,
}

impl Quoting {
    pub(crate) fn check(&self) -> Result<(), StartError> {
        if self.key.len() < QUOTE_KEY_BYTES_MIN {
            return Err(StartError::QuoteKey);
        }
        Ok(())
    }
}

/// Why a door did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Calls carry no authentication yet, so only this machine may reach the door.
    #[error("the door listens on loopback addresses only, not on {0}")]
    NotLoopback(SocketAddr),
    /// The address is taken, or not allowed.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The runtime's threads could not be made.
    #[error("cannot start the door's threads: {0}")]
    Threads(std::io::Error),
    /// The secret cannot travel in a header.
    #[error("the upstream secret holds characters that no header can carry")]
    Secret,
    /// The key of the promise tokens is too short to keep anyone from signing his own.
    #[error("the key of the promise tokens has fewer than {QUOTE_KEY_BYTES_MIN} bytes")]
    QuoteKey,
    /// The descriptors are no valid descriptor set.
    #[error("the descriptor set is not valid: {0}")]
    Descriptors(String),
    /// A limit is 0.
    #[error("{0} must be at least 1")]
    ZeroLimit(&'static str),
    /// A path of the pass-through table is no rpc path, or is answered by the door itself.
    #[error("{0} cannot pass through")]
    Path(String),
}

impl DoorOptions {
    /// Refuses what cannot be meant.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        if !self.address.ip().is_loopback() {
            return Err(StartError::NotLoopback(self.address));
        }
        let limits = [
            ("max_message_bytes", self.max_message_bytes),
            ("max_streams", self.max_streams),
            ("max_calls", self.max_calls),
            ("max_connections", self.max_connections),
            ("max_inbound_bytes", self.max_inbound_bytes),
            ("unary_connections", self.unary_connections),
            ("stream_connections", self.stream_connections),
            ("threads", self.threads),
        ];
        match limits.iter().find(|(_, value)| *value == 0) {
            Some((name, _)) => Err(StartError::ZeroLimit(name)),
            None => Ok(()),
        }
    }
}
