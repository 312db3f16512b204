"""One query for all becomes one query for each."""

from .lab import Answer, Lab

LAB = Lab(
    name="n-plus-one",
    title="Slow by a thousand cuts",
    symptom="Since the last release the list of products is slower. The database team has looked: "
    "no statement of theirs is slow.",
    baggage="hopwatch.lab.n-plus-one=shop-orders/ListProducts:50",
    share=0.5,
    measure="hopwatch.lab.extra_queries",
    answer=Answer(
        hop="postgresql/shop",
        language="-",
        kind="db",
        where="SELECT products, called once for every product by shop-orders in GET /api/products",
        explanation="Each statement is as fast as before, but half of the requests make dozens of "
        "them, one for each product, after the one that had given all already. The calls per "
        "request of the database rose with its time, and the Go service waits for a connection "
        "each time. The fault is in the Go service's code, although the time is the database's.",
    ),
)
