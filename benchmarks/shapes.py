"""The shapes that generated traces have: trees of spans of a shop of six services.

Drawn at random but for a seed: routes that call several services in turn or side by side,
services that query databases and call further services, pools that are waited for, attempts
that fail and are repeated, messages whose consumers work on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Final

LANGUAGES: Final = {
    "shop-web": "webjs",
    "shop-bff": "nodejs",
    "shop-orders": "go",
    "shop-pricing": "rust",
    "shop-search": "java",
    "shop-mail": "python",
}
_CALLABLE: Final = ("shop-orders", "shop-pricing", "shop-search")
_VERBS: Final = ("Get", "List", "Find", "Update", "Check")
_NOUNS: Final = ("Product", "Order", "Price", "Stock", "Basket", "Review", "Offer", "Address")
_TABLES: Final = ("products", "orders", "order_lines", "stock_levels", "prices", "customers")


@dataclass(slots=True)
class Node:
    """One span of a shape. `own_ns`: typical time before, between and after its children.
    `parallel`: its children start together."""

    service: str
    kind: str
    name: str
    own_ns: int
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    parallel: bool = False
    failed: bool = False

    def walk(self) -> list[Node]:
        """The node and all below it, parents first."""
        found = [self]
        for node in found:
            found.extend(node.children)
        return found


def draw(seed: int, routes: int = 24, variants: int = 4) -> list[Node]:
    """`variants` shapes for each of `routes` routes."""
    random = Random(seed)
    shapes: list[Node] = []
    for number in range(routes):
        method = random.choice(("GET", "GET", "GET", "POST"))
        noun = random.choice(_NOUNS).lower()
        route = f"/api/{noun}s" if random.random() < 0.5 else f"/api/{noun}s/:id"
        route = route if number < len(_NOUNS) else f"/api/v{number % 5 + 1}{route[4:]}"
        shapes.extend(_request(random, method, route) for _ in range(variants))
    return shapes


def _request(random: Random, method: str, route: str) -> Node:
    failed = random.random() < 0.03
    served = Node(
        "shop-bff", "SERVER", f"{method} {route}", 150_000,
        {
            "http.request.method": method,
            "http.route": route,
            "url.path": route.replace(":id", "4711"),
            "url.scheme": "http",
            "server.address": "shop.example",
            "server.port": "8080",
            "network.protocol.version": "1.1",
            "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64)",
            "http.response.status_code": "500" if failed else "200",
        },
        failed=failed,
    )  # fmt: skip
    handler = Node("shop-bff", "INTERNAL", "handler", 250_000, {"http.route": route})
    served.children.append(handler)
    handler.parallel = random.random() < 0.4
    for _ in range(random.randint(1, 4)):
        handler.children.extend(_call(random, "shop-bff", depth=0))
    if random.random() < 0.5:
        return served
    fetched = Node(
        "shop-web", "CLIENT", method, 80_000,
        {
            "http.request.method": method,
            "url.full": f"http://shop.example{route}",
            "server.address": "shop.example",
            "http.response.status_code": served.attributes["http.response.status_code"],
        },
        [served],
    )  # fmt: skip
    return Node("shop-web", "INTERNAL", f"click {method.lower()}", 900_000, {}, [fetched])


def _call(random: Random, caller: str, depth: int) -> list[Node]:
    """A call to another service, with a failed attempt before it now and then."""
    callee = random.choice([name for name in _CALLABLE if name != caller])
    noun = random.choice(_NOUNS)
    operation = f"shop.{noun}s/{random.choice(_VERBS)}{noun}"

    def attempt(failed: bool) -> Node:
        status = "UNAVAILABLE" if failed else "OK"
        attributes = {
            "rpc.system.name": "grpc",
            "rpc.method": operation,
            "server.address": callee,
            "server.port": "50051",
            "rpc.response.status_code": status,
        }
        client = Node(caller, "CLIENT", operation, 200_000, attributes, failed=failed)
        if not failed:
            client.children.append(_serve(random, callee, operation, attributes, depth))
        return client

    attempts = [attempt(failed=False)]
    return [attempt(failed=True), *attempts] if random.random() < 0.04 else attempts


def _serve(
    random: Random, service: str, operation: str, attributes: dict[str, str], depth: int
) -> Node:
    server = Node(service, "SERVER", operation, 120_000, dict(attributes))
    if random.random() < 0.6:
        server.children.append(Node(service, "INTERNAL", "pool.acquire", 15_000))
    server.children.extend(_query(random, service) for _ in range(random.randint(0, 4)))
    if random.random() < 0.3:
        server.children.append(Node(service, "INTERNAL", "serialize", 60_000))
    if depth < 2 and random.random() < 0.35:
        server.children.extend(_call(random, service, depth + 1))
    if random.random() < 0.1:
        server.children.append(_message(service))
    return server


def _query(random: Random, service: str) -> Node:
    table, verb = random.choice(_TABLES), random.choice(("SELECT", "SELECT", "UPDATE", "INSERT"))
    if random.random() < 0.2:
        cache = {"server.address": "cache.example", "server.port": "6380"}
        return Node(service, "CLIENT", "GET", 90_000, cache)
    return Node(
        service, "CLIENT", f"{verb} {table}", 400_000,
        {
            "db.system.name": "postgresql",
            "db.namespace": "shop",
            "db.operation.name": verb,
            "db.query.summary": f"{verb} {table}",
            "db.query.text": f"{verb} ... {table} WHERE id = ANY ($1) ORDER BY id LIMIT 20",
            "server.address": "db.example",
            "server.port": "5432",
        },
    )  # fmt: skip


def _message(service: str) -> Node:
    attributes = {"messaging.system": "kafka", "messaging.destination.name": "mails"}
    consumer = Node("shop-mail", "CONSUMER", "mails process", 2_000_000, dict(attributes))
    consumer.children.append(Node("shop-mail", "INTERNAL", "render", 1_500_000))
    return Node(service, "PRODUCER", "mails send", 120_000, attributes, [consumer])
