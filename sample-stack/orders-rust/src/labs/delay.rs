use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;

use super::{DELAY_MS, Kind, record};

const DELAY: Kind = Kind { key: "hopwatch.lab.delay", unit: "ms", most: 10_000 };

/// Waits, if the call of `method` is asked to.
pub async fn sleep(context: &Context, service: &str, method: &str) {
    if let Some(milliseconds) = DELAY.asked(context, service, method) {
        record(&context.span(), "delay", DELAY_MS, milliseconds);
        tokio::time::sleep(Duration::from_millis(milliseconds.into())).await;
    }
}
