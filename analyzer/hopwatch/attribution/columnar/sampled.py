"""Sampling thresholds of many spans, as `sampling` reads them span by span."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hopwatch.attribution import sampling
from hopwatch.attribution.columnar.distinct import distinct_rows
from hopwatch.attribution.columnar.texts import NONE, Codes, Vocabulary, encoded

Thresholds = npt.NDArray[np.int64]


def thresholds(
    trace_state: pa.ChunkedArray, fields: Mapping[str, Codes], vocabulary: Vocabulary
) -> Thresholds:
    """Each row's threshold. `fields`: by meaning of `semconv.SAMPLING_FIELDS`.

    A tracestate may be another in each trace (`rv`), so its texts stay out of the vocabulary.
    """
    found = np.full(len(trace_state), sampling.UNSAID, np.int64)
    first = 0
    for chunk in trace_state.chunks:
        if chunk.null_count < len(chunk):
            codes, texts = encoded(chunk)
            said = [sampling.of_trace_state(text) for text in texts.to_pylist()]
            found[first : first + len(chunk)] = np.array([*said, sampling.UNSAID], np.int64)[codes]
        first += len(chunk)
    rows = np.flatnonzero((found == sampling.UNSAID) & (fields["sampler_type"] != NONE))
    if len(rows):
        kinds, params = fields["sampler_type"][rows], fields["sampler_param"][rows]
        number, distinct = distinct_rows([kinds, params])
        of_pair = [
            sampling.of_fields(
                {
                    "sampler_type": vocabulary.text(kinds[row]) or "",
                    "sampler_param": vocabulary.text(params[row]) or "",
                }
            )
            for row in distinct
        ]
        found[rows] = np.array(of_pair, np.int64)[number]
    return found
