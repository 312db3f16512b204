//! Faults that a request asks for by W3C baggage, so that trainings and tests know the truth about
//! a trace. Each lab is a file:
//!
//! ```text
//! hopwatch.lab.delay=<service>[/<method>]:<n>ms         the handler sleeps first
//! hopwatch.lab.slow-sql=<service>[/<method>]:<n>ms      the first SELECT is slow inside Postgres
//! hopwatch.lab.n-plus-one=<service>[/<method>]:<k>      one query per item instead of one for all
//! ```
//!
//! What was done is recorded on the SERVER span; a malformed request is recorded and has no other
//! effect.

mod delay;
mod n_plus_one;
mod slow_sql;

use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanRef, TraceContextExt};
use opentelemetry::{Context, KeyValue};

use crate::error::quoted;

pub use delay::sleep;
pub use n_plus_one::{again, batches};
pub use slow_sql::slow_down;

/// The attribute that names the lab that a call obeyed.
const NAME: &str = "hopwatch.lab.name";
/// The attribute that says what is wrong with a value in the baggage.
const ERROR: &str = "hopwatch.lab.error";
/// The attribute of the labs whose measure is milliseconds.
const DELAY_MS: &str = "hopwatch.lab.delay_ms";

/// A kind of lab: its key in the baggage, and how its measure is written.
struct Kind {
    key: &'static str,
    unit: &'static str,
    most: u32,
}

/// What a lab is asked for: a measure, such as 50 (ms), for calls of one service.
#[derive(Debug, PartialEq, Eq)]
struct Fault<'a> {
    service: &'a str,
    /// Empty: every one.
    method: &'a str,
    measure: u32,
}

/// The context of a call with the faults that its baggage asks for, for `method`
/// ("package.Service/Method") of `service`.
pub fn obey(context: Context, service: &str, method: &str) -> Context {
    let context = slow_sql::obey(context, service, method);
    n_plus_one::obey(context, service, method)
}

impl Kind {
    /// The measure that the baggage asks this call for, if any.
    fn asked(&self, context: &Context, service: &str, method: &str) -> Option<u32> {
        let value = context.baggage().get(self.key)?.as_str();
        let Some(fault) = self.parse(value) else {
            let Self { unit, most, .. } = self;
            let told =
                format!("{} is not <service>[/<method>]:<1..{most}>{unit}", quoted(value, 80));
            context.span().set_attribute(KeyValue::new(ERROR, told));
            return None;
        };
        fault.is_for(service, method).then_some(fault.measure)
    }

    /// Reads a value such as "shop-orders/PlaceOrder:50ms".
    fn parse<'a>(&self, value: &'a str) -> Option<Fault<'a>> {
        let (target, measure) = value.rsplit_once(':')?;
        let (service, method) = match target.split_once('/') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (target, ""),
        };
        let digits = measure.strip_suffix(self.unit)?;
        let spelled = !service.is_empty()
            && !service.contains(':')
            && !target.contains(char::is_whitespace)
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        let measure = digits.parse().ok().filter(|measure| *measure <= self.most)?;
        spelled.then_some(Fault { service, method, measure })
    }
}

impl Fault<'_> {
    fn is_for(&self, service: &str, method: &str) -> bool {
        let end = method.strip_suffix(self.method);
        self.service == service
            && (self.method.is_empty() || end.is_some_and(|s| s.is_empty() || s.ends_with('/')))
    }
}

fn record(span: &SpanRef<'_>, name: &'static str, key: &'static str, measure: u32) {
    span.set_attribute(KeyValue::new(NAME, name));
    span.set_attribute(KeyValue::new(key, i64::from(measure)));
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Kind = Kind { key: "hopwatch.lab.delay", unit: "ms", most: 10_000 };
    const COUNT: Kind = Kind { key: "hopwatch.lab.n-plus-one", unit: "", most: 200 };

    #[test]
    fn reads_what_is_asked() {
        for (value, service, method, measure) in [
            ("shop-orders:1ms", "shop-orders", "", 1),
            ("shop-orders/PlaceOrder:50ms", "shop-orders", "PlaceOrder", 50),
            (
                "shop-orders/shop.v1.Stock/GetStock:70ms",
                "shop-orders",
                "shop.v1.Stock/GetStock",
                70,
            ),
            ("shop-bff/api/orders/:id:10000ms", "shop-bff", "api/orders/:id", 10_000),
        ] {
            assert_eq!(DELAY.parse(value), Some(Fault { service, method, measure }), "{value}");
        }
        assert_eq!(COUNT.parse("shop-orders/GetStock:24").unwrap().measure, 24);
    }

    #[test]
    fn refuses_what_is_malformed() {
        for value in [
            "",
            "50ms",
            ":50ms",
            "shop-orders",
            "shop-orders:0ms",
            "shop-orders:10001ms",
            "shop-orders:99999999999ms",
            "shop-orders:-5ms",
            "shop-orders:+5ms",
            "shop-orders:5s",
            "shop-orders:5",
            "shop-orders:ms",
            "shop-orders/:5ms",
            "shop orders:5ms",
            "shop-orders:5ms ",
            "shop:orders:5ms",
            "shop-orders:05ms",
        ] {
            assert_eq!(DELAY.parse(value), None, "{value}");
        }
        for value in ["shop-orders:24ms", "shop-orders:201", "shop-orders:0", "shop-orders:"] {
            assert_eq!(COUNT.parse(value), None, "{value}");
        }
    }

    #[test]
    fn is_for_the_calls_that_were_meant() {
        let method = "hopwatch.shop.v1.Orders/PlaceOrder";
        for (asked, want) in [
            ("shop-orders:5ms", true),
            ("shop-orders/PlaceOrder:5ms", true),
            ("shop-orders/hopwatch.shop.v1.Orders/PlaceOrder:5ms", true),
            ("shop-orders/GetOrder:5ms", false),
            ("shop-orders/Order:5ms", false),
            ("shop-bff:5ms", false),
        ] {
            assert_eq!(DELAY.parse(asked).unwrap().is_for("shop-orders", method), want, "{asked}");
        }
    }
}
