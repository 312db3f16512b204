"""What the pages in docs/ show is true: their commands, their configuration, their links."""

from __future__ import annotations

import re
import runpy
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from hopwatch.cli import main
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
