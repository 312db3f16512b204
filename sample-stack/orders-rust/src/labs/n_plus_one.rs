use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;

use super::{Kind, record};

// No call asks for more items.
const N_PLUS_ONE: Kind = Kind { key: "hopwatch.lab.n-plus-one", unit: "", most: 200 };

const EXTRA_QUERIES: &str = "hopwatch.lab.extra_queries";

/// A call that is to ask for up to `most` items of each batch one by one.
struct NPlusOne {
    most: usize,
    extra: AtomicU32,
}

pub(super) fn obey(context: Context, service: &str, method: &str) -> Context {
    match N_PLUS_ONE.asked(&context, service, method) {
        Some(most) => {
            context.with_value(Arc::new(NPlusOne { most: most as usize, extra: 0.into() }))
        }
        None => context,
    }
}

/// The items as they are to be asked for, a query each: all together or, in a call of this lab, one
/// by one.
pub fn batches<T>(items: &[T]) -> Vec<&[T]> {
    let (singles, rest) = items.split_at(singled(items.len()));
    let mut batches: Vec<&[T]> = singles.chunks(1).collect();
    if !rest.is_empty() || singles.is_empty() {
        batches.push(rest);
    }
    count(batches.len() - 1);
    batches
}

/// Those of the items that are to be asked for once more, one by one, although a query gave all of
/// them already: none, except in a call of this lab.
pub fn again<T>(items: &[T]) -> &[T] {
    let singles = &items[..singled(items.len())];
    count(singles.len());
    singles
}

fn singled(items: usize) -> usize {
    let most = Context::map_current(|context| context.get::<Arc<NPlusOne>>().map(|call| call.most));
    most.map_or(0, |most| most.min(items))
}

fn count(extra: usize) {
    if extra == 0 {
        return;
    }
    Context::map_current(|context| {
        if let Some(call) = context.get::<Arc<NPlusOne>>() {
            let extra = extra as u32;
            // Batches of one call may run side by side.
            let before = call.extra.fetch_add(extra, Ordering::Relaxed);
            record(&context.span(), "n-plus-one", EXTRA_QUERIES, before + extra);
        }
    });
}

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;
    use opentelemetry::baggage::BaggageExt;

    use super::*;

    fn extra(asked: &'static str, work: impl FnOnce()) -> u32 {
        let context = Context::new().with_baggage([KeyValue::new(N_PLUS_ONE.key, asked)]);
        let context = obey(context, "shop-orders", "shop.Orders/PlaceOrder");
        let _guard = context.clone().attach();
        work();
        context.get::<Arc<NPlusOne>>().map_or(0, |call| call.extra.load(Ordering::Relaxed))
    }

    #[test]
    fn asks_one_by_one() {
        let ids = ["a", "b", "c"];
        for (asked, want, repeated, counted) in [
            ("shop-orders/GetStock:9", vec![&ids[..]], 0, 0),
            ("shop-orders:lots", vec![&ids[..]], 0, 0),
            ("shop-orders/PlaceOrder:1", vec![&ids[..1], &ids[1..]], 1, 2),
            ("shop-orders/PlaceOrder:2", vec![&ids[..1], &ids[1..2], &ids[2..]], 2, 4),
            ("shop-orders/PlaceOrder:200", vec![&ids[..1], &ids[1..2], &ids[2..]], 3, 5),
        ] {
            let extra = extra(asked, || {
                assert_eq!(batches(&ids), want, "{asked}");
                assert_eq!(again(&ids).len(), repeated, "{asked}");
                // Nothing to be asked for is nothing extra.
                assert_eq!(batches::<&str>(&[]), [&[] as &[&str]], "{asked}");
            });
            assert_eq!(extra, counted, "{asked}");
        }
    }
}
