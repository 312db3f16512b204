//! Queries and transactions, and running them again.

use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{Pool, PoolError, TimeoutType};
use tokio::time;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::budget::Budget;
use super::connection::{Connection, Connector, Transaction};
use super::error::Error as DatabaseError;
use super::metrics::PoolMetrics;
use super::outage::Outage;
use crate::error::Error;
use crate::labs;

/// Attempts at one query or transaction. An outage costs one, however long: see [`Outage`].
const MAX_ATTEMPTS: u32 = 5;

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Runs queries and transactions, and runs them again if the connection was lost or they lost a
/// race, within the budget for retries. The spans of a further attempt have the same parent and say
/// which attempt it is. A call that is dropped takes its statement with it.
#[derive(Clone)]
pub struct Database(Arc<Shared>);

pub(super) struct Shared {
    pub pool: Pool<Connector>,
    pub outage: Outage,
    pub retries: Budget,
    pub metrics: PoolMetrics,
}

impl Database {
    pub(super) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// The rows that a statement without side effects gives.
    pub async fn select(
        &self,
        sql: &str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        if let Some((sql, seconds)) = labs::slow_down(sql, arguments.len()) {
            let arguments = [arguments, &[&seconds as &(dyn ToSql + Sync)]].concat();
            return self.execute(&sql, &arguments).await;
        }
        self.execute(sql, arguments).await
    }

    /// The rows of the ids, which the statement takes as an array in `$1`.
    pub async fn select_by_id(&self, sql: &str, ids: &[&str]) -> Result<Vec<Row>, Error> {
        let mut all = Vec::with_capacity(ids.len());
        for batch in labs::batches(ids) {
            all.append(&mut self.select(sql, &[&batch]).await?);
        }
        Ok(all)
    }

    /// Runs a statement that may be run twice.
    pub async fn execute(
        &self,
        sql: &str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let mut attempts = Attempts::begin(&self.0);
        loop {
            let outcome = self.execute_once(attempts.number, sql, arguments).await;
            if let Some(outcome) = attempts.settle(outcome).await {
                return outcome;
            }
        }
    }

    /// Does the work in a transaction. If the connection is lost at the commit, nobody knows whether
    /// it was done; the work is done again all the same, so it must begin with a row of a unique key
    /// that was chosen before: the second one meets the first.
    pub async fn transact<W: Work>(&self, work: W) -> Result<W::Output, Error> {
        let mut attempts = Attempts::begin(&self.0);
        loop {
            let outcome = self.transact_once(attempts.number, &work).await;
            if let Some(outcome) = attempts.settle(outcome).await {
                return outcome;
            }
        }
    }

    /// Closes all connections; those in use as soon as they are given back.
    pub fn close(&self) {
        self.0.pool.close();
    }

    async fn execute_once(
        &self,
        attempt: u32,
        sql: &str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let mut connection = self.acquire(attempt).await?;
        let _using = self.0.metrics.using();
        Ok(connection.query(sql, arguments).await?)
    }

    async fn transact_once<W: Work>(&self, attempt: u32, work: &W) -> Result<W::Output, Error> {
        let mut connection = self.acquire(attempt).await?;
        let _using = self.0.metrics.using();
        let mut transaction = connection.begin().await?;
        match work.within(&mut transaction).await {
            Ok(done) => {
                transaction.commit().await?;
                Ok(done)
            }
            Err(error) => {
                transaction.roll_back().await;
                Err(error)
            }
        }
    }

    async fn acquire(&self, attempt: u32) -> Result<Connection, DatabaseError> {
        let Shared { pool, outage, metrics, .. } = &*self.0;
        outage.wait().await?;
        let spans = &pool.manager().spans;
        let _waiting = metrics.waiting();
        let span = spans.start("pool.acquire");
        let got = span.run(pool.get()).await.map_err(|error| match error {
            PoolError::Backend(error) => error,
            PoolError::Timeout(TimeoutType::Wait) => {
                metrics.timed_out();
                DatabaseError::Busy
            }
            // Connecting took too long, or the pool is closed because the service ends.
            _ => DatabaseError::NoAnswer,
        });
        span.end(&got);
        Ok(Connection::new(got?, spans.clone(), attempt))
    }
}

/// What is done in one transaction, maybe more than once.
pub trait Work: Sync {
    type Output: Send;

    /// Does it. On an error the transaction is rolled back.
    fn within(
        &self,
        transaction: &mut Transaction<'_>,
    ) -> impl Future<Output = Result<Self::Output, Error>> + Send;
}

/// The attempts at one query or transaction.
struct Attempts<'a> {
    database: &'a Shared,
    /// 0 is the first.
    number: u32,
    pause: Duration,
}

impl<'a> Attempts<'a> {
    fn begin(database: &'a Shared) -> Self {
        database.retries.earn();
        Self { database, number: 0, pause: FIRST_PAUSE }
    }

    /// The outcome, or none after a pause if it is to be tried again.
    async fn settle<T>(&mut self, outcome: Result<T, Error>) -> Option<Result<T, Error>> {
        let error = match outcome {
            Err(Error::Database(error)) => error,
            settled => return Some(settled),
        };
        if !self.may_repeat(&error) || self.number + 1 == MAX_ATTEMPTS {
            return Some(Err(error.into()));
        }
        // Half as much more or less, so that calls which failed together come back one by one.
        time::sleep(self.pause.mul_f64(rand::random_range(0.5..1.5))).await;
        self.pause = (self.pause * 3 / 2).min(LONGEST_PAUSE);
        self.number += 1;
        None
    }

    /// Whether another attempt may do better and can be afforded.
    fn may_repeat(&self, error: &DatabaseError) -> bool {
        let Shared { pool, outage, retries, .. } = self.database;
        if error.lost_connection() {
            if outage.begin(error) {
                // The other connections are as dead, most likely: nobody should have to find out.
                pool.retain(|_, _| false);
            }
        } else if !error.lost_race() {
            return false;
        }
        retries.spend()
    }
}
