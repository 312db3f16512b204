//! Opening the database.

use std::sync::Arc;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Pool, Timeouts};
use tokio::time::{self, Instant};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, NoTls};

use super::budget::Budget;
use super::connection::Connector;
use super::database::{Database, Shared};
use super::error::Error;
use super::metrics::PoolMetrics;
use super::outage::Outage;
use super::spans::{Spans, server};
use crate::error::with_causes;

/// The same on every machine: what waits for a connection here waits there too.
const DEFAULT_POOL_SIZE: usize = 8;

/// How long a call waits for a connection while others use them all, and then for a new one.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a database that is started at the same time may take to come up and be migrated.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("DATABASE_URL: {0}")]
    Url(String),
    #[error("database {database} is not ready (is it running, did shop-migrate succeed?): {cause}")]
    NotReady { database: String, cause: String },
}

impl Database {
    /// Connects to the database at the URL and waits, within limits, until it holds the products.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let (config, size) = parse(url)?;
        wait_until_ready(&config).await?;
        let connector = Connector { config: config.clone(), spans: Arc::new(Spans::new(&config)) };
        let timeouts =
            Timeouts { wait: Some(ACQUIRE_TIMEOUT), create: Some(ACQUIRE_TIMEOUT), recycle: None };
        let pool = Pool::builder(connector)
            .max_size(size)
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1)
            .build()
            .expect("there is a runtime for the timeouts");
        Ok(Self::new(Shared {
            metrics: PoolMetrics::new(&pool),
            pool,
            outage: Outage::new(config),
            retries: Budget::new(),
        }))
    }
}

/// The server, and how many connections it may be asked for.
fn parse(url: &str) -> Result<(Config, usize), OpenError> {
    let mut size = DEFAULT_POOL_SIZE;
    let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
    let mut for_server = Vec::new();
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.strip_prefix("pool_max_conns=") {
            Some(count) => {
                size = count.parse().ok().filter(|size| *size > 0).ok_or_else(|| {
                    OpenError::Url(format!("pool_max_conns is {count:?}; it must be 1 or more"))
                })?;
            }
            None => for_server.push(parameter),
        }
    }
    let mut config: Config = format!("{address}?{}", for_server.join("&"))
        .parse()
        .map_err(|error: tokio_postgres::Error| OpenError::Url(with_causes(&error)))?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(OpenError::Url("it names no host".into()));
    }
    config.connect_timeout(CONNECT_TIMEOUT).application_name("shop-orders");
    Ok((config, size))
}

async fn wait_until_ready(config: &Config) -> Result<(), OpenError> {
    let start = Instant::now();
    let mut said = false;
    loop {
        let cause = match check_ready(config).await {
            Ok(true) => return Ok(()),
            Ok(false) => "there are no products".to_owned(),
            Err(error) if refuses(&error) => return Err(not_ready(config, with_causes(&error))),
            Err(error) => with_causes(&error),
        };
        if start.elapsed() > PATIENCE {
            return Err(not_ready(config, cause));
        }
        if !said {
            tracing::info!(error = cause, "waiting for the database");
            said = true;
        }
        time::sleep(PAUSE).await;
    }
}

async fn check_ready(config: &Config) -> Result<bool, Error> {
    let (client, connection) = config.connect(NoTls).await?;
    let connection = tokio::spawn(connection);
    let ready = client.query_one("SELECT EXISTS (SELECT FROM products)", &[]).await;
    drop(client);
    // Its error, if any, is the query's too.
    let _ = connection.await;
    Ok(ready?.try_get(0)?)
}

/// Whether the server answered and said no, which waiting does not change.
fn refuses(error: &Error) -> bool {
    error.sql_state().is_some_and(|state| *state != SqlState::UNDEFINED_TABLE)
        && !error.is_unavailable()
}

fn not_ready(config: &Config, cause: String) -> OpenError {
    let (host, port) = server(config);
    let name = config.get_dbname().unwrap_or_default();
    OpenError::NotReady { database: format!("{name} on {host}:{port}"), cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_may_set_the_size_of_the_pool() {
        for (url, want) in [
            ("postgres://shop:secret@127.0.0.1:5432/shop", DEFAULT_POOL_SIZE),
            ("postgres://shop@127.0.0.1/shop?pool_max_conns=3&sslmode=disable", 3),
            ("postgres://shop@127.0.0.1/shop?sslmode=disable&pool_max_conns=16", 16),
        ] {
            let (config, size) = parse(url).unwrap();
            assert_eq!((size, config.get_dbname()), (want, Some("shop")), "{url}");
        }
    }

    #[test]
    fn tells_what_is_wrong_with_the_url_and_no_password() {
        for url in [
            "postgres://shop:secret@127.0.0.1:port/shop",
            "postgres://shop:secret@127.0.0.1/shop?pool_max_conns=0",
            "postgres://shop:secret@127.0.0.1/shop?colour=red",
            "postgres:///shop?user=secret",
            "secret",
        ] {
            let told = parse(url).unwrap_err().to_string();
            assert!(told.starts_with("DATABASE_URL: ") && !told.contains("secret"), "{told}");
        }
    }
}
