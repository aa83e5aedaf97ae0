//! The command line: `--name value` pairs.

use std::error::Error;

/// What to do.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    /// `host:port` of the door.
    pub(crate) address: String,
    /// HTTP/2 connections.
    pub(crate) connections: usize,
    /// Calls under way on each connection (closed loop), or at most (open loop).
    pub(crate) in_flight: usize,
    /// Calls a second over all connections; 0: closed loop.
    pub(crate) rate: u64,
    /// Seconds before measuring.
    pub(crate) warmup_s: u64,
    /// Seconds measured.
    pub(crate) seconds: u64,
    /// The node.
    pub(crate) node_id: String,
    /// SKUs `<prefix>0 .. <prefix>N-1`.
    pub(crate) sku_prefix: String,
    /// How many SKUs.
    pub(crate) skus: u64,
}

/// Reads the arguments; every one has a default but the address.
pub(crate) fn parse(
    mut words: impl Iterator<Item = String>,
) -> Result<Arguments, Box<dyn Error + Send + Sync>> {
    let mut arguments = Arguments {
        address: String::new(),
        connections: 4,
        in_flight: 32,
        rate: 0,
        warmup_s: 2,
        seconds: 8,
        node_id: "bench".into(),
        sku_prefix: "sku-".into(),
        skus: 1000,
    };
    while let Some(name) = words.next() {
        let value = words
            .next()
            .ok_or_else(|| format!("{name} wants a value"))?;
        match name.as_str() {
            "--address" => arguments.address = value,
            "--connections" => arguments.connections = value.parse()?,
            "--in-flight" => arguments.in_flight = value.parse()?,
            "--rate" => arguments.rate = value.parse()?,
            "--warmup" => arguments.warmup_s = value.parse()?,
            "--seconds" => arguments.seconds = value.parse()?,
            "--node" => arguments.node_id = value,
            "--sku-prefix" => arguments.sku_prefix = value,
            "--skus" => arguments.skus = value.parse()?,
            _ => return Err(format!("unknown argument {name}").into()),
        }
    }
    if arguments.address.is_empty() || arguments.connections == 0 || arguments.in_flight == 0 {
        return Err("--address host:port is needed, and at least one connection and call".into());
    }
    Ok(arguments)
}
