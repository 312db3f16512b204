"""Places orders: knows the other modules, and what has to be true for an order."""

import asyncio
from uuid import UUID

from grpc import StatusCode
from uuid_utils.compat import uuid7

from ..catalog import Catalog, Product
from ..database import is_duplicate
from ..fraud import Fraud, Purchase
from ..money import Money
from ..payments import Charge, Payments
from ..refusals import RefusalError, quoted, refused
from ..stock import Stock
from .order import Line, Order, Request
from .store import Store


class Orders:
    """Places and finds orders."""

    def __init__(
        self, store: Store, catalog: Catalog, stock: Stock, fraud: Fraud, payments: Payments
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._stock = stock
        self._fraud = fraud
        self._payments = payments

    async def find(self, order_id: UUID) -> Order | None:
        """The order with this id."""
        return await self._store.by_id(order_id)

    async def place(self, request: Request) -> Order:
        """Write order and payment, or leave nothing behind. The same request with the same
        idempotency key gives the same order again."""
        if placed := await self._placed_before(request):
            return placed
        try:
            return await self._place_new(request)
        except Exception as error:
            if not is_duplicate(error) and not _is_refused(error):
                raise
            # The same request may have been faster (and have taken the last units), or ours may
            # have been done by a commit whose answer was lost.
            if placed := await self._placed_before(request):
                return placed
            raise

    async def _placed_before(self, request: Request) -> Order | None:
        placed = await self._store.by_idempotency_key(request.idempotency_key)
        if placed is not None and not placed.answers(request):
            raise RefusalError(
                StatusCode.ALREADY_EXISTS,
                f"idempotency_key {request.idempotency_key} was used for a different order",
            )
        return placed

    async def _place_new(self, request: Request) -> Order:
        lines = await self._check(request)
        order_id = uuid7()
        payment_id = await self._payments.authorise(
            Charge(order_id, request.expected_total, request.customer_email)
        )
        return await self._store.insert(
            order_id, payment_id, request, lines, self._payments, self._stock
        )

    async def _check(self, request: Request) -> list[Line]:
        """Look at prices, stock and fraud side by side and return the lines with names and prices.
        If several refuse, the answer does not depend on which was first."""
        ids = request.product_ids
        purchase = Purchase(
            request.customer_email, request.expected_total, request.largest_quantity
        )
        try:
            async with asyncio.TaskGroup() as checks:
                products = checks.create_task(self._catalog.lookup(ids))
                levels = checks.create_task(self._stock.levels(ids))
                verdict = checks.create_task(self._fraud.assess(purchase))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        lines = _price(request, products.result())
        for line in lines:
            units = levels.result().get(line.product_id, 0)
            if units < line.quantity:
                raise refused(
                    f"{line.product_name} ({line.product_id}): "
                    f"{line.quantity} wanted, {units} in stock"
                )
        if verdict.result().refused:
            reasons = ", ".join(verdict.result().reasons)
            raise refused(f"the order looks fraudulent: {reasons}")
        return lines


def _price(request: Request, products: dict[str, Product]) -> list[Line]:
    """The lines of the request with names and prices, if they add up to what the customer was
    shown."""
    lines: list[Line] = []
    currency = request.expected_total.currency
    for asked in request.lines:
        product = products.get(asked.product_id)
        if product is None:
            raise RefusalError(StatusCode.NOT_FOUND, f"there is no product {asked.product_id}")
        if product.price.currency != currency:
            raise refused(
                f"{product.id} is sold in {product.price.currency}, not in {quoted(currency)}"
            )
        lines.append(Line(product.id, asked.quantity, product.name, product.price))
    total = Money(currency, sum(line.unit_price.minor_units * line.quantity for line in lines))
    if total != request.expected_total:
        raise refused(f"the total is {total} now, not {request.expected_total}")
    return lines


def _is_refused(error: Exception) -> bool:
    return isinstance(error, RefusalError) and error.code is StatusCode.FAILED_PRECONDITION
