"""Text that came with spans, made harmless: it is shown, never obeyed."""

from __future__ import annotations

import unicodedata

from rich.text import Text

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

_MOST_CHARACTERS_A_CELL = 4

LANGUAGE_STYLES = {
    "go": "cyan",
    "nodejs": "green",
    "webjs": "yellow",
    "rust": "red",
    "python": "blue",
    "java": "magenta",
    "dotnet": "bright_magenta",
    "ruby": "bright_red",
}


def plain(text: str) -> str:
    """`text` without what could act on a terminal: control characters, escape sequences,
    invisible and direction-changing characters are shown as `\\x1b`, `\\u202e` and the like."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in _HIDDEN_CATEGORIES
        else character
        for character in text
    )


def shorten(text: str, width: int) -> str:
    """At most `width` terminal cells of `text`, the middle left out."""
    # Of megabytes only the ends are looked at, and of marks that take no cell only so many kept.
    reach = _MOST_CHARACTERS_A_CELL * width
    ends = (text, text) if len(text) <= 2 * reach else (text[:reach], text[-reach:])
    head, tail = (Text(plain(end)) for end in ends)
    if ends[0] is text and head.cell_len <= width:
        return head.plain
    tail = Text(tail.plain[::-1])
    head.truncate((width - 1) - (width - 1) // 2)
    tail.truncate((width - 1) // 2)
    return f"{head.plain}…{tail.plain[::-1]}"


def language_style(language: str) -> str:
    """The colour of a language, the same everywhere; `dim` for what is no code of ours."""
    if language == "-":
        return "dim"
    return LANGUAGE_STYLES.get(language.rstrip("?"), "white")
