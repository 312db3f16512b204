"""What load to put on, and what came of it."""

import dataclasses
import json
import re
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError

JOURNEYS = ("browse", "order", "get-order")
TRACED, UNTRACED = "traced", "untraced"
LAB = re.compile(r"hopwatch\.lab\.[a-z-]+=\S+")


@dataclass(frozen=True)
class LoadPlan:
    """`rate` requests a second for `seconds`, and `visits` of the page spread over that time.

    Every `lab_every`th request of a journey carries `lab`, a W3C baggage entry "key=value".
    Unless `traced`, requests are not traced but while a line on the load's stdin says so.
    """

    shop_url: str
    otlp_url: str
    rate: float
    seconds: float
    visits: int = 0
    journeys: tuple[str, ...] = JOURNEYS
    lab: str = ""
    lab_every: int = 10
    traced: bool = True

    def __post_init__(self) -> None:
        if self.rate < 0 or self.seconds <= 0 or self.visits < 0 or self.lab_every < 1:
            raise UsageError("load needs a rate and visits of 0 or more, and seconds above 0.")
        if self.rate == 0 and self.visits == 0:
            raise UsageError("nothing to do: both the rate and the number of visits are 0.")
        if unknown := set(self.journeys) - set(JOURNEYS):
            raise UsageError(f"unknown journey {min(unknown)}: there are {', '.join(JOURNEYS)}.")
        if self.lab and not LAB.fullmatch(self.lab):
            example = "hopwatch.lab.delay=<service>[/<route>]:<n>ms"
            raise UsageError(f'--lab is baggage such as "{example}", not "{self.lab}".')

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "LoadPlan":
        fields = json.loads(text)
        return cls(**{**fields, "journeys": tuple(fields["journeys"])})


@dataclass(frozen=True)
class RequestsResult:
    """`requests` have ended; `failures` and `errors` count those too that had not when the load
    was broken off. Times in milliseconds, retries included; `retried` counts the requests that
    were sent more than once, `retries` what made them be; `labs` counts the requests that carried
    the lab's baggage, `lost_spans` the load's own spans that no collector took."""

    requests: int
    failures: int
    rate: float
    latency_ms: dict[str, float]
    errors: dict[str, int]
    retried: int
    retries: dict[str, int]
    labs: int
    lost_spans: int


@dataclass(frozen=True)
class VisitsResult:
    """`trace_ids` are those that the order's page showed."""

    visits: int
    failures: int
    errors: dict[str, int]
    trace_ids: list[str]


@dataclass(frozen=True)
class LoadResult:
    requests: RequestsResult | None
    visits: VisitsResult | None

    @property
    def failures(self) -> int:
        return sum(part.failures for part in (self.requests, self.visits) if part)

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)
