//! Knows how many units of each product are at hand.

mod service;

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::error::Error;
use crate::postgres::{Database, Transaction};

pub use service::StockService;

/// Reads and reserves units in the database.
#[derive(Clone)]
pub struct Stock {
    database: Database,
}

const SELECT_LEVELS: &str = "-- SELECT stock_levels
SELECT product_id, units
FROM stock_levels
WHERE product_id = ANY ($1)";

// Rows are locked in the order of their ids, or else two orders of the same products could wait
// for each other.
const RESERVE_UNITS: &str = "-- UPDATE stock_levels
WITH wanted AS (
    SELECT * FROM unnest($1::text[], $2::integer[]) AS w (product_id, quantity)
),
locked AS MATERIALIZED (
    SELECT product_id FROM stock_levels
    WHERE product_id = ANY ($1)
    ORDER BY product_id
    FOR UPDATE
)
UPDATE stock_levels AS s
SET units = s.units - w.quantity
FROM locked
JOIN wanted AS w USING (product_id)
WHERE s.product_id = w.product_id AND s.units >= w.quantity
RETURNING s.product_id";

impl Stock {
    /// The stock in the database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// The units at hand of those of the products asked for that exist, by id.
    pub async fn levels(&self, ids: &[&str]) -> Result<HashMap<String, i32>, Error> {
        let rows = self.database.select_by_id(SELECT_LEVELS, ids).await?;
        let levels = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        Ok(levels.collect::<Result<_, tokio_postgres::Error>>()?)
    }

    /// Takes the quantities (by product id) from the stock as part of the transaction, which must
    /// be rolled back if there is too little of one.
    pub async fn reserve(
        &self,
        transaction: &mut Transaction<'_>,
        quantities: &BTreeMap<&str, i32>,
    ) -> Result<(), Error> {
        let (ids, wanted): (Vec<&str>, Vec<i32>) = quantities.iter().unzip();
        let rows = transaction.query(RESERVE_UNITS, &[&ids, &wanted]).await?;
        let reserved: HashSet<String> =
            rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        match ids.iter().find(|id| !reserved.contains(**id)) {
            Some(id) => Err(Error::Refused(format!("product {id} has just sold out"))),
            None => Ok(()),
        }
    }
}
