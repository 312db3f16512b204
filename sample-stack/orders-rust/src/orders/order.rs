//! What an order is, and the rules of a request for one.

use std::collections::{BTreeMap, HashSet};
use std::time::SystemTime;

use uuid::Uuid;

use crate::error::Error;
use crate::money::Money;
use crate::product_id;

const MAX_LINES: usize = 50;
const MAX_QUANTITY: i32 = 99;

/// A quantity of one product. The name and the price are those of the moment of ordering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub product_id: String,
    pub product_name: String,
    pub quantity: i32,
    pub unit_price: Money,
}

/// What a customer bought. An order that exists is paid and its stock is reserved.
#[derive(Clone, Debug)]
pub struct Order {
    pub id: Uuid,
    pub idempotency_key: Uuid,
    pub payment_id: Uuid,
    pub customer_email: String,
    pub lines: Vec<Line>,
    pub total: Money,
    pub placed_at: SystemTime,
}

/// Asks for an order: quantities by product id, at most one line a product.
#[derive(Clone, Debug)]
pub struct Request {
    pub idempotency_key: Uuid,
    pub customer_email: String,
    pub lines: Vec<(String, i32)>,
    pub expected_total: Money,
}

impl Order {
    /// Whether the order is what the request asks for.
    pub(super) fn answers(&self, request: &Request) -> bool {
        let ours: BTreeMap<_, _> =
            self.lines.iter().map(|line| (line.product_id.as_str(), line.quantity)).collect();
        let theirs: BTreeMap<_, _> =
            request.lines.iter().map(|(id, quantity)| (id.as_str(), *quantity)).collect();
        self.customer_email == request.customer_email
            && self.total == request.expected_total
            && ours == theirs
    }
}

impl Request {
    /// The product ids of the lines, in their order.
    pub(super) fn product_ids(&self) -> Vec<&str> {
        self.lines.iter().map(|(id, _)| id.as_str()).collect()
    }

    /// The most units of one product.
    pub(super) fn largest_quantity(&self) -> i32 {
        self.lines.iter().map(|(_, quantity)| *quantity).max().unwrap_or_default()
    }

    /// Tells the first rule of the contract that the request breaks.
    pub(super) fn validate(&self) -> Result<(), Error> {
        let count = self.lines.len();
        if !(1..=MAX_LINES).contains(&count) {
            return Err(Error::Invalid(format!(
                "{count} lines given; an order has 1 to {MAX_LINES}"
            )));
        }
        let mut seen = HashSet::with_capacity(count);
        for (place, (id, quantity)) in (1..).zip(&self.lines) {
            product_id::check(id)?;
            if !seen.insert(id) {
                return Err(Error::Invalid(format!(
                    "line {place}: product {id} is there already; add up the quantities"
                )));
            }
            if !(1..=MAX_QUANTITY).contains(quantity) {
                return Err(Error::Invalid(format!(
                    "line {place}: quantity is {quantity}; it must be 1 to {MAX_QUANTITY}"
                )));
            }
        }
        let Money { currency, minor_units } = &self.expected_total;
        if *minor_units < 1 || currency.len() != 3 {
            return Err(Error::Invalid(
                "expected_total must be a positive amount of a currency, as shown to the customer"
                    .into(),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn euros(minor_units: i64) -> Money {
        Money { currency: "EUR".into(), minor_units }
    }

    fn request(lines: &[(&str, i32)], expected_total: Money) -> Request {
        Request {
            idempotency_key: Uuid::nil(),
            customer_email: "ann@example.com".into(),
            lines: lines.iter().map(|(id, quantity)| ((*id).to_owned(), *quantity)).collect(),
            expected_total,
        }
    }

    #[test]
    fn requests_follow_the_rules() {
        let ids: Vec<String> = (0..51).map(|n| format!("p{n}")).collect();
        let many: Vec<(&str, i32)> = ids.iter().map(|id| (id.as_str(), 1)).collect();
        let unknown = Money { currency: String::new(), minor_units: 1 };
        for (name, request, valid) in [
            ("one line", request(&many[..1], euros(1)), true),
            ("50 lines", request(&many[..50], euros(1)), true),
            ("no line", request(&[], euros(1)), false),
            ("51 lines", request(&many, euros(1)), false),
            ("99 units", request(&[("p1", 99)], euros(1)), true),
            ("100 units", request(&[("p1", 100)], euros(1)), false),
            ("no unit", request(&[("p1", 0)], euros(1)), false),
            ("product twice", request(&[("p1", 1), ("p1", 1)], euros(1)), false),
            ("not a product id", request(&[("P 1", 1)], euros(1)), false),
            ("nothing to pay", request(&[("p1", 1)], euros(0)), false),
            ("no currency", request(&[("p1", 1)], unknown), false),
        ] {
            match request.validate() {
                Ok(()) => assert!(valid, "{name}"),
                Err(error) => assert!(matches!(error, Error::Invalid(_)) && !valid, "{name}"),
            }
        }
    }

    #[test]
    fn orders_answer_the_same_request() {
        let line = |id: &str, quantity| Line {
            product_id: id.into(),
            product_name: "Pan".into(),
            quantity,
            unit_price: euros(1),
        };
        let order = Order {
            id: Uuid::nil(),
            idempotency_key: Uuid::nil(),
            payment_id: Uuid::nil(),
            customer_email: "ann@example.com".into(),
            lines: vec![line("p1", 1), line("p2", 2)],
            total: euros(3),
            placed_at: SystemTime::UNIX_EPOCH,
        };
        let same = request(&[("p2", 2), ("p1", 1)], euros(3));
        assert!(order.answers(&same), "the same lines in another order are the same request");
        for (what, other) in [
            ("customer", Request { customer_email: "bob@example.com".into(), ..same.clone() }),
            ("total", request(&[("p2", 2), ("p1", 1)], euros(4))),
            ("quantity", request(&[("p2", 1), ("p1", 1)], euros(3))),
            ("product", request(&[("p2", 2), ("p3", 1)], euros(3))),
            ("a line less", request(&[("p2", 2)], euros(3))),
        ] {
            assert!(!order.answers(&other), "another {what} is a different request");
        }
    }
}
