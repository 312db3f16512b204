//! The way of an order: checks, payment, and one transaction.

use std::collections::HashMap;
use std::time::SystemTime;

use uuid::Uuid;

use super::store::{Placement, Store};
use super::{Line, Order, Request};
use crate::catalog::{Catalog, Product};
use crate::error::{Error, quoted};
use crate::fraud::{self, Purchase};
use crate::money::Money;
use crate::payments::Payments;
use crate::stock::Stock;

/// Places and finds orders.
#[derive(Clone)]
pub struct Orders {
    pub store: Store,
    pub catalog: Catalog,
    pub stock: Stock,
    pub payments: Payments,
}

impl Orders {
    /// Checks the request, and writes order and payment, or leaves nothing behind. The same request
    /// with the same idempotency key gives the same order again.
    pub async fn place(&self, request: &Request) -> Result<Order, Error> {
        request.validate()?;
        if let Some(placed) = self.store.by_idempotency_key(request.idempotency_key).await? {
            return replay(placed, request);
        }
        let error = match self.place_new(request).await {
            Ok(order) => return Ok(order),
            Err(error) => error,
        };
        // The same request may have been faster (and have taken the last units), or ours may have
        // been done by a commit whose answer was lost.
        let faster = match &error {
            Error::Refused(_) => true,
            Error::Database(error) => error.is_duplicate(),
            _ => false,
        };
        if faster
            && let Some(placed) = self.store.by_idempotency_key(request.idempotency_key).await?
        {
            return replay(placed, request);
        }
        Err(error)
    }

    /// Places an order of which nothing is known.
    async fn place_new(&self, request: &Request) -> Result<Order, Error> {
        let lines = self.check(request).await?;
        let (id, total) = (Uuid::now_v7(), &request.expected_total);
        let payment = self.payments.authorise(id, total, &request.customer_email).await?;
        let mut order = Order {
            id,
            idempotency_key: request.idempotency_key,
            payment_id: payment.id,
            customer_email: request.customer_email.clone(),
            lines,
            total: total.clone(),
            // The database will say.
            placed_at: SystemTime::UNIX_EPOCH,
        };
        let Self { payments, stock, .. } = self;
        let placement = Placement { order: &order, payment: &payment, payments, stock };
        order.placed_at = self.store.insert(placement).await?;
        Ok(order)
    }

    /// Looks at prices, stock and fraud side by side. If several refuse, the answer does not depend
    /// on which was first.
    async fn check(&self, request: &Request) -> Result<Vec<Line>, Error> {
        let ids = request.product_ids();
        let (products, levels, recent) = tokio::try_join!(
            self.catalog.lookup(&ids),
            self.stock.levels(&ids),
            self.store.recent_orders(&request.customer_email, fraud::WINDOW),
        )?;
        let lines = price(request, &products)?;
        for Line { product_id, product_name, quantity, .. } in &lines {
            let units = levels.get(product_id).copied().unwrap_or_default();
            if units < *quantity {
                return Err(Error::Refused(format!(
                    "{product_name} ({product_id}): {quantity} wanted, {units} in stock"
                )));
            }
        }
        let purchase = Purchase {
            customer_email: &request.customer_email,
            total_minor_units: request.expected_total.minor_units,
            largest_quantity: request.largest_quantity(),
        };
        let verdict = fraud::judge(purchase, recent);
        if verdict.refused() {
            let reasons = verdict.reasons.join(", ");
            return Err(Error::Refused(format!("the order looks fraudulent: {reasons}")));
        }
        Ok(lines)
    }
}

/// The lines of the request with names and prices, if they add up to what the customer was shown.
fn price(request: &Request, products: &HashMap<String, Product>) -> Result<Vec<Line>, Error> {
    let expected = &request.expected_total;
    let mut lines = Vec::with_capacity(request.lines.len());
    let mut total = Money { currency: expected.currency.clone(), minor_units: 0 };
    for (id, quantity) in &request.lines {
        let Some(Product { id, name, price, .. }) = products.get(id) else {
            return Err(Error::NotFound(format!("there is no product {id}")));
        };
        if price.currency != total.currency {
            let (sold, asked) = (&price.currency, quoted(&total.currency, 60));
            return Err(Error::Refused(format!("{id} is sold in {sold}, not in {asked}")));
        }
        total.minor_units += price.minor_units * i64::from(*quantity);
        lines.push(Line {
            product_id: id.clone(),
            product_name: name.clone(),
            quantity: *quantity,
            unit_price: price.clone(),
        });
    }
    if total != *expected {
        return Err(Error::Refused(format!("the total is {total} now, not {expected}")));
    }
    Ok(lines)
}

/// Answers a request whose idempotency key was used before.
fn replay(placed: Order, request: &Request) -> Result<Order, Error> {
    if placed.answers(request) {
        return Ok(placed);
    }
    let key = request.idempotency_key;
    Err(Error::AlreadyExists(format!("idempotency_key {key} was used for a different order")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(currency: &str, minor_units: i64) -> Money {
        Money { currency: currency.into(), minor_units }
    }

    fn products() -> HashMap<String, Product> {
        let product = |id: &str, name: &str, price| Product {
            id: id.into(),
            name: name.into(),
            description: String::new(),
            category: String::new(),
            price,
        };
        [
            product("p1", "Pan", money("EUR", 1050)),
            product("p2", "Lamp", money("EUR", 1)),
            product("p3", "Desk", money("SEK", 1)),
        ]
        .map(|product| (product.id.clone(), product))
        .into()
    }

    fn priced(lines: &[(&str, i32)], expected_total: Money) -> Result<Vec<Line>, Error> {
        let request = Request {
            idempotency_key: Uuid::nil(),
            customer_email: "ann@example.com".into(),
            lines: lines.iter().map(|(id, quantity)| ((*id).to_owned(), *quantity)).collect(),
            expected_total,
        };
        price(&request, &products())
    }

    #[test]
    fn lines_get_names_and_prices() {
        let lines = priced(&[("p1", 2), ("p2", 3)], money("EUR", 2103)).unwrap();
        assert_eq!((lines[0].product_name.as_str(), lines[0].quantity), ("Pan", 2));
        assert_eq!(lines[0].unit_price, money("EUR", 1050));
    }

    #[test]
    fn the_customer_pays_what_was_shown() {
        for (name, refused) in [
            ("was cheaper", priced(&[("p1", 2)], money("EUR", 2000))),
            ("was dearer", priced(&[("p1", 2)], money("EUR", 2200))),
            ("another currency", priced(&[("p1", 1), ("p3", 1)], money("EUR", 1051))),
        ] {
            assert!(matches!(refused, Err(Error::Refused(_))), "{name}");
        }
        let unknown = priced(&[("p4", 1)], money("EUR", 1));
        assert!(matches!(unknown, Err(Error::NotFound(_))));
    }
}
