"""What this package raises on purpose. Only `cli.main` catches it."""


class StackError(Exception):
    """Says what was wrong, where, and what to do. `exit_code` is the command line's."""

    exit_code = 1


class UsageError(StackError):
    """The call's words are off: a port, a rate, a service nobody knows."""

    exit_code = 2


class ServiceError(StackError):
    """A service died or never became ready; carries its name, its exit and its log's end."""

    def __init__(self, service: str, what: str, log_end: str) -> None:
        tail = f"\nThe end of its log:\n{log_end.rstrip()}" if log_end.strip() else ""
        super().__init__(f"{service} {what}.{tail}")
        self.service = service
