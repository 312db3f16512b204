"""Asks orders at an address for one answer of each kind, and says as JSON how many bytes the
messages are as Protobuf and as JSON. Run in the folder of orders in Python: their code is of use.

    python ../experiments/messages.py 127.0.0.1:15051
"""

import gzip
import json
import sys
import uuid

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

sys.path.insert(0, "")
from shop_orders.gen.hopwatch.shop.v1 import shop_pb2 as shop
from shop_orders.gen.hopwatch.shop.v1 import shop_pb2_grpc as stubs

PATIENCE_SECONDS = 10
LINES = 3


def messages(channel: grpc.Channel) -> dict[str, Message]:
    """As the shop's page sends and receives them."""
    catalog, orders = stubs.CatalogStub(channel), stubs.OrdersStub(channel)
    wait = {"timeout": PATIENCE_SECONDS}
    page = catalog.ListProducts(shop.ListProductsRequest(), **wait)
    stock = shop.GetStockRequest(product_ids=[product.id for product in page.products])
    bought = page.products[:LINES]
    order = shop.PlaceOrderRequest(
        idempotency_key=str(uuid.uuid4()),
        customer_email=f"{uuid.uuid4().hex[:12]}@experiment.example",
        lines=[shop.OrderLine(product_id=product.id, quantity=1) for product in bought],
        expected_total=shop.Money(
            currency=bought[0].price.currency,
            minor_units=sum(product.price.minor_units for product in bought),
        ),
    )
    placed = orders.PlaceOrder(order, **wait)
    asked = shop.RecommendRequest(product_ids=[product.id for product in bought])
    return {
        "page of 24 products": page,
        "categories": catalog.ListCategories(shop.ListCategoriesRequest(), **wait),
        "stock, asked": stock,
        "stock, answered": stubs.StockStub(channel).GetStock(stock, **wait),
        "recommendations": catalog.Recommend(asked, **wait),
        "order, asked": order,
        "order, answered": placed,
    }


def sizes(message: Message) -> dict[str, int]:
    protobuf = message.SerializeToString()
    text = json.dumps(MessageToDict(message), separators=(",", ":"), ensure_ascii=False).encode()
    return {
        "protobuf": len(protobuf),
        "json": len(text),
        "protobuf_gzip": len(gzip.compress(protobuf)),
        "json_gzip": len(gzip.compress(text)),
    }


def main() -> None:
    try:
        with grpc.insecure_channel(sys.argv[1]) as channel:
            found = {name: sizes(message) for name, message in messages(channel).items()}
    except grpc.RpcError as error:
        sys.exit(f"orders at {sys.argv[1]}: {error.code().name}: {error.details()}")
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
