"""Changes of a scenario by their names, each known for what it does.

What is drawn for a step depends on what the step is, not on what stands around it, so the requests
after a change are those before it, but for what was changed. `changed` reads changes from text,
`NAME:ARGUMENT,...`, such as `n+1:shop-orders shop.Catalog/List,20`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from hopwatch.errors import UsageError
from hopwatch.simulation import change_costs, change_services, laws, values
from hopwatch.simulation.before_after import Changed
from hopwatch.simulation.scenario import Scenario


def changed(scenario: Scenario, changes: Iterable[str]) -> Changed:
    """The scenario before and after the changes, one after the other. Raises UsageError for what
    is no change, or cannot be done to this scenario."""
    found = Changed(scenario, scenario)
    for change in changes:
        name, _, rest = change.strip().partition(":")
        if name not in CHANGES:
            raise UsageError(f"no change {name!r}; there are {', '.join(CHANGES)}")
        kind = CHANGES[name]
        found = kind.function(found, *kind.read(name, rest))
        found = replace(found, text=(*found.text, change.strip()))
    return found


@dataclass(frozen=True, slots=True)
class Change:
    """A change by its name. parameters: words for `_READERS`; one in brackets may be left out, one
    with `...` repeated."""

    function: Callable[..., Changed]
    parameters: tuple[str, ...] = ()

    def read(self, name: str, text: str) -> list[Any]:
        """The arguments from their text. Raises UsageError."""
        words = [word.strip() for word in laws.split(text)] if text.strip() else []
        repeated = self.parameters[-1:] if self.usage.endswith("...") else ()
        wanted = [*self.parameters, *repeated * (len(words) - len(self.parameters))]
        least = sum(not word.startswith("[") for word in self.parameters)
        if not least <= len(words) <= len(wanted):
            usage = f"{name}:{self.usage}" if self.usage else name
            raise UsageError(f"{name}: give {usage}, not {text!r}")
        return [
            _READERS[parameter.strip("[].")](word, f"{name}: {parameter.strip('[].')}")
            for parameter, word in zip(wanted, words, strict=False)
        ]

    @property
    def usage(self) -> str:
        return ",".join(self.parameters).replace(",[", "[,")

    @property
    def help(self) -> str:
        return " ".join((self.function.__doc__ or "").split())


def _number(read: values.Reader) -> values.Reader:
    def from_text(text: Any, where: str) -> Any:
        try:
            number = float(text)
        except ValueError:
            raise UsageError(f"{where}: a number is expected, not {text!r}") from None
        return read(int(number) if number.is_integer() else number, where)

    return from_text


_READERS: Final[Mapping[str, values.Reader]] = {
    **dict.fromkeys(("SERVICE", "LANGUAGE", "HOP", "PEER", "NAME", "INTO", "POOL"), values.text),
    **dict.fromkeys(("SERVICE OPERATION", "ROUTE"), values.target),
    "OPERATION": values.text,
    "LAW": values.law,
    "TIME": values.lasting,
    **dict.fromkeys(("FACTOR", "WEIGHT", "SIGMA"), _number(values.positive)),
    "HITS": _number(values.share),
    "COUNT": _number(values.count(1, 10_000)),
}

CHANGES: Final[Mapping[str, Change]] = {
    "none": Change(change_costs.none),
    "drifting": Change(change_costs.drifting, ("TIME", "SIGMA")),
    "rewrite": Change(change_costs.rewrite, ("SERVICE", "LANGUAGE", "[FACTOR]")),
    "time": Change(change_costs.time, ("HOP", "FACTOR")),
    "way": Change(change_costs.way, ("SERVICE", "FACTOR")),
    "add-call": Change(change_costs.add_call, ("SERVICE OPERATION", "PEER", "LAW")),
    "n+1": Change(change_costs.n_plus_one, ("SERVICE OPERATION", "COUNT")),
    "cache": Change(change_costs.cache, ("SERVICE OPERATION", "HITS")),
    "add-hop": Change(change_services.add_hop, ("SERVICE", "NAME", "LAW")),
    "remove-hop": Change(change_services.remove_hop, ("SERVICE",)),
    "parallel": Change(change_costs.parallel, ("SERVICE OPERATION",)),
    "mix": Change(change_costs.mix, ("ROUTE", "WEIGHT")),
    "simpson": Change(change_costs.simpson, ("ROUTE", "WEIGHT", "FACTOR")),
    "rename": Change(change_services.rename, ("SERVICE", "NAME")),
    "split": Change(change_services.split, ("SERVICE", "NAME", "OPERATION...")),
    "merge": Change(change_services.merge, ("SERVICE", "INTO")),
    "load": Change(change_costs.load, ("FACTOR",)),
    "capacity": Change(change_costs.capacity, ("SERVICE", "POOL", "COUNT")),
}
