"""What to pull, as an address says it.

    jaeger+http://HOST:16686/base?service=orders&last=15m
    tempo+https://HOST?since=2026-11-21T10:00:00Z&until=2026-11-21T10:05:00Z
    zipkin+http://HOST:9411?limit=500

Words in the address go before the options of the command line, for an address can stand where
there are none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from hopwatch.errors import UsageError
from hopwatch.window import Window, window

KINDS: Final = ("jaeger", "tempo", "zipkin")
HEADERS_VARIABLE: Final = "HOPWATCH_HEADERS"
"""Environment variable: headers for backends, written as OTEL_EXPORTER_OTLP_HEADERS is."""

_URL: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_WORDS: Final = frozenset({"service", "last", "since", "until", "limit"})
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NO_VALUE: Final = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_HOUR_NS: Final = 3600 * 10**9


@dataclass(frozen=True, slots=True)
class Query:
    """Which traces: those in which `service` takes part (None: any), that are found in the window
    (no beginning: one hour before its end); at most about `most`, the newest."""

    window: Window = field(default_factory=Window)
    service: str | None = None
    most: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """For the server, beside those of the environment."""

    def bounds(self, now_ns: int) -> tuple[int, int]:
        """The window in Unix ns."""
        end = now_ns if self.window.end is None else self.window.end
        return end - _HOUR_NS if self.window.start is None else self.window.start, end


@dataclass(frozen=True, slots=True)
class Target:
    """A backend, and what to ask it for."""

    kind: str  # of KINDS
    base: str  # http(s)://HOST:PORT/base
    query: Query
    headers: Mapping[str, str] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.kind}+{self.base}"


def is_url(path: str) -> bool:
    """Whether a word that names a source is an address, not a file."""
    return _URL.match(path) is not None


def named(path: str) -> str:
    """A file or an address, without what may be secret in it."""
    return _shown(_split(path)) if is_url(path) else path


def target(url: str, query: Query, now_ns: int) -> Target:
    """The backend that an address names. Raises UsageError for what is none."""
    kind, plus, rest = url.partition("+")
    parts = _split(rest if plus and kind.lower() in KINDS else url)
    if not plus or kind.lower() not in KINDS or parts.scheme not in ("http", "https"):
        raise UsageError(
            f"{_shown(parts)}: say which kind of backend it is: {' or '.join(KINDS)}, as in "
            "jaeger+http://HOST:16686"
        )
    headers = dict([*_from_environment(), *query.headers])
    if parts.username is not None:
        from urllib3.util import make_headers

        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers.setdefault("Authorization", make_headers(basic_auth=login)["authorization"])
    base = f"{parts.scheme}://{_host(parts)}{parts.path.rstrip('/')}"
    return Target(kind.lower(), base, _with_words(query, parts, now_ns), headers)


def header(text: str) -> tuple[str, str]:
    """`Name: value`. Raises UsageError."""
    name, colon, value = (part.strip() for part in text.partition(":"))
    return _checked(name, value, bool(colon), "--header: write 'Name: value'")


def _from_environment() -> list[tuple[str, str]]:
    found = []
    for pair in os.environ.get(HEADERS_VARIABLE, "").split(","):
        if pair.strip():
            name, equals, value = (part.strip() for part in pair.partition("="))
            said = f"{HEADERS_VARIABLE}: write Name=value,Name=value, percent-encoded"
            found.append(_checked(name, unquote(value), bool(equals), said))
    return found


def _checked(name: str, value: str, complete: bool, otherwise: str) -> tuple[str, str]:
    """A header. Its value is never shown: it may be a password."""
    if not complete or not _NAME.fullmatch(name) or _NO_VALUE.search(value):
        raise UsageError(otherwise)
    return name, value


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"this is no address of a backend: {error}") from None
    if not host:
        raise UsageError("this address of a backend has no host: jaeger+http://HOST:16686")
    return parts


def _host(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _shown(parts: SplitResult) -> str:
    """An address without what may be secret."""
    return f"{parts.scheme}://{_host(parts)}{parts.path}"


def _with_words(query: Query, parts: SplitResult, now_ns: int) -> Query:
    """The query with what stands behind the address's question mark."""
    where = _shown(parts)
    given = parse_qs(parts.query, keep_blank_values=True)
    for word, values in given.items():
        if word not in _WORDS or len(values) > 1:
            raise UsageError(
                f"{where}: {word!r} is not, or not once, one of {', '.join(sorted(_WORDS))}"
            )
    said = {word: values[0] for word, values in given.items()}
    if said.keys() & {"last", "since", "until"}:
        times = (said.get("last"), said.get("since"), said.get("until"))
        query = replace(query, window=window(*times, now_ns, prefix=f"{where}: "))
    if "limit" in said:
        if not said["limit"].isdecimal() or not int(said["limit"]):
            raise UsageError(f"{where}: limit={said['limit']} is no number of traces")
        query = replace(query, most=int(said["limit"]))
    return replace(query, service=said.get("service", query.service))
