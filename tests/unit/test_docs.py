"""What the pages in docs/ show is true: their commands, their configuration, their links."""

from __future__ import annotations

import re
import runpy
import shlex
import subprocess
from pathlib import Path

import kubernetes_validate
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml

import hopwatch
from hopwatch import checks
from hopwatch.cli import main
from hopwatch.formats import otlp_json_writer
from hopwatch.simulation import simulate
from hopwatch_stack import builds

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])

MINIMAL_COLLECTOR = """
receivers:
  otlp:
    protocols:
      http:
exporters:
  debug:
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [debug]}
    logs: {receivers: [otlp], exporters: [debug]}
    metrics: {receivers: [otlp], exporters: [debug]}
"""


def block(page: str, first_line: str) -> str:
    """The fenced block that begins with this line."""
    (found,) = re.findall(
        rf"^```\w*\n{re.escape(first_line)}\n(.*?)^```$", (DOCS / page).read_text(), re.M | re.S
    )
    return str(found)


REPORTED = ("one-request", "parallel-calls", "missing-span")


@pytest.mark.parametrize("example", REPORTED)
def test_ledger_page_shows_what_the_command_prints(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, example: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["report", str(DOCS / "examples" / f"{example}.json")]) == 0
    printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    shown = block("ledger.md", f"$ hopwatch report docs/examples/{example}.json").splitlines()
    start = printed.index(shown[0])
    assert printed[start : start + len(shown)] == shown


def test_timelines_show_what_is_attributed() -> None:
    for name, picture in runpy.run_path(str(DOCS / "timelines.py"))["pictures"]().items():
        assert (DOCS / "images" / name).read_text() == picture, "run: python docs/timelines.py"


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a `traces.json` of enough requests for a p95."""
    folder = tmp_path_factory.mktemp("docs")
    simulated = simulate("chain", seed=1, requests=4200)
    with (folder / "traces.json").open("w") as file:
        file.writelines(f"{line}\n" for line in otlp_json_writer.trace_lines(simulated.table))
    return folder


@pytest.mark.parametrize("page", ["export.md", "simulate.md"])
def test_python_that_the_pages_show_runs(
    traces: Path, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    monkeypatch.chdir(traces)
    (code,) = re.findall(r"^```python\n(.*?)^```$", (DOCS / page).read_text(), re.M | re.S)
    exec(compile(code, page, "exec"), {})


def test_commands_that_write_files_do(traces: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(traces)
    trace = pc.min(hopwatch.read("traces.json")["trace_id"].cast(pa.binary())).as_py().hex()
    for line in re.findall(r"^hopwatch (.*--output .*)$", (DOCS / "export.md").read_text(), re.M):
        words = shlex.split(line.replace("5b8efff7", trace))
        assert main(words) == 0
        assert Path(words[-1]).stat().st_size > 0


def test_conditions_of_the_page_can_be_judged() -> None:
    found = re.findall(r"--fail-if '([^']+)'", (DOCS / "alerts.md").read_text())
    assert [checks.parse(text).comparisons for text in found]


def test_collector_takes_the_configuration_that_the_page_adds(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(MINIMAL_COLLECTOR)
    (tmp_path / "added.yaml").write_text(block("connect.md", "# collector: add"))
    done = subprocess.run(
        [
            builds.COLLECTOR_BINARY, "validate",
            "--config", tmp_path / "own.yaml", "--config", tmp_path / "added.yaml",
        ],
        env={"HOPWATCH_ENDPOINT": "http://127.0.0.1:4319"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_kubernetes_takes_the_manifests_that_the_page_shows() -> None:
    manifests = list(yaml.safe_load_all(block("connect.md", "# kubernetes")))
    assert [manifest["kind"] for manifest in manifests] == [
        "Deployment", "PersistentVolumeClaim", "Service",
    ]  # fmt: skip
    for manifest in manifests:
        kubernetes_validate.validate(manifest, "1.34", strict=True)
    deployment, claim, service = manifests
    pod = deployment["spec"]["template"]
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    volume = pod["spec"]["volumes"][0]
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target
