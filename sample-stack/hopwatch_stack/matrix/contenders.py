"""What is compared: an implementation of orders, asked by a protocol."""

from collections.abc import Iterable
from dataclasses import dataclass

from .. import implementations
from ..errors import UsageError
from ..settings import PROTOCOLS


@dataclass(frozen=True)
class Contender:
    implementation: str
    protocol: str

    @property
    def name(self) -> str:
        return f"{self.implementation}-{self.protocol}"


def contenders(names: Iterable[str], protocols: Iterable[str]) -> list[Contender]:
    """Each implementation by each of the protocols that it serves. Raises UsageError for what
    nobody knows, and where nothing is left to measure."""
    wanted = list(protocols)
    if unknown := set(wanted) - set(PROTOCOLS):
        raise UsageError(f'no protocol "{min(unknown)}": there are {", ".join(PROTOCOLS)}.')
    found = []
    for name in dict.fromkeys(names):
        if name not in implementations.ORDERS:
            known = ", ".join(implementations.NAMES)
            raise UsageError(f'there are no orders in "{name}": there are {known}.')
        served = ["grpc", *(["rest"] if implementations.ORDERS[name].rest else [])]
        found += [Contender(name, protocol) for protocol in served if protocol in wanted]
    if not found:
        raise UsageError("nothing to measure: none of these implementations serves that protocol.")
    return found
