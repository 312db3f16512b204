"""How other processes ask the owner of a stack to do something: files in the state folder.

`<id>.request.json` is put there whole, the owner takes it away and puts `<id>.answer.json` there
when it is done. Files work in every folder and for every path; sockets do neither.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import StackError
from .waiting import wait_until

REQUEST = ".request.json"
ANSWER = ".answer.json"
ACTIONS = ("restart", "start", "swap")


@dataclass(frozen=True)
class Request:
    """`action` is one of ACTIONS; a swap says to which `implementation`."""

    id: str
    action: str
    services: tuple[str, ...]
    implementation: str = ""


class Inbox:
    """The owner's side."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = _folder(state_dir)

    def clear(self) -> None:
        """Forgets what nobody waits for any more."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for file in self._folder.iterdir():
            file.unlink()

    def take(self) -> Request | None:
        """The oldest request, if there is one. What is no request is answered and passed over."""
        for file in sorted(self._folder.glob(f"*{REQUEST}")):
            request_id = file.name.removesuffix(REQUEST)
            text = file.read_text(errors="replace")
            file.unlink()
            request = _parse(request_id, text)
            if request is not None:
                return request
            _put(self._folder / f"{request_id}{ANSWER}", {"error": f"{file.name} is no request."})
        return None

    def answer(self, request: Request, error: str | None) -> None:
        _put(self._folder / f"{request.id}{ANSWER}", {"error": error})


def ask(
    state_dir: Path,
    action: str,
    services: Iterable[str],
    implementation: str,
    owner_lives: Callable[[], bool],
    seconds: float,
) -> None:
    """Returns when the owner has done it; raises StackError with its answer when it could not."""
    folder = _folder(state_dir)
    request_id = f"{time.time_ns()}-{uuid.uuid4().hex[:8]}"
    answer = folder / f"{request_id}{ANSWER}"
    request = folder / f"{request_id}{REQUEST}"
    asked = {"action": action, "services": list(services), "implementation": implementation}
    _put(request, asked)
    wait_until(lambda: answer.exists() or not owner_lives(), seconds)
    if not answer.exists():
        request.unlink(missing_ok=True)
        why = f"did not answer within {seconds:.0f} s" if owner_lives() else "has ended"
        raise StackError(f"the process that keeps the stack up {why}.")
    error = json.loads(answer.read_text())["error"]
    answer.unlink()
    if error is not None:
        raise StackError(error)


def _parse(request_id: str, text: str) -> Request | None:
    try:
        raw = json.loads(text)
        services = tuple(str(name) for name in raw["services"])
        if raw["action"] not in ACTIONS:
            return None
        return Request(request_id, raw["action"], services, str(raw["implementation"]))
    except (ValueError, TypeError, KeyError):
        return None


def _folder(state_dir: Path) -> Path:
    return state_dir / "requests"


def _put(path: Path, content: dict[str, Any]) -> None:
    scratch = path.with_suffix(".part")
    scratch.write_text(json.dumps(content))
    scratch.replace(path)
