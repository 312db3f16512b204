"""A scenario before and after a change, and what the change is known to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hopwatch.simulation.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Answer:
    """What a change is known to do: it moves this term of the bridge (attribution.md section 7) at
    this hop; of `mix`, which is of routes, the hop is empty. Several of one change: it moves one of
    them at least."""

    term: str
    hop: str


@dataclass(frozen=True)
class Changed:
    """A scenario before and after. answers: what is known to differ; where nothing is, nothing was
    made slower or faster. roles_before, roles_after: service -> the name under which it is
    compared, of those that were named anew, split or merged. text: the changes as given."""

    before: Scenario
    after: Scenario
    answers: tuple[Answer, ...] = ()
    roles_before: Mapping[str, str] = field(default_factory=dict)
    roles_after: Mapping[str, str] = field(default_factory=dict)
    text: tuple[str, ...] = ()

    def to(self, after: Scenario, *answers: Answer) -> Changed:
        """The same with another scenario after, and more answers."""
        return replace(self, after=after, answers=(*self.answers, *answers))
