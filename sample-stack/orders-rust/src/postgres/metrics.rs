//! The `db.client.connection.*` metrics of one pool.

use std::time::Instant;

use deadpool::managed::Pool;
use opentelemetry::metrics::{Counter, Histogram, Meter, UpDownCounter};
use opentelemetry::{KeyValue, global};

use super::connection::Connector;
use super::spans::{SCOPE, SECONDS, server};

/// What calls do with the pool.
pub(super) struct PoolMetrics {
    name: [KeyValue; 1],
    pending: UpDownCounter<i64>,
    timeouts: Counter<u64>,
    wait: Histogram<f64>,
    using: Histogram<f64>,
}

impl PoolMetrics {
    /// The metrics of the pool, whose size is reported whenever metrics are exported.
    pub fn new(pool: &Pool<Connector>) -> Self {
        let config = &pool.manager().config;
        let (host, port) = server(config);
        let name = format!("{host}:{port}/{}", config.get_dbname().unwrap_or_default());
        let name = KeyValue::new("db.client.connection.pool.name", name);
        let meter = global::meter(SCOPE);
        observe_size(&meter, pool, &name);
        let seconds = |metric: &'static str, description: &'static str| {
            let histogram = meter.f64_histogram(metric).with_description(description);
            histogram.with_unit("s").with_boundaries(SECONDS.to_vec()).build()
        };
        Self {
            name: [name],
            pending: meter
                .i64_up_down_counter("db.client.connection.pending_requests")
                .with_description("The number of current pending requests for an open connection.")
                .with_unit("{request}")
                .build(),
            timeouts: meter
                .u64_counter("db.client.connection.timeouts")
                .with_description(
                    "The number of connection timeouts that have occurred trying to obtain a connection from the pool.",
                )
                .with_unit("{timeout}")
                .build(),
            wait: seconds(
                "db.client.connection.wait_time",
                "The time it took to obtain an open connection from the pool.",
            ),
            using: seconds(
                "db.client.connection.use_time",
                "The time between borrowing a connection and returning it to the pool.",
            ),
        }
    }

    /// Counts a call that asks for a connection, until what it returns is dropped.
    pub fn waiting(&self) -> impl Drop {
        self.pending.add(1, &self.name);
        Timed { metrics: self, histogram: &self.wait, pending: 1, started: Instant::now() }
    }

    /// Measures how long a connection is used, until what it returns is dropped.
    pub fn using(&self) -> impl Drop {
        Timed { metrics: self, histogram: &self.using, pending: 0, started: Instant::now() }
    }

    pub fn timed_out(&self) {
        self.timeouts.add(1, &self.name);
    }
}

struct Timed<'a> {
    metrics: &'a PoolMetrics,
    histogram: &'a Histogram<f64>,
    /// How many pending requests it is counted as.
    pending: i64,
    started: Instant,
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        let Self { metrics, histogram, pending, started } = self;
        histogram.record(started.elapsed().as_secs_f64(), &metrics.name);
        if *pending > 0 {
            metrics.pending.add(-*pending, &metrics.name);
        }
    }
}

fn observe_size(meter: &Meter, pool: &Pool<Connector>, name: &KeyValue) {
    let state =
        |state: &'static str| [name.clone(), KeyValue::new("db.client.connection.state", state)];
    let (idle, used, of) = (state("idle"), state("used"), [name.clone()]);
    let observed = pool.clone();
    meter
        .i64_observable_up_down_counter("db.client.connection.count")
        .with_description(
            "The number of connections that are currently in state described by the `state` attribute.",
        )
        .with_unit("{connection}")
        .with_callback(move |observer| {
            let now = observed.status();
            observer.observe(now.available as i64, &idle);
            observer.observe(now.size.saturating_sub(now.available) as i64, &used);
        })
        .build();
    // Asked now, for a pool that is closed before the last export has no room at all.
    let limit = pool.status().max_size as i64;
    meter
        .i64_observable_up_down_counter("db.client.connection.max")
        .with_description("The maximum number of open connections allowed.")
        .with_unit("{connection}")
        .with_callback(move |observer| observer.observe(limit, &of))
        .build();
}
