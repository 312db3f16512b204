"""Kernels are kept on disk where that can be, and compiled anew where it cannot."""

from __future__ import annotations

import warnings
from typing import Any

import numba
import pytest

from hopwatch.attribution.columnar import jit


def test_that_nothing_can_be_kept_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    real = numba.njit

    def njit(*functions: Any, **options: Any) -> Any:
        if options.pop("cache", False):
            raise RuntimeError("cannot cache function: no locator available for file")
        return real(*functions, **options)

    monkeypatch.setattr(numba, "njit", njit)
    jit._say_that_nothing_is_kept.cache_clear()

    def double(number: int) -> int:
        return 2 * number

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        compiled = jit.compiled(double)
        jit.compiled(double)
    assert compiled(21) == 42
    assert len(said) == 1
    assert "NUMBA_CACHE_DIR" in str(said[0].message)
