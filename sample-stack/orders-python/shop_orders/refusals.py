"""What a call is answered with when it is not done: a status of the contract and a message."""

from grpc import StatusCode

# As Go writes them: messages are the same in all languages.
_ESCAPES = {
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
    '"': '\\"', "\\": "\\\\",
}  # fmt: skip


class RefusalError(Exception):
    """The call is refused; code and message go to the client, whichever protocol it speaks. A
    message that quotes what may be personal data has another text for the log."""

    def __init__(self, code: StatusCode, message: str, *, logged: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.logged = logged or message


def invalid(message: str) -> RefusalError:
    """The request breaks a rule of the contract; the message says which."""
    return RefusalError(StatusCode.INVALID_ARGUMENT, message)


def refused(message: str) -> RefusalError:
    """The request is well-formed, and cannot be done as things are."""
    return RefusalError(StatusCode.FAILED_PRECONDITION, message)


def quoted(text: str, most: int = 60) -> str:
    """The beginning of a text from outside, as it may stand in messages and logs."""
    return '"' + "".join(_shown(character) for character in text[:most]) + '"'


def _shown(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
