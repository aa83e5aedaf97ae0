//! The table of rpcs that the door answers itself.

use std::error::Error;
use std::fmt::Write as _;

use prost_reflect::DescriptorPool;

/// `NATIVE_METHODS`: path, service, whether the client streams, whether the server streams.
pub(crate) fn generate(pool: &DescriptorPool, services: &[&str]) -> Result<String, Box<dyn Error>> {
    let mut out = String::from("pub(crate) const NATIVE_METHODS: &[NativeMethod] = &[\n");
    for name in services {
        let service = pool
            .get_service_by_name(name)
            .ok_or("a native service is missing")?;
        for method in service.methods() {
            writeln!(
                out,
                "    NativeMethod {{ path: \"/{name}/{}\", service: NativeService::{}, \
                 client_streaming: {}, server_streaming: {} }},",
                method.name(),
                service.name(),
                method.is_client_streaming(),
                method.is_server_streaming(),
            )?;
        }
    }
    out.push_str("];\n");
    Ok(out)
}
