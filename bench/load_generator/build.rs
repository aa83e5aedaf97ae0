//! Compiles the client of InventoryService from the public protos.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let protos = "../../protos";
    println!("cargo:rerun-if-changed={protos}");
    let files = protox::compile(["bopis/v1/inventory_service.proto"], [protos])?;
    tonic_prost_build::configure()
        .build_server(false)
        .compile_fds(files)?;
    Ok(())
}
