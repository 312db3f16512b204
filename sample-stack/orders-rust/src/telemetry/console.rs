//! The log on stdout: one JSON object a line, with the trace and span that are active.

use std::fmt::{self, Debug};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{self as log, FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::{self, Filter};
use tracing_subscriber::registry::LookupSpan;

use super::SERVICE_NAME;

/// An absent collector fails every export: that is told this often.
const TROUBLE_INTERVAL: Duration = Duration::from_secs(60);

/// What the service itself says; of its libraries, it is for the console to tell.
pub(super) fn own_targets() -> Targets {
    Targets::new().with_target("shop_orders", LevelFilter::INFO)
}

/// The log on `out`.
pub(super) fn layer<S, W>(out: W) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + 'static + Send + Sync,
{
    log::layer().event_format(JsonLines).with_writer(out).with_filter(Sparing::default())
}

/// Lets through what the service says, and trouble of its libraries; trouble with telemetry once in
/// a while.
#[derive(Default)]
struct Sparing {
    told: Mutex<Option<Instant>>,
}

impl<S> Filter<S> for Sparing {
    fn enabled(&self, event: &Metadata<'_>, _: &layer::Context<'_, S>) -> bool {
        if event.target().starts_with("shop_orders") {
            return *event.level() <= Level::INFO;
        }
        if *event.level() > Level::WARN {
            return false;
        }
        !is_telemetry(event) || self.is_due(Instant::now())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }
}

impl Sparing {
    fn is_due(&self, now: Instant) -> bool {
        let Ok(mut told) = self.told.lock() else {
            return false;
        };
        let due = told.is_none_or(|told| now.duration_since(told) >= TROUBLE_INTERVAL);
        if due {
            *told = Some(now);
        }
        due
    }
}

fn is_telemetry(event: &Metadata<'_>) -> bool {
    event.target().starts_with("opentelemetry")
}

struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut line = Map::new();
        line.insert("time".into(), time.into());
        line.insert("level".into(), event.metadata().level().as_str().into());
        if is_telemetry(event.metadata()) {
            let cause = Value::Object(fields.others).to_string();
            line.insert("msg".into(), "telemetry fails; calls are not affected".into());
            line.insert("service".into(), SERVICE_NAME.into());
            line.insert("error".into(), format!("{} {cause}", fields.message).into());
        } else {
            line.insert("msg".into(), fields.message.into());
            line.insert("service".into(), SERVICE_NAME.into());
            line.append(&mut fields.others);
        }
        Context::map_current(|context| {
            let span = context.span();
            if span.span_context().is_valid() {
                let span = span.span_context();
                line.insert("trace_id".into(), span.trace_id().to_string().into());
                line.insert("span_id".into(), span.span_id().to_string().into());
            }
        });
        writeln!(writer, "{}", Value::Object(line))
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn set(&mut self, field: &Field, value: Value) {
        self.others.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.set(field, format!("{value:?}").into());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, PoisonError};

    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Output(Arc<Mutex<Vec<u8>>>);

    impl Write for Output {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(work: impl FnOnce()) -> Vec<Value> {
        let output = Output::default();
        let out = output.clone();
        let subscriber = tracing_subscriber::registry().with(layer(move || out.clone()));
        tracing::subscriber::with_default(subscriber, work);
        let text = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_has_the_active_trace() {
        let span = SpanContext::new(
            TraceId::from(1),
            SpanId::from(2),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        );
        let lines = logged(|| {
            {
                let _active = Context::new().with_remote_span_context(span).attach();
                tracing::warn!("rpc.method" = "Stock/GetStock", duration_ms = 1.5, "call \"it\"");
            }
            tracing::info!(labs = true, "outside");
            tracing::debug!("not told");
        });
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["level"], "WARN");
        assert_eq!(lines[0]["msg"], "call \"it\"");
        assert_eq!(lines[0]["service"], SERVICE_NAME);
        assert_eq!(lines[0]["rpc.method"], "Stock/GetStock");
        assert_eq!(lines[0]["duration_ms"], 1.5);
        assert_eq!(lines[0]["trace_id"], "00000000000000000000000000000001");
        assert_eq!(lines[0]["span_id"], "0000000000000002");
        assert_eq!((&lines[1]["labs"], lines[1].get("trace_id")), (&Value::Bool(true), None));
    }

    #[test]
    fn lost_telemetry_is_told_once_in_a_while() {
        let lines = logged(|| {
            for _ in 0..3 {
                tracing::warn!(target: "opentelemetry-otlp", reason = "refused", "export failed");
                tracing::warn!(target: "tonic", "not well");
                tracing::info!(target: "tonic", "well");
            }
        });
        let told: Vec<_> = lines.iter().map(|line| line["msg"].as_str().unwrap()).collect();
        let trouble = "telemetry fails; calls are not affected";
        assert_eq!(told, [trouble, "not well", "not well", "not well"]);
        assert_eq!(lines[0]["error"], r#"export failed {"reason":"refused"}"#);
        let sparing = Sparing::default();
        let start = Instant::now();
        let due = (0..150).filter(|second| sparing.is_due(start + Duration::from_secs(*second)));
        assert_eq!(due.count(), 3);
    }
}
