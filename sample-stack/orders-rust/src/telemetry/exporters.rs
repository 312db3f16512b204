//! The providers of the three signals, each with its exporter. They find the collector by
//! OTEL_EXPORTER_OTLP_ENDPOINT.

use std::time::Duration;

use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, MetricExporter, RetryPolicy, SpanExporter, WithExportConfig,
    WithTonicConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{self, BatchLogProcessor, SdkLoggerProvider};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{self, BatchSpanProcessor, SdkTracerProvider};

/// Spans and logs are on their way to whoever looks at them within a second.
const BATCH_DELAY: Duration = Duration::from_secs(1);
/// Enough for a burst of a thousand requests and more; beyond it telemetry is dropped, not requests.
const MAX_QUEUED_SPANS: usize = 16_384;
const MAX_QUEUED_LOGS: usize = 4_096;
const METRIC_INTERVAL: Duration = Duration::from_secs(5);

/// How long the same batch is sent again while the collector is away.
const PERSISTENCE: Duration = Duration::from_secs(60);

fn retry() -> RetryPolicy {
    RetryPolicy::default()
        // As often as PERSISTENCE allows.
        .with_max_retries(usize::MAX)
        .with_initial_delay(Duration::from_millis(500))
        .with_max_delay(Duration::from_secs(5))
}

pub(super) fn traces(resource: Resource) -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_retry_policy(retry())
        .with_timeout(PERSISTENCE)
        .build()?;
    let batches = trace::BatchConfigBuilder::default()
        .with_scheduled_delay(BATCH_DELAY)
        .with_max_queue_size(MAX_QUEUED_SPANS)
        .build();
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
    Ok(SdkTracerProvider::builder().with_resource(resource).with_span_processor(processor).build())
}

pub(super) fn metrics(resource: Resource) -> Result<SdkMeterProvider, ExporterBuildError> {
    // Metrics that were not taken are not sent again: the next ones say the same and more.
    let exporter = MetricExporter::builder()
        .with_tonic()
        .with_retry_policy(RetryPolicy::disabled())
        .with_timeout(METRIC_INTERVAL)
        .build()?;
    let reader = PeriodicReader::builder(exporter).with_interval(METRIC_INTERVAL).build();
    Ok(SdkMeterProvider::builder().with_resource(resource).with_reader(reader).build())
}

pub(super) fn logs(resource: Resource) -> Result<SdkLoggerProvider, ExporterBuildError> {
    let exporter = LogExporter::builder()
        .with_tonic()
        .with_retry_policy(retry())
        .with_timeout(PERSISTENCE)
        .build()?;
    let batches = logs::BatchConfigBuilder::default()
        .with_scheduled_delay(BATCH_DELAY)
        .with_max_queue_size(MAX_QUEUED_LOGS)
        .build();
    let processor = BatchLogProcessor::builder(exporter).with_batch_config(batches).build();
    Ok(SdkLoggerProvider::builder().with_resource(resource).with_log_processor(processor).build())
}
