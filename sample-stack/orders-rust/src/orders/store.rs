//! Orders in the database.

use std::time::{Duration, SystemTime};

use tokio_postgres::Row;
use uuid::Uuid;

use super::{Line, Order};
use crate::error::Error;
use crate::fraud::Recent;
use crate::money::Money;
use crate::payments::{Payment, Payments};
use crate::postgres::{Database, Transaction, Work};
use crate::stock::Stock;

/// Keeps orders in the database.
#[derive(Clone)]
pub struct Store {
    database: Database,
}

const SELECT_BY_ID: &str = "-- SELECT orders
SELECT
    o.id, o.idempotency_key, o.payment_id, o.customer_email, o.currency, o.total_minor_units, o.placed_at,
    l.product_id, l.product_name, l.unit_price_minor_units, l.quantity
FROM orders AS o
JOIN order_lines AS l ON l.order_id = o.id
WHERE o.id = $1
ORDER BY l.position";

const SELECT_BY_KEY: &str = "-- SELECT orders
SELECT
    o.id, o.idempotency_key, o.payment_id, o.customer_email, o.currency, o.total_minor_units, o.placed_at,
    l.product_id, l.product_name, l.unit_price_minor_units, l.quantity
FROM orders AS o
JOIN order_lines AS l ON l.order_id = o.id
WHERE o.idempotency_key = $1
ORDER BY l.position";

const SELECT_RECENT: &str = "-- SELECT orders
SELECT count(*), coalesce(sum(total_minor_units), 0)::bigint
FROM orders
WHERE customer_email = $1 AND placed_at > now() - make_interval(secs => $2)";

const INSERT_ORDER: &str = "-- INSERT orders
INSERT INTO orders (id, idempotency_key, payment_id, customer_email, total_minor_units, currency, status)
VALUES ($1, $2, $3, $4, $5, $6, 'placed')
RETURNING placed_at";

const INSERT_LINES: &str = "-- INSERT order_lines
INSERT INTO order_lines (order_id, position, product_id, product_name, unit_price_minor_units, quantity)
SELECT $1, position, product_id, product_name, unit_price, quantity
FROM unnest($2::text[], $3::text[], $4::bigint[], $5::integer[])
    WITH ORDINALITY AS l (product_id, product_name, unit_price, quantity, position)";

impl Store {
    /// The orders in the database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Finds an order.
    pub async fn by_id(&self, id: Uuid) -> Result<Option<Order>, Error> {
        self.find(SELECT_BY_ID, id).await
    }

    /// Finds the order that was placed with the key.
    pub async fn by_idempotency_key(&self, key: Uuid) -> Result<Option<Order>, Error> {
        self.find(SELECT_BY_KEY, key).await
    }

    async fn find(&self, sql: &str, id: Uuid) -> Result<Option<Order>, Error> {
        let rows = self.database.select(sql, &[&id]).await?;
        Ok(order_of(&rows)?)
    }

    /// Sums up what a customer ordered within the window.
    pub async fn recent_orders(
        &self,
        customer_email: &str,
        window: Duration,
    ) -> Result<Recent, Error> {
        let seconds = window.as_secs_f64();
        let rows = self.database.select(SELECT_RECENT, &[&customer_email, &seconds]).await?;
        let Some(row) = rows.first() else {
            return Ok(Recent::default());
        };
        Ok(Recent { orders: row.try_get(0)?, minor_units: row.try_get(1)? })
    }

    /// Writes the order and its payment and takes its units from the stock, in one transaction, and
    /// tells when that was.
    pub async fn insert(&self, placement: Placement<'_>) -> Result<SystemTime, Error> {
        self.database.transact(placement).await
    }
}

/// What has to be written of an order, with the modules that write their part of it.
pub struct Placement<'a> {
    pub order: &'a Order,
    pub payment: &'a Payment,
    pub payments: &'a Payments,
    pub stock: &'a Stock,
}

/// The order goes first: its unique key makes a second attempt at the same order wait before it
/// holds any stock, and fail once the first has succeeded.
impl Work for Placement<'_> {
    type Output = SystemTime;

    async fn within(&self, transaction: &mut Transaction<'_>) -> Result<SystemTime, Error> {
        let Self { order, payment, payments, stock } = self;
        let placed_at = insert_order(transaction, order).await?;
        payments.record(transaction, payment).await?;
        let quantities =
            order.lines.iter().map(|line| (line.product_id.as_str(), line.quantity)).collect();
        stock.reserve(transaction, &quantities).await?;
        insert_lines(transaction, order).await?;
        Ok(placed_at)
    }
}

async fn insert_order(
    transaction: &mut Transaction<'_>,
    order: &Order,
) -> Result<SystemTime, Error> {
    let Order { id, idempotency_key, payment_id, customer_email, total, .. } = order;
    let Money { currency, minor_units } = total;
    let rows = transaction
        .query(
            INSERT_ORDER,
            &[id, idempotency_key, payment_id, customer_email, minor_units, currency],
        )
        .await?;
    Ok(rows[0].try_get(0)?)
}

async fn insert_lines(transaction: &mut Transaction<'_>, order: &Order) -> Result<(), Error> {
    let lines = &order.lines;
    let ids: Vec<_> = lines.iter().map(|line| line.product_id.as_str()).collect();
    let names: Vec<_> = lines.iter().map(|line| line.product_name.as_str()).collect();
    let prices: Vec<_> = lines.iter().map(|line| line.unit_price.minor_units).collect();
    let quantities: Vec<_> = lines.iter().map(|line| line.quantity).collect();
    transaction.query(INSERT_LINES, &[&order.id, &ids, &names, &prices, &quantities]).await?;
    Ok(())
}

/// The order that the rows tell of, a line each.
fn order_of(rows: &[Row]) -> Result<Option<Order>, tokio_postgres::Error> {
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let currency: String = row.try_get(4)?;
    let line = |row: &Row| {
        Ok(Line {
            product_id: row.try_get(7)?,
            product_name: row.try_get(8)?,
            unit_price: Money { currency: currency.clone(), minor_units: row.try_get(9)? },
            quantity: row.try_get(10)?,
        })
    };
    Ok(Some(Order {
        id: row.try_get(0)?,
        idempotency_key: row.try_get(1)?,
        payment_id: row.try_get(2)?,
        customer_email: row.try_get(3)?,
        lines: rows.iter().map(line).collect::<Result<_, _>>()?,
        total: Money { minor_units: row.try_get(5)?, currency: currency.clone() },
        placed_at: row.try_get(6)?,
    }))
}
