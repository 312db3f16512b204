"""Answers the service Stock of the contract."""

from .. import product_ids
from ..gen.hopwatch.shop.v1 import shop_pb2, shop_pb2_grpc
from .stock import Stock

MAX_ASKED = 200


class StockServicer(shop_pb2_grpc.StockServicer):
    """The service, whichever protocol a call came by."""

    def __init__(self, stock: Stock) -> None:
        self._stock = stock

    async def GetStock(  # noqa: N802
        self, request: shop_pb2.GetStockRequest, context: object
    ) -> shop_pb2.GetStockResponse:
        """In the order of the request; a product asked for twice is answered twice."""
        ids = list(request.product_ids)
        product_ids.check_all(ids, 1, MAX_ASKED)
        units = await self._stock.levels(ids)
        return shop_pb2.GetStockResponse(
            levels=[
                shop_pb2.StockLevel(product_id=one, units=units[one]) for one in ids if one in units
            ]
        )
