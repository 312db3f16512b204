"""HTTP requests at a constant rate by Locust. Run as a program; takes a LoadPlan as JSON."""

# Locust comes first: it patches the sockets that all the others use.
from locust import FastHttpUser  # isort: skip
from locust.env import Environment  # isort: skip
from locust.exception import StopUser  # isort: skip

import collections
import math
import random
import statistics
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import gevent
from gevent import fileobject

from . import report
from .client_spans import UNSAMPLED, ClientSpans, ended, resent
from .plan import TRACED, LoadPlan, RequestsResult
from .retries import RetryBudget, pause_before_retry

REPORT_SECONDS = 0.5
# As many users as hold the rate while answers take this long.
SLOW_ANSWER_SECONDS = 1.0
REQUEST_SECONDS = 10.0
# Products that a long load does not sell out.
PLENTY = 10_000


class Run:
    """What all users of one run share, and what their requests came to."""

    def __init__(self, plan: LoadPlan, products: list[dict[str, Any]], first_order: str) -> None:
        self.plan = plan
        self.spans = ClientSpans(plan.shop_url, plan.otlp_url)
        # Products of the first page as the shop describes them, and orders to ask for.
        self.products = products
        self.orders = collections.deque([first_order], maxlen=1000)
        self.made: collections.Counter[str] = collections.Counter()
        self._start = time.monotonic()
        self.total = max(1, round(plan.rate * plan.seconds))
        self._slots = iter(range(self.total))
        self.last_end = self._start
        self.seconds: list[float] = []
        self.errors: collections.Counter[str] = collections.Counter()
        # Why requests were sent again, and how many were.
        self.retries: collections.Counter[str] = collections.Counter()
        self.retried = 0
        self.budget = RetryBudget()
        self.labs = 0
        self.traced = plan.traced

    def seconds_to_next_slot(self) -> float:
        """One slot per request, whoever is free takes the next: the rate of all users together
        holds, however long answers take, and the times between requests vary. Ends the user
        when all slots are taken."""
        number = next(self._slots, None)
        if number is None:
            raise StopUser
        slot = self._start + (number + random.random()) / self.plan.rate
        return max(0.0, slot - time.monotonic())

    def next_lab(self, journey: str) -> str:
        """The baggage that the next request of this journey carries, if any."""
        self.made[journey] += 1
        lab = self.plan.lab if self.made[journey] % self.plan.lab_every == 0 else ""
        self.labs += bool(lab)
        return lab

    @property
    def failures(self) -> int:
        return sum(self.errors.values())

    def latency_ms(self) -> dict[str, float]:
        if not self.seconds:
            return {}
        # Quantiles need two values; those of one value are that value.
        values = self.seconds if len(self.seconds) > 1 else self.seconds * 2
        cuts = statistics.quantiles(values, n=1000, method="inclusive")
        at = {"p50": cuts[499], "p90": cuts[899], "p95": cuts[949], "p99": cuts[989]}
        at |= {"mean": statistics.fmean(self.seconds), "max": max(self.seconds)}
        return {name: round(value * 1000, 3) for name, value in at.items()}


class Shopper(FastHttpUser):
    """One of the users that share the rate."""

    network_timeout = REQUEST_SECONDS
    connection_timeout = REQUEST_SECONDS
    shared: Run

    def on_start(self) -> None:
        gevent.sleep(self.wait_time())

    def wait_time(self) -> float:
        return self.shared.seconds_to_next_slot()

    def send(self, journey: str, method: str, path: str, template: str, body: Any = None) -> Any:
        """One measured and traced request; returns the JSON of a good answer, else None."""
        run = self.shared
        traced = run.traced
        lab = run.next_lab(journey) if traced else ""
        with run.spans.request(method, path, template, lab, traced) as (span, headers):
            start = time.perf_counter()
            answer, retries = self._patiently(method, path, template, body, headers)
            run.seconds.append(time.perf_counter() - start)
            run.last_end = time.monotonic()
            failed = None if 200 <= answer.status_code < 300 else _failure(answer)
            resent(span, retries)
            ended(span, answer.status_code, failed)
        run.retried += retries > 0
        if failed is None:
            return answer.json()
        run.errors[f"{journey}: {failed}"] += 1
        return None

    def _patiently(
        self, method: str, path: str, template: str, body: Any, headers: dict[str, str]
    ) -> tuple[Any, int]:
        """The last answer, and how often the request was sent again: what went wrong for the
        moment is tried once more while the budget lasts. Reads can be, and orders by their key."""
        run = self.shared
        run.budget.earn()
        deadline = time.monotonic() + REQUEST_SECONDS
        retries = 0
        while True:
            answer = self.client.request(method, path, name=template, json=body, headers=headers)
            pause = pause_before_retry(answer, retries)
            if pause is None or time.monotonic() + pause > deadline or not run.budget.spend():
                return answer, retries
            retries += 1
            run.retries[_failure(answer)] += 1
            gevent.sleep(pause)


def browse(user: Shopper) -> None:
    user.send("browse", "GET", "/api/products", "/api/products")


def order(user: Shopper) -> None:
    page = user.send(
        "order", "POST", "/api/orders", "/api/orders", _order_body(user.shared.products)
    )
    if page is not None:
        user.shared.orders.append(page["order"]["id"])


def get_order(user: Shopper) -> None:
    user.send(
        "get-order", "GET", f"/api/orders/{random.choice(user.shared.orders)}", "/api/orders/{id}"
    )


# What a user does, each as often as it is made compared with the others.
TASKS: dict[str, list[Callable[[Shopper], None]]] = {
    "browse": [browse] * 6,
    "order": [order] * 3,
    "get-order": [get_order],
}


def _order_body(products: list[dict[str, Any]]) -> dict[str, Any]:
    chosen = random.sample(products, k=min(len(products), random.randint(1, 3)))
    return {
        "idempotencyKey": str(uuid.uuid4()),
        # A new customer each time: orders in quick succession of one look like fraud.
        "email": f"{uuid.uuid4().hex[:12]}@load.example",
        "lines": [{"productId": product["id"], "quantity": 1} for product in chosen],
        "expectedTotal": {
            "currency": chosen[0]["price"]["currency"],
            "minorUnits": sum(product["price"]["minorUnits"] for product in chosen),
        },
    }


def _failure(answer: Any) -> str:
    return f"HTTP {answer.status_code}" if answer.status_code else type(answer.error).__name__


def _learn(user: Shopper) -> tuple[list[dict[str, Any]], str]:
    """Products that can be bought, and a first order: untraced and unmeasured."""
    page = _prepare(user, "GET", "/api/products")
    # Null where the shop could not ask for it.
    products = [product for product in page["products"] if (product["stock"] or 0) >= PLENTY]
    if not products:
        sys.exit(f"the shop's first page has no product with {PLENTY} in stock.")
    return products, _prepare(user, "POST", "/api/orders", _order_body(products))["order"]["id"]


def _prepare(user: Shopper, method: str, path: str, body: Any = None) -> Any:
    answer = user.client.request(method, path, json=body, headers=UNSAMPLED)
    if not 200 <= answer.status_code < 300:
        sys.exit(f"{method} {path} of the shop answers: {_failure(answer)} {answer.text or ''}")
    return answer.json()


def run(plan: LoadPlan) -> RequestsResult:
    """Puts the load on and returns what it came to."""
    Shopper.host = plan.shop_url
    products, first_order = _learn(Shopper(Environment()))
    users = max(1, math.ceil(plan.rate * SLOW_ANSWER_SECONDS))
    # Locust takes each task as often as the list names it.
    Shopper.tasks = [task for name in plan.journeys for task in TASKS[name]]
    Shopper.shared = run = Run(plan, products, first_order)
    runner = Environment(user_classes=[Shopper]).create_local_runner()
    start = time.monotonic()
    runner.start(users, spawn_rate=users)
    report.progress(0, 0)
    if not plan.traced:
        gevent.spawn(_obey, run)
    deadline = start + plan.seconds + REQUEST_SECONDS
    while len(run.seconds) < run.total and time.monotonic() < deadline:
        gevent.sleep(REPORT_SECONDS)
        report.progress(len(run.seconds), run.failures)
    runner.quit()
    if unfinished := run.total - len(run.seconds):
        run.errors[f"no end within {REQUEST_SECONDS:g} s after the load's time"] = unfinished
    return RequestsResult(
        requests=len(run.seconds),
        failures=run.failures,
        rate=round(len(run.seconds) / max(plan.seconds, run.last_end - start), 2),
        latency_ms=run.latency_ms(),
        errors=dict(run.errors),
        retried=run.retried,
        retries=dict(run.retries),
        labs=run.labs,
        lost_spans=run.spans.close(),
    )


def _obey(run: Run) -> None:
    for line in fileobject.FileObject(sys.stdin.fileno(), "r", closefd=False):
        run.traced = line.strip() == TRACED


if __name__ == "__main__":
    report.result(run(LoadPlan.from_json(sys.argv[1])))
