"""The one place where kernels are compiled."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """`function` as machine code, kept on disk for the next process where that can be written:
    beside the module, else in the user's cache folder, else nowhere."""
    try:
        return cast("Function", numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # no folder to keep it in
        _say_that_nothing_is_kept()
        return cast("Function", numba.njit(nogil=True)(function))


@cache
def _say_that_nothing_is_kept() -> None:
    warnings.warn(
        "there is no folder to keep compiled code in, so it is compiled anew in every process, "
        "which takes about half a minute; let NUMBA_CACHE_DIR name a folder that can be written",
        RuntimeWarning,
        stacklevel=3,
    )
