//! Authorises payments. There is no bank behind it: what it declines is decided by the amount and
//! by a test address, as the sandboxes of payment providers do.

use uuid::Uuid;

use crate::error::Error;
use crate::money::Money;
use crate::postgres::{Database, Transaction};

/// Above it the bank would want to talk to the customer.
const LIMIT_MINOR_UNITS: i64 = 10_000_00;

/// Payments of name+declined@example.com are declined.
const DECLINED_TAG: &str = "+declined@";

const INSERT_PAYMENT: &str = "-- INSERT payments
INSERT INTO payments (id, order_id, amount_minor_units, currency, status)
VALUES ($1, $2, $3, $4, 'authorised')";

const INSERT_DECLINED: &str = "-- INSERT payments
INSERT INTO payments (id, order_id, amount_minor_units, currency, status)
VALUES ($1, $2, $3, $4, 'declined')
ON CONFLICT (id) DO NOTHING";

/// What is recorded of a charge for an order.
#[derive(Clone, Debug)]
pub struct Payment {
    pub id: Uuid,
    pub order_id: Uuid,
    pub amount: Money,
}

/// Keeps its records in the database.
#[derive(Clone)]
pub struct Payments {
    database: Database,
}

impl Payments {
    /// The payments in the database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// A payment for [`record`](Self::record), unless it is declined, which is recorded here.
    pub async fn authorise(
        &self,
        order_id: Uuid,
        amount: &Money,
        customer_email: &str,
    ) -> Result<Payment, Error> {
        let payment = Payment { id: Uuid::now_v7(), order_id, amount: amount.clone() };
        let Some(reason) = reason_to_decline(amount, customer_email) else {
            return Ok(payment);
        };
        let Payment { id, order_id, amount } = &payment;
        let arguments: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [id, order_id, &amount.minor_units, &amount.currency];
        self.database.execute(INSERT_DECLINED, &arguments).await?;
        Err(Error::Refused(format!("the payment was declined: {reason}")))
    }

    /// Writes the payment as part of the transaction that writes its order, so that neither is
    /// there without the other, whatever happens to this process.
    pub async fn record(
        &self,
        transaction: &mut Transaction<'_>,
        payment: &Payment,
    ) -> Result<(), Error> {
        let Payment { id, order_id, amount } = payment;
        let Money { currency, minor_units } = amount;
        transaction.query(INSERT_PAYMENT, &[id, order_id, minor_units, currency]).await?;
        Ok(())
    }
}

fn reason_to_decline(amount: &Money, customer_email: &str) -> Option<String> {
    if amount.minor_units > LIMIT_MINOR_UNITS {
        let limit = Money { minor_units: LIMIT_MINOR_UNITS, ..amount.clone() };
        Some(format!("{amount} is above the limit of {limit}"))
    } else if customer_email.contains(DECLINED_TAG) {
        Some("this is a test address that is always declined".into())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declines_what_the_bank_would() {
        let reason = |minor_units, email| {
            reason_to_decline(&Money { currency: "EUR".into(), minor_units }, email)
        };
        assert_eq!(reason(10_000_00, "ann@example.com"), None);
        let limit = "10000.01 EUR is above the limit of 10000.00 EUR";
        assert_eq!(reason(10_000_01, "ann@example.com").as_deref(), Some(limit));
        assert!(reason(12_50, "ann+declined@example.com").unwrap().contains("test address"));
    }
}
