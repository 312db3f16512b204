//! What can go wrong with the database, and what may be tried again.

use std::error::Error as _;
use std::io;

use tokio_postgres::error::SqlState;

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the database has been away for too long")]
    Away,
    #[error("all connections to the database are in use")]
    Busy,
    /// It could not be connected to in time, though the pool may have more connections.
    #[error("the database does not answer")]
    NoAnswer,
    #[error(transparent)]
    Postgres(#[from] tokio_postgres::Error),
}

impl Error {
    /// Whether the same request may succeed a little later: the server is away, starting, stopping
    /// or full, or the transaction kept losing races.
    pub fn is_unavailable(&self) -> bool {
        // Class 53 insufficient resources, 57 operator intervention.
        let in_trouble = |state: &SqlState| matches!(&state.code()[..2], "53" | "57");
        matches!(self, Self::Away)
            || self.lost_race()
            || self.lost_connection()
            || self.sql_state().is_some_and(in_trouble)
    }

    /// Whether a row was refused because there is one with the same unique key.
    pub fn is_duplicate(&self) -> bool {
        self.sql_state() == Some(&SqlState::UNIQUE_VIOLATION)
    }

    pub(super) fn lost_race(&self) -> bool {
        let state = self.sql_state();
        state == Some(&SqlState::T_R_SERIALIZATION_FAILURE)
            || state == Some(&SqlState::T_R_DEADLOCK_DETECTED)
    }

    /// Whether the server is away, or has at least ended this connection.
    pub(super) fn lost_connection(&self) -> bool {
        let error = match self {
            Self::NoAnswer => return true,
            Self::Away | Self::Busy => return false,
            Self::Postgres(error) => error,
        };
        match error.code() {
            Some(state) => {
                *state == SqlState::ADMIN_SHUTDOWN
                    || *state == SqlState::CRASH_SHUTDOWN
                    || *state == SqlState::CANNOT_CONNECT_NOW
                    || state.code().starts_with("08") // connection exception
            }
            None => {
                error.is_closed() || error.source().is_some_and(|cause| cause.is::<io::Error>())
            }
        }
    }

    /// The SQLSTATE with which the server refused; none if it did not get to answer.
    pub(super) fn sql_state(&self) -> Option<&SqlState> {
        match self {
            Self::Postgres(error) => error.code(),
            _ => None,
        }
    }
}
