"""The owner of a stack: starts it, brings back what dies, restarts what it is asked to.

When the owner ends, the stack ends with it. Use it from one thread, the process's main one where
the runtime's services are its children (processes.py).
"""

import os
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from . import slot as slots
from .control import Asked, Inbox, Request
from .errors import ServiceError, StackError, told
from .progress import Steps
from .runtime import Instance, Runtime, Usage
from .services import Service
from .session import Session, SessionFile
from .settings import Settings
from .slot import Slot
from .stopping import Leaver, stop_in_order

POLL_SECONDS = 0.02
WATCH_SECONDS = 0.2
LOG_LINES_SHOWN = 20


@dataclass(frozen=True)
class Measured:
    """An instance that runs: what its telemetry names it, when it began, what it uses."""

    service_name: str
    instance_id: str
    started_at: float
    usage: Callable[[], Usage | None]


# The service of a name by another implementation; raises StackError.
Exchanged = Callable[[str, str], Service]


def _nothing_to_exchange(name: str, _implementation: str) -> Service:
    raise StackError(f"{name} has one implementation only.")


class Supervisor:
    """`say` is told, in lines for people, what befalls the services once the stack is up."""

    def __init__(self, state_dir: Path, runtime: Runtime, say: Callable[[str], None]) -> None:
        self._state_dir = state_dir
        self._runtime = runtime
        self._say = say
        self._file = SessionFile(state_dir)
        me = psutil.Process()
        self._session = Session(me.pid, me.create_time(), runtime.name)
        self._inbox = Inbox(state_dir)
        self._slots: dict[str, Slot] = {}
        self._up = False
        self._written: Session | None = None
        # The request that is being answered, and its services that are still to be seen to.
        self._request: Request | None = None
        self._to_do: list[Slot] = []
        self._doing: Slot | None = None
        self._exchanged: Exchanged = _nothing_to_exchange

    def start(
        self,
        services: Sequence[Service],
        show: Steps,
        *,
        settings: Settings | None = None,
        exchanged: Exchanged = _nothing_to_exchange,
    ) -> None:
        """Returns when all that are awaited are ready; side by side where `needs` allows. When
        one dies or is not ready in time, stops the others and raises ServiceError. The settings
        are told to other processes; `exchanged` makes the services that swaps ask for."""
        self._file.own()
        left_over = self._file.read()
        try:
            if left_over:  # Its owner was killed.
                stop_in_order(leavers(left_over, self._runtime))
                self._runtime.clear()
            self._inbox.clear()
            if settings:
                self._session = replace(
                    self._session,
                    labs=settings.labs,
                    protocol=settings.protocol,
                    payments=settings.payments,
                )
            self._exchanged = exchanged
            self._runtime.prepare(services)
            self._slots = {s.name: Slot(s, self._launch, self._tell) for s in services}
            self._write_session()
            self._start_all(show)
            self._up = True
            self._write_session()
        except BaseException:
            self.stop()
            raise

    @property
    def has_been_up(self) -> bool:
        """Whether all that is awaited has been ready, also after the end."""
        return self._up

    def watch(self, until: Callable[[], bool] = lambda: False) -> None:
        """Keeps the stack as it should be until the condition holds."""
        while not until():
            self._tick()
            busy = self._request is not None or not all(s.is_settled for s in self._slots.values())
            time.sleep(POLL_SECONDS if busy else WATCH_SECONDS)

    def swap(self, service: str, implementation: str, meanwhile: Callable[[], None]) -> None:
        """What `Stack.swap` asks of an owner, for the owner itself: it takes its turn among what
        others ask. Calls `meanwhile` every now and then. Raises StackError when the old one stays.
        """
        asked = Asked(self._state_dir, "swap", [service], implementation)

        def answered() -> bool:
            meanwhile()
            return asked.is_answered

        self.watch(until=answered)
        asked.take_answer()

    def stop(self) -> list[str]:
        """Stops all, dependents first, and leaves nothing behind. Returns what went amiss."""
        problems = stop_in_order([slot.leaver() for slot in self._slots.values()])
        self._slots = {}
        self._runtime.clear()
        self._file.release()
        return problems

    def instances(self) -> list[Measured]:
        """Every instance that runs; for another thread, too."""
        return [
            Measured(slot.service.telemetry_name, one.id, one.started_at, one.instance.usage)
            for slot in list(self._slots.values())
            for one in slot.running
        ]

    def _start_all(self, show: Steps) -> None:
        shown: dict[str, str] = {}
        awaited = [slot for slot in self._slots.values() if slot.service.awaited]
        while not all(slot.is_settled for slot in awaited):
            self._tick()
            for slot in awaited:
                self._show(slot, shown, show)
            time.sleep(POLL_SECONDS)

    def _show(self, slot: Slot, shown: dict[str, str], show: Steps) -> None:
        name = slot.service.name
        if slot.state in (slots.DOWN, slots.GIVEN_UP):
            raise ServiceError(name, slot.failure, self._log_end(name))
        if slot.state in (slots.WAITING, shown.get(name)):
            return
        if name not in shown:
            show.began(name)
        if slot.state in slots.UP:
            show.ended(name, slot.state)
        shown[name] = slot.state

    def _tick(self) -> None:
        ready = {s.service.name for s in self._slots.values() if s.state in slots.UP}
        for slot in self._slots.values():
            if slot.state == slots.WAITING and ready.issuperset(slot.service.needs):
                slot.start()
            slot.tick()
        if self._up:  # What is asked of a stack that starts is done once it is up.
            self._see_to_request()
        self._write_session()

    def _see_to_request(self) -> None:
        if self._request is None:
            self._take_request()
        elif self._doing is None:
            if not self._to_do:
                self._answer(None)
                return
            self._doing = self._to_do.pop(0)
            self._begin(self._doing, self._request)
        elif self._doing.is_settled:
            done, self._doing = self._doing, None
            if done.trouble:
                self._answer(f"{done.service.name} {done.trouble}.")

    def _begin(self, slot: Slot, request: Request) -> None:
        if request.action == "start":
            slot.start()
        elif request.action == "restart":
            slot.restart()
        else:
            try:
                slot.restart(self._exchanged(slot.service.name, request.implementation))
            except StackError as error:
                self._answer(str(error))

    def _take_request(self) -> None:
        self._request = self._inbox.take()
        if self._request is None:
            return
        if unknown := [name for name in self._request.services if name not in self._slots]:
            known = ", ".join(self._slots)
            self._answer(f"the stack has no service {', '.join(unknown)}: there are {known}.")
            return
        self._to_do = [self._slots[name] for name in self._request.services]

    def _answer(self, error: str | None) -> None:
        assert self._request is not None
        self._inbox.answer(self._request, error)
        self._request = self._doing = None
        self._to_do = []

    def _launch(self, service: Service) -> tuple[Instance, str]:
        instance_id = str(uuid.uuid4())
        given = os.environ.get("OTEL_RESOURCE_ATTRIBUTES")
        ours = f"service.instance.id={instance_id}"
        attributes = f"{given},{ours}" if given else ours
        env = {**service.env, "OTEL_RESOURCE_ATTRIBUTES": attributes}
        return self._runtime.launch(service, env), instance_id

    def _tell(self, service: str, what: str, has_log: bool) -> None:
        if not self._up:  # What goes wrong at the start is raised.
            return
        tail = told(self._log_end(service)) if has_log else ""
        self._say(f"{time.strftime('%H:%M:%S')} {service} {what}.{tail}")

    def _log_end(self, service: str) -> str:
        return self._runtime.log_end(service, LOG_LINES_SHOWN)

    def _write_session(self) -> None:
        records = [slot.record() for slot in self._slots.values()]
        session = replace(self._session, up=self._up, services=records)
        if session != self._written:
            self._file.write(session)
            self._written = session


def leavers(session: Session, runtime: Runtime) -> list[Leaver]:
    """What an earlier owner left running."""
    return [
        Leaver(
            record.service,
            [found for one in record.instances if (found := runtime.find(one.handle))],
            record.stop_seconds,
            record.outlived_by,
        )
        for record in session.services
    ]
