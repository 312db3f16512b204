//! What can go wrong in a call, and the status of the contract that it becomes: here, for all modules.

use std::error::Error as StdError;
use std::sync::Arc;

use tonic::Status;

use crate::postgres;

/// Why a call is not answered as asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request breaks a rule of the contract.
    #[error("{0}")]
    Invalid(String),
    /// There is no such product or order.
    #[error("{0}")]
    NotFound(String),
    /// The idempotency key was used for a different order.
    #[error("{0}")]
    AlreadyExists(String),
    /// Out of stock, another price, suspected fraud, payment declined.
    #[error("{0}")]
    Refused(String),
    /// The database did not do what it was asked.
    #[error(transparent)]
    Database(#[from] postgres::Error),
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

/// What the client need not know stays behind as the status's source, for the log.
impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let mut status = match &error {
            Error::Invalid(message) => Self::invalid_argument(message),
            Error::NotFound(message) => Self::not_found(message),
            Error::AlreadyExists(message) => Self::already_exists(message),
            Error::Refused(message) => Self::failed_precondition(message),
            // A status of its own, for clients do not try again what would make it worse.
            Error::Database(busy @ postgres::Error::Busy) => {
                Self::resource_exhausted(busy.to_string())
            }
            Error::Database(away) if away.is_unavailable() => {
                Self::unavailable("the database cannot answer now; try again")
            }
            Error::Database(_) => Self::internal("internal error"),
        };
        status.set_source(Arc::new(error));
        status
    }
}

/// An error with all its causes, in one line.
pub fn with_causes(error: &dyn StdError) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !told.ends_with(&message) {
            told = format!("{told}: {message}");
        }
        cause = error.source();
    }
    told
}

/// The beginning of a text from a request, as it may stand in messages and logs: as Go writes it,
/// for messages are the same in all languages.
pub fn quoted(text: &str, most: usize) -> String {
    let escaped: String = text.chars().take(most).map(escaped).collect();
    format!("\"{escaped}\"")
}

fn escaped(character: char) -> String {
    let code = u32::from(character);
    match character {
        '"' | '\\' => format!("\\{character}"),
        '\x07' => "\\a".into(),
        '\x08' => "\\b".into(),
        '\x0c' => "\\f".into(),
        '\n' => "\\n".into(),
        '\r' => "\\r".into(),
        '\t' => "\\t".into(),
        '\x0b' => "\\v".into(),
        _ if is_printable(character) => character.into(),
        ..='\x7f' => format!("\\x{code:02x}"),
        ..='\u{ffff}' => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    }
}

/// The standard library says so by its escapes only, which are for marks without a letter, too.
fn is_printable(character: char) -> bool {
    character == '\'' || format!("a{character}").escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    #[test]
    fn becomes_a_status_of_the_contract() {
        for (error, code, message) in [
            (Error::Invalid("no".into()), Code::InvalidArgument, "no"),
            (Error::NotFound("no".into()), Code::NotFound, "no"),
            (Error::AlreadyExists("no".into()), Code::AlreadyExists, "no"),
            (Error::Refused("no".into()), Code::FailedPrecondition, "no"),
            (
                postgres::Error::Busy.into(),
                Code::ResourceExhausted,
                "all connections to the database are in use",
            ),
            (
                postgres::Error::Away.into(),
                Code::Unavailable,
                "the database cannot answer now; try again",
            ),
            (
                postgres::Error::NoAnswer.into(),
                Code::Unavailable,
                "the database cannot answer now; try again",
            ),
        ] {
            let status = Status::from(error);
            assert_eq!((status.code(), status.message()), (code, message));
        }
    }

    #[test]
    fn what_is_internal_is_not_told() {
        let secret = "postgres://user:password@host/shop?nonsense=1"
            .parse::<tokio_postgres::Config>()
            .unwrap_err();
        let status = Status::from(Error::from(secret));
        assert_eq!((status.code(), status.message()), (Code::Internal, "internal error"));
        let logged = with_causes(status.source().unwrap());
        assert_eq!(logged, "invalid connection string: unknown option `nonsense`");
    }

    #[test]
    fn quotes_are_short_and_escaped() {
        assert_eq!(quoted("a\"\n\\\0'", 60), r#""a\"\n\\\x00'""#);
        assert_eq!(quoted("\u{7f}\u{202e}\u{e0001}", 60), r#""\x7f\u202e\U000e0001""#);
        assert_eq!(quoted("a\u{301}é🛒\u{fffd}", 60), "\"a\u{301}é🛒\u{fffd}\"");
        assert_eq!(quoted(&"é".repeat(99), 60).chars().count(), 62);
    }
}
