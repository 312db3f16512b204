"""What this package raises on purpose. Only `cli.main` catches it."""

from hopwatch.reports.text import plain


class StackError(Exception):
    """Says what was wrong, where, and what to do. `exit_code` is the command line's."""

    exit_code = 1


class UsageError(StackError):
    """The call's words are off: a port, a rate, a service nobody knows."""

    exit_code = 2


class GoesOnError(StackError):
    """Ctrl-C ended the waiting, not what was waited for."""

    exit_code = 130


class ServiceError(StackError):
    """A service died or never became ready; carries its name, its exit and its log's end."""

    def __init__(self, service: str, what: str, log_end: str) -> None:
        super().__init__(f"{service} {what}.{told(log_end)}")
        self.service = service
        self.what = what


def told(log_end: str) -> str:
    """The end of a log as the tail of a message. What services log is shown, never obeyed."""
    lines = [plain(line) for line in log_end.rstrip().splitlines()]
    return "\n".join(["", "The end of its log:", *lines]) if lines else ""
