//! Sends traces, metrics and logs by OTLP. Losing telemetry never fails a request.

mod console;
mod exporters;

use std::io;
use std::thread;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::global;
use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use uuid::Uuid;

/// What the service calls itself in telemetry and labs.
pub const SERVICE_NAME: &str = "shop-orders";

/// What the service says of itself while it runs.
pub struct Telemetry {
    traces: SdkTracerProvider,
    metrics: SdkMeterProvider,
    logs: SdkLoggerProvider,
}

impl Telemetry {
    /// Makes the providers of the process, and the log, which goes to stdout and to OTLP. It does
    /// not wait for the collector. The exporters work in the tokio runtime that this is called in.
    pub fn start(version: &str) -> Result<Self, ExporterBuildError> {
        let resource = describe(version);
        let telemetry = Self {
            traces: exporters::traces(resource.clone())?,
            metrics: exporters::metrics(resource.clone())?,
            logs: exporters::logs(resource)?,
        };
        global::set_tracer_provider(telemetry.traces.clone());
        global::set_meter_provider(telemetry.metrics.clone());
        global::set_text_map_propagator(TextMapCompositePropagator::new(vec![
            Box::new(TraceContextPropagator::new()),
            Box::new(BaggagePropagator::new()),
        ]));
        let sent =
            OpenTelemetryTracingBridge::new(&telemetry.logs).with_filter(console::own_targets());
        let subscriber = tracing_subscriber::registry().with(console::layer(io::stdout)).with(sent);
        // Whoever was there before, in a test, stays.
        let _ = tracing::subscriber::set_global_default(subscriber);
        Ok(telemetry)
    }

    /// Sends what is left of all three, side by side, within the time. Must not be called on a
    /// thread of the runtime.
    pub fn shutdown(self, limit: Duration) {
        let Self { traces, metrics, logs } = self;
        thread::scope(|ending| {
            ending.spawn(|| tell(traces.shutdown_with_timeout(limit)));
            ending.spawn(|| tell(metrics.shutdown_with_timeout(limit)));
            ending.spawn(|| tell(logs.shutdown_with_timeout(limit)));
        });
    }
}

fn tell(outcome: OTelSdkResult) {
    if let Err(error) = outcome {
        tracing::warn!(error = error.to_string(), "the last telemetry was not sent");
    }
}

fn describe(version: &str) -> Resource {
    let compiler = env!("RUSTC_VERSION");
    let mut about = vec![
        KeyValue::new("process.pid", i64::from(std::process::id())),
        KeyValue::new("process.runtime.name", "rustc"),
        KeyValue::new("process.runtime.version", compiler.split(' ').nth(1).unwrap_or_default()),
        KeyValue::new("process.runtime.description", compiler),
        KeyValue::new("service.name", SERVICE_NAME),
        KeyValue::new("service.version", version.to_owned()),
    ];
    if let Ok(host) = hostname::get() {
        about.push(KeyValue::new("host.name", host.to_string_lossy().into_owned()));
    }
    Resource::builder_empty()
        // Whoever starts the service may say which instance it is, to add what it measures from
        // outside; all else the service knows better.
        .with_attribute(KeyValue::new("service.instance.id", Uuid::now_v7().to_string()))
        .with_detectors(&[
            Box::new(EnvResourceDetector::new()),
            Box::new(TelemetryResourceDetector),
        ])
        .with_attributes(about)
        .build()
}

#[cfg(test)]
mod tests {
    use opentelemetry::Key;

    use super::*;

    #[test]
    fn the_service_says_who_it_is() {
        let resource = describe("1.2+rust");
        let told = |key: &'static str| resource.get(&Key::from(key)).map(|value| value.to_string());
        assert_eq!(told("service.name").as_deref(), Some(SERVICE_NAME));
        assert_eq!(told("service.version").as_deref(), Some("1.2+rust"));
        assert_eq!(told("telemetry.sdk.language").as_deref(), Some("rust"));
        assert_eq!(told("process.runtime.name").as_deref(), Some("rustc"));
        assert!(told("process.runtime.description").unwrap().starts_with("rustc 1."));
        for key in ["service.instance.id", "host.name", "process.pid", "telemetry.sdk.version"] {
            assert!(told(key).is_some_and(|value| !value.is_empty()), "{key}");
        }
    }
}
