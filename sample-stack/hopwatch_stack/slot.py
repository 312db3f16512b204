"""One service of a running stack: its instance, and those that come and go beside it.

starting --> ready --> died: down --(back-off)--> starting      too often: given up
               |
               |  restart in place:   stopped; once it has ended --> starting
               '- restart beside it:  a successor starts, becomes the instance when it is
                                      ready, and only then is the old one asked to leave

A swap is a restart of which the new instance is of another implementation.
"""

import collections
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from .errors import ServiceError, StackError
from .runtime import Exit, Instance
from .services import Service
from .session import InstanceRecord, ServiceRecord
from .stopping import Leaver, too_slow

# Brought back at once, then ever later; given up when that does not help.
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
DEATHS_ALLOWED = 5
DEATHS_SECONDS = 60.0

WAITING = "waiting"
STARTING = "starting"
READY = "ready"
FINISHED = "finished"
RESTARTING = "restarting"
DOWN = "down"
GIVEN_UP = "given up"
UP = (READY, FINISHED)


@dataclass(frozen=True)
class Running:
    """An instance and when it must be ready, or once it is to leave, must have ended.
    `since` and `deadline` are of the monotonic clock, `started_at` of the wall's."""

    instance: Instance
    service: Service
    id: str
    since: float
    started_at: float
    deadline: float


class Slot:
    """`launch` starts an instance and returns it with its id; `say` is told of the service what
    befalls it, and whether its log says more. Nothing here waits: `tick` looks once and does
    what is due."""

    def __init__(
        self,
        service: Service,
        launch: Callable[[Service], tuple[Instance, str]],
        say: Callable[[str, str, bool], None],
    ) -> None:
        self.service = service
        self.state = WAITING
        # The last thing that befell it, and how its last instance failed.
        self.note = ""
        self._noted = ""
        self.failure = ""
        # Why the last restart left the old instance in place, if it did.
        self._restart_failure = ""
        self.current: Running | None = None
        self._successor: Running | None = None
        self._leaving: list[Running] = []
        self._launch = launch
        self._say = say
        self._deaths: collections.deque[float] = collections.deque(maxlen=DEATHS_ALLOWED)
        self._back_at = 0.0
        self._launches = 0

    @property
    def running(self) -> list[Running]:
        """All instances, the one that counts first."""
        return [one for one in (self.current, self._successor, *self._leaving) if one is not None]

    @property
    def is_settled(self) -> bool:
        """Nothing is on its way, neither in nor out."""
        return self.state in (*UP, GIVEN_UP) and not (self._successor or self._leaving)

    @property
    def trouble(self) -> str:
        """Why the last start or restart, now that it is settled, came to nothing, if it did."""
        return self._restart_failure or (self.note if self.state == GIVEN_UP else "")

    def start(self) -> None:
        """Starts it unless it runs; what it did before is forgiven."""
        self._restart_failure = ""
        if self.current is None and self.state != RESTARTING:
            self._deaths.clear()
            self._start_anew()

    def restart(self, swapped: Service | None = None) -> None:
        """Beside the old instance where the service can overlap, else in its place; by another
        implementation if one is given, which stays once it has become ready."""
        wanted = swapped or self.service
        self._deaths.clear()
        self._restart_failure = ""
        if self.state == READY and wanted.overlaps:
            self._start_successor(wanted)
            return
        self.service = wanted
        if self.current is not None:
            self._let_go(self.current)
            self.current = None
            self.state = RESTARTING
        else:
            self._start_anew()

    def tick(self) -> None:
        for leaver in list(self._leaving):
            self._look_at_leaver(leaver)
        if self._successor is not None:
            self._look_at_successor(self._successor)
        if self.current is not None:
            self._look_at(self.current)
        elif self._is_due():
            self._start_anew()

    def _is_due(self) -> bool:
        """Whether a new instance is to take the place of the one that is no more."""
        if self.state == RESTARTING:
            return not self._leaving
        return self.state == DOWN and time.monotonic() >= self._back_at

    def record(self) -> ServiceRecord:
        return ServiceRecord(
            service=self.service.name,
            implementation=self.service.implementation,
            state=self.state,
            note=self._noted + self.note,
            ports=dict(self.service.ports),
            stop_seconds=self.service.stop_seconds,
            outlived_by=[*self.service.needs, *self.service.outlived_by],
            instances=[
                InstanceRecord(one.instance.handle, one.instance.label, one.started_at)
                for one in self.running
            ],
        )

    def leaver(self) -> Leaver:
        return Leaver(
            self.service.name,
            [one.instance for one in self.running],
            self.service.stop_seconds,
            [*self.service.needs, *self.service.outlived_by],
        )

    def _new(self, service: Service) -> Running:
        """Raises ServiceError, whatever was in the way."""
        self._launches += 1
        try:
            instance, instance_id = self._launch(service)
        except ServiceError:
            raise
        except StackError as error:
            what = f"cannot be started: {error}"
            raise ServiceError(service.name, what, log_end="") from error
        now = time.monotonic()
        ready_by = now + service.ready_seconds
        return Running(instance, service, instance_id, now, time.time(), ready_by)

    def _start_anew(self) -> None:
        self.state = STARTING
        try:
            self.current = self._new(self.service)
        except ServiceError as error:
            self._fail(error.what)

    def _start_successor(self, service: Service) -> None:
        try:
            self._successor = self._new(service)
        except ServiceError as error:
            self._keep_old(error.what)

    def _look_at(self, current: Running) -> None:
        if (exit_ := current.instance.exit()) is not None:
            self._look_at_exit(current, exit_)
        elif self.state == STARTING and self.service.is_server and current.instance.is_ready():
            self.state = READY
            if self._deaths:
                self._tell(f"is back after {time.monotonic() - self._deaths[-1]:.1f} s")
            elif self._launches > 1:
                self._tell_new(current)
        elif self.state == STARTING and time.monotonic() > current.deadline:
            current.instance.kill()
            self._fail(f"was not ready within {self.service.ready_seconds:.0f} s")

    def _look_at_exit(self, current: Running, exit_: Exit) -> None:
        if exit_.ok and not self.service.is_server:
            self.current = None
            self.state = FINISHED
        elif self._successor is not None:
            self._tell(f"died: {exit_.how}; a new instance is on its way")
            self._promote(self._successor)
            self.state = STARTING
        else:
            when = " before it was ready" if self.state == STARTING else ""
            self._fail(f"died{when}: {exit_.how}")

    def _look_at_successor(self, successor: Running) -> None:
        if (exit_ := successor.instance.exit()) is not None:
            self._keep_old(f"died: {exit_.how}")
        elif successor.instance.is_ready():
            if self.current is not None:
                self._let_go(self.current)
            self._promote(successor)
            self._tell_new(successor)
        elif time.monotonic() > successor.deadline:
            successor.instance.kill()
            self._keep_old(f"was not ready within {successor.service.ready_seconds:.0f} s")

    def _promote(self, successor: Running) -> None:
        self.current, self._successor = successor, None
        self.service = successor.service

    def _keep_old(self, what: str) -> None:
        self._successor = None
        self._restart_failure = f"goes on with its old instance: the new one {what}"
        self._tell(self._restart_failure, has_log=True)

    def _let_go(self, old: Running) -> None:
        old.instance.stop()
        now = time.monotonic()
        self._leaving.append(replace(old, since=now, deadline=now + old.service.stop_seconds))

    def _look_at_leaver(self, leaver: Running) -> None:
        exit_ = leaver.instance.exit()
        if exit_ is not None:
            self._leaving.remove(leaver)
            if not exit_.ok:
                self._tell(f"left with {exit_.how}")
        elif time.monotonic() > leaver.deadline:
            leaver.instance.kill()
            self._leaving.remove(leaver)
            self._tell(too_slow("it", leaver.service.stop_seconds))

    def _fail(self, what: str) -> None:
        """The instance is no more. Decides whether and when there will be another."""
        now = time.monotonic()
        self.current = None
        self.failure = what
        self._deaths.append(now)
        often = len(self._deaths) == DEATHS_ALLOWED and now - self._deaths[0] < DEATHS_SECONDS
        if often or not self.service.is_server:
            self.state = GIVEN_UP
            after = f" after {DEATHS_ALLOWED} times in {DEATHS_SECONDS:.0f} s" if often else ""
            by_hand = f"`hopwatch-stack start {self.service.name}` tries once more"
            self._tell(f"{what}. Given up{after}; {by_hand}", has_log=True)
            return
        recent = sum(now - death < DEATHS_SECONDS for death in self._deaths)
        pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 4 ** (recent - 1))
        self.state = DOWN
        self._back_at = now + pause
        self._tell(f"{what}. Starting it again in {pause:.1f} s", has_log=True)

    def _tell_new(self, running: Running) -> None:
        took = time.monotonic() - running.since
        kind = f" ({running.service.implementation})" if running.service.implementation else ""
        self._tell(f"serves by a new instance{kind} after {took:.1f} s")

    def _tell(self, what: str, has_log: bool = False) -> None:
        self.note = what
        self._noted = time.strftime("%H:%M:%S ")
        self._say(self.service.name, what, has_log)
