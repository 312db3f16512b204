//! Connects to the shop's database, traces and measures what is asked of it, and gets calls over
//! its restarts.

mod budget;
mod connection;
mod database;
mod error;
mod metrics;
mod open;
mod outage;
mod spans;

pub use connection::{Connection, Transaction};
pub use database::{Database, Work};
pub use error::Error;
pub use open::OpenError;
