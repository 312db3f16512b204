"""An amount of one currency."""

from typing import NamedTuple, Self

from .gen.hopwatch.shop.v1 import shop_pb2


class Money(NamedTuple):
    """An amount in minor units (cents) of a currency (ISO 4217)."""

    currency: str
    minor_units: int

    @classmethod
    def from_proto(cls, wire: shop_pb2.Money) -> Self:
        """Read the wire form; a message that is not there is no money at all."""
        return cls(wire.currency, wire.minor_units)

    def to_proto(self) -> shop_pb2.Money:
        """The wire form."""
        return shop_pb2.Money(currency=self.currency, minor_units=self.minor_units)

    def __str__(self) -> str:
        """The amount for people, as in "12.50 EUR"."""
        return f"{self.minor_units // 100}.{self.minor_units % 100:02d} {self.currency}"
