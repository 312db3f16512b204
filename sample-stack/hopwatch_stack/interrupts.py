"""Being ended by others as by Ctrl-C: in order."""

import signal
from types import FrameType


def end_as_interrupted() -> None:
    """Lets a closed terminal and a stop by another program raise KeyboardInterrupt."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # As nohup wants it.
            signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
