//! The time in which the server is away.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::global;
use opentelemetry::trace::{Span, Status, Tracer};
use tokio::sync::watch;
use tokio::time::{self, Instant};
use tokio_postgres::{Config, NoTls};

use super::error::Error;
use super::spans::SCOPE;
use crate::error::with_causes;

/// How long an outage may last before calls fail at once instead of waiting for its end.
const PATIENCE: Duration = Duration::from_secs(5);
const PROBE_INTERVAL: Duration = Duration::from_millis(50);
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// The time in which the server is away. Calls wait for its end together, and one probe knocks for
/// all of them:
///
/// ```text
/// server  ====x                          x=====
/// probe        |-x-|-x-|-x-|-x-|-x-|-x-|-x-|-ok
/// call a  ----x|...........................|---
/// call b           |.......................|---
/// ```
///
/// Once it has lasted longer than [`PATIENCE`], calls fail at once.
pub(super) struct Outage {
    /// When it began; none while the server is believed to be there.
    since: Arc<watch::Sender<Option<Instant>>>,
    config: Config,
}

impl Outage {
    pub fn new(config: Config) -> Self {
        Self { since: Arc::new(watch::Sender::new(None)), config }
    }

    /// Starts the outage, unless it is known already, and says so.
    pub fn begin(&self, cause: &Error) -> bool {
        let began = self.since.send_if_modified(|since| {
            let unknown = since.is_none();
            if unknown {
                *since = Some(Instant::now());
            }
            unknown
        });
        if began {
            tracing::warn!(error = with_causes(cause), "connection to the database lost");
            tokio::spawn(watch(self.since.clone(), self.config.clone()));
        }
        began
    }

    /// Returns when the server is believed to be there, or [`Error::Away`].
    pub async fn wait(&self) -> Result<(), Error> {
        let mut state = self.since.subscribe();
        let Some(since) = *state.borrow() else {
            return Ok(());
        };
        // The name says to the ledger that this is waiting, not work.
        let mut span = global::tracer(SCOPE).start("acquire connection");
        if time::timeout_at(since + PATIENCE, state.wait_for(Option::is_none)).await.is_err() {
            span.set_status(Status::error(Error::Away.to_string()));
            return Err(Error::Away);
        }
        Ok(())
    }
}

async fn watch(since: Arc<watch::Sender<Option<Instant>>>, config: Config) {
    while !answers(&config).await {
        time::sleep(PROBE_INTERVAL).await;
    }
    if let Some(since) = since.send_replace(None) {
        let outage_ms = since.elapsed().as_millis() as u64;
        tracing::info!(outage_ms, "the database takes connections");
    }
}

/// Connects and leaves again, untraced. A server that answers, be it with a refusal, is there.
async fn answers(config: &Config) -> bool {
    match time::timeout(PROBE_TIMEOUT, config.connect(NoTls)).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => !Error::from(error).lost_connection(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody listens there, so the outage does not end.
    fn away() -> Outage {
        Outage::new("postgres://shop@127.0.0.1:1/shop".parse().unwrap())
    }

    #[tokio::test]
    async fn begins_once() {
        let outage = away();
        outage.wait().await.unwrap();
        assert!(outage.begin(&Error::NoAnswer));
        assert!(!outage.begin(&Error::NoAnswer));
    }

    #[tokio::test]
    async fn patience_ends_for_all_at_once() {
        let outage = away();
        outage.begin(&Error::NoAnswer);
        let start = Instant::now();
        let (first, second) = tokio::join!(outage.wait(), outage.wait());
        assert!(matches!((first, second), (Err(Error::Away), Err(Error::Away))));
        assert!((PATIENCE..PATIENCE * 2).contains(&start.elapsed()));
        let late = Instant::now();
        assert!(matches!(outage.wait().await, Err(Error::Away)));
        assert!(late.elapsed() < PROBE_TIMEOUT);
    }
}
