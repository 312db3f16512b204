use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;

use super::{DELAY_MS, Kind, record};

const SLOW_SQL: Kind = Kind { key: "hopwatch.lab.slow-sql", unit: "ms", most: 10_000 };

/// A call whose first SELECT is to be slow.
struct SlowSql {
    milliseconds: u32,
    done: AtomicBool,
}

pub(super) fn obey(context: Context, service: &str, method: &str) -> Context {
    match SLOW_SQL.asked(&context, service, method) {
        Some(milliseconds) => {
            context.with_value(Arc::new(SlowSql { milliseconds, done: AtomicBool::new(false) }))
        }
        None => context,
    }
}

/// For the first SELECT of a call of this lab: a statement that gives the same rows but takes
/// longer inside Postgres, and the argument in seconds that it takes after the `arguments` of `sql`.
pub fn slow_down(sql: &str, arguments: usize) -> Option<(String, f64)> {
    let milliseconds = Context::map_current(|context| {
        let call = context.get::<Arc<SlowSql>>()?;
        let first = !call.done.swap(true, Ordering::Relaxed);
        first.then(|| {
            record(&context.span(), "slow-sql", DELAY_MS, call.milliseconds);
            call.milliseconds
        })
    })?;
    let (name, body) = sql.split_once('\n')?;
    // A subquery that depends on no row runs once, however many rows there are.
    let slow = format!(
        "{name}\nSELECT * FROM (\n{body}\n) AS rows\nWHERE (SELECT pg_sleep(${})) IS NOT NULL",
        arguments + 1
    );
    Some((slow, f64::from(milliseconds) / 1000.0))
}

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;
    use opentelemetry::baggage::BaggageExt;

    use super::*;

    const STATEMENT: &str = "-- SELECT products\nSELECT id\nFROM products\nWHERE id > $1";

    fn asked(value: &'static str) -> Context {
        let context = Context::new().with_baggage([KeyValue::new(SLOW_SQL.key, value)]);
        obey(context, "shop-orders", "shop.Orders/PlaceOrder")
    }

    #[test]
    fn slows_the_first_statement_down() {
        let _guard = asked("shop-orders/PlaceOrder:80ms").attach();
        let (slow, seconds) = slow_down(STATEMENT, 1).unwrap();
        let want = "-- SELECT products\nSELECT * FROM (\nSELECT id\nFROM products\nWHERE id > $1\n\
                    ) AS rows\nWHERE (SELECT pg_sleep($2)) IS NOT NULL";
        assert_eq!((slow.as_str(), seconds), (want, 0.08));
        assert_eq!(slow_down(STATEMENT, 1), None);
    }

    #[test]
    fn leaves_other_calls_alone() {
        for value in ["shop-orders/GetOrder:80ms", "shop-orders:lots"] {
            let _guard = asked(value).attach();
            assert_eq!(slow_down(STATEMENT, 1), None);
        }
    }
}
