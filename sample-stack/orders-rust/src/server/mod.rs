//! The gRPC server: what every call goes through, health, and an orderly stop.

mod calls;
mod listen;
mod observation;
mod panics;
mod probe;

use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::transport::server::{Server, TcpIncoming};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::catalog::CatalogService;
use crate::orders::OrdersService;
use crate::shop_v1::catalog_server::CatalogServer;
use crate::shop_v1::orders_server::OrdersServer;
use crate::shop_v1::stock_server::StockServer;
use crate::stock::StockService;

pub use listen::listen;
pub use panics::log_panics;
pub use probe::{ProbeError, probe};

/// The largest request of the contract is far below it.
const MAX_REQUEST_BYTES: usize = 256 << 10;
/// Calls that still run get this long to end.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// The names by which health is asked for; empty: of the server.
const NAMES: [&str; 4] = [
    "",
    CatalogServer::<CatalogService>::NAME,
    StockServer::<StockService>::NAME,
    OrdersServer::<OrdersService>::NAME,
];

/// The services of the contract.
pub struct Services {
    pub catalog: CatalogService,
    pub stock: StockService,
    pub orders: OrdersService,
}

/// How calls are answered.
#[derive(Clone, Copy, Debug)]
pub struct Serving {
    /// How long all calls are still answered after the signal to stop, so that clients can turn
    /// elsewhere.
    pub drain: Duration,
    /// Whether faults that a request asks for are obeyed.
    pub labs: bool,
}

/// Answers calls until `stop`, then stops in order: health says NOT_SERVING; for the time of the
/// drain all calls are answered still; then new ones are refused, running ones end.
///
/// Health says nothing of the database: it is the same for all instances, so taking them out would
/// make a short absence, which calls are got over, one of the whole service.
pub async fn serve(
    listener: TcpListener,
    services: Services,
    serving: Serving,
    stop: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let address = listener.local_addr().ok();
    let (mut health, health_service) = tonic_health::server::health_reporter();
    set_status(&health, ServingStatus::Serving).await;
    let (refuse, refused) = oneshot::channel::<()>();
    let server = Server::builder()
        .layer(calls::CallsLayer::new(serving.labs, address))
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .add_routes(routes(services).add_service(health_service))
        .serve_with_incoming_shutdown(
            TcpIncoming::from(listener).with_nodelay(Some(true)),
            async {
                // Never sent; it ends when the other half is dropped.
                let _ = refused.await;
            },
        );
    let mut server = std::pin::pin!(server);
    let drained = async {
        stop.await;
        tracing::info!(seconds = serving.drain.as_secs_f64(), "draining");
        set_status(&health, ServingStatus::NotServing).await;
        time::sleep(serving.drain).await;
    };
    tokio::select! {
        failed = &mut server => return failed,
        () = drained => {}
    }
    drop(refuse);
    // Ends the streams of clients that watch the health; they never end by themselves.
    for name in NAMES {
        health.clear_service_status(name).await;
    }
    time::timeout(DRAIN_TIMEOUT, server).await.unwrap_or_else(|_| {
        let timeout = DRAIN_TIMEOUT.as_secs();
        tracing::warn!(timeout, "calls cut off: they did not end in time");
        Ok(())
    })
}

fn routes(Services { catalog, stock, orders }: Services) -> Routes {
    let catalog = CatalogServer::new(catalog).max_decoding_message_size(MAX_REQUEST_BYTES);
    let stock = StockServer::new(stock).max_decoding_message_size(MAX_REQUEST_BYTES);
    let orders = OrdersServer::new(orders).max_decoding_message_size(MAX_REQUEST_BYTES);
    Routes::new(catalog).add_service(stock).add_service(orders)
}

async fn set_status(health: &HealthReporter, status: ServingStatus) {
    for name in NAMES {
        health.set_service_status(name, status).await;
    }
}
