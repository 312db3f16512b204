//! Writes `src/gen` of the service from the shop's contract, so that building it needs neither
//! protoc nor a generator:
//!
//! ```sh
//! cargo run --locked -p codegen            # writes
//! cargo run --locked -p codegen -- --check # exits 1 if what is committed differs
//! ```

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

const CONTRACT: &str = "hopwatch/shop/v1/shop.proto";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = project.join("src/gen/shop_v1.rs");
    let made = generate(&project.join("../proto"))?;
    if env::args().any(|argument| argument == "--check") {
        let committed = fs::read_to_string(&target).unwrap_or_default();
        if committed != made {
            eprintln!(
                "differs: sample-stack/orders-rust/src/gen/shop_v1.rs; run codegen and commit what it writes"
            );
            return Ok(ExitCode::FAILURE);
        }
    } else {
        fs::create_dir_all(target.parent().ok_or("no folder")?)?;
        fs::write(&target, made)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn generate(protos: &Path) -> Result<String, Box<dyn Error>> {
    let contract = protox::compile([CONTRACT], [protos])?;
    let out = tempfile::tempdir()?;
    tonic_prost_build::configure()
        .out_dir(out.path())
        .emit_rerun_if_changed(false)
        .compile_fds(contract)?;
    let code = fs::read_to_string(out.path().join("hopwatch.shop.v1.rs"))?;
    Ok(code)
}
