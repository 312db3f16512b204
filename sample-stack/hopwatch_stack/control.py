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

from .errors import GoesOnError, StackError
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
            try:
                text = file.read_text(errors="replace")
                file.unlink()
            except FileNotFoundError:  # Taken back meanwhile.
                continue
            request = _parse(request_id, text)
            if request is not None:
                return request
            _put(self._folder / f"{request_id}{ANSWER}", {"error": f"{file.name} is no request."})
        return None

    def answer(self, request: Request, error: str | None) -> None:
        _put(self._folder / f"{request.id}{ANSWER}", {"error": error})


class Asked:
    """A request that has been put to the owner."""

    def __init__(
        self, state_dir: Path, action: str, services: Iterable[str], implementation: str = ""
    ) -> None:
        request_id = f"{time.time_ns()}-{uuid.uuid4().hex[:8]}"
        self._answer = _folder(state_dir) / f"{request_id}{ANSWER}"
        self._request = _folder(state_dir) / f"{request_id}{REQUEST}"
        asked = {"action": action, "services": list(services), "implementation": implementation}
        _put(self._request, asked)

    @property
    def is_answered(self) -> bool:
        return self._answer.exists()

    def take_answer(self) -> None:
        """Raises StackError with what the owner says when it could not do it."""
        error = json.loads(self._answer.read_text())["error"]
        self._answer.unlink()
        if error is not None:
            raise StackError(error)

    def take_back(self) -> bool:
        """Whether the owner had not begun with it, and never will."""
        try:
            self._request.unlink()
        except FileNotFoundError:
            return False
        return True


def ask(
    state_dir: Path,
    action: str,
    services: Iterable[str],
    implementation: str,
    owner_lives: Callable[[], bool],
    seconds: float,
) -> None:
    """Returns when the owner has done it; raises StackError with its answer when it could not."""
    asked = Asked(state_dir, action, services, implementation)
    try:
        wait_until(lambda: asked.is_answered or not owner_lives(), seconds)
    except KeyboardInterrupt:
        if asked.take_back():
            raise
        raise GoesOnError(
            f"the {action} goes on without you: `hopwatch-stack status` says how it ended."
        ) from None
    if asked.is_answered:
        asked.take_answer()
        return
    goes_on = "" if asked.take_back() else f"; the {action} may go on: `hopwatch-stack status`"
    why = f"did not answer within {seconds:.0f} s{goes_on}" if owner_lives() else "has ended"
    raise StackError(f"the process that keeps the stack up {why}.")


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
