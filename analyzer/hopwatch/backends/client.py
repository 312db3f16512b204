"""GET over HTTP from a server that may be slow, overloaded, or not what it is taken for: bounded
in time and size, patient where the server asks for patience, with errors that say what to do."""

from __future__ import annotations

import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, SSLError
from urllib3.util import Retry, Timeout

from hopwatch.errors import InputError, TooLargeError
from hopwatch.formats.decoded import Rejections
from hopwatch.formats.describe import describe
from hopwatch.formats.documents import Document, documents

MAX_ANSWER: Final = 128 << 20
"""Bytes of one answer, uncompressed."""
CONNECTIONS: Final = 8

_CHUNK: Final = 1 << 20
_ANSWER_S: Final = 300.0
"""For one answer to be complete."""
_TIMEOUT: Final = Timeout(connect=10, read=60)
_BUSY: Final = (429, 502, 503, 504)
_TRIES: Final = 4
_LONGEST_WAIT_S: Final = 30
_SAID: Final = 300


class Client:
    """A server's API. `base` is its address without a slash at the end."""

    def __init__(self, base: str, headers: Mapping[str, str]) -> None:
        self.base = base
        self._pool = urllib3.PoolManager(
            maxsize=CONNECTIONS,
            block=True,
            timeout=_TIMEOUT,
            headers={"Accept": "application/json", "Accept-Encoding": "gzip", **headers},
            retries=Retry(
                total=_TRIES - 1,
                redirect=False,  # a header that is a password goes to no other server
                status_forcelist=_BUSY,
                backoff_factor=0.5,
                backoff_max=_LONGEST_WAIT_S,
                retry_after_max=_LONGEST_WAIT_S,
                raise_on_status=False,
            ),
        )

    def close(self) -> None:
        """Close all connections."""
        self._pool.clear()

    def json(self, path: str, parameters: Mapping[str, str | int]) -> list[Document]:
        """The documents that GET answers; none where it answers 404.

        Raises InputError for any other answer, TooLargeError for one that is too large.
        """
        url = f"{self.base}{path}"
        body = self._body(f"{url}?{urlencode(parameters)}" if parameters else url, url)
        if body is None:
            return []
        unreadable = Rejections()
        found = list(documents(body, url, unreadable)) if body.strip() else []
        if unreadable.total or not found:
            like = describe(body) if body.strip() else "nothing"
            raise InputError(
                f"{url}: answers no JSON but {like}; is this the address of the API, or of a page"
                " or a login before it? (--header 'Authorization: ...' is sent along)"
            )
        return found

    def _body(self, url: str, shown: str) -> bytes | None:
        """The body of an answer; None for 404. An answer that breaks off is asked for again."""
        for tries_left in reversed(range(_TRIES)):
            try:
                response = self._pool.request("GET", url, preload_content=False)
                try:
                    return self._read(response, shown)
                finally:
                    response.close()
            except (MaxRetryError, SSLError) as error:
                raise InputError(_unreachable(shown, error)) from error
            except HTTPError as error:
                if not tries_left:
                    raise InputError(f"{shown}: the answer breaks off: {error}") from error
        raise AssertionError("the last try returns or raises")

    def _read(self, response: Any, shown: str) -> bytes | None:
        give_up = time.monotonic() + _ANSWER_S
        chunks: list[bytes] = []
        size = 0
        failed = response.status != HTTPStatus.OK
        while chunk := response.read1(_CHUNK, decode_content=True):
            chunks.append(chunk)
            size += len(chunk)
            if failed and size > _SAID:
                break
            if size > MAX_ANSWER:
                raise TooLargeError(
                    f"{shown}: an answer of more than {MAX_ANSWER >> 20} MiB; narrow the window"
                    " (--last, --since, --until) or name a --service"
                )
            if time.monotonic() > give_up:
                raise InputError(
                    f"{shown}: an answer takes more than {_ANSWER_S:.0f} s ({size:,} bytes came);"
                    " narrow the window, or ask when the server has less to do"
                )
        body = b"".join(chunks)
        if not failed:
            return body
        if response.status == HTTPStatus.NOT_FOUND:
            return None
        raise InputError(_refusal(response, body, shown))


def _unreachable(shown: str, error: HTTPError) -> str:
    reason = error.reason if isinstance(error, MaxRetryError) and error.reason else error
    said = str(reason).rpartition(": ")[2] or str(reason)
    hint = (
        "SSL_CERT_FILE names certificates to trust"
        if isinstance(reason, SSLError)
        else "is it running, and is this its address?"
    )
    return f"{shown}: cannot be reached: {said}; {hint}"


def _refusal(response: Any, body: bytes, shown: str) -> str:
    status = response.status
    said = " ".join(body[:_SAID].decode(errors="replace").split())
    match status:
        case 401 | 403:
            hint = "it wants to know who asks: --header 'Authorization: Bearer ...'"
        case 301 | 302 | 303 | 307 | 308:
            place = str(response.headers.get("Location", "nowhere")).partition("?")[0]
            hint = f"it sends elsewhere, to {place[:_SAID]}: give that address, or a --header"
        case _ if status in _BUSY:
            hint = f"asked {_TRIES} times; narrow the window, or ask when it has less to do"
        case _:
            hint = "narrow the window, or see the server's log"
    return f"{shown}: answers {status} {response.reason or ''}: {said or 'no more'}; {hint}"
