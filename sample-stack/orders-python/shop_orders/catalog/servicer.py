"""Answers the service Catalog of the contract."""

import base64
from collections.abc import Iterable

from .. import product_ids
from ..gen.hopwatch.shop.v1 import shop_pb2, shop_pb2_grpc
from ..refusals import invalid
from .catalog import Catalog, Product

DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 24, 100
DEFAULT_RECOMMENDATIONS, MAX_RECOMMENDATIONS = 6, 24
MAX_GIVEN = 100


class CatalogServicer(shop_pb2_grpc.CatalogServicer):
    """The service, whichever protocol a call came by."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def ListProducts(  # noqa: N802
        self, request: shop_pb2.ListProductsRequest, context: object
    ) -> shop_pb2.ListProductsResponse:
        """One page; one product more than that is read to know whether it is the last."""
        size = _size_or(DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, request.page_size, "page_size")
        after = _decode_page_token(request.page_token)
        if "\0" in request.category:
            raise invalid("category holds a NUL character")
        products = await self._catalog.page(request.category, after, size + 1)
        page = products[:size]
        return shop_pb2.ListProductsResponse(
            products=_to_proto(page),
            next_page_token=_encode_page_token(page[-1].id) if len(products) > size else "",
        )

    async def Recommend(  # noqa: N802
        self, request: shop_pb2.RecommendRequest, context: object
    ) -> shop_pb2.RecommendResponse:
        """What goes with the products given, or the best sellers."""
        limit = _size_or(DEFAULT_RECOMMENDATIONS, MAX_RECOMMENDATIONS, request.limit, "limit")
        product_ids.check_all(request.product_ids, 0, MAX_GIVEN)
        products = await self._catalog.recommend(list(request.product_ids), limit)
        return shop_pb2.RecommendResponse(products=_to_proto(products))

    async def ListCategories(  # noqa: N802
        self, request: shop_pb2.ListCategoriesRequest, context: object
    ) -> shop_pb2.ListCategoriesResponse:
        """The categories that have products."""
        return shop_pb2.ListCategoriesResponse(categories=await self._catalog.categories())


def _size_or(default: int, most: int, asked: int, field: str) -> int:
    if not 0 <= asked <= most:
        raise invalid(f"{field} is {asked}; it must be 1 to {most}, or 0 for {default}")
    return asked or default


def _encode_page_token(last_id: str) -> str:
    """The last product id of the page, encoded so that nobody builds on it."""
    return base64.urlsafe_b64encode(last_id.encode()).decode().rstrip("=")


def _decode_page_token(token: str) -> str:
    if not token:
        return ""
    try:
        last_id = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except ValueError:
        last_id = ""
    # The decoder leaves out what it does not know.
    if not product_ids.is_product_id(last_id) or _encode_page_token(last_id) != token:
        raise invalid("page_token is not one that an earlier response gave")
    return last_id


def _to_proto(products: Iterable[Product]) -> list[shop_pb2.Product]:
    return [
        shop_pb2.Product(
            id=product.id,
            name=product.name,
            description=product.description,
            category=product.category,
            price=product.price.to_proto(),
        )
        for product in products
    ]
