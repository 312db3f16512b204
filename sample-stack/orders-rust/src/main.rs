//! Starts and stops the service.

use std::env;
use std::error::Error;
use std::process::{self, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use shop_orders::catalog::{Catalog, CatalogService};
use shop_orders::config::Config;
use shop_orders::error::with_causes;
use shop_orders::orders::{Orders, OrdersService, Store};
use shop_orders::payments::Payments;
use shop_orders::postgres::Database;
use shop_orders::server::{self, Services, Serving};
use shop_orders::stock::{Stock, StockService};
use shop_orders::telemetry::{SERVICE_NAME, Telemetry};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Bounds the sending of the last telemetry.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

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
    run(&runtime, config)
}

/// Serves until a signal comes, and then stops in order.
fn run(runtime: &Runtime, config: Config) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let _inside = runtime.enter();
    let telemetry = Telemetry::start(&config.version)?;
    server::log_panics();
    let stop = stop_on_signal()?;
    let outcome = runtime.block_on(serve(config, started, stop));
    // This thread is none of the runtime's, which sends meanwhile.
    telemetry.shutdown(FLUSH_TIMEOUT);
    tracing::info!("stopped");
    outcome
}

async fn serve(
    config: Config,
    started: Instant,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Box<dyn Error>> {
    let database = tokio::select! {
        database = Database::open(&config.database_url) => database?,
        _ = stop.wait_for(|told| *told) => return Ok(()),
    };
    let listener = server::listen(&config.listen).await.map_err(|error| {
        format!("cannot listen on {} (see ORDERS_LISTEN): {error}", config.listen)
    })?;
    tracing::info!(
        address = listener.local_addr()?.to_string(),
        version = config.version,
        labs = config.labs,
        started_in_ms = started.elapsed().as_millis() as u64,
        "serving"
    );
    let serving = Serving { drain: config.drain, labs: config.labs };
    let told = async {
        // An error means that nobody can tell any more, which is a stop too.
        let _ = stop.wait_for(|told| *told).await;
    };
    server::serve(listener, services(&database), serving, told).await?;
    database.close();
    Ok(())
}

/// Builds the modules and gives each its gRPC service.
fn services(database: &Database) -> Services {
    let catalog = Catalog::new(database.clone());
    let stock = Stock::new(database.clone());
    let orders = Orders {
        store: Store::new(database.clone()),
        catalog: catalog.clone(),
        stock: stock.clone(),
        payments: Payments::new(database.clone()),
    };
    Services {
        catalog: CatalogService(catalog),
        stock: StockService(stock),
        orders: OrdersService(orders),
    }
}

/// Tells of the first SIGTERM or Ctrl-C; a second one ends the process at once.
fn stop_on_signal() -> Result<watch::Receiver<bool>, std::io::Error> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (tell, told) = watch::channel(false);
    tokio::spawn(async move {
        for second in [false, true] {
            let number = tokio::select! {
                _ = terminate.recv() => SignalKind::terminate(),
                _ = interrupt.recv() => SignalKind::interrupt(),
            };
            if second {
                process::exit(128 + number.as_raw_value());
            }
            let _ = tell.send(true);
        }
    });
    Ok(told)
}
