//! One connection: statements with their spans, transactions, and what is left of it when a call
//! is dropped.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use deadpool::managed::{Manager, Metrics, Object, RecycleError, RecycleResult};
use tokio::runtime::Handle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Row, Statement};

use super::error::Error;
use super::spans::Spans;

/// Makes the pool's connections.
pub(super) struct Connector {
    pub config: Config,
    pub spans: Arc<Spans>,
}

/// What the pool keeps: a connection, and the statements that were prepared on it.
pub(super) struct Link {
    pub client: Client,
    prepared: HashMap<String, Statement>,
}

impl Manager for Connector {
    type Type = Link;
    type Error = Error;

    async fn create(&self) -> Result<Link, Error> {
        let span = self.spans.start("connect");
        let connected = self.config.connect(NoTls).await.map_err(Error::from);
        span.end(&connected);
        let (client, connection) = connected?;
        // How it ends is seen by whoever uses the client next.
        tokio::spawn(connection);
        Ok(Link { client, prepared: HashMap::new() })
    }

    async fn recycle(&self, link: &mut Link, _: &Metrics) -> RecycleResult<Error> {
        if link.client.is_closed() {
            return Err(RecycleError::message("the connection is closed"));
        }
        Ok(())
    }
}

/// A connection that the pool has lent for one attempt.
pub struct Connection {
    /// None only while it is dropped.
    link: Option<Object<Connector>>,
    spans: Arc<Spans>,
    /// 0 is the first.
    attempt: u32,
    /// Whether a statement or a transaction was begun and has not ended.
    unfinished: bool,
}

impl Connection {
    pub(super) fn new(link: Object<Connector>, spans: Arc<Spans>, attempt: u32) -> Self {
        Self { link: Some(link), spans, attempt, unfinished: false }
    }

    /// The rows that a statement gives.
    pub async fn query(
        &mut self,
        sql: &str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let statement = self.prepare(sql).await?;
        let Self { link, spans, attempt, unfinished } = self;
        let span = spans.statement(summary(sql).to_owned(), sql, *attempt);
        let before = mem::replace(unfinished, true);
        let rows = lent(link).client.query(&statement, arguments).await.map_err(Error::from);
        *unfinished = before;
        if let Ok(rows) = &rows {
            span.returned(rows.len());
        }
        span.end(&rows);
        rows
    }

    /// Begins a transaction.
    pub(super) async fn begin(&mut self) -> Result<Transaction<'_>, Error> {
        self.unfinished = true;
        self.control("BEGIN").await?;
        Ok(Transaction(self))
    }

    async fn prepare(&mut self, sql: &str) -> Result<Statement, Error> {
        let Self { link, spans, attempt, unfinished } = self;
        let link = lent(link);
        if let Some(statement) = link.prepared.get(sql) {
            return Ok(statement.clone());
        }
        let span = spans.statement(format!("PREPARE {}", summary(sql)), sql, *attempt);
        let before = mem::replace(unfinished, true);
        let prepared = link.client.prepare(sql).await.map_err(Error::from);
        *unfinished = before;
        span.end(&prepared);
        let statement = prepared?;
        link.prepared.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// BEGIN and the like.
    async fn control(&mut self, sql: &'static str) -> Result<(), Error> {
        let Self { link, spans, attempt, .. } = self;
        let span = spans.statement(sql.to_owned(), sql, *attempt);
        let done = lent(link).client.batch_execute(sql).await.map_err(Error::from);
        span.end(&done);
        done
    }
}

fn lent(link: &mut Option<Object<Connector>>) -> &mut Link {
    link.as_mut().expect("it is taken only by drop")
}

/// A call that was dropped in the middle leaves a connection that works on for nobody, so it is not
/// given back: its statement is cancelled, and its transaction ends with it.
impl Drop for Connection {
    fn drop(&mut self) {
        if !self.unfinished {
            return;
        }
        let Some(Link { client, .. }) = self.link.take().map(Object::take) else {
            return;
        };
        if let Ok(runtime) = Handle::try_current()
            && !client.is_closed()
        {
            runtime.spawn(async move {
                // If the server cannot be told, it finds out when the connection closes.
                let _ = client.cancel_token().cancel_query(NoTls).await;
            });
        }
    }
}

/// A transaction. Unless it is committed, none of it was done.
pub struct Transaction<'a>(&'a mut Connection);

impl Transaction<'_> {
    /// The rows that a statement gives.
    pub async fn query(
        &mut self,
        sql: &str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        self.0.query(sql, arguments).await
    }

    pub(super) async fn commit(self) -> Result<(), Error> {
        self.0.control("COMMIT").await?;
        self.0.unfinished = false;
        Ok(())
    }

    /// Does its best: a connection on which that fails is closed, which has the same effect.
    pub(super) async fn roll_back(self) {
        if self.0.control("ROLLBACK").await.is_ok() {
            self.0.unfinished = false;
        }
    }
}

/// What a statement does, such as "SELECT products": ours carry it as a comment in their first
/// line, where the server's logs and pg_stat_activity show it too.
fn summary(sql: &str) -> &str {
    let line = sql.lines().next().unwrap_or_default();
    line.strip_prefix("-- ").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_say_what_they_do() {
        assert_eq!(summary("-- INSERT orders\nINSERT INTO orders"), "INSERT orders");
        assert_eq!(summary("COMMIT"), "COMMIT");
    }
}
