"""A stack that runs for tests, and what they ask of it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from hopwatch.store import open_reader
from hopwatch_stack.load.conductor import put_on
from hopwatch_stack.load.plan import LoadPlan, LoadResult, RequestsResult
from hopwatch_stack.session import SessionFile
from hopwatch_stack.settings import Ports, Settings
from hopwatch_stack.stack import ServiceStatus, Stack
from hopwatch_stack.waiting import wait_until_settled

SETTLE_SECONDS = 20


@dataclass(frozen=True)
class RunningStack:
    settings: Settings
    stack: Stack

    @property
    def shop_url(self) -> str:
        return self.settings.shop_url

    @property
    def store(self) -> Path:
        return self.settings.store

    @property
    def ports(self) -> Ports:
        return self.settings.ports

    def load(self, **plan: Any) -> LoadResult:
        """Puts load on and waits until all its spans are in the store."""
        result = put_on(
            LoadPlan(shop_url=self.shop_url, otlp_url=self.settings.otlp_http_url, **plan),
            Console(quiet=True),
        )
        assert wait_until_settled(self.store, SETTLE_SECONDS)
        return result

    @contextmanager
    def load_meanwhile(self, **plan: Any) -> Iterator["LoadMeanwhile"]:
        """Load that is on when the block begins; its result is there when the block has ended."""
        chosen = LoadPlan(shop_url=self.shop_url, otlp_url=self.settings.otlp_http_url, **plan)
        with LoadMeanwhile(chosen) as load:
            yield load

    def kill(self, service: str) -> None:
        """Ends a service as a crash would."""
        session = SessionFile(self.settings.state_dir).read()
        assert session is not None
        [record] = [record for record in session.services if record.service == service]
        found = self.stack.runtime.find(record.instances[0].handle)
        assert found is not None
        found.kill()

    def status(self) -> dict[str, ServiceStatus]:
        return {status.name: status for status in self.stack.status()}

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query over the view `spans` of the store."""
        with open_reader(self.store) as reader:
            columns = reader.sql(query).columns
        return list(zip(*(column.to_pylist() for column in columns), strict=True))


class LoadMeanwhile:
    """HTTP requests by a process of their own."""

    def __init__(self, plan: LoadPlan) -> None:
        self._plan = plan

    def __enter__(self) -> "LoadMeanwhile":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hopwatch_stack.load.requests", self._plan.to_json()],
            stdout=subprocess.PIPE,
            text=True,
        )
        while not self._said().get("done"):
            pass
        return self

    @property
    def is_on(self) -> bool:
        return self._process.poll() is None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._process.kill()
            return
        said: dict[str, Any] = {}
        while "result" not in said:
            said = self._said()
        self.result = RequestsResult(**said["result"])
        self._process.wait()

    def _said(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the load ended without a result"
        return dict(json.loads(line))


@contextmanager
def started(settings: Settings, runtime: str) -> Iterator[RunningStack]:
    """The whole stack without its dashboard, kept up by a process of its own."""
    words = ("--detach", "--labs", "--no-dashboard", "--runtime", runtime)
    shop = ("--orders", settings.orders, "--protocol", settings.protocol)
    hopwatch_stack("up", settings, *words, *shop, "--payments", settings.payments)
    stack = Stack(settings.state_dir)
    yield RunningStack(settings, stack)
    assert stack.stop() == []


def hopwatch_stack(command: str, settings: Settings, *words: str) -> str:
    """Runs a command with these settings to its end; returns what it printed."""
    done = subprocess.run(
        command_line(command, settings, *words), stdout=subprocess.PIPE, text=True
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def command_line(command: str, settings: Settings, *words: str) -> list[str]:
    ports = ",".join(f"{name}={port}" for name, port in vars(settings.ports).items())
    chosen = ["--state-dir", str(settings.state_dir), "--store", str(settings.store)]
    return [sys.executable, "-m", "hopwatch_stack", command, *chosen, "--ports", ports, *words]
