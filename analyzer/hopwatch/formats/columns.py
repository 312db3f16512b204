"""Rows to Arrow tables. Every decoder ends here, so that one span, log record or data point has
one form and one set of checks whatever format it came in; `span_rows`, `log_rows` and
`metric_rows` have what is particular to each.

Resources and scopes repeat from row to row: rows share the objects, and their columns are made
once and gathered. Rows become Arrow a chunk at a time, which takes a tenth of the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any, Final, NamedTuple

import pyarrow as pa

from hopwatch import spans
from hopwatch.formats.decoded import ItemError
from hopwatch.signals import Signal

MAX_TIME: Final = 2**63
"""Times from here on do not fit a signed 64-bit nanosecond count (the year 2262)."""
MAX_NESTING: Final = 64
"""Arrays and kvlists inside each other in one attribute value."""


class Attributes(NamedTuple):
    """An attribute map as parallel columns; `types` as in `spans.ATTRIBUTE_TYPES`."""

    keys: Sequence[str]
    texts: Sequence[str]
    types: str


NO_ATTRIBUTES: Final = Attributes((), (), "")


def attributes(keys: list[str], texts: list[str], letters: list[str]) -> Attributes:
    """An attribute map; of a repeated key (OTLP forbids them) the last value counts."""
    if len(set(keys)) != len(keys):
        last = {key: position for position, key in enumerate(keys)}
        keys = list(last)
        texts = [texts[position] for position in last.values()]
        letters = [letters[position] for position in last.values()]
    return Attributes(keys, texts, "".join(letters))


class Resource(NamedTuple):
    attributes: Attributes
    schema_url: str


class Scope(NamedTuple):
    resource: Resource
    name: str
    version: str
    attributes: Attributes
    schema_url: str


Rows = Mapping[str, Sequence[Any]]
"""Rows of one kind as columns: the names of their fields, each with the values of all rows."""


@dataclass(frozen=True, slots=True)
class RowType:
    """What one signal's rows are. A row is a NamedTuple whose first field is its `scope`."""

    signal: Signal
    check: Callable[[Any], None]
    """Raises ItemError for a row that cannot be stored."""
    arrays: Callable[[Rows], dict[str, pa.Array]]
    """The table's columns but those of scope and resource."""


_CHUNK: Final = 8192


class Columns:
    """Gathers rows, then gives them as one table."""

    def __init__(self, row_type: RowType) -> None:
        self._type = row_type
        self._rows: list[Any] = []
        self._chunks: list[pa.Table] = []

    def add(self, row: Any) -> None:
        """Keep a row. Raises ItemError, and keeps nothing of it, if it cannot be stored."""
        self._type.check(row)
        self._rows.append(row)
        if len(self._rows) == _CHUNK:
            self._end_chunk()

    def table(self) -> pa.Table:
        """All rows that were added, in that order."""
        self._end_chunk()
        return self._type.signal.concat(self._chunks)

    def _end_chunk(self) -> None:
        if self._rows:
            self._chunks.append(_table(self._type, self._rows))
            self._rows = []


def _table(row_type: RowType, rows: Sequence[Any]) -> pa.Table:
    columns = dict(zip(rows[0]._fields, zip(*rows, strict=True), strict=True))
    scopes, scope_of = _distinct(columns["scope"])
    resources, resource_of = _distinct([scope.resource for scope in scopes])
    arrays = row_type.arrays(columns)
    for name, array in _scope_arrays(scopes).items():
        arrays[name] = array.take(scope_of)
    for name, array in _resource_arrays(resources).items():
        arrays[name] = array.take(resource_of.take(scope_of))
    schema = row_type.signal.schema
    return pa.Table.from_arrays(
        [_fit(arrays[field.name], field.type) for field in schema], schema=schema
    )


def _distinct(objects: Sequence[Any]) -> tuple[list[Any], pa.Array]:
    """The different objects (by identity), and for each place which of them stands there."""
    by_id = {id(item): item for item in objects}
    place = {key: position for position, key in enumerate(by_id)}
    return list(by_id.values()), pa.array([place[id(item)] for item in objects], pa.int32())


def _scope_arrays(scopes: list[Scope]) -> dict[str, pa.Array]:
    return {
        "scope_name": texts(scope.name for scope in scopes),
        "scope_version": texts(scope.version for scope in scopes),
        **attribute_arrays("scope", [scope.attributes for scope in scopes]),
        "schema_url": texts(scope.schema_url for scope in scopes),
    }


def _resource_arrays(resources: list[Resource]) -> dict[str, pa.Array]:
    maps = [resource.attributes for resource in resources]
    found = [dict(zip(map_.keys, map_.texts, strict=True)) for map_ in maps]
    promoted = {
        column: texts(values.get(key, "") for values in found)
        for key, column in spans.PROMOTED.items()
    }
    return {
        **promoted,
        **attribute_arrays("resource", maps),
        "resource_schema_url": texts(resource.schema_url for resource in resources),
    }


def too_deep() -> ItemError:
    """The error for an attribute value that is nested deeper than hopwatch keeps."""
    return ItemError(
        "nesting_too_deep", f"an attribute value is nested deeper than {MAX_NESTING} levels"
    )


def _fit(array: pa.Array, target: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(target) and not pa.types.is_dictionary(array.type):
        return array.dictionary_encode()
    return array


def texts(values: Iterable[str]) -> pa.Array:
    """Optional text: what is not set is null."""
    return pa.array([value or None for value in values], pa.string())


def enum(numbers: Iterable[int], names: tuple[str, ...]) -> pa.Array:
    """Names of enum numbers; a number that OTLP does not define counts as 0, the unset one."""
    known = range(len(names))
    return pa.DictionaryArray.from_arrays(
        pa.array([number if number in known else 0 for number in numbers], pa.int32()),
        pa.array(names, pa.string()),
    )


def _offsets(lists: Sequence[Sequence[Any]]) -> pa.Array:
    return pa.array(accumulate(map(len, lists), initial=0), pa.int32())


def attribute_arrays(owner: str, maps: Sequence[Attributes]) -> dict[str, pa.Array]:
    """The two columns of an attribute map: `OWNER_attributes` and `OWNER_attribute_types`."""
    return {
        f"{owner}_attributes": _maps(maps),
        f"{owner}_attribute_types": _letters(maps),
    }


def _maps(maps: Sequence[Attributes]) -> pa.Array:
    keys = [map_.keys for map_ in maps]
    texts = chain.from_iterable(map_.texts for map_ in maps)
    return pa.MapArray.from_arrays(
        _offsets(keys),
        pa.array(chain.from_iterable(keys), pa.string()),
        pa.array(texts, pa.string()),
    )


def _letters(maps: Sequence[Attributes]) -> pa.Array:
    return pa.array([map_.types for map_ in maps], pa.string())


def lists_of_structs(lists: Sequence[Sequence[Any]], target: pa.StructType) -> pa.Array:
    """A list column of NamedTuples with the fields of `target`, their attributes spread to map
    and types."""
    rows = list(chain.from_iterable(lists))
    columns = dict(zip(rows[0]._fields, zip(*rows, strict=True), strict=True)) if rows else {}
    maps = columns.get("attributes", ())
    arrays = []
    for child in target:
        if child.name == "attributes":
            arrays.append(_maps(maps))
        elif child.name == "attribute_types":
            arrays.append(_letters(maps))
        else:
            arrays.append(pa.array(columns.get(child.name, ()), child.type))
    structs = pa.StructArray.from_arrays(arrays, fields=list(target))
    return pa.ListArray.from_arrays(_offsets(lists), structs)
