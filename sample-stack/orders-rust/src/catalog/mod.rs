//! Knows the products of the shop and what they cost.

mod service;

use std::collections::HashMap;

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::error::Error;
use crate::labs;
use crate::money::Money;
use crate::postgres::Database;

pub use service::CatalogService;

/// One thing that the shop sells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    pub id: String,
    pub name: String,
    pub description: String,
    pub category: String,
    pub price: Money,
}

/// Reads products from the database.
#[derive(Clone)]
pub struct Catalog {
    database: Database,
}

const SELECT_PAGE: &str = "-- SELECT products
SELECT id, name, description, category, currency, price_minor_units
FROM products
WHERE id > $1
ORDER BY id
LIMIT $2";

const SELECT_CATEGORY_PAGE: &str = "-- SELECT products
SELECT id, name, description, category, currency, price_minor_units
FROM products
WHERE id > $1 AND category = $3
ORDER BY id
LIMIT $2";

const SELECT_BY_ID: &str = "-- SELECT products
SELECT id, name, description, category, currency, price_minor_units
FROM products
WHERE id = ANY ($1)";

const SELECT_RELATED: &str = "-- SELECT products
SELECT p.id, p.name, p.description, p.category, p.currency, p.price_minor_units
FROM (
    SELECT related_id, sum(weight) AS weight
    FROM related_products
    WHERE product_id = ANY ($1) AND related_id <> ALL ($1)
    GROUP BY related_id
) AS r
JOIN products AS p ON p.id = r.related_id
ORDER BY r.weight DESC, p.sales_rank
LIMIT $2";

const SELECT_BEST_SELLERS: &str = "-- SELECT products
SELECT id, name, description, category, currency, price_minor_units
FROM products
ORDER BY sales_rank
LIMIT $1";

const SELECT_CATEGORIES: &str = "-- SELECT categories
SELECT name
FROM categories
WHERE EXISTS (SELECT FROM products WHERE category = categories.name)
ORDER BY name";

impl Catalog {
    /// The catalog in the database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Up to `limit` products by id, from the one after the id given, of one category or, with an
    /// empty category, of all.
    async fn list(&self, category: &str, after: &str, limit: i64) -> Result<Vec<Product>, Error> {
        let page = if category.is_empty() {
            self.query(SELECT_PAGE, &[&after, &limit]).await?
        } else {
            self.query(SELECT_CATEGORY_PAGE, &[&after, &limit, &category]).await?
        };
        for product in labs::again(&page) {
            self.query(SELECT_BY_ID, &[&[&product.id].as_slice()]).await?;
        }
        Ok(page)
    }

    /// Those of the products asked for that exist, by id.
    pub async fn lookup(&self, ids: &[&str]) -> Result<HashMap<String, Product>, Error> {
        let rows = self.database.select_by_id(SELECT_BY_ID, ids).await?;
        let products = rows.iter().map(|row| Product::try_from(row).map(|p| (p.id.clone(), p)));
        Ok(products.collect::<Result<_, _>>()?)
    }

    /// Up to `limit` products that go with those given; what sells best for none.
    async fn recommend(&self, ids: &[String], limit: i64) -> Result<Vec<Product>, Error> {
        if ids.is_empty() {
            return self.query(SELECT_BEST_SELLERS, &[&limit]).await;
        }
        self.query(SELECT_RELATED, &[&ids, &limit]).await
    }

    /// The names of the categories that have products, in order.
    async fn categories(&self) -> Result<Vec<String>, Error> {
        let rows = self.database.select(SELECT_CATEGORIES, &[]).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
    }

    async fn query(
        &self,
        sql: &str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Product>, Error> {
        let rows = self.database.select(sql, arguments).await?;
        Ok(rows.iter().map(Product::try_from).collect::<Result<_, _>>()?)
    }
}

impl TryFrom<&Row> for Product {
    type Error = tokio_postgres::Error;

    fn try_from(row: &Row) -> Result<Self, Self::Error> {
        Ok(Self {
            id: row.try_get(0)?,
            name: row.try_get(1)?,
            description: row.try_get(2)?,
            category: row.try_get(3)?,
            price: Money { currency: row.try_get(4)?, minor_units: row.try_get(5)? },
        })
    }
}
