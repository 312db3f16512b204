"""Sampling thresholds of many spans, as `sampling` reads them span by span."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hopwatch.attribution import sampling
from hopwatch.attribution.columnar.distinct import distinct_rows
from hopwatch.attribution.columnar.texts import NONE, Codes, Dictionary, Marks, Vocabulary, encoded

Thresholds = npt.NDArray[np.int64]
_SALT: Final = 0x5A


class Sampling:
    """What rows say of how they were sampled, part by part."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._rows = 0
        self._thresholds: list[tuple[int, Thresholds]] = []
        self._tail_sampled: list[tuple[int, npt.NDArray[np.bool_]]] = []

    def read(
        self, trace_state: pa.Array, of_span: Mapping[str, Codes], of_scope: Mapping[str, Codes],
        marks: Marks,
    ) -> None:  # fmt: skip
        """Some more rows, by meaning of `semconv.SAMPLING_FIELDS` and `SCOPE_FIELDS`."""
        if trace_state.null_count < len(trace_state) or "sampler_type" in of_span:
            found = self._of_part(trace_state, of_span, marks)
            self._thresholds.append((self._rows, found))
        for fields in (of_span, of_scope):
            if "tail_policy" in fields:
                self._tail_sampled.append((self._rows, fields["tail_policy"] != NONE))
        self._rows += len(trace_state)

    @property
    def is_said(self) -> bool:
        """Whether anything is said at all."""
        return bool(self._thresholds or self._tail_sampled)

    @property
    def threshold(self) -> Thresholds:
        """By row."""
        # Mostly nothing is said, which takes no memory.
        found = np.broadcast_to(np.int64(sampling.UNSAID), self._rows)
        if self._thresholds:
            found = found.copy()
        for first, part in self._thresholds:
            found[first : first + len(part)] = part
        return found

    @property
    def tail_sampled(self) -> npt.NDArray[np.bool_]:
        """By row."""
        found = np.broadcast_to(np.False_, self._rows)
        if self._tail_sampled:
            found = found.copy()
        for first, part in self._tail_sampled:
            found[first : first + len(part)] |= part
        return found

    def _of_part(
        self, trace_state: pa.Array, fields: Mapping[str, Codes], marks: Marks
    ) -> Thresholds:
        # A tracestate may be another in each trace (`rv`): its texts stay out of the vocabulary.
        codes, texts = encoded(trace_state)
        Dictionary(texts, self._vocabulary).mix(codes, marks, _SALT)
        said = [sampling.of_trace_state(text) for text in texts.to_pylist()]
        found = np.array([*said, sampling.UNSAID], np.int64)[codes]
        none = np.full(len(codes), NONE, np.int32)
        kinds, params = (fields.get(name, none) for name in ("sampler_type", "sampler_param"))
        rows = np.flatnonzero((found == sampling.UNSAID) & (kinds != NONE))
        if len(rows):
            number, distinct = distinct_rows([kinds[rows], params[rows]])
            text = self._vocabulary.text
            of_pair = [
                sampling.of_fields(
                    {
                        "sampler_type": text(kinds[row]) or "",
                        "sampler_param": text(params[row]) or "",
                    }
                )
                for row in rows[distinct]
            ]
            found[rows] = np.array(of_pair, np.int64)[number]
        return found
