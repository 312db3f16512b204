"""Lines of JSON from a load process to the one that shows the bar."""

import dataclasses
import json
from typing import Any


def progress(done: int, failed: int) -> None:
    """So many requests or visits are over, so many of them failed."""
    print(json.dumps({"done": done, "failed": failed}), flush=True)


def result(outcome: Any) -> None:
    """The last line: the outcome, a dataclass."""
    print(json.dumps({"result": dataclasses.asdict(outcome)}), flush=True)
