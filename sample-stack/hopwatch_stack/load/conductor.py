"""Runs the load processes side by side, says how far they are, gathers their results."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any

from rich.console import Console

from .. import progress
from ..errors import StackError
from .plan import TRACED, UNTRACED, LoadPlan, LoadResult, RequestsResult, VisitsResult

REACH_SECONDS = 5
# After the plan's time: requests that still run, spans to export, a browser to close.
GRACE_SECONDS = 60


class _LoadProcess:
    """One kind of load in its own process; a thread keeps what it last said."""

    def __init__(self, module: str, plan: LoadPlan) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"hopwatch_stack.load.{module}", plan.to_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._errors: list[str] = []
        self._said: dict[str, Any] = {}
        # When it first said something, on the monotonic clock.
        self.began: float | None = None
        self._readers = [Thread(target=self._listen), Thread(target=self._listen_to_errors)]
        for reader in self._readers:
            reader.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.began = self.began or time.monotonic()
            self._said |= json.loads(line)

    def _listen_to_errors(self) -> None:
        assert self._process.stderr is not None
        self._errors.extend(self._process.stderr)

    def count(self, what: str) -> int:
        return int(self._said.get(what, 0))

    @property
    def over(self) -> bool:
        return self._process.poll() is not None

    def tell(self, word: str) -> None:
        assert self._process.stdin is not None
        # Of one that has failed, its result will say why.
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"{word}\n")
            self._process.stdin.flush()

    def result(self) -> dict[str, Any]:
        for reader in self._readers:
            reader.join()
        if self._process.wait() != 0 or "result" not in self._said:
            raise StackError(f"the load failed: {''.join(self._errors[-20:]).strip()}")
        return dict(self._said["result"])

    def end(self) -> None:
        if not self.over:
            self._process.terminate()
            self._process.wait()


class Load:
    """Load that is on."""

    def __init__(self, plan: LoadPlan, running: dict[str, _LoadProcess]) -> None:
        self._plan = plan
        self._running = running
        self._launched = time.monotonic()

    @property
    def over(self) -> bool:
        """Whether all of it has ended. Raises StackError when it is long overdue."""
        if all(process.over for process in self._running.values()):
            return True
        if (taken := time.monotonic() - self._launched) > self._plan.seconds + GRACE_SECONDS:
            raise StackError(f"the load did not end within {taken:.0f} s.")
        return False

    @property
    def elapsed(self) -> float:
        """Seconds of the plan that have passed; 0 while the load prepares."""
        # Requests come first, if there are any: a browser may take longer to start.
        began = next(iter(self._running.values())).began
        return 0.0 if began is None else min(time.monotonic() - began, self._plan.seconds)

    @property
    def note(self) -> str:
        """What has been done so far."""
        counts = [f"{process.count('done')} {kind}" for kind, process in self._running.items()]
        failed = sum(process.count("failed") for process in self._running.values())
        return ", ".join(counts) + (f", {failed} failed" if failed else "")

    def trace(self, wanted: bool) -> None:
        """Whether requests are to be traced from now on; for a plan that leaves it open."""
        self._running["requests"].tell(TRACED if wanted else UNTRACED)

    def result(self) -> LoadResult:
        """What came of it, once it is over. Raises StackError when it could not be put on."""
        results = {kind: process.result() for kind, process in self._running.items()}
        return LoadResult(
            requests=RequestsResult(**results["requests"]) if "requests" in results else None,
            visits=VisitsResult(**results["visits"]) if "visits" in results else None,
        )


@contextmanager
def load(plan: LoadPlan) -> Iterator[Load]:
    """The planned load, on while the block runs; raises StackError when there is no shop."""
    _require_shop(plan.shop_url)
    kinds = {"requests": plan.rate > 0, "visits": plan.visits > 0}
    with _processes([kind for kind, wanted in kinds.items() if wanted], plan) as running:
        yield Load(plan, running)


def put_on(plan: LoadPlan, console: Console) -> LoadResult:
    """Puts the planned load on the shop; raises StackError when it cannot be reached."""
    with load(plan) as putting, progress.bar(console, _describe(plan), plan.seconds) as shown:
        while not putting.over:
            shown(putting.elapsed, putting.note)
            time.sleep(0.2)
        shown(plan.seconds, putting.note)
        return putting.result()


@contextmanager
def _processes(modules: list[str], plan: LoadPlan) -> Iterator[dict[str, _LoadProcess]]:
    running: dict[str, _LoadProcess] = {}
    try:
        for module in modules:
            running[module] = _LoadProcess(module, plan)
        yield running
    finally:
        for process in running.values():
            process.end()


def _describe(plan: LoadPlan) -> str:
    parts = [f"{plan.rate:g} requests a second"] if plan.rate else []
    parts += [f"{plan.visits} page visits"] if plan.visits else []
    return f"Load for {plan.seconds:g} s: {' and '.join(parts)}"


def _require_shop(url: str) -> None:
    try:
        urllib.request.urlopen(f"{url}/readyz", timeout=REACH_SECONDS).close()
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise StackError(
            f"the shop at {url} cannot be reached ({reason}): start it with `hopwatch-stack up`."
        ) from error
