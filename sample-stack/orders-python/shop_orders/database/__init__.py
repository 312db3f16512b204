"""Connects to the shop's database, traces and measures what is asked of it, and gets calls over
its restarts."""

from .database import Database, Session
from .errors import is_duplicate, is_unavailable
from .opening import DatabaseNotReadyError, open_database

__all__ = [
    "Database",
    "DatabaseNotReadyError",
    "Session",
    "is_duplicate",
    "is_unavailable",
    "open_database",
]
