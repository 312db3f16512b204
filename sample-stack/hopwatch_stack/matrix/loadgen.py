"""The load generator: a Go program that costs little beside what it asks (docs/decisions/0028)."""

import contextlib
import json
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from .. import recipes, toolchains
from ..children import stop_with_parent
from ..errors import StackError
from ..paths import BINARIES, ORDERS_GO, SAMPLE_STACK
from ..steps import Step

MODULE = SAMPLE_STACK / "loadgen"
BINARY = BINARIES / "loadgen"
ALIVE_SECONDS = 0.5


def step() -> Step:
    """How it is built, on demand: only the matrix needs it."""
    return Step(
        name="loadgen",
        needs=["go toolchain"],
        # It asks by the contract's code of orders in Go.
        sources=[MODULE, ORDERS_GO / "go.mod", ORDERS_GO / "internal" / "gen"],
        words=lambda: [toolchains.version("go")],
        makes=[BINARY],
        action=lambda log: recipes.go_build(log, MODULE, ".", BINARY),
    )


@dataclass(frozen=True)
class Target:
    protocol: str
    port: int


@dataclass(frozen=True)
class Load:
    """`rate` requests a second for `seconds`, after as much load as `warmup` seconds have."""

    rate: float
    seconds: float
    warmup: float = 0.0
    seed: int = 1


@dataclass(frozen=True)
class Answered:
    """What came of a load, as the program tells it; times are ms. A request that failed counts as
    one that took the 2 s that its client waits at most."""

    requests: int
    failures: dict[str, int]
    latency_ms: dict[str, float]
    late_ms: dict[str, float]
    bytes_sent: int
    bytes_received: int
    cpu_seconds: float

    @property
    def failed(self) -> int:
        return sum(self.failures.values())


class Generator:
    """One run of the program, which ends with the block. Its events are waited for in turn."""

    def __init__(self, command: str, *words: str) -> None:
        self._command = command
        try:
            self._process = subprocess.Popen(
                [BINARY, command, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                # Ctrl-C is for us, who end it.
                process_group=0,
                preexec_fn=stop_with_parent(signal.SIGKILL),
            )
        except OSError as error:
            raise StackError(f"{BINARY} cannot be started: {error.strerror}.") from error

    def __enter__(self) -> "Generator":
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.communicate()

    def expect(self, event: str) -> dict[str, Any]:
        """Its next event, which must be this one. Raises StackError."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        line = self._process.stdout.readline()
        if not line:
            said = self._process.stderr.read().strip()
            raise StackError(f"the load generator's {self._command} failed: {said or 'no word'}")
        told: dict[str, Any] = json.loads(line)
        if told.pop("event") != event:
            raise StackError(f"the load generator said {line.strip()} where {event} was due.")
        return told

    def has_said(self, seconds: float) -> bool:
        """Waits so long for its next event. For programs that say one at a time."""
        assert self._process.stdout is not None
        return bool(select.select([self._process.stdout], [], [], seconds)[0])

    def result(self) -> Answered:
        return Answered(**self.expect("measured"))


def running(target: Target, load: Load) -> Generator:
    """The load begins at once; wait for its `result`."""
    return Generator("run", *_address(target), *_words(load))


def holds(target: Target, load: Load, limit_ms: float) -> bool:
    """Whether nothing fails and p99 stays within the limit. Ends as soon as that is certain."""
    with Generator("hold", *_address(target), *_words(load), "-limit", str(limit_ms)) as generator:
        generator.expect("measuring")
        return bool(generator.expect("judged")["held"])


@contextlib.contextmanager
def first_answer(target: Target) -> Iterator["Waiting"]:
    """Start the service within the block."""
    with Generator("wait", *_address(target)) as generator:
        generator.expect("waiting")
        yield Waiting(generator)


@dataclass
class Waiting:
    generator: Generator

    def seconds_since(self, start: float, alive: Callable[[], bool]) -> float | None:
        """From a moment of time.monotonic() until the first answer; None where the service is not
        alive before it."""
        while not self.generator.has_said(ALIVE_SECONDS):
            if not alive():
                return None
        self.generator.expect("answered")
        return time.monotonic() - start


def _address(target: Target) -> Sequence[str]:
    return ["-protocol", target.protocol, "-address", f"127.0.0.1:{target.port}"]


def _words(load: Load) -> Sequence[str]:
    return [
        "-rate", str(load.rate), "-seconds", str(load.seconds), "-warmup", str(load.warmup),
        "-seed", str(load.seed),
    ]  # fmt: skip
