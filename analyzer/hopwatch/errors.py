"""The one exception tree. Messages say what was wrong, where, and what to do.

Only the outermost layer (`hopwatch.cli.main`, the receiver's error handler, a dashboard
page) catches these; everything below lets them pass.
"""


class HopwatchError(Exception):
    """Base of everything hopwatch raises on purpose. `exit_code` is the command line's."""

    exit_code = 3


class UsageError(HopwatchError):
    """The call's words are off: a filter, a window, an option."""

    exit_code = 2


class InputError(HopwatchError):
    """Input that cannot be read: a file, a body, a store; says where and what to do."""

    exit_code = 2


class TooLargeError(InputError):
    """Input beyond a stated cap. Never retryable."""


class ConservationError(HopwatchError):
    """Cells do not add up to the time they explain. Always a defect of hopwatch."""
