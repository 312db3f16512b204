//! The life of the service: telemetry, database, serving, and the stop in order.

use std::error::Error;
use std::io;
use std::process;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::catalog::{Catalog, CatalogService};
use crate::config::Config;
use crate::orders::{Orders, OrdersService, Store};
use crate::payments::Payments;
use crate::postgres::Database;
use crate::server::{self, Services, Serving};
use crate::stock::{Stock, StockService};
use crate::telemetry::Telemetry;

/// Bounds the sending of the last telemetry.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Serves until a signal comes, and then stops in order.
pub fn run(runtime: &Runtime, config: Config) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let _inside = runtime.enter();
    let telemetry = Telemetry::start(&config.version)?;
    server::log_panics();
    let stop = stop_on_signal()?;
    let outcome = runtime.block_on(serve(config, started, stop));
    tracing::info!("stopped");
    // This thread is none of the runtime's, which sends meanwhile.
    telemetry.shutdown(FLUSH_TIMEOUT);
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
fn stop_on_signal() -> Result<watch::Receiver<bool>, io::Error> {
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
