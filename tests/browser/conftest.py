"""One browser for all, and dashboards that serve the tables a test makes."""

import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, sync_playwright
from tenacity import retry, stop_after_delay, wait_fixed

from hopwatch_stack.ports import free_ports

Serve = Callable[[pa.Table], str]


@pytest.fixture(scope="module")
def browser(chromium_path: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path, args=["--disable-quic", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Starts a dashboard on a table; gives its address."""
    started: list[subprocess.Popen[bytes]] = []

    def served(table: pa.Table) -> str:
        path = tmp_path_factory.mktemp("dashboard") / "spans.parquet"
        pq.write_table(table, path)
        port = free_ports(1)[0]
        command = [sys.executable, "-m", "hopwatch.cli", "dashboard", str(path),
                   "--listen", f"127.0.0.1:{port}"]  # fmt: skip
        started.append(subprocess.Popen(command, cwd=path.parent))
        _wait_until_healthy(f"http://127.0.0.1:{port}")
        return f"http://127.0.0.1:{port}"

    yield served
    for process in started:
        process.send_signal(signal.SIGINT)
    assert [process.wait(20) for process in started] == [0] * len(started)


@retry(stop=stop_after_delay(60), wait=wait_fixed(0.2), reraise=True)
def _wait_until_healthy(address: str) -> None:
    with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5) as answer:
        assert answer.status == 200
