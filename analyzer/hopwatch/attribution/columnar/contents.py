"""What spans say of themselves, read once for every different thing that is said.

A *content* is a combination of all the texts that attribution looks at. Spans have few
different contents, so the rules of `semconv` and `cells` are applied to contents, by the very
code that the reference applies to spans, and spans carry the number of theirs.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hopwatch import semconv
from hopwatch.attribution import cells
from hopwatch.attribution.cells import Cell
from hopwatch.attribution.columnar.distinct import distinct_rows
from hopwatch.attribution.columnar.texts import NONE, Codes, Vocabulary
from hopwatch.attribution.model import Span

KINDS: Final = {"SERVER": 1, "CLIENT": 2, "PRODUCER": 3, "CONSUMER": 4}
"""Numbers of the kinds that the kernels tell apart; 0 is any other."""

_PEER: Final = ("peer_service", "peer_address", "peer_port", "url")
_KEYS: Final = (
    "name", "kind", "status_code", "service_name", "service_namespace", "service_version",
    "telemetry_sdk_language", "runtime", "scope_name",
)  # fmt: skip
_OWN: Final = ("self", "wait")
"""Kinds of cells that are told apart by who called; the others are of one caller."""


class Contents:
    """The contents of a span table. Per row: `of`, its content; `request`, a number that two
    calls share if they ask the same peer for the same thing. Per content, as arrays by its
    number: what the kernels need of it."""

    def __init__(
        self, columns: dict[str, Codes], vocabulary: Vocabulary, waits: frozenset[str]
    ) -> None:
        self._vocabulary = vocabulary
        self._waits = waits
        self._bases: dict[Cell, int] = {}
        columns, url = _few_different(columns, vocabulary)
        self.of, first = distinct_rows(list(columns.values()))
        self._spans = [
            self._span({name: vocabulary.text(column[row]) for name, column in columns.items()})
            for row in first
        ]
        self._classify()
        self.request = self._requests(url)

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
        # The cell of a span without children, with children of its own process only, and
        # with one in another process.
        other = self._span(dict.fromkeys((*_KEYS, *semconv.SPAN_FIELDS)))
        other.process = 1
        self.base = np.empty((len(spans), 3), np.int64)
        for position, span in enumerate(spans):
            for variant, children in enumerate(([], [span], [other])):
                cell = cells.classify(self._with(span, children), "", self._waits)
                if cell.kind == "gap":
                    cell = cell._replace(hop=span.hop)  # the callee's differs from span to span
                self.base[position, variant] = self._bases.setdefault(cell, len(self._bases))
        self._cells = list(self._bases)

    def _with(self, span: Span, children: list[Span]) -> Span:
        span.children = children
        return span

    def _requests(self, url: Codes) -> npt.NDArray[np.int64]:
        """The number of what each row asks for. An URL, which may be another in each span,
        stays a number of its own."""
        known: dict[tuple[str, ...], int] = {}
        asked = np.empty(len(self._spans), np.int64)
        by_url = np.empty(len(self._spans), np.bool_)
        for position, span in enumerate(self._spans):
            request = semconv.request(span.name, span.fields)
            by_url[position] = request[0] == "url"
            asked[position] = known.setdefault(
                request[:-1] if by_url[position] else request, len(known)
            )
        urls = np.where(by_url[self.of], url, NONE)
        return distinct_rows([asked[self.of], urls])[0]

    def cells(
        self, base: npt.NDArray[np.int64], caller: npt.NDArray[np.int64],
        callee: npt.NDArray[np.int64],
    ) -> tuple[list[Cell], npt.NDArray[np.int64]]:  # fmt: skip
        """The cells, sorted, and each span's, from the base of its content, the hop that called
        it (`NONE`: none did) and the hop that it calls in another process."""
        takes_caller = np.array([cell.kind in _OWN for cell in self._cells], np.bool_)
        is_gap = np.array([cell.kind == "gap" for cell in self._cells], np.bool_)
        numbers, first = distinct_rows(
            [
                base,
                np.where(takes_caller[base], caller, NONE),
                np.where(is_gap[base], callee, NONE),
            ]
        )
        texts = self._vocabulary.texts
        found = []
        for row in first:
            cell = self._cells[base[row]]
            if cell.kind in _OWN and caller[row] != NONE:
                cell = cell._replace(caller=texts[caller[row]])
            if cell.kind == "gap":
                cell = cell._replace(hop=f"{cell.hop} -> {texts[callee[row]]}")
            found.append(cell)
        distinct = sorted(set(found), key=_ledger_order)
        place = {cell: position for position, cell in enumerate(distinct)}
        ranks = np.array([place[cell] for cell in found], np.int64)
        return distinct, ranks[numbers]


def _ledger_order(cell: Cell) -> tuple[str, ...]:
    return (cell.caller, cell.hop, cell.operation, cell.language, cell.version, cell.kind)


def _few_different(
    columns: dict[str, Codes], vocabulary: Vocabulary
) -> tuple[dict[str, Codes], Codes]:
    """The columns without what no rule looks at, so that few combinations remain; and the URLs.

    Who is called matters in calls only: a server's `net.peer.port` is another in each of its
    spans. Of an URL only the host matters, and only where nothing else names the peer.
    """
    few = dict(columns)
    calls = np.isin(columns["kind"], [vocabulary.number("CLIENT"), vocabulary.number("PRODUCER")])
    for name in _PEER:
        few[name] = np.where(calls, columns[name], np.int32(NONE))
    said = few["telemetry_sdk_language"] != NONE
    for name in ("runtime", "scope_name"):
        few[name] = np.where(said, np.int32(NONE), columns[name])
    url = few["url"]
    named = (few["peer_service"] != NONE) | (few["peer_address"] != NONE)
    few["url"] = _one_url_a_host(url, named, vocabulary)
    return few, url


def _one_url_a_host(url: Codes, named: npt.NDArray[np.bool_], vocabulary: Vocabulary) -> Codes:
    """URLs replaced by one of the same host; by one for all where the peer has a name."""
    some_url: dict[str, int] = {}
    result = np.full(len(url), NONE, np.int32)
    present = url != NONE
    result[present & named] = vocabulary.number("url")
    unnamed = np.flatnonzero(present & ~named)
    distinct, inverse = np.unique(url[unnamed], return_inverse=True)
    hosts = [semconv.url_host(vocabulary.texts[code]) for code in distinct]
    stand_ins = [
        some_url.setdefault(host, int(code)) for host, code in zip(hosts, distinct, strict=True)
    ]
    result[unnamed] = np.array(stand_ins, np.int32)[inverse] if len(distinct) else NONE
    return result


def text_columns(table: pa.Table, vocabulary: Vocabulary) -> dict[str, Codes]:
    """The columns of text that contents are made of."""
    return {
        name: vocabulary.column(table[name])
        for name in (*(key for key in _KEYS if key != "runtime"), "service_instance_id")
    }
