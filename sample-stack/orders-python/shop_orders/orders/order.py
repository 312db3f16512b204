"""What an order is, and what may be asked for."""

import re
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import NamedTuple, Self
from uuid import UUID

from .. import product_ids
from ..gen.hopwatch.shop.v1 import shop_pb2
from ..money import Money
from ..refusals import invalid, quoted

MAX_LINES = 50
MAX_QUANTITY = 99
MAX_EMAIL_BYTES = 254  # RFC 5321, 4.5.3.1.3

# UUID() takes other spellings, too.
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

# RFC 5322, 3.4.1, with the UTF-8 of RFC 6532: no quotes, no comments, no spaces.
_ATOM = r"[^\x00-\x20\x7f()<>\[\]:;@\\,.\"]+"
_DOTTED = rf"{_ATOM}(?:\.{_ATOM})*"
_EMAIL = re.compile(rf"{_DOTTED}@(?:{_DOTTED}|\[(?P<ip>[^\]%]*)\])")


class Line(NamedTuple):
    """A quantity of one product. The name and the price are those of the moment of ordering; a
    request has neither."""

    product_id: str
    quantity: int
    product_name: str = ""
    unit_price: Money = Money("", 0)


@dataclass(frozen=True)
class Request:
    """Asks for an order."""

    idempotency_key: UUID
    customer_email: str
    lines: list[Line]
    expected_total: Money

    @classmethod
    def from_proto(cls, wire: shop_pb2.PlaceOrderRequest) -> Self:
        """Read the wire form; refuses what breaks a rule of the contract."""
        request = cls(
            idempotency_key=parse_uuid("idempotency_key", wire.idempotency_key),
            customer_email=_parse_email(wire.customer_email),
            lines=[Line(line.product_id, line.quantity) for line in wire.lines],
            expected_total=Money.from_proto(wire.expected_total),
        )
        _validate(request)
        return request

    @property
    def product_ids(self) -> list[str]:
        """Those of the lines, in their order."""
        return [line.product_id for line in self.lines]

    @property
    def largest_quantity(self) -> int:
        """The most units of one product."""
        return max(line.quantity for line in self.lines)


@dataclass(frozen=True)
class Order:
    """What a customer bought. An order that exists is paid and its stock is reserved."""

    id: UUID
    idempotency_key: UUID
    payment_id: UUID
    customer_email: str
    lines: list[Line]
    total: Money
    placed_at: datetime

    def answers(self, request: Request) -> bool:
        """Whether the order is what the request asks for."""
        return (
            self.customer_email == request.customer_email
            and self.total == request.expected_total
            and _wanted(self.lines) == _wanted(request.lines)
        )

    def to_proto(self) -> shop_pb2.Order:
        """The wire form."""
        wire = shop_pb2.Order(
            id=str(self.id),
            lines=[
                shop_pb2.OrderLine(
                    product_id=line.product_id,
                    product_name=line.product_name,
                    quantity=line.quantity,
                    unit_price=line.unit_price.to_proto(),
                )
                for line in self.lines
            ],
            total=self.total.to_proto(),
            status=shop_pb2.ORDER_STATUS_PLACED,
            customer_email=self.customer_email,
        )
        wire.placed_at.FromDatetime(self.placed_at)
        return wire


def parse_uuid(field: str, text: str) -> UUID:
    """Read the text of the field of that name."""
    if _UUID.fullmatch(text) is None:
        raise invalid(f"{field} {quoted(text)} is not a UUID")
    return UUID(text)


def _wanted(lines: list[Line]) -> list[tuple[str, int]]:
    return sorted((line.product_id, line.quantity) for line in lines)


def _validate(request: Request) -> None:
    """Refuse the request for the first rule of the contract that it breaks."""
    if not 1 <= len(request.lines) <= MAX_LINES:
        raise invalid(f"{len(request.lines)} lines given; an order has 1 to {MAX_LINES}")
    seen: set[str] = set()
    for number, line in enumerate(request.lines, start=1):
        product_ids.check(line.product_id)
        if line.product_id in seen:
            raise invalid(
                f"line {number}: product {line.product_id} is there already; add up the quantities"
            )
        seen.add(line.product_id)
        if not 1 <= line.quantity <= MAX_QUANTITY:
            raise invalid(
                f"line {number}: quantity is {line.quantity}; it must be 1 to {MAX_QUANTITY}"
            )
    total = request.expected_total
    if total.minor_units < 1 or len(total.currency.encode()) != 3:
        raise invalid(
            "expected_total must be a positive amount of a currency, as shown to the customer"
        )


def _parse_email(text: str) -> str:
    """Return the address in lower case: one customer, however they spell it."""
    match = _EMAIL.fullmatch(text) if len(text.encode()) <= MAX_EMAIL_BYTES else None
    if match is None or (match["ip"] is not None and not _is_ip(match["ip"])):
        # Not quoted: messages are logged, and logs hold no personal data.
        raise invalid("customer_email is not an e-mail address")
    return text.lower()


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
