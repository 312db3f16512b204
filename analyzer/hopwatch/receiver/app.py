"""The Flask app: OTLP/HTTP traces, health, metrics."""

from __future__ import annotations

import logging
import threading
from http import HTTPStatus
from typing import Final

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from hopwatch.errors import InputError, TooLargeError
from hopwatch.receiver import answers, bodies
from hopwatch.receiver.bodies import Body, Content, UnsupportedBodyError
from hopwatch.receiver.counters import CONTENT_TYPE, Counters
from hopwatch.store import Store, UnavailableError

DEFAULT_MAX_BODY: Final = 64 << 20

_LARGE_BODY: Final = 4 << 20
"""Bodies beyond this, uncompressed, are unpacked and decoded one at a time: bounded memory."""

_logger = logging.getLogger(__name__)


def create_app(store: Store, max_body: int = DEFAULT_MAX_BODY) -> Flask:
    """The receiver, writing to `store`; bodies are at most `max_body` bytes uncompressed."""
    app = Flask(__name__, static_folder=None)
    counters = Counters()
    large_bodies = threading.Lock()

    @app.post("/v1/traces")
    def traces() -> Response:
        body = _body(max_body)
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
        finally:
            counters.count_spans(outcome, table.num_rows, rejections.counts, rejections.repaired)
        return answers.accepted(body.content, rejections)

    # 404, not 501: some exporters take every 5xx as a reason to send again, without end.
    @app.post("/v1/metrics")
    @app.post("/v1/logs")
    def not_stored() -> Response:
        signal = request.path.rpartition("/")[2]
        return _refused(
            HTTPStatus.NOT_FOUND,
            f"hopwatch does not store {signal}; export only traces to it",
        )

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
        return Response(counters.exposition(), content_type=CONTENT_TYPE)

    @app.after_request
    def count(response: Response) -> Response:
        rule = request.url_rule.rule if request.url_rule else ""
        signal = rule.removeprefix("/v1/") if rule.startswith("/v1/") else "other"
        counters.count_request(signal, response.status_code)
        return response

    app.register_error_handler(Exception, _answer_error)
    return app


def _body(max_body: int) -> Body:
    """The request's body as it came. Raises UnsupportedBodyError, TooLargeError."""
    if (request.content_length or 0) > max_body:
        raise TooLargeError(f"the body is over {max_body} bytes; send smaller batches")
    return Body(
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
