"""What reports of a comparison are made of: lines and tables, with what came with spans marked."""

from __future__ import annotations

from dataclasses import dataclass


class Name(str):
    """Text that came with spans, to be shown and never obeyed."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Row:
    """Of a table: names to the left, figures to the right. `bold`: a sum."""

    names: tuple[str, ...]
    figures: tuple[str, ...]
    bold: bool = False


Line = tuple[str, ...]
"""A sentence; what came with spans is a `Name` of its own."""


@dataclass(frozen=True, slots=True)
class Section:
    """A table, or lines, or both."""

    title: str
    names: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    lines: tuple[Line, ...] = ()
