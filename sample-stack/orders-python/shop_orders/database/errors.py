"""What went wrong with the database, and what that means for the call."""

import asyncpg
from grpc import StatusCode

from ..refusals import RefusalError

# SQLSTATEs, see the PostgreSQL manual, appendix A.
ADMIN_SHUTDOWN = "57P01"
CRASH_SHUTDOWN = "57P02"
CANNOT_CONNECT_NOW = "57P03"
UNDEFINED_TABLE = "42P01"
SERIALIZATION_FAILURE = "40001"
DEADLOCK_DETECTED = "40P01"
UNIQUE_VIOLATION = "23505"


class AwayError(Exception):
    """The database has been away for too long."""

    def __init__(self) -> None:
        super().__init__("the database has been away for too long")


class NoAnswerError(Exception):
    """The pool could not connect in time, though it may have more connections."""

    def __init__(self) -> None:
        super().__init__("the database does not answer")


def busy() -> RefusalError:
    """A status of its own, for clients do not try again what would make it worse."""
    return RefusalError(StatusCode.RESOURCE_EXHAUSTED, "all connections to the database are in use")


def is_unavailable(error: BaseException) -> bool:
    """Whether the same request may succeed a little later: the server is away, starting, stopping
    or full, or the transaction kept losing races."""
    return (
        lost_race(error)
        or lost_connection(error)
        or isinstance(error, AwayError)
        # Class 53 insufficient resources, 57 operator intervention.
        or sql_state(error).startswith(("53", "57"))
    )


def is_duplicate(error: BaseException) -> bool:
    """Whether a row was refused because there is one with the same unique key."""
    return sql_state(error) == UNIQUE_VIOLATION


def lost_race(error: BaseException) -> bool:
    """Whether another transaction was in the way."""
    return sql_state(error) in (SERIALIZATION_FAILURE, DEADLOCK_DETECTED)


def lost_connection(error: BaseException) -> bool:
    """Whether the server is away, or has at least ended this connection."""
    if state := sql_state(error):
        # Class 08 is connection exception; asyncpg reports what it noticed itself so, too.
        return state in (ADMIN_SHUTDOWN, CRASH_SHUTDOWN, CANNOT_CONNECT_NOW) or state.startswith(
            "08"
        )
    if isinstance(error, asyncpg.InterfaceError):
        # What is closed cannot be used; a ValueError is about an argument.
        return not isinstance(error, ValueError)
    # asyncpg is in a state of its own when the server has taken leave of an idle connection.
    # TimeoutError, of connecting, is an OSError.
    return isinstance(error, OSError | NoAnswerError | asyncpg.InternalClientError)


def sql_state(error: BaseException) -> str:
    """The SQLSTATE with which the server refused; empty if it did not get to answer."""
    return getattr(error, "sqlstate", None) or ""


def explain(error: BaseException) -> str:
    """The error in a line, without the rows that the server quotes in its details."""
    text = error.args[0] if isinstance(error, asyncpg.PostgresError) and error.args else error
    return f"{type(error).__name__}: {text}" if str(text) else type(error).__name__
