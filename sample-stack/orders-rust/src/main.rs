//! Starts the service.

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::thread;

use shop_orders::config::Config;
use shop_orders::error::with_causes;
use shop_orders::telemetry::SERVICE_NAME;
use shop_orders::{app, server};
use tokio::runtime::Builder;

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{SERVICE_NAME}: {}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let healthcheck = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["-healthcheck" | "--healthcheck"] => true,
        _ => return Err("usage: orders [-healthcheck]; its settings are in the environment".into()),
    };
    let config = Config::from_env(|name| env::var(name).ok())?;
    // Telemetry is sent by the same workers: with one alone a busy call would hold it up.
    let workers = thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
    let runtime = Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    if healthcheck {
        return Ok(runtime.block_on(server::probe(&config.listen))?);
    }
    app::run(&runtime, config)
}
