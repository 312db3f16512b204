"""The stories that `demo` tells: the shop as it was, as it is now, and what that changed."""

import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from rich.console import Console

from .. import implementations, progress, toolchains
from ..errors import StackError
from ..load.client_spans import SERVICE_NAME
from ..load.conductor import load
from ..load.plan import JOURNEYS, LoadPlan, LoadResult
from ..load.summary import describe
from ..runtimes import DOCKER
from ..services import version_of
from ..settings import Settings, default_state_dir, default_store
from ..supervisor import Supervisor
from ..waiting import settling
from .turns import FIRST_WARM_SECONDS, WARM_SECONDS, Turn, in_turns, take

RATE = 25.0
SECONDS = 90.0
# The load goes on until the last second that is traced has ended.
MARGIN_SECONDS = 2.0
# Of one implementation alone, of which there is a ledger and nothing to compare.
ALONE_SECONDS = 20.0
VISITS = 6
SETTLE_SECONDS = 10.0
ROWS = 8
MINUTE = timedelta(minutes=1)
# Visits are few, slow, and go on while the load's requests are not traced: they would hide what
# there is to see of these. The dashboard has them.
_OF_THE_LOAD = ("--service", SERVICE_NAME)
_ONCE_WRITTEN_IN = ("node", "python", "go")


@dataclass(frozen=True)
class Theme:
    """What a story is about: a setting, whose variants `title` and `names` tell in words, and the
    service that is exchanged for it."""

    service: str
    question: str
    title: str
    names: Mapping[str, str]
    journeys: tuple[str, ...] = JOURNEYS


THEMES = {
    "orders": Theme(
        service="orders",
        question="Orders are written in {before}. Would {after} be faster, and where?",
        title="Orders in {}",
        names={name: name.capitalize() for name in implementations.NAMES},
    ),
    "payments": Theme(
        service="orders",
        question="Payments are a module of orders. What would it cost to have them as a service?",
        title="Payments as a {}",
        names={"module": "module", "service": "service"},
        # Of the others, none pays.
        journeys=("order",),
    ),
    "protocol": Theme(
        service="bff",
        question="The BFF calls orders by {before}. What would {after} with JSON cost?",
        title="Orders by {}",
        names={"grpc": "gRPC", "rest": "REST"},
    ),
}


@dataclass(frozen=True)
class Story:
    """A stack of `settings`, in which its theme's setting was once `before`, or if that is None
    has always been what it is."""

    settings: Settings
    before: str | None
    about: str = "orders"

    @property
    def theme(self) -> Theme:
        return THEMES[self.about]

    @property
    def after(self) -> str:
        return str(getattr(self.settings, self.about))

    @property
    def begins(self) -> dict[str, str]:
        """The variants with which the stack starts, by service."""
        return {self.theme.service: self.before} if self.before else {}

    @property
    def sides(self) -> list[str]:
        return [variant for variant in (self.before, self.after) if variant]

    @property
    def languages(self) -> set[str]:
        """What orders are written in, in the course of the story."""
        return {self._with(variant).orders for variant in self.sides}

    @property
    def seconds(self) -> float:
        return SECONDS if self.before else ALONE_SECONDS

    @property
    def turns(self) -> list[Turn]:
        if self.before is None:
            return [Turn(self.after, self.seconds - MARGIN_SECONDS)]
        return in_turns(self.before, self.after, self.seconds - MARGIN_SECONDS)

    def version(self, variant: str) -> str:
        """`service.version` of the service that is exchanged, as this variant."""
        return version_of(self._with(variant), self.theme.service)

    def _with(self, variant: str) -> Settings:
        return replace(self.settings, **{self.about: variant})  # type: ignore[arg-type]


def story_of(about: str, settings: Settings, runtime: str, console: Console) -> Story:
    """The story of a theme: orders from what they were once written in to what the settings say,
    payments from module to service, the protocol from gRPC to REST. Says why where there is
    nothing to compare. Raises StackError when what it takes cannot be had."""
    if about == "payments":
        settings = replace(settings, payments="service")
    elif about == "protocol":
        settings = replace(settings, protocol="rest")
    can = {"rest": settings.protocol == "rest", "payments_apart": settings.payments == "service"}
    implementations.orders(settings.orders, **can)
    if about != "orders":
        return Story(settings, "module" if about == "payments" else "grpc", about)
    if runtime == DOCKER:
        _say(console, "In containers there are orders in Go only: one ledger, no migration.")
        return Story(settings, None)
    why = ""
    for name in _ONCE_WRITTEN_IN:
        if name == settings.orders:
            continue
        try:
            return Story(settings, implementations.orders(name, **can).name)
        except StackError as error:
            why = why or str(error)
    _say(console, f"One ledger, no migration: {why}")
    return Story(settings, None)


def tell(story: Story, supervisor: Supervisor, console: Console) -> LoadResult:
    """Puts the load on, shows the ledgers and the comparison; the stack is up, and begins as the
    story does. Returns what came of the load."""
    settings = story.settings
    _say_plan(story, console)
    since = _now()
    result = _go_through(story, supervisor, console)
    _wait_for_spans(settings, supervisor)
    # What others ask the shop for from now on is not of this story.
    until = _now()
    chosen = (*_OF_THE_LOAD, "--since", since.isoformat(), "--until", until.isoformat())
    for variant in story.sides:
        console.rule(story.theme.title.format(story.theme.names[variant]), style="bold")
        wanted = f"service.version={story.version(variant)}"
        _hopwatch(supervisor, settings, "report", *chosen, "--where", wanted)
    if story.before:
        names = [story.theme.names[variant] for variant in story.sides]
        console.rule(f"From {names[0]} to {names[1]}", style="bold")
        compared = ("compare", *_by(story), *chosen, "--top", str(ROWS))
        _hopwatch(supervisor, settings, *compared)
        window = {"last": "custom", "from": _minute(since), "to": _minute(until + MINUTE)}
        _say_where_next(story, compared, window, console)
    return result


def _say_plan(story: Story, console: Console) -> None:
    console.print()
    if story.before is None:
        return
    names = story.theme.names
    question = story.theme.question.format(before=names[story.before], after=names[story.after])
    turns = ", ".join(names[turn.variant] for turn in story.turns)
    _say(
        console,
        f"{question} Both serve in turns, for {story.seconds:.0f} s under one load: {turns}. What "
        f"has just started is slow, so requests of the first {FIRST_WARM_SECONDS:.0f} s, of a "
        f"swap, and of the {WARM_SECONDS:.0f} s after it are not traced.",
    )


def _go_through(story: Story, supervisor: Supervisor, console: Console) -> LoadResult:
    plan = LoadPlan(
        shop_url=story.settings.shop_url,
        otlp_url=story.settings.otlp_http_url,
        rate=RATE,
        seconds=story.seconds,
        visits=_possible_visits(console),
        journeys=story.theme.journeys,
        traced=False,
    )
    with load(plan) as going, progress.bar(console, "Load", story.seconds) as shown:

        def show(now: str) -> None:
            shown(going.elapsed, f"{now}\n{going.note}")

        supervisor.watch(until=lambda: going.elapsed > 0 or going.over)
        take(story.theme.service, story.turns, supervisor, going, show)
        supervisor.watch(until=lambda: going.over)
        show("done")
        result = going.result()
    _say(console, describe(result))
    return result


def _wait_for_spans(settings: Settings, supervisor: Supervisor) -> None:
    # Traffic of others may go on for ever; the ledger is then of what has arrived.
    settled = settling(settings.store)
    deadline = time.monotonic() + SETTLE_SECONDS
    supervisor.watch(until=lambda: settled() or time.monotonic() > deadline)


def _by(story: Story) -> list[str]:
    return ["--by", "service.version", *map(story.version, story.sides)]


def _hopwatch(supervisor: Supervisor, settings: Settings, command: str, *words: str) -> None:
    """A command of the analyzer, while the stack is watched."""
    line = [sys.executable, "-m", "hopwatch.cli", command, "--store", str(settings.store), *words]
    with subprocess.Popen(line) as process:
        try:
            supervisor.watch(until=lambda: process.poll() is not None)
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0:
        raise StackError(f"hopwatch {command} exited with {process.returncode}.")


def _say_where_next(
    story: Story, compared: tuple[str, ...], window: dict[str, str], console: Console
) -> None:
    """`compared` is what the analyzer was asked; `window` says the same times to the dashboard."""
    settings = story.settings
    lines: dict[str, str] = {}
    if settings.dashboard:
        before, after = map(story.version, story.sides)
        sides = {"design": "attribute", "key": "service.version", "before": before, "after": after}
        lines |= {
            "The same, to click": _link(
                settings, "compare", sides | window | {"service": SERVICE_NAME}
            ),
            "Visits by a browser": _link(settings, "traces", window | {"service": "shop-web"}),
        }
    store = [] if settings.store == default_store().resolve() else ["--store", str(settings.store)]
    lines["The same, again"] = f"hopwatch {shlex.join([*compared, *store])}"
    console.rule("Look further", style="bold")
    for what, where in lines.items():
        _say_line(console, what, where)


def say_way_back(story: Story, console: Console) -> None:
    """For a stack that stays up."""
    if story.before is None or story.about != "orders":
        return
    settings = story.settings
    at_home = settings.state_dir == default_state_dir().resolve()
    words = ["swap", "orders", story.before]
    words += [] if at_home else ["--state-dir", str(settings.state_dir)]
    _say_line(console, "Back to how it was", f"hopwatch-stack {shlex.join(words)}")


def _link(settings: Settings, page: str, parameters: dict[str, str]) -> str:
    return f"{settings.dashboard_url}/{page}?{urlencode(parameters)}"


def _minute(moment: datetime) -> str:
    """As the dashboard's URLs have it."""
    return moment.strftime("%Y-%m-%dT%H:%M")


def _now() -> datetime:
    return datetime.now().astimezone().replace(microsecond=0)


def _possible_visits(console: Console) -> int:
    try:
        toolchains.find("chromium")
    except StackError as error:
        _say(console, f"No page visits: {error}")
        return 0
    return VISITS


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False)


def _say_line(console: Console, what: str, where: str) -> None:
    """Something to copy: in one line, however long."""
    console.print(f"{what}:\n  {where}", markup=False, highlight=False, soft_wrap=True)
