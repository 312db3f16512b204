"""CPU seconds of stages, the least of some rounds, for the machine may be busy."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Stages:
    """Least CPU seconds by stage; what runs several times in a round is added up."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def round(self) -> Iterator[None]:
        """One round of all stages."""
        self._spent: defaultdict[str, float] = defaultdict(float)
        yield
        for stage, taken in self._spent.items():
            self.seconds[stage] = min(taken, self.seconds.get(stage, taken))

    def run(
        self, stage: str, work: Callable[[], Any], clock: Callable[[], float] = time.process_time
    ) -> Any:
        """What `work` gives, timed."""
        before = clock()
        result = work()
        self._spent[stage] += clock() - before
        return result

    def watch(self, owner: Any, name: str, stage: str) -> None:
        """Has a function of a module or class timed whenever it is called, on its own thread."""
        function = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            return self.run(stage, lambda: function(*args, **kwargs), time.thread_time)

        setattr(owner, name, timed)
