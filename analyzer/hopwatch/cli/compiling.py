"""Tells a person why the first run takes long: kernels are compiled once, then kept on disk."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def compiling_is_said(subcommand: str) -> Iterator[None]:
    """Says so on standard error when the first kernel is compiled, and not when it is loaded."""
    from numba.core import event

    class Said(event.Listener):
        said = False

        def on_start(self, event: object) -> None:
            if not self.said:
                self.said = True
                print(
                    f"hopwatch {subcommand}: compiling, once; this takes some 20 seconds",
                    file=sys.stderr,
                    flush=True,
                )

        def on_end(self, event: object) -> None:
            pass

    with event.install_listener("numba:compile", Said()):
        yield
