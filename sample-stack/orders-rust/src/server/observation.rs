//! The SERVER span, the log line and the duration of a call.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{HeaderMap, Request};
use opentelemetry::global::{self, BoxedTracer};
use opentelemetry::metrics::Histogram;
use opentelemetry::propagation::Extractor;
use opentelemetry::trace::{self, SpanKind, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::error::with_causes;

const SCOPE: &str = "shop_orders::server";

/// The buckets that the semantic conventions advise for calls, in seconds.
const SECONDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Observes the calls of one server.
pub(super) struct Observer {
    tracer: BoxedTracer,
    duration: Histogram<f64>,
    server: Vec<KeyValue>,
}

impl Observer {
    pub fn new(address: Option<SocketAddr>) -> Self {
        let duration = global::meter(SCOPE)
            .f64_histogram("rpc.server.call.duration")
            .with_description("Measures the duration of an incoming Remote Procedure Call (RPC).")
            .with_unit("s")
            .with_boundaries(SECONDS.to_vec())
            .build();
        let mut server = vec![KeyValue::new("rpc.system.name", "grpc")];
        if let Some(address) = address {
            server
                .push(KeyValue::new("server.address", Arc::<str>::from(address.ip().to_string())));
            server.push(KeyValue::new("server.port", i64::from(address.port())));
        }
        Self { tracer: global::tracer(SCOPE), duration, server }
    }
}

/// A call that has begun. If it is dropped before it is ended, nobody waits for its answer any more.
pub(super) struct Call {
    observer: Arc<Observer>,
    /// "package.Service/Method"
    method: String,
    context: Context,
    started: Instant,
    deadline: Option<Instant>,
    ended: bool,
}

impl Call {
    pub fn begin<B>(
        observer: Arc<Observer>,
        request: &Request<B>,
        deadline: Option<Instant>,
    ) -> Self {
        let method = request.uri().path().trim_start_matches('/').to_owned();
        let caller = global::get_text_map_propagator(|propagator| {
            propagator.extract_with_context(&Context::new(), &Headers(request.headers()))
        });
        let mut attributes = observer.server.clone();
        attributes.push(KeyValue::new("rpc.method", method.clone()));
        let span = observer
            .tracer
            .span_builder(method.clone())
            .with_kind(SpanKind::Server)
            .with_attributes(attributes)
            .start_with_context(&observer.tracer, &caller);
        let context = caller.with_span(span);
        Self { observer, method, context, started: Instant::now(), deadline, ended: false }
    }

    /// "package.Service/Method"
    pub fn method(&self) -> &str {
        &self.method
    }

    /// What the work for the call is done in.
    pub fn context(&self) -> Context {
        self.context.clone()
    }

    pub fn end(mut self, status: &Status) {
        self.ended = true;
        self.finish(status);
    }

    fn finish(&self, status: &Status) {
        let took = self.started.elapsed();
        let code = code_name(status.code());
        self.log(status, code, took.as_micros() as f64 / 1000.0);
        let outcome = KeyValue::new("rpc.response.status_code", code);
        let span = self.context.span();
        span.set_attribute(outcome.clone());
        if is_fault(status.code()) {
            span.set_status(trace::Status::error(status.message().to_owned()));
        }
        span.end();
        // Whoever makes methods up makes no time series.
        let known = status.code() != Code::Unimplemented;
        let method = if known { self.method.clone() } else { "_OTHER".to_owned() };
        let attributes = [
            KeyValue::new("rpc.system.name", "grpc"),
            KeyValue::new("rpc.method", method),
            outcome,
        ];
        self.observer.duration.record(took.as_secs_f64(), &attributes);
    }

    /// One line a call, with the cause if it failed.
    fn log(&self, status: &Status, code: &str, duration_ms: f64) {
        let _active = self.context.clone().attach();
        let cause = std::error::Error::source(status).map(with_causes);
        let error = cause.or_else(|| Some(status.message().to_owned()).filter(|m| !m.is_empty()));
        macro_rules! call {
            ($level:ident) => {
                tracing::$level!(
                    "rpc.method" = self.method,
                    "rpc.response.status_code" = code,
                    duration_ms,
                    error,
                    "call"
                )
            };
        }
        match status.code() {
            Code::Internal | Code::Unknown | Code::DataLoss | Code::Unavailable => call!(error),
            Code::DeadlineExceeded | Code::ResourceExhausted => call!(warn),
            _ => call!(info),
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let overdue = self.deadline.is_some_and(|deadline| deadline <= Instant::now());
        self.finish(&if overdue {
            Status::deadline_exceeded("the call took longer than its deadline")
        } else {
            Status::cancelled("the client has gone")
        });
    }
}

/// Whether the code says that the server failed, by the semantic conventions.
fn is_fault(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// The code's name in the gRPC specification.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// The headers of a request, for the propagators.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}
