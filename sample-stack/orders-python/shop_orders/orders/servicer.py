"""Answers the service Orders of the contract."""

from grpc import StatusCode

from ..gen.hopwatch.shop.v1 import shop_pb2, shop_pb2_grpc
from ..refusals import RefusalError
from .order import Request, parse_uuid
from .place import Orders


class OrdersServicer(shop_pb2_grpc.OrdersServicer):
    """The service, whichever protocol a call came by."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    async def PlaceOrder(  # noqa: N802
        self, request: shop_pb2.PlaceOrderRequest, context: object
    ) -> shop_pb2.Order:
        """Place an order, or answer one that was placed by the same request before."""
        order = await self._orders.place(Request.from_proto(request))
        return order.to_proto()

    async def GetOrder(  # noqa: N802
        self, request: shop_pb2.GetOrderRequest, context: object
    ) -> shop_pb2.Order:
        """An order that was placed before."""
        order_id = parse_uuid("order_id", request.order_id)
        order = await self._orders.find(order_id)
        if order is None:
            raise RefusalError(StatusCode.NOT_FOUND, f"there is no order {order_id}")
        return order.to_proto()
