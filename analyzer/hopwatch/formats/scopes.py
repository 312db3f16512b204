"""Attributes and scopes of formats that have plain values, and say again for every span what
process it is from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from hopwatch import spans
from hopwatch.formats.columns import (
    MAX_NESTING,
    NO_ATTRIBUTES,
    Attributes,
    Resource,
    Scope,
    attributes,
    too_deep,
)

_RESOURCE_NAMESPACES: Final = (
    "cloud.", "container.", "deployment.", "host.", "k8s.", "os.", "process.", "service.",
    "telemetry.",
)  # fmt: skip
_OF_THE_SPAN: Final = ("service.peer.",)


def attributes_of(pairs: Iterable[tuple[str, Any]]) -> Attributes:
    """An attribute map of plain values. Raises ItemError for one that is nested too deep."""
    keys, texts, letters = [], [], []
    for key, value in pairs:
        if isinstance(value, (list, dict)) and not _is_shallow(value):
            raise too_deep()
        text, letter = spans.encode_value(value)
        keys.append(key)
        texts.append(text)
        letters.append(letter)
    return attributes(keys, texts, letters) if keys else NO_ATTRIBUTES


def _is_shallow(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_NESTING + 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return True
    return False


def is_of_resource(key: str) -> bool:
    """Whether an attribute of this name is one of a resource, which exporters to Zipkin put
    among a span's own."""
    return key.startswith(_RESOURCE_NAMESPACES) and not key.startswith(_OF_THE_SPAN)


class Scopes:
    """Scopes by what they say, so that rows of one process share one object."""

    def __init__(self) -> None:
        self._known: dict[Any, Scope] = {}
        self._resources: dict[Any, Resource] = {}

    def of(self, resource: Attributes, name: str = "", version: str = "") -> Scope:
        """The scope of this name and version, in a resource with these attributes."""
        about = (tuple(resource.keys), tuple(resource.texts), resource.types)
        key = (about, name, version)
        if key not in self._known:
            shared = self._resources.setdefault(about, Resource(resource, ""))
            self._known[key] = Scope(shared, name, version, NO_ATTRIBUTES, "")
        return self._known[key]
