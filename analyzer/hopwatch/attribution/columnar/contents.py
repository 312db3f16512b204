"""What spans say of themselves, read once for every different thing that is said.

A *content* is a combination of all the texts that attribution looks at. Spans have few
different contents, so the rules of `semconv` and `cells` are applied to contents, by the very
code that the reference applies to spans, and spans carry the number of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from hopwatch import semconv
from hopwatch.attribution import cells
from hopwatch.attribution.cells import Cell
from hopwatch.attribution.columnar.distinct import Numbering
from hopwatch.attribution.columnar.texts import NONE, Codes, Vocabulary
from hopwatch.attribution.model import Span

KINDS: Final = {"SERVER": 1, "CLIENT": 2, "PRODUCER": 3, "CONSUMER": 4}
"""Numbers of the kinds that the kernels tell apart; 0 is any other."""

_PEER: Final = ("peer_service", "peer_address", "peer_port", "url")
_KEYS: Final = (
    "name", "kind", "status_code", "service_name", "service_namespace", "service_version",
    "telemetry_sdk_language", "runtime", "scope_name",
)  # fmt: skip
SAID: Final = (*_KEYS, *semconv.SPAN_FIELDS)
"""All that a content may say."""
_OWN: Final = ("self", "wait")
"""Kinds of cells that are told apart by who called; the others are of one caller."""

Integers = npt.NDArray[np.int64]


class Contents:
    """The contents of a span table, which is read part by part. `of`: per row its content;
    `request`: per row a number that two calls share if they ask the same peer for the same
    thing. Per content, as arrays by its number: what the kernels need of it."""

    of: Codes
    request: Codes
    kind: Integers
    hop: Integers
    route: Integers
    failed: npt.NDArray[np.bool_]
    resent: npt.NDArray[np.bool_]
    error: npt.NDArray[np.bool_]
    base: Integers
    """The cell of a span without children, with children of its own process only, and with one
    in another process."""

    def __init__(self, vocabulary: Vocabulary, waits: frozenset[str], most_rows: int) -> None:
        self._vocabulary = vocabulary
        self._waits = waits
        self._spans: list[Span] = []
        self._numbers = Numbering(len(SAID))
        self._url_of_host: dict[str, int] = {}
        self._asked: list[int] = []
        self._by_url: list[bool] = []
        self._asked_numbers: dict[tuple[str, ...], int] = {}
        self._requests = Numbering(2)
        self.of = np.empty(most_rows, np.int32)
        self.request = np.empty(most_rows, np.int32)
        self._rows = 0

    def read(self, said: Mapping[str, Codes], rows: int) -> None:
        """Some more rows: what they say, `NONE` where a meaning is left out."""
        few, url = self._few_different(said, rows)
        of, new = self._numbers.add([few.get(name) for name in SAID], rows)
        for texts in new.tolist():
            self._add({name: self._vocabulary.text(n) for name, n in zip(SAID, texts, strict=True)})
        by_url = np.array(self._by_url)[of]
        urls = np.where(by_url, url, np.int32(NONE)) if by_url.any() else None
        request, _ = self._requests.add([np.array(self._asked, np.int32)[of], urls], rows)
        here = slice(self._rows, self._rows + rows)
        self.of[here], self.request[here] = of, request
        self._rows += rows

    def finish(self) -> None:
        """All rows have been read."""
        self.of, self.request = self.of[: self._rows], self.request[: self._rows]
        self._classify()

    def _add(self, texts: dict[str, str | None]) -> None:
        span = self._span(texts)
        self._spans.append(span)
        # An URL, which may be another in each span, stays a number of its own.
        asked = semconv.request(span.name, span.fields)
        self._by_url.append(asked[0] == "url")
        asked = asked[:-1] if self._by_url[-1] else asked
        self._asked.append(self._asked_numbers.setdefault(asked, len(self._asked_numbers)))

    def _span(self, texts: dict[str, str | None]) -> Span:
        service, namespace = texts["service_name"], texts["service_namespace"]
        return Span(
            trace_id=b"", id=b"", parent_id=None, start=0, end=0, process=0, row=0,
            name=texts["name"] or "",
            kind=texts["kind"] or "UNSPECIFIED",
            status=texts["status_code"] or "UNSET",
            hop=semconv.hop(service, namespace),
            language=semconv.language(
                texts["telemetry_sdk_language"], texts["runtime"], texts["scope_name"]
            ),
            version=texts["service_version"] or "",
            fields={
                meaning: text
                for meaning in semconv.SPAN_FIELDS
                if (text := texts[meaning]) is not None
            },
        )  # fmt: skip

    def _classify(self) -> None:
        spans, number = self._spans, self._vocabulary.number
        self.kind = np.array([KINDS.get(span.kind, 0) for span in spans], np.int64)
        self.hop = np.array([number(span.hop) for span in spans], np.int64)
        self.failed = np.array(
            [semconv.is_failure(span.status, span.fields) for span in spans], np.bool_
        )
        self.resent = np.array(
            [span.fields.get("resend_count", "0") != "0" for span in spans], np.bool_
        )
        self.route = np.array([number(cells.route(span)) for span in spans], np.int64)
        self.error = np.array([cells.outcome(span) == "error" for span in spans], np.bool_)
        other = self._span(dict.fromkeys(SAID))
        other.process = 1
        bases: dict[Cell, int] = {}
        self.base = np.empty((len(spans), 3), np.int64)
        for position, span in enumerate(spans):
            for variant, children in enumerate(([], [span], [other])):
                cell = cells.classify(self._with(span, children), "", self._waits)
                if cell.kind == "gap":
                    cell = cell._replace(hop=span.hop)  # the callee's differs from span to span
                self.base[position, variant] = bases.setdefault(cell, len(bases))
        self._cells = list(bases)

    def _with(self, span: Span, children: list[Span]) -> Span:
        span.children = children
        return span

    def cell_numbering(self) -> CellNumbering:
        """Numbers the cells of spans, block by block."""
        return CellNumbering(self._cells, self._vocabulary)

    def _few_different(
        self, said: Mapping[str, Codes], rows: int
    ) -> tuple[dict[str, Codes], Codes]:
        """What is said without what no rule looks at, so that few combinations remain; and the
        URLs.

        Who is called matters in calls only: a server's `net.peer.port` is another in each of
        its spans. Of an URL only the host matters, and only where nothing else names the peer.
        """
        few = dict(said)
        number = self._vocabulary.number
        calls = (said["kind"] == number("CLIENT")) | (said["kind"] == number("PRODUCER"))
        for name in few.keys() & _PEER:
            few[name] = np.where(calls, said[name], np.int32(NONE))
        unsaid = said["telemetry_sdk_language"] == NONE
        for name in few.keys() & {"runtime", "scope_name"}:
            few[name] = np.where(unsaid, said[name], np.int32(NONE))
        url = few.get("url")
        if url is None:
            return few, np.full(rows, NONE, np.int32)
        named = np.zeros(rows, np.bool_)
        for name in few.keys() & {"peer_service", "peer_address"}:
            named |= few[name] != NONE
        few["url"] = self._one_url_a_host(url, named)
        return few, url

    def _one_url_a_host(self, url: Codes, named: npt.NDArray[np.bool_]) -> Codes:
        """URLs replaced by one of the same host; by one for all where the peer has a name."""
        result = np.full(len(url), NONE, np.int32)
        present = url != NONE
        result[present & named] = self._vocabulary.number("url")
        unnamed = np.flatnonzero(present & ~named)
        if len(unnamed):
            distinct, inverse = np.unique(url[unnamed], return_inverse=True)
            hosts = [semconv.url_host(self._vocabulary.texts[code]) for code in distinct]
            known = self._url_of_host
            stand_ins = [
                known.setdefault(host, int(code))
                for host, code in zip(hosts, distinct, strict=True)
            ]
            result[unnamed] = np.array(stand_ins, np.int32)[inverse]
        return result


class CellNumbering:
    """The cells of spans, numbered as they come."""

    def __init__(self, bases: list[Cell], vocabulary: Vocabulary) -> None:
        self._bases = bases
        self._texts = vocabulary.texts
        self._takes_caller = np.array([cell.kind in _OWN for cell in bases], np.bool_)
        self._is_gap = np.array([cell.kind == "gap" for cell in bases], np.bool_)
        self._combinations = Numbering(3)
        self._cells: list[Cell] = []

    def add(self, base: Codes, caller: Codes, callee: Codes) -> Codes:
        """The number of each span's cell, from the base of its content, the hop that called it
        (`NONE`: none did) and the hop that it calls in another process."""
        none = np.int32(NONE)
        columns = [
            base,
            np.where(self._takes_caller[base], caller, none),
            np.where(self._is_gap[base], callee, none),
        ]
        numbers, new = self._combinations.add(columns, len(base))
        self._cells += [self._cell(*codes) for codes in new.tolist()]
        return numbers

    def _cell(self, base: int, caller: int, callee: int) -> Cell:
        cell = self._bases[base]
        if caller != NONE:
            cell = cell._replace(caller=self._texts[caller])
        if cell.kind == "gap":
            cell = cell._replace(hop=f"{cell.hop} -> {self._texts[callee]}")
        return cell

    def ranks(self) -> tuple[list[Cell], Codes]:
        """The cells in the ledger's order, and the place there of each number."""
        distinct = sorted(set(self._cells), key=cells.ledger_order)
        place = {cell: position for position, cell in enumerate(distinct)}
        return distinct, np.array([place[cell] for cell in self._cells], np.int32)
