//! Tells the service which compiler built it, for its telemetry (`process.runtime.*`).

use std::env;
use std::process::Command;

fn main() {
    let compiler = env::var_os("RUSTC").expect("cargo sets RUSTC");
    let said = Command::new(compiler).arg("--version").output().expect("rustc --version");
    let version = String::from_utf8(said.stdout).expect("rustc's version is UTF-8");
    println!("cargo::rustc-env=RUSTC_VERSION={}", version.trim());
    println!("cargo::rerun-if-changed=build.rs");
}
