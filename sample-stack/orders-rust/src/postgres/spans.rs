//! Spans and durations of what the database is asked, by the semantic conventions.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use opentelemetry::global::{self, BoxedTracer};
use opentelemetry::metrics::Histogram;
use opentelemetry::trace::{FutureExt, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::error::Error;
use crate::error::with_causes;

/// The scope of this module's spans and metrics.
pub(super) const SCOPE: &str = "shop_orders::postgres";

/// The buckets that the semantic conventions advise for database clients, in seconds.
pub(super) const SECONDS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// What http.request.resend_count is for HTTP; the conventions for databases have no such attribute.
const RESEND_COUNT: &str = "hopwatch.resend_count";

/// Makes the CLIENT spans of one database.
pub(super) struct Spans {
    tracer: BoxedTracer,
    duration: Histogram<f64>,
    database: Vec<KeyValue>,
}

impl Spans {
    pub fn new(config: &Config) -> Self {
        let (host, port) = server(config);
        let duration = global::meter(SCOPE)
            .f64_histogram("db.client.operation.duration")
            .with_description("Duration of database client operations.")
            .with_unit("s")
            .with_boundaries(SECONDS.to_vec())
            .build();
        // Every span has them: they are shared, not copied.
        let database = vec![
            KeyValue::new("db.system.name", "postgresql"),
            KeyValue::new(
                "db.namespace",
                Arc::<str>::from(config.get_dbname().unwrap_or_default()),
            ),
            KeyValue::new("server.address", Arc::<str>::from(host)),
            KeyValue::new("server.port", i64::from(port)),
        ];
        Self { tracer: global::tracer(SCOPE), duration, database }
    }

    /// The span of something that is no statement.
    pub fn start(&self, name: &'static str) -> Running<'_> {
        self.begin(name, self.database.clone(), None)
    }

    /// The span of a statement, which is called by its summary.
    pub fn statement(&self, summary: String, sql: &str, attempt: u32) -> Running<'_> {
        let word = summary.split(' ').next().unwrap_or_default().to_owned();
        let operation = KeyValue::new("db.operation.name", word);
        let mut attributes = Vec::with_capacity(self.database.len() + 5);
        attributes.extend_from_slice(&self.database);
        attributes.push(KeyValue::new("db.query.text", sql.to_owned()));
        attributes.push(KeyValue::new("db.query.summary", summary.clone()));
        attributes.push(operation.clone());
        if attempt > 0 {
            attributes.push(KeyValue::new(RESEND_COUNT, i64::from(attempt)));
        }
        self.begin(summary, attributes, Some(operation))
    }

    fn begin(
        &self,
        name: impl Into<Cow<'static, str>>,
        attributes: Vec<KeyValue>,
        operation: Option<KeyValue>,
    ) -> Running<'_> {
        let builder = self.tracer.span_builder(name);
        let span =
            builder.with_kind(SpanKind::Client).with_attributes(attributes).start(&self.tracer);
        let context = Context::current_with_span(span);
        Running { spans: self, context, operation, started: Instant::now(), ended: false }
    }
}

/// A span that has begun. If it is dropped before it is ended, its call was cut off.
pub(super) struct Running<'a> {
    spans: &'a Spans,
    context: Context,
    /// Of a statement.
    operation: Option<KeyValue>,
    started: Instant,
    ended: bool,
}

impl Running<'_> {
    /// Does the work as part of the span, so that further spans are below it.
    pub async fn run<F: Future>(&self, work: F) -> F::Output {
        work.with_context(self.context.clone()).await
    }

    /// Tells how many rows there were.
    pub fn returned(&self, rows: usize) {
        let rows = KeyValue::new("db.response.returned_rows", rows as i64);
        self.context.span().set_attribute(rows);
    }

    pub fn end<T>(mut self, outcome: &Result<T, Error>) {
        self.ended = true;
        let Err(error) = outcome else {
            return self.finish(None);
        };
        let kind = match error.sql_state() {
            Some(state) => {
                let code = KeyValue::new("db.response.status_code", state.code().to_owned());
                self.context.span().set_attribute(code);
                state.code().to_owned()
            }
            None => "connection".to_owned(),
        };
        self.context.span().set_status(Status::error(with_causes(error)));
        self.finish(Some(kind));
    }

    fn finish(&self, error_type: Option<String>) {
        let span = self.context.span();
        let error_type = error_type.map(|kind| KeyValue::new("error.type", kind));
        if let Some(error_type) = &error_type {
            span.set_attribute(error_type.clone());
        }
        span.end();
        if let Some(operation) = &self.operation {
            let mut attributes = self.spans.database.clone();
            attributes.push(operation.clone());
            attributes.extend(error_type);
            self.spans.duration.record(self.started.elapsed().as_secs_f64(), &attributes);
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.context.span().set_status(Status::error("the call was cut off"));
            self.finish(Some("cancelled".to_owned()));
        }
    }
}

/// Where the database is, for people and for attributes.
pub(super) fn server(config: &Config) -> (String, u16) {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        Some(Host::Unix(folder)) => folder.display().to_string(),
        None => config.get_hostaddrs().first().map_or_else(String::new, ToString::to_string),
    };
    (host, config.get_ports().first().copied().unwrap_or(5432))
}
