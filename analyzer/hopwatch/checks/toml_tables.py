"""TOML whose errors name the file, the line and the key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from math import isfinite
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

from hopwatch.errors import InputError, UsageError

Place = tuple[str, ...]
Value = TypeVar("Value")
Default = TypeVar("Default")

_PART: Final = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)"""
_WORDS: Final = rf"({_PART}(?:\s*\.\s*{_PART})*)"
_HEADER: Final = re.compile(rf"\s*\[(\[?)\s*{_WORDS}\s*\]\]?\s*(?:#.*)?")
_KEY: Final = re.compile(rf"\s*{_WORDS}\s*=")
_SHARE: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*%")
_TIME: Final = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*(ns|us|µs|μs|ms|s)")
_NS: Final = {"ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 10**6, "s": 10**9}


def read_file(path: Path) -> Table:
    """A file's outermost table. Raises InputError for what cannot be read or is no TOML."""
    try:
        text = path.read_text("utf-8-sig")  # some editors begin with a mark
        document = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise InputError(f"{path}: cannot be read: {why}") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: no TOML: {error}") from error
    except RecursionError:
        raise InputError(f"{path}: no TOML: nested too deeply") from None
    return Table(path, document, (), dict(_lines(text)))


@dataclass
class Table:
    """A table of the file and its place in it. Each key is taken once; what nobody took is an
    error."""

    file: Path
    values: dict[str, Any]
    at: Place
    lines: dict[Place, int]

    @property
    def line(self) -> int:
        """Where it begins."""
        return self._line(self.at)

    def take(self, key: str, read: Callable[[Any], Value], default: Default) -> Value | Default:
        """The value of a key as `read` reads it, which raises ValueError with what is allowed."""
        if key not in self.values:
            return default
        value = self.values.pop(key)
        try:
            return read(value)
        except ValueError as error:
            self.refuse(f"{value!r} is not allowed: {error}", key)

    def table(self, key: str) -> Table:
        """The table of a key; an empty one where there is none."""
        value = self.values.pop(key, {})
        if not isinstance(value, dict):
            self.refuse("this must be a table", key)
        return self._below(value, key)

    def tables(self, key: str) -> list[Table]:
        """The tables of a key, `[[key]]` in the file."""
        value = self.values.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self.refuse(f"these must be tables; write [[{'.'.join((*self.at, key))}]]", key)
        return [self._below(one, key, str(i)) for i, one in enumerate(value)]

    def texts(self) -> dict[str, str]:
        """All that is left, which must be text."""
        return {key: self.take(key, text, "") for key in list(self.values)}

    def end(self, *known: str) -> None:
        """Raises UsageError for a key that nobody took. `known`: those that there are."""
        for key in self.values:
            near = get_close_matches(key, known, n=1)
            meant = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"
            self.refuse(f"there is no such key{meant}", key)

    def refuse(self, why: str, *keys: str) -> NoReturn:
        """Raises UsageError that names file, line and key."""
        at = (*self.at, *keys)
        shown = "".join(f"[{int(part) + 1}]" if part.isdecimal() else f".{part}" for part in at)
        place = f": {shown.removeprefix('.')}" if at else ""
        raise UsageError(f"{self.file}, line {self._line(at)}{place}: {why}")

    def _below(self, values: dict[str, Any], *keys: str) -> Table:
        return Table(self.file, dict(values), (*self.at, *keys), self.lines)

    def _line(self, at: Place) -> int:
        while at and at not in self.lines:
            at = at[:-1]
        return self.lines.get(at, 1)


def text(value: Any) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError("write a text")
    return value


def choice(*known: str) -> Callable[[Any], str]:
    """One of some texts."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            raise ValueError(f"write one of {', '.join(known)}")
        return value

    return read


def share(value: Any) -> float:
    """`"5%"` or `0.05` as 0.05."""
    found = _SHARE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found:
        return float(Fraction(found[1]) / 100)
    try:
        number = None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = None
    if number is None:
        raise ValueError('write a share such as "5%", or 0.05')
    if number >= 1 and isfinite(number):  # who writes 5 means 5 %, hardly ever 500 %
        raise ValueError(f'that would be {100 * number:g} %; write it with its %, as in "5%"')
    return number


def rise(value: Any) -> tuple[Fraction, str]:
    """`"5%"` as (1/20, "share"), `"5ms"` as (5000000, "ns")."""
    if isinstance(value, str):
        if found := _SHARE.fullmatch(value.strip()):
            return Fraction(found[1]) / 100, "share"
        if found := _TIME.fullmatch(value.strip()):
            return Fraction(found[1]) * _NS[found[2]], "ns"
    raise ValueError('write a share such as "5%", or a time such as "5ms" (ns, us, ms, s)')


def _lines(text: str) -> Iterator[tuple[Place, int]]:
    """Where tables and keys begin; of what one line does not tell (inline tables, text of many
    lines), where it may. Of a key that comes twice, the last place."""
    table: Place = ()
    counts: dict[Place, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line):
            found = _keys(header[2])
            if found is None:
                continue
            table = _inside(found, counts)
            if header[1]:
                counts[table] = counts.get(table, -1) + 1
                table = (*table, str(counts[table]))
            yield table, number
        elif key := _KEY.match(line):
            yield (*table, *(_keys(key[1]) or ())), number


def _inside(keys: Place, counts: dict[Place, int]) -> Place:
    """A header's keys, with the number of the table that is meant in each array of tables."""
    table: Place = ()
    for at, key in enumerate(keys, 1):
        table = (*table, key)
        if table in counts and at < len(keys):
            table = (*table, str(counts[table]))
    return table


def _keys(written: str) -> Place | None:
    """`a."b.c"` as ("a", "b.c"), as TOML reads it."""
    try:
        found: Any = tomllib.loads(f"{written} = 0")
    except tomllib.TOMLDecodeError:
        return None
    keys: Place = ()
    while isinstance(found, dict):
        ((key, found),) = found.items()
        keys = (*keys, key)
    return keys
