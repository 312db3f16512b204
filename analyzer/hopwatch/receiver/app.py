"""The Flask app: OTLP/HTTP for every signal, health, metrics."""

from __future__ import annotations

import logging
import threading
from functools import partial
from http import HTTPStatus
from typing import Final

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from hopwatch.errors import InputError, TooLargeError
from hopwatch.formats import Rejections
from hopwatch.receiver import answers, bodies
from hopwatch.receiver.bodies import Body, Content, UnsupportedBodyError
from hopwatch.receiver.counters import Counters
from hopwatch.receiver.exposition import Exposition, LedgerCollector
from hopwatch.receiver.feed import Feed
from hopwatch.signals import SIGNALS, SPANS, Signal
from hopwatch.store import Store, UnavailableError
from hopwatch.store.tally import Tally

DEFAULT_MAX_BODY: Final = 64 << 20

_LARGE_BODY: Final = 4 << 20
"""Bodies beyond this, uncompressed, are unpacked and decoded one at a time: bounded memory."""

_SIGNAL_OF_PATH: Final = {f"/v1/{signal.otlp}": signal for signal in SIGNALS}

_logger = logging.getLogger(__name__)


def create_app(store: Store, max_body: int = DEFAULT_MAX_BODY, feed: Feed | None = None) -> Flask:
    """The receiver, writing to `store`; bodies are at most `max_body` bytes uncompressed. What
    `feed` counts stands at /metrics too."""
    app = Flask(__name__, static_folder=None)
    counters = Counters()
    exposition = Exposition(counters, *([LedgerCollector(feed)] if feed else []))
    large_bodies = threading.Lock()

    def export(signal: Signal) -> Response:
        body = _body(signal, max_body)
        try:
            table, rejections = bodies.decode(body, min(max_body, _LARGE_BODY))
        except TooLargeError:
            with large_bodies:
                table, rejections = bodies.decode(body, max_body)
        outcome = "refused"
        try:
            if table.num_rows:
                stored = store.append(body.kind, body.data, table)
                outcome = "stored" if stored else "duplicate"
                if stored and feed and signal is SPANS:
                    feed.put(table)
        finally:
            counters.count_rows(signal, outcome, table.num_rows, rejections)
            _tell(store.tally, signal, outcome, table.num_rows, rejections)
        return answers.accepted(signal, body.content, rejections)

    for path, signal in _SIGNAL_OF_PATH.items():
        app.add_url_rule(path, path, partial(export, signal), methods=["POST"])

    @app.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @app.get("/readyz")
    def readyz() -> Response:
        if store.failed.is_set():
            return Response("the store has failed\n", 503, mimetype="text/plain")
        return Response("ok\n", mimetype="text/plain")

    @app.get("/metrics")
    def metrics() -> Response:
        body, content_type = exposition.answer(request.headers.get("Accept", ""))
        return Response(body, content_type=content_type)

    @app.after_request
    def count(response: Response) -> Response:
        rule = request.url_rule.rule if request.url_rule else ""
        signal = rule.removeprefix("/v1/") if rule.startswith("/v1/") else "other"
        counters.count_request(signal, response.status_code)
        return response

    def answer_error(error: Exception) -> Response:
        signal = _SIGNAL_OF_PATH.get(request.path)
        if isinstance(error, InputError) and signal is not None:
            store.tally.add(signal.name, "unreadable", _reason(error), 1, str(error))
        return _answer_error(error)

    app.register_error_handler(Exception, answer_error)
    return app


def _tell(tally: Tally, signal: Signal, outcome: str, valid: int, rejections: Rejections) -> None:
    """Count, for those who look at the data later, what was not stored."""
    if outcome != "stored":
        tally.add(signal.name, outcome, "", valid)
    for reason, count in rejections.counts.items():
        tally.add(signal.name, "rejected", reason, count, rejections.example(reason))
    if outcome != "refused":
        tally.add(signal.name, "repaired", "", rejections.repaired)


def _reason(error: InputError) -> str:
    match error:
        case UnsupportedBodyError():
            return "unsupported"
        case TooLargeError():
            return "too_large"
        case _:
            return "malformed"


def _body(signal: Signal, max_body: int) -> Body:
    """The request's body as it came. Raises UnsupportedBodyError, TooLargeError."""
    if (request.content_length or 0) > max_body:
        raise TooLargeError(f"the body is over {max_body} bytes; send smaller batches")
    return Body(
        signal,
        bodies.content_of(request.mimetype),
        bodies.encoding_of(request.headers.get("Content-Encoding", "")),
        request.get_data(cache=False),
    )


def _answer_error(error: Exception) -> Response:
    match error:
        case UnsupportedBodyError():
            status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        case TooLargeError():
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        case InputError():
            status = HTTPStatus.BAD_REQUEST
        case UnavailableError():
            status = HTTPStatus.SERVICE_UNAVAILABLE
        case HTTPException(code=int(code)):
            response = _refused(code, error.description or error.name)
            response.headers.update(
                {k: v for k, v in error.get_headers() if k in ("Allow", "Location")}
            )
            return response
        case _:
            _logger.exception("%s %s failed", request.method, request.path)
            return _refused(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "hopwatch failed on this request; its log has the details",
            )
    return _refused(status, str(error))


def _refused(status: int, detail: str) -> Response:
    return answers.refused(answer_content(request.mimetype), status, detail)


def answer_content(media_type: str) -> Content:
    """The encoding of an error answer: the request's, or JSON if it had none of OTLP's."""
    return Content.PROTOBUF if media_type == Content.PROTOBUF.value else Content.JSON
