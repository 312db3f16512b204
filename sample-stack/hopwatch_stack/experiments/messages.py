"""How many bytes the shop's own messages take as Protobuf, and as JSON."""

from pathlib import Path

from rich.console import Console

from .. import progress
from ..errors import StackError
from ..implementations import ORDERS, PYTHON_HOME
from ..paths import ORDERS_PYTHON
from ..stack import Stack
from ..steps import run_steps
from . import programs
from .finding import Finding

NAME = "messages"
HELP = "bytes of the running shop's messages as Protobuf and as JSON"
_KINDS = ("protobuf", "json", "protobuf_gzip", "json_gzip")


def measure(state_dir: Path, console: Console) -> Finding:
    services = {service.name: service for service in Stack(state_dir).status()}
    if "orders" not in services or not services["orders"].is_up:
        raise StackError(
            f"no orders run in {state_dir}: `hopwatch-stack up --detach`, and once more."
        )
    with progress.steps(console) as show:
        run_steps(ORDERS["python"].steps, show)
    address = f"127.0.0.1:{services['orders'].ports['orders']}"
    python = PYTHON_HOME / "bin" / "python"
    # From there it has the contract's code.
    sizes: dict[str, dict[str, int]] = programs.said_by(
        [str(python), str(programs.SOURCES / "messages.py"), address], cwd=ORDERS_PYTHON
    )
    sizes["all of them"] = {kind: sum(one[kind] for one in sizes.values()) for kind in _KINDS}
    return Finding(
        head=["message", "Protobuf", "JSON", "lighter by", "gzip", "gzip", "lighter by"],
        rows=[[name, *_cells(one)] for name, one in sizes.items()],
        notes=[
            "Bytes of bodies, one message each, counted; the protocols' headers come on top. JSON "
            "is Protobuf's own mapping, without spaces. Below about 100 bytes gzip adds more than "
            "it saves.",
        ],
        figures=sizes,
    )


def _cells(size: dict[str, int]) -> list[str]:
    return [
        *(f"{size[kind]:,}" for kind in _KINDS[:2]),
        _lighter(size["protobuf"], size["json"]),
        *(f"{size[kind]:,}" for kind in _KINDS[2:]),
        _lighter(size["protobuf_gzip"], size["json_gzip"]),
    ]


def _lighter(protobuf: int, json: int) -> str:
    return f"{1 - protobuf / json:.0%}"
