"""What the load sends again: for a moment's trouble, and never more than its budget. What it could
not bring to an end has failed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest

from hopwatch_stack.load.plan import LoadPlan
from hopwatch_stack.load.retries import (
    EXTRA_SHARE,
    MOST_RETRIES,
    MOST_TOKENS,
    RetryBudget,
    pause_before_retry,
)


@dataclass
class Answer:
    status_code: int
    headers: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200),
        Answer(400),
        Answer(409),
        Answer(500),  # It may have done half of it.
        Answer(0, error=TimeoutError()),
    ],
)
def test_what_would_not_help_is_not_sent_again(answer: Answer) -> None:
    assert pause_before_retry(answer, 0) is None


@pytest.mark.parametrize(
    "answer", [Answer(502), Answer(503), Answer(504), Answer(0, error=ConnectionResetError())]
)
def test_moments_of_trouble_are_waited_out_ever_longer(answer: Answer) -> None:
    pauses = [pause_before_retry(answer, retries) for retries in range(MOST_RETRIES)]
    assert all(pause is not None and 0 < pause <= 2 for pause in pauses)
    assert pauses == sorted(pauses, key=lambda pause: pause or 0)
    assert pause_before_retry(answer, MOST_RETRIES) is None


def test_service_says_when_to_come_back() -> None:
    assert 1 < (pause_before_retry(Answer(503, {"retry-after": "1"}), 0) or 0) < 1.1
    for odd in ("Wed, 21 Oct 2026 07:28:00 GMT", "-1", "soon"):
        assert (pause_before_retry(Answer(503, {"retry-after": odd}), 0) or 0) < 0.1
    assert (pause_before_retry(Answer(503, {"retry-after": "86400"}), 0) or 0) < 3


def test_budget_bounds_what_is_sent_again() -> None:
    budget = RetryBudget()
    granted = 0
    for _ in range(1000):
        budget.earn()
        granted += budget.spend()
    assert granted <= 1000 * EXTRA_SHARE + MOST_TOKENS
    assert granted >= 1000 * EXTRA_SHARE


PRODUCT = {"id": "a", "stock": 10_000, "price": {"currency": "EUR", "minorUnits": 1}}
# The load's program, that waits a second for what has not ended.
HURRIED = """
import sys
from hopwatch_stack.load import plan, report, requests
requests.REQUEST_SECONDS = 1.0
report.result(requests.run(plan.LoadPlan.from_json(sys.argv[1])))
"""


@pytest.fixture
def stalling_shop() -> Iterator[str]:
    """Answers what a load prepares itself by and three requests more, and then no more."""
    over = Event()
    answers = iter(range(5))

    class Shop(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if next(answers, None) is None:
                over.wait()
                return
            body = json.dumps({"products": [PRODUCT], "order": {"id": "1"}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Not to the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    over.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_requests_without_an_end_have_failed(stalling_shop: str) -> None:
    plan = LoadPlan(stalling_shop, otlp_url=stalling_shop, rate=20, seconds=1, traced=False)
    done = subprocess.run(
        [sys.executable, "-c", HURRIED, plan.to_json()],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=60, check=True,
    )  # fmt: skip
    result = json.loads(done.stdout.splitlines()[-1])["result"]
    assert result["requests"] == 3
    assert result["failures"] == 17
    assert result["errors"] == {"no end within 1 s after the load's time": 17}
