"""One statement is slow inside Postgres."""

from .lab import Answer, Lab

LAB = Lab(
    name="slow-sql",
    title="The list takes its time",
    symptom="Customers say that the list of products is slow, but not always. "
    "Placing orders is as fast as ever.",
    baggage="hopwatch.lab.slow-sql=shop-orders/ListProducts:80ms",
    share=0.5,
    measure="hopwatch.lab.delay_ms",
    answer=Answer(
        hop="postgresql/shop",
        language="-",
        kind="db",
        where="the first SELECT of products, in GET /api/products",
        explanation="In half of the requests one statement takes 80 ms longer inside Postgres. "
        "The calls per request are what they were and the Go service's own time is unchanged: "
        "only the time of that one statement rose, so the place to look is its plan, its locks "
        "or the database's load, not the code around it.",
    ),
)
