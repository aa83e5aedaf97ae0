//! Compiles the protos of the native services, and their field rules into checks.

mod methods;
mod names;
mod rules;

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use protox::Compiler;

const NATIVE_FILES: [&str; 3] = [
    "bopis/v1/inventory_service.proto",
    "bopis/v1/promise_service.proto",
    "bopis/v1/stock_service.proto",
];
const NATIVE_SERVICES: [&str; 3] = [
    "bopis.v1.InventoryService",
    "bopis.v1.PromiseService",
    "bopis.v1.StockService",
];

fn main() -> Result<(), Box<dyn Error>> {
    let protos = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../protos");
    for file in [
        "common",
        "field_rules",
        "inventory_service",
        "order_service",
        "promise_service",
        "stock_service",
    ] {
        println!(
            "cargo:rerun-if-changed={}/bopis/v1/{file}.proto",
            protos.display()
        );
    }
    println!("cargo:rerun-if-changed=build");
    let mut compiler = Compiler::new([&protos])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(NATIVE_FILES)?;
    tonic_prost_build::configure()
        .codec_path("crate::native::codec::StrictCodec")
        .extern_path(".google.type.Money", "crate::money::Money")
        .emit_rerun_if_changed(false)
        .compile_fds(compiler.file_descriptor_set())?;

    let pool = compiler.descriptor_pool();
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(
        out.join("rules.rs"),
        rules::generate(&pool, &NATIVE_SERVICES)?,
    )?;
    fs::write(
        out.join("methods.rs"),
        methods::generate(&pool, &NATIVE_SERVICES)?,
    )?;
    Ok(())
}
