"""Traces from running Jaeger, Tempo and Zipkin servers, by their HTTP APIs (`pulling`), and to
receivers of OTLP/HTTP (`sending`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from hopwatch import formats
from hopwatch.backends.target import Query, header, is_url, named, target
from hopwatch.formats import Contents

__all__ = ["Query", "header", "is_url", "named", "read_contents", "target"]


def read_contents(
    paths: Iterable[str | os.PathLike[str]],
    query: Query | None = None,
    progress: Callable[[str], None] | None = None,
) -> Contents:
    """All that files and folders hold, and what backends answer that are named by addresses.

    `progress` is told in words what is being read. Raises as `formats.read_contents` and
    `pulling.pull`.
    """
    contents = Contents()
    for path in paths:
        if isinstance(path, str) and is_url(path):
            from hopwatch.backends.pulling import pull  # and an HTTP client, only now

            for part in pull(path, query, progress):
                contents.update(part)
        else:
            contents.update(formats.read_contents([path], _files(progress)))
    return contents


def _files(progress: Callable[[str], None] | None) -> formats.Progress | None:
    if progress is None:
        return None
    return lambda number, total, path: progress(f"file {number + 1:,} of {total:,}: {path.name}")
